"""Streams at a multiple of their sample rate, and back: linear phase, so that all frequencies are late alike."""

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


class Upsampler:
    """Gives ``factor`` samples for each frame, ``reach`` frames late: a windowed sinc reaching so far to both sides."""

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0) -> None:
        self._reach = reach
        weights = _design(factor, reach, beta) * factor
        self._bank = _Bank(np.stack([_take(weights, factor, phase, reach) for phase in range(factor)]))
        self._past = np.zeros((channels, 2 * reach))

    def add(self, frames: Signal) -> Signal:
        """Take frames, shape (frames, channels); give ``factor`` times as many."""
        joined = np.concatenate([self._past, frames.T], axis=1)
        self._past = joined[:, len(frames) :].copy()
        phases = [self._bank.spread(channel)[:, 2 * self._reach :].T.reshape(-1) for channel in joined]
        return np.stack(phases, axis=1)


class Downsampler:
    """Gives a frame for each ``factor`` samples, ``reach`` frames late; what does not fit is taken away."""

    def __init__(self, factor: int, reach: int, channels: int, beta: float = 9.0) -> None:
        self._factor, self._reach = factor, reach
        weights = _design(factor, reach, beta)
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
        self._size = 0
        self._spectra = np.zeros((len(taps), 1), np.complex128)

    def spread(self, line: Signal) -> Signal:
        """Filter a line by each phase's filter, shape (phases, n); the first values lack a past."""
        from scipy.fft import irfft, rfft

        size = self._prepare(len(line))
        return np.asarray(irfft(rfft(line, size)[None] * self._spectra, size, axis=1)[:, : len(line)])

    def gather(self, lines: Signal) -> Signal:
        """Filter each line by its filter and sum them, shape (n,)."""
        from scipy.fft import irfft, rfft

        size = self._prepare(lines.shape[1])
        spectrum = (rfft(lines, size, axis=1) * self._spectra).sum(axis=0)
        return np.asarray(irfft(spectrum, size)[: lines.shape[1]])

    def _prepare(self, length: int) -> int:
        """Spectra of a size in which nothing comes round that is used: the first values are not."""
        from scipy.fft import next_fast_len, rfft

        size = int(next_fast_len(max(length, self._taps.shape[1]), real=True))
        if size != self._size:
            self._size, self._spectra = size, np.asarray(rfft(self._taps, size, axis=1))
        return size


def _take(weights: Signal, factor: int, phase: int, reach: int) -> Signal:
    """Every ``factor``-th weight from a phase on, for frames 0 to 2 ``reach`` back."""
    at = np.arange(2 * reach + 1) * factor + phase
    inside = (at >= 0) & (at < len(weights))
    return np.asarray(np.where(inside, weights[np.clip(at, 0, len(weights) - 1)], 0.0))


def _design(factor: int, reach: int, beta: float) -> Signal:
    """Weights, summing to 1, of a low-pass at half the lower rate."""
    at = np.arange(-reach * factor, reach * factor + 1) / factor
    weights = np.sinc(at) * np.kaiser(len(at), beta)
    return np.asarray(weights / weights.sum())
