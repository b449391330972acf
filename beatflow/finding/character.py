"""How a sound sounds, stretch by stretch, as figures: its timbre, its rhythm and its harmony, and how like two are.

Timbre are cepstral coefficients of its bands, their mean and how they move; rhythm is how its onsets repeat, from
0.1 to 2 s; harmony is how much of each of the twelve notes there is. None of them depends on how loud a sound is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, irfft, next_fast_len, rfft

from beatflow.finding.bands import BANDS, HOP_S, PER_OCTAVE, Bands

Windows = NDArray[np.float32]
"""Shape (windows, FIGURES)."""

WINDOW_HOPS, EVERY_HOPS = 376, 188
"""Stretches of 6 s, one every 3 s."""
EVERY_S = EVERY_HOPS * HOP_S
WINDOW_S = WINDOW_HOPS * HOP_S
ASPECTS = ("timbre", "rhythm", "harmony")
_CEPSTRA = 13
_POOLED = 6
_LAGS = 32
_TIMBRE = slice(0, 2 * _CEPSTRA)
_RHYTHM = slice(2 * _CEPSTRA, 2 * _CEPSTRA + _LAGS)
_HARMONY = slice(2 * _CEPSTRA + _LAGS, 2 * _CEPSTRA + _LAGS + 12)
FIGURES = 2 * _CEPSTRA + _LAGS + 12
_RANGE_DB = 60.0
_SILENT = 1e-10
_WEIGHTS = {"timbre": 0.45, "rhythm": 0.3, "harmony": 0.25}
_TIMBRE_APART_DB = 5.0
"""A distance at which two timbres are half alike: about that of two instruments of one family."""
_TURNED = 0.15
"""What is taken off where only another key makes two harmonies alike."""


class CharacterMeter:
    """Takes bands block by block, gives the figures of each stretch at the end."""

    def __init__(self) -> None:
        self._rest = np.zeros((0, BANDS), np.float32)
        self._windows: list[Windows] = []

    def add(self, bands: Bands) -> None:
        """Take the next hops."""
        held = np.concatenate([self._rest, bands])
        start = 0
        while start + WINDOW_HOPS <= len(held):
            self._windows.append(_describe(held[start : start + WINDOW_HOPS]))
            start += EVERY_HOPS
        self._rest = held[start:]

    def result(self) -> Windows:
        """Describe what is left, and give all; nothing can be added afterwards."""
        # What the last stretch has had already is no stretch of its own.
        if len(self._rest) > (EVERY_HOPS if self._windows else 0):
            self._windows.append(_describe(self._rest))
        return np.array(self._windows, np.float32).reshape(-1, FIGURES)


def _describe(bands: Bands) -> Windows:
    """The figures of one stretch; zeros for silence."""
    result = np.zeros(FIGURES, np.float32)
    if float(bands.max(initial=0.0)) < _SILENT:
        return result
    pooled = bands.reshape(len(bands), -1, _POOLED).mean(axis=2)
    level = 10.0 * np.log10(pooled + 1e-12)
    level = np.maximum(level, level.max() - _RANGE_DB)
    cepstra = dct(level, axis=1, norm="ortho")[:, 1 : _CEPSTRA + 1] / np.sqrt(level.shape[1])
    loud = level.max(axis=1) > level.max() - 30.0
    result[_TIMBRE] = np.concatenate([cepstra[loud].mean(axis=0), cepstra[loud].std(axis=0)])
    result[_RHYTHM] = _find_periods(np.maximum(np.diff(level, axis=0), 0.0).sum(axis=1))
    result[_HARMONY] = _fold(bands)
    return result


def _find_periods(onsets: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far onsets repeat after each of some lags, -1 to 1."""
    lags = 0.1 * 20.0 ** (np.arange(_LAGS) / (_LAGS - 1)) / HOP_S
    size = len(onsets)
    if size < 8:
        return np.zeros(_LAGS, np.float32)
    centred = onsets - onsets.mean()
    spectrum = rfft(centred, next_fast_len(2 * size, real=True))
    repeats = irfft(spectrum.real**2 + spectrum.imag**2)[:size]
    if repeats[0] <= 0:
        return np.zeros(_LAGS, np.float32)
    # Smeared a little: two takes of one tempo are alike, even where one of them drags.
    curve = np.convolve(repeats / repeats[0], (0.25, 0.5, 0.25), "same")
    return np.asarray(np.interp(lags, np.arange(size), curve, right=0.0), np.float32)


def _fold(bands: Bands) -> NDArray[np.float32]:
    """How much of each note there is, from C up, length 1."""
    loud = np.sqrt(bands).sum(axis=0)
    # The bands begin at A; three to a semitone, its own in the middle.
    by_octave = np.roll(loud, 1).reshape(-1, PER_OCTAVE).sum(axis=0)
    notes = np.roll(by_octave.reshape(12, 3) @ np.array([0.25, 0.5, 0.25]), -3)
    notes = np.maximum(notes - np.median(notes), 0.0)
    length = float(np.linalg.norm(notes))
    return np.asarray(notes / length if length > 0 else notes, np.float32)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a stretch of a sound is to another: each aspect 0 to 1, ``overall`` their weighted mean."""

    overall: float
    timbre: float
    rhythm: float
    harmony: float
    start_s: float
    end_s: float


def compare(sample: Windows, sound: Windows, by: str | None = None) -> Likeness | None:
    """Find the stretch of a sound that is most like a sample; None where either is silent.

    Parameters
    ----------
    by : str, optional
        One of `ASPECTS` to go by alone; otherwise all of them.
    """
    sample, kept = sample[sample.any(axis=1)], np.flatnonzero(sound.any(axis=1))
    if not len(sample) or not len(kept):
        return None
    rest = sound[kept]
    timbre, rhythm, harmony = _by_timbre(sample, rest), _by_rhythm(sample, rest), _by_harmony(sample, rest)
    aspects = {"timbre": timbre, "rhythm": rhythm, "harmony": harmony}
    weights = {by: 1.0} if by else _WEIGHTS
    whole = np.sum([weight * aspects[name] for name, weight in weights.items()], axis=0)
    # Of each stretch of the sample the best; their mean. The place is where the best of all is.
    best = whole.argmax(axis=1)
    rows = np.arange(len(sample))
    place = int(kept[best[int(whole[rows, best].argmax())]])
    start = place * EVERY_S

    def mean(values: NDArray[np.float32]) -> float:
        return round(float(values[rows, best].mean()), 3)

    return Likeness(mean(whole), mean(timbre), mean(rhythm), mean(harmony), start, start + WINDOW_S)


def _by_timbre(sample: Windows, sound: Windows) -> NDArray[np.float32]:
    apart = sample[:, None, _TIMBRE] - sound[None, :, _TIMBRE]
    distance = np.sqrt((apart**2).sum(axis=2))
    return np.asarray(1.0 / (1.0 + (distance / _TIMBRE_APART_DB) ** 2), np.float32)


def _by_rhythm(sample: Windows, sound: Windows) -> NDArray[np.float32]:
    return np.clip(_correlate(sample[:, _RHYTHM], sound[:, _RHYTHM]), 0.0, 1.0)


def _by_harmony(sample: Windows, sound: Windows) -> NDArray[np.float32]:
    """The cosine of the notes, or of the notes in the best other key."""
    one, two = sample[:, _HARMONY], sound[:, _HARMONY]
    turned = [np.roll(one, up, axis=1) @ two.T for up in range(12)]
    return np.asarray(np.maximum(turned[0], np.max(turned, axis=0) - _TURNED), np.float32)


def _correlate(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float32]:
    def normal(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = rows - rows.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        return np.asarray(centred / np.where(length > 0, length, 1.0), np.float32)

    return np.asarray(normal(one) @ normal(two).T, np.float32)
