"""Bytes by key, elsewhere: a folder on another disk, a bucket. Knows nothing of tracks, history or sound."""
