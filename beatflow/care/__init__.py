"""Checking, mending, collecting and counting what a track holds."""
