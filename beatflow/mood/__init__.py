"""The mood of files, sections and versions: who rates, rating, remembering, and training models of one's own."""
