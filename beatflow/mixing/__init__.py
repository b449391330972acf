"""The score of a mix, and the mix that is rendered of it."""
