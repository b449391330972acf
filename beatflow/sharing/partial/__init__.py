"""Tracks of which only a part is here: what is wanted, what is absent, how it comes, and giving space free."""
