"""Samples in memory: files, loudness, tempo, key, alignment. Knows no repository and no terminal."""
