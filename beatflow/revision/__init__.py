"""What names commits: words, dates, sets, and stretches of a sound."""
