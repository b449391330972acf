"""Words between people: who works on a file that cannot be merged."""
