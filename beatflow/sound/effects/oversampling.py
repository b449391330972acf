"""Streams at a multiple of their sample rate, and back: linear phase, so that nothing is delayed unevenly."""

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


class Upsampler:
    """Gives ``factor`` samples for each frame, ``reach`` frames late: a windowed sinc reaching so far to both sides."""

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0) -> None:
        self._factor, self._reach = factor, reach
        self._kernel = _design(factor, reach, beta) * factor
        self._past = np.zeros((2 * reach, channels))

    def add(self, frames: Signal) -> Signal:
        """Take frames, shape (frames, channels); give ``factor`` times as many."""
        from scipy.signal import upfirdn

        if not len(frames):
            return np.zeros((0, frames.shape[1]))
        joined = np.concatenate([self._past, frames])
        self._past = joined[len(frames) :].copy()
        made = upfirdn(self._kernel, joined, up=self._factor, axis=0)
        start = 2 * self._reach * self._factor
        return np.asarray(made[start : start + len(frames) * self._factor])


class Downsampler:
    """Gives a frame for each ``factor`` samples, ``reach`` frames late; what the lower rate cannot hold is taken away."""

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0) -> None:
        self._factor, self._reach = factor, reach
        self._kernel = _design(factor, reach, beta)
        self._past = np.zeros((2 * reach * factor, channels))

    def add(self, samples: Signal) -> Signal:
        """Take whole frames' worth of samples; give the frames."""
        from scipy.signal import upfirdn

        if not len(samples):
            return np.zeros((0, samples.shape[1]))
        joined = np.concatenate([self._past, samples])
        self._past = joined[len(samples) :].copy()
        made = upfirdn(self._kernel, joined, down=self._factor, axis=0)
        return np.asarray(made[2 * self._reach : 2 * self._reach + len(samples) // self._factor])


def _design(factor: int, reach: int, beta: float) -> Signal:
    """Weights, summing to 1, of a low-pass at half the lower rate."""
    at = np.arange(-reach * factor, reach * factor + 1) / factor
    weights = np.sinc(at) * np.kaiser(len(at), beta)
    return np.asarray(weights / weights.sum())
