"""Two small engines for BeatFlow. BeatFlow finds them through the entry points in pyproject.toml."""
