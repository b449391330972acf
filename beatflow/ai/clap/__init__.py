"""CLAP: sounds and words in one space, so that moods are told by their names."""
