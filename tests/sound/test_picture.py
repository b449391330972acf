"""Levels as a line of blocks."""

import numpy as np

from beatflow.sound.picture import format_levels


def test_blocks_follow_the_level():
    assert format_levels(np.array([0.0, 0.001, 0.03, 0.3, 1.0])) == " ▁▃▇█"
    assert format_levels(np.zeros(0)) == ""
