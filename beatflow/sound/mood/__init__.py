"""Mood: what is heard of it in the samples, and what that says."""
