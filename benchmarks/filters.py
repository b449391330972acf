"""Three of an equaliser's filters, as biquads. The formulas are Robert Bristow-Johnson's "Audio EQ Cookbook" (1998)."""

import math

import numpy as np
from scipy.signal import sosfilt


def high_shelf(samples: np.ndarray, hz: float, gain_db: float, sample_rate: int) -> np.ndarray:
    """Raise or lower what is above `hz`; slope 1. Same shape, float64."""
    a = 10.0 ** (gain_db / 40.0)
    cos, alpha = _angle(hz, sample_rate, math.sqrt(0.5))
    root = 2.0 * math.sqrt(a) * alpha
    feed = [
        a * (a + 1 + (a - 1) * cos + root),
        -2 * a * (a - 1 + (a + 1) * cos),
        a * (a + 1 + (a - 1) * cos - root),
    ]
    back = [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root]
    return _filter(samples, feed, back)


def peak(samples: np.ndarray, hz: float, gain_db: float, q: float, sample_rate: int) -> np.ndarray:
    """Raise or lower what is around `hz`. Same shape, float64."""
    a = 10.0 ** (gain_db / 40.0)
    cos, alpha = _angle(hz, sample_rate, q)
    return _filter(
        samples, [1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]
    )


def low_cut(samples: np.ndarray, hz: float, sample_rate: int) -> np.ndarray:
    """Take away what is below `hz`, 12 dB per octave. Same shape, float64."""
    cos, alpha = _angle(hz, sample_rate, math.sqrt(0.5))
    side = (1 + cos) / 2
    return _filter(samples, [side, -2 * side, side], [1 + alpha, -2 * cos, 1 - alpha])


def _angle(hz: float, sample_rate: int, q: float) -> tuple[float, float]:
    omega = 2.0 * math.pi * hz / sample_rate
    return math.cos(omega), math.sin(omega) / (2.0 * q)


def _filter(samples: np.ndarray, feed: list[float], back: list[float]) -> np.ndarray:
    section = np.array([feed + back]) / back[0]
    return np.asarray(sosfilt(section, samples.astype(float), axis=0))
