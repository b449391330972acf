"""Effects: what a chain of them is, and each of them, block by block."""
