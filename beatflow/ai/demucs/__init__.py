"""Demucs: a mix to its stems, with the published hybrid transformers."""
