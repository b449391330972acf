"""Formants back where they were, after a sound was played faster or slower to move its pitch.

The spectral envelope is the true envelope (A. Röbel and X. Rodet, Efficient spectral envelope estimation, DAFx 2005): a
cepstrum of few coefficients, raised until it lies on the peaks of the harmonics. Knows nothing of stretching.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

_WINDOW_S = 0.046
_HOPS = 4  # of a window
_QUEFRENCY_S, _PERIODS = 0.0023, 0.7
"""What counts as envelope: slower over frequency than the harmonics of 435 Hz, and of higher voices than so many of
their periods, since an envelope that follows the harmonics themselves keeps the pitch where it was."""
_SHORTEST_S, _LONGEST_S = 0.0008, 0.012
_ALIKE = 0.85
"""The first repetition so much like itself, beside the best one, is the period."""
_VOICED = 0.5
_STEADY = 9  # columns over which the period is the one in the middle
_ROUNDS = 8
_MOST_DB = 36.0
_FLOOR_DB = -90.0  # below the loudest bin: noise has no formants
_COLUMNS = 256  # worked on at once

Spectrum = NDArray[np.float64]


def keep_formants(moved: Samples, source: Samples, sample_rate: int) -> Samples:
    """Give a sound whose pitch was moved the spectral envelope of what it was made from.

    Parameters
    ----------
    moved : ndarray of float32, shape (frames, channels)
        ``source`` played in ``frames`` instead of ``len(source)`` frames.
    source : ndarray of float32, shape (n, channels)
    sample_rate : int

    Returns
    -------
    ndarray of float32, shape (frames, channels)
        All channels by the same curve, at most 36 dB up or down anywhere.
    """
    half = max(32, round(_WINDOW_S * sample_rate / 2 / _HOPS) * _HOPS)
    size, hop = 2 * half, 2 * half // _HOPS
    window = np.sqrt(np.hanning(size + 1)[:-1])
    factor = len(source) / max(len(moved), 1)
    columns = -(-len(moved) // hop) + _HOPS
    made = np.zeros((columns * hop + size, moved.shape[1]))
    # The first column ends where the sound begins, so that all frames lie in as many columns.
    padded = np.pad(moved, ((size, len(made) - len(moved)), (0, 0)))
    front = half + round(half * factor)
    behind = np.pad(source, ((front, size + round(columns * hop * factor)), (0, 0)))
    for first in range(0, columns, _COLUMNS):
        some = range(first, min(first + _COLUMNS, columns))
        gains = _find_gains(
            behind, [round(column * hop * factor) for column in some], window, factor, sample_rate
        )
        for column, gain in zip(some, gains, strict=True):
            at = column * hop
            piece = np.fft.rfft(padded[at : at + size] * window[:, None], axis=0) * gain[:, None]
            made[at : at + size] += np.fft.irfft(piece, size, axis=0) * window[:, None]
    return np.asarray(made[size : size + len(moved)] * (2 / _HOPS), np.float32)


def _find_gains(
    padded: Samples, places: list[int], window: Spectrum, factor: float, sample_rate: int
) -> Iterator[Spectrum]:
    """What each bin of each column is to be raised by, from the source's columns at the same times."""
    size = len(window)
    pieces = np.stack([padded[place : place + size] for place in places]) * window[:, None]
    power = np.square(np.abs(np.fft.rfft(pieces, axis=1))).sum(axis=2)
    envelope = find_envelope(power, sample_rate)
    bins = np.arange(size // 2 + 1)
    most = _MOST_DB / 20 * np.log(10)
    for curve in envelope:
        # The moved sound has at f what the source has at f / factor.
        there = np.interp(bins / factor, bins, curve)
        yield np.exp(np.clip(curve - there, -most, most))


def find_envelope(power: Spectrum, sample_rate: int) -> Spectrum:
    """The true envelope of spectra, as natural logarithm of the magnitude.

    Parameters
    ----------
    power : ndarray, shape (columns, bins)
        Squared magnitudes, at ``bins`` frequencies from 0 to half the sample rate.
    sample_rate : int

    Returns
    -------
    ndarray, shape (columns, bins)
    """
    size = 2 * (power.shape[1] - 1)
    floor = power.max(axis=1, keepdims=True) * 10 ** (_FLOOR_DB / 10) + 1e-20
    target = 0.5 * np.log(np.maximum(power, floor))
    kept = np.minimum(_QUEFRENCY_S, _PERIODS * _find_periods(power, sample_rate)) * sample_rate
    lifter = (np.arange(size // 2 + 1) < np.maximum(kept, 2)[:, None]).astype(np.float64)
    weights = np.concatenate([lifter, lifter[:, -2:0:-1]], axis=1)
    raised = target
    smooth = target
    for _ in range(_ROUNDS):
        cepstrum = np.fft.irfft(raised, size, axis=1) * weights
        smooth = np.fft.rfft(cepstrum, axis=1).real
        raised = np.maximum(target, smooth)
    return np.asarray(smooth)


def _find_periods(power: Spectrum, sample_rate: int) -> Spectrum:
    """The period of each column, in seconds, infinite where there is none; shape (columns,).

    From the autocorrelation of the magnitudes: 0.8 and more for voices, below 0.35 for music of many and for noise.
    """
    from scipy.ndimage import median_filter

    size = 2 * (power.shape[1] - 1)
    first, last = round(_SHORTEST_S * sample_rate), min(round(_LONGEST_S * sample_rate), size // 3)
    if last - first < 3:
        return np.full(len(power), np.inf)
    # The window's own autocorrelation falls with the lag.
    window = np.fft.irfft(np.abs(np.fft.rfft(np.sqrt(np.hanning(size + 1)[:-1]))) ** 2, size)[: last + 1]
    alike = np.fft.irfft(np.sqrt(power), size, axis=1)[:, : last + 1]
    alike = alike / np.maximum(alike[:, :1], 1e-30) / (window / window[0])
    inner = alike[:, first:last]
    peaks = (inner > alike[:, first - 1 : last - 1]) & (inner >= alike[:, first + 1 : last + 1])
    heights = np.where(peaks, inner, 0.0)
    best = heights.max(axis=1, keepdims=True)
    period = (first + np.argmax(heights >= _ALIKE * best, axis=1)) / sample_rate
    return np.asarray(median_filter(np.where(best[:, 0] > _VOICED, period, np.inf), _STEADY))
