"""What a new sound may be predicted from, and the fits behind it."""
