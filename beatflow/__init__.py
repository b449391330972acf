"""BeatFlow: version control for sound, with a studio's engines inside."""

__version__ = "0.1.0"
