"""What became of a sound, found from nothing but the samples."""
