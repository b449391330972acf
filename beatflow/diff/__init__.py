"""What differs, told by sound: the two sides, what became of each file, and how it is shown."""
