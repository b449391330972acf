"""Finding the first bad commit, by script and by ear."""
