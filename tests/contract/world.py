"""Sounds for tests of the contract."""

import numpy as np

from beatflow.sound.audio import Samples


def samples(frames: int) -> Samples:
    """Silence."""
    return np.zeros((frames, 1), np.float32)
