"""Sounds between a repository and elsewhere: as records of packs, or as whole files."""
