"""What is asked for: the words of a prompt, moods, and what the engine wrote down about a piece before."""
