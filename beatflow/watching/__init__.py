"""Drafts of a track, made while other programs write into its folder."""
