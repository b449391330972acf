"""Making sound in a track: what is asked for, which engine does it, and what is kept of it."""
