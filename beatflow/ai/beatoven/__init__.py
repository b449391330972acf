"""Beatoven: music composed on somebody else's machine, over its public API."""
