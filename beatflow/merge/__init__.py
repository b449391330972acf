"""Putting two lines of work together: trees, sounds, scores and text, and the conflicts that are left."""
