"""Turning a folder of versions into a history."""
