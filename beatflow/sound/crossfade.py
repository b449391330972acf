"""From one sound into another without a dip or a bump, however alike the two are.

Knows two equally long arrays of samples and nothing of where they come from.
"""

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


def crossfade(leaving: NDArray[np.floating], coming: NDArray[np.floating]) -> Signal:
    """Fade from one stretch into another.

    With weights ``w`` and ``1 - w`` the power of a sum of two sounds of correlation ``r`` is
    ``w² + (1-w)² + 2r w(1-w)`` of theirs; dividing by its root keeps the level. That is a linear fade for what is alike
    (``r`` = 1) and one of equal power for what is not (``r`` = 0). Opposite sounds (``r`` < 0) are taken as unlike:
    raising what cancels would raise everything else.

    Parameters
    ----------
    leaving, coming : ndarray, shape (frames, channels)

    Returns
    -------
    ndarray of float64, shape (frames, channels)
        The first frame is all but ``leaving``, the last all but ``coming``.
    """
    one, two = leaving.astype(np.float64), coming.astype(np.float64)
    weight = rise(len(one))[:, None]
    alike = max(correlate(one, two), 0.0)
    power = weight**2 + (1 - weight) ** 2 + 2 * alike * weight * (1 - weight)
    return np.asarray(((1 - weight) * one + weight * two) / np.sqrt(power))


def rise(frames: int) -> Signal:
    """Weights from almost 0 to almost 1, shape (frames,): a raised cosine, whose slope has no corner."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(frames) + 0.5) / max(frames, 1)))


def correlate(one: Signal, two: Signal) -> float:
    """Correlation of two stretches, -1 to 1; 1 where either is silent, since then nothing can cancel or add up."""
    energy = float(np.sqrt(np.sum(one**2) * np.sum(two**2)))
    return float(np.clip(np.sum(one * two) / energy, -1, 1)) if energy > 1e-12 else 1.0
