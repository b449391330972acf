"""Tests of the library over all tracks."""
