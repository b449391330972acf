"""Finds clicks: places where a sound is rougher than it has any reason to be."""

import numpy as np
from numpy.typing import NDArray


def roughness(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """Third difference of each frame, the larger of the channels; a step of height h shows as about 3 h."""
    wave = np.asarray(samples, np.float64)
    return np.asarray(np.abs(np.diff(wave if wave.ndim == 2 else wave[:, None], n=3, axis=0)).max(axis=1))


def stands_out(samples: NDArray[np.floating], at: int, reach: int = 1500) -> float:
    """How many times rougher the frames around ``at`` are than the roughest ones beside them (10 to ``reach`` away)."""
    rough = roughness(samples)
    here = rough[max(0, at - 8) : at + 8].max()
    before = rough[max(0, at - reach) : max(0, at - 10)]
    after = rough[at + 10 : at + reach]
    beside = max([float(part.max()) for part in (before, after) if part.size], default=0.0)
    return float(here / max(beside, 1e-7))
