"""Streams at a multiple of their sample rate, and back: linear phase, so that all frequencies are late alike."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
Real = NDArray[Any]
"""float32 or float64."""


class Upsampler:
    """Gives ``factor`` samples for each frame, ``reach`` frames late: a windowed sinc reaching so far to both sides.

    It works in the precision of what it is given, float32 or float64.
    """

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0) -> None:
        self._reach = reach
        weights = _design(factor, reach, beta) * factor
        self._bank = _Bank(np.stack([_take(weights, factor, phase, reach) for phase in range(factor)]))
        self._past = np.zeros((channels, 2 * reach))

    def add(self, frames: Real) -> Real:
        """Take frames, shape (frames, channels); give ``factor`` times as many."""
        return np.stack([phases.T.reshape(-1) for phases in self._rise(frames)], axis=1)

    def find_peaks(self, frames: Real) -> Real:
        """Take frames; give the largest magnitude of each one's samples over all channels, shape (frames,)."""
        peaks = [np.maximum(phases.max(axis=0), -phases.min(axis=0)) for phases in self._rise(frames)]
        return np.asarray(np.max(peaks, axis=0))

    def _rise(self, frames: Real) -> Iterator[Real]:
        """Each channel's samples, shape (factor, frames)."""
        joined = np.concatenate([self._past, frames.T], axis=1, dtype=frames.dtype)
        self._past = joined[:, len(frames) :].copy()
        return (self._bank.spread(channel)[:, 2 * self._reach :] for channel in joined)


class Downsampler:
    """Gives a frame for each ``factor`` samples, ``reach`` frames late; what does not fit is taken away.

    ``late``, in samples, is by how much what it is given is late already; up to one.
    """

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0, late: float = 0.0) -> None:
        self._factor, self._reach = factor, reach
        weights = _design(factor, reach, beta, late)
        self._bank = _Bank(np.stack([_take(weights, factor, -phase, reach) for phase in range(factor)]))
        self._past = np.zeros((channels, factor, 2 * reach))

    def add(self, samples: Signal) -> Signal:
        """Take whole frames' worth of samples; give the frames."""
        frames = len(samples) // self._factor
        phases = samples.reshape(frames, self._factor, samples.shape[1]).transpose(2, 1, 0)
        joined = np.concatenate([self._past, phases], axis=2)
        self._past = joined[:, :, frames:].copy()
        return np.stack([self._bank.gather(channel)[2 * self._reach :] for channel in joined], axis=1)


class _Bank:
    """One short filter for each phase, by way of the frequency domain: a fifth of the time of direct sums."""

    def __init__(self, taps: Signal) -> None:
        self._taps = taps
        self._spectra: NDArray[np.complexfloating] = np.zeros((len(taps), 1), np.complex128)
        self._made_for: tuple[int, np.dtype[np.floating]] | None = None

    def spread(self, line: Real) -> Real:
        """Filter a line by each phase's filter, shape (phases, n); the first values lack a past."""
        from scipy.fft import irfft, rfft

        size = self._prepare(len(line), line.dtype)
        return np.asarray(irfft(rfft(line, size)[None] * self._spectra, size, axis=1)[:, : len(line)])

    def gather(self, lines: Real) -> Real:
        """Filter each line by its filter and sum them, shape (n,)."""
        from scipy.fft import irfft, rfft

        size = self._prepare(lines.shape[1], lines.dtype)
        spectrum = (rfft(lines, size, axis=1) * self._spectra).sum(axis=0)
        return np.asarray(irfft(spectrum, size)[: lines.shape[1]])

    def _prepare(self, length: int, kind: np.dtype[np.floating]) -> int:
        """Spectra of a size in which nothing comes round that is used: the first values are not."""
        from scipy.fft import next_fast_len, rfft

        size = int(next_fast_len(max(length, self._taps.shape[1]), real=True))
        if (size, kind) != self._made_for:
            self._made_for = size, kind
            self._spectra = rfft(self._taps.astype(kind), size, axis=1)
        return size


def _take(weights: Signal, factor: int, phase: int, reach: int) -> Signal:
    """Every ``factor``-th weight from a phase on, for frames 0 to 2 ``reach`` back."""
    at = np.arange(2 * reach + 1) * factor + phase
    inside = (at >= 0) & (at < len(weights))
    return np.asarray(np.where(inside, weights[np.clip(at, 0, len(weights) - 1)], 0.0))


def _design(factor: int, reach: int, beta: float, late: float = 0.0) -> Signal:
    """Weights, summing to 1, of a low-pass at half the lower rate; its middle is so many samples early."""
    at = (np.arange(-reach * factor, reach * factor + 1) + late) / factor
    weights = np.sinc(at) * np.i0(beta * np.sqrt(np.maximum(0, 1 - (at / reach) ** 2)))
    return np.asarray(weights / weights.sum())
