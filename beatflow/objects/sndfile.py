"""The one door to libsndfile: everything that opens sound files goes through this module.

Knows nothing of what the samples mean. Importing it loads numpy and the C library (about 80 ms), so start-up
code must not.
"""

from soundfile import LibsndfileError, SoundFile

__all__ = ["LibsndfileError", "SoundFile"]
