"""Cloning, fetching, pulling, pushing and forking: what people ask of remotes, whatever kind they are."""
