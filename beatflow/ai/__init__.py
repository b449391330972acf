"""Engines behind protocols: samples in, samples out. Knows no repository and prints nothing."""
