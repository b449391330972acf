"""Pieces made once and looked at by many tests."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.synth.engine import SynthEngine


@cache
def made(prompt: str, seed: int = 3, bars: int = 2, **wanted: object) -> Performance:
    """A short piece."""
    return SynthEngine().generate(Brief(prompt, seed=seed, bars=bars, **wanted))


def integers(performance: Performance, stem: str | None = None) -> NDArray[np.int64]:
    """Samples on the integer grid of 24 bits; fails where they are off it."""
    audio = performance.mix if stem is None else performance.stems[stem]
    scaled = audio.samples.astype(np.float64) * 2**23
    assert np.array_equal(scaled, np.rint(scaled))
    return scaled.astype(np.int64)
