"""Sounds between two stores: which records one has and the other lacks, and packs of just these."""
