"""Which pitch classes sound when: a chromagram in columns of time, block by block, in the sound's own tuning.

Spectral peaks are folded into one octave at 10 cents; how far the sound is out of tune is read off at the end, and only
then are the semitones cut. Knows no key and no chords.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.hops import HopCutter, mix_down, power_spectra

LOWEST_HZ, HIGHEST_HZ = 55.0, 2000.0
_FINE = 120  # places in an octave
_C_HZ = 440.0 * 2 ** (-9 / 12)
_AT_ONCE = 16
_FADE_DB = (-60.0, -40.0)
"""Columns this far below the loudest one are left empty, and from here on they count in full."""


@dataclass(frozen=True, slots=True, eq=False)
class Chromagram:
    """Strength by time and pitch class.

    Parameters
    ----------
    strength : ndarray, shape (12, columns)
        C first. In each column the strongest class is 1, less where the sound is nearly silent.
    column_s : float
        Seconds from one column to the next; the first one is centred on the start.
    tuning_cents : float
        How far the pitches lie from A = 440 Hz, -50 to 50.
    """

    strength: NDArray[np.float32]
    column_s: float
    tuning_cents: float


class ChromaMeter:
    """Takes blocks, gives a `Chromagram` at the end.

    Parameters
    ----------
    sample_rate, frames : int
        Of the sound.
    step : int
        The least number of frames to a column; a column is never shorter than a quarter of a window of 0.37 s, which it
        takes to tell semitones from 55 Hz on.
    """

    def __init__(self, sample_rate: int, frames: int, step: int) -> None:
        size = 1 << round(np.log2(sample_rate * 8192 / 22_050))
        # Of long columns windows that overlap by half say as much.
        self._hop = max(size // 4, min(step, size // 2))
        self._step = max(step, self._hop)
        self._cutter = HopCutter(size, self._hop)
        self._taper = np.hanning(size).astype(np.float32) * np.float32(2 / size)
        hz = np.arange(size // 2 + 1) * (sample_rate / size)
        self._first = max(1, int(np.searchsorted(hz, LOWEST_HZ)))
        self._last = min(int(np.searchsorted(hz, HIGHEST_HZ)), len(hz) - 2)
        self._step_hz = sample_rate / size
        self._fine = np.zeros((-(-max(frames, 1) // self._step), _FINE), np.float32)
        self._energy = np.zeros(len(self._fine))
        self._windows = 0
        self._column_s = self._step / sample_rate

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        self._take(self._cutter.add(mix_down(samples)))

    def result(self) -> Chromagram:
        """Give what was measured; nothing can be added afterwards."""
        self._take(self._cutter.finish())
        # Ten places are a semitone: where in it the peaks gather, as an angle.
        angles = np.arange(_FINE) * (2 * np.pi / 10)
        gathered = complex(np.sum(self._fine.sum(axis=0) * np.exp(1j * angles)))
        shift = float(np.angle(gathered)) / (2 * np.pi) * 10 if gathered else 0.0
        classes = np.floor((np.arange(_FINE) - shift + 5) / 10).astype(np.intp) % 12
        strength = np.zeros((12, len(self._fine)), np.float32)
        np.add.at(strength, classes, self._fine.T)
        strength /= np.maximum(strength.max(axis=0, keepdims=True), 1e-20)
        return Chromagram(strength * self._fade(), self._column_s, round(shift * 10, 1))

    def _fade(self) -> NDArray[np.float32]:
        loudest = float(self._energy.max(initial=0.0))
        below = 10 * np.log10(np.maximum(self._energy, 1e-20) / max(loudest, 1e-20))
        low, high = _FADE_DB
        return np.asarray(np.clip((below - low) / (high - low), 0, 1) * (loudest > 1e-10), np.float32)

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), _AT_ONCE):
            power = power_spectra(windows[start : start + _AT_ONCE], self._taper)
            columns = (self._windows + np.arange(len(power))) * self._hop // self._step
            self._windows += len(power)
            inside = int(np.searchsorted(columns, len(self._fine)))
            if inside:
                self._fold(power[:inside], columns[:inside])

    def _fold(self, power: NDArray[np.float32], columns: NDArray[np.intp]) -> None:
        """Fold the peaks of some windows into the octave, each by its magnitude."""
        first, last = self._first, self._last
        here = power[:, first:last]
        if not here.shape[1]:
            return
        np.add.at(self._energy, columns, here.sum(axis=1))
        strongest = here.max(axis=1, keepdims=True)
        peak = (here > power[:, first - 1 : last - 1]) & (here >= power[:, first + 1 : last + 1])
        row, column = np.nonzero(peak & (here > strongest * 1e-4) & (strongest > 1e-12))
        column += first
        before, middle, after = (
            np.log(np.maximum(power[row, column + shift], 1e-24)) for shift in (-1, 0, 1)
        )
        bend = np.minimum(before - 2 * middle + after, -1e-12)
        hz = (column + 0.5 * (before - after) / bend) * self._step_hz
        place = np.round(_FINE * np.log2(hz / _C_HZ)).astype(np.intp) % _FINE
        np.add.at(self._fine, (columns[row], place), np.sqrt(power[row, column]))
