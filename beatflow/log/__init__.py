"""The log: commits, how each sounds, what became of each sound, and how that is told."""
