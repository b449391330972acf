"""Key and tuning, with a confidence and the runner-up.

Spectral peaks are folded into one octave at a resolution of one cent, the tuning is read off, and four published
sets of key profiles vote. Knows nothing of files, and nothing of modulation: one key for the whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.tonality import Key

Chroma = NDArray[np.float64]

_LOWEST_HZ, _HIGHEST_HZ = 55.0, 2000.0
_CENTS = 1200
# Major and minor, from the tonic up.
_PROFILES = (
    # Krumhansl and Kessler 1982, probe tones
    ((6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
     (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)),
    # Temperley 2007, Kostka-Payne corpus
    ((0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
     (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)),
    # Albrecht and Shanahan 2013, 982 classical pieces
    ((0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
     (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)),
    # Sha'ath 2011, popular and electronic music
    ((6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4),
     (6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2)),
)  # fmt: skip
# Below this correlation the pitches fit no key: drums, noise, a single tone sweeping.
_LEAST_FIT = 0.4


@dataclass(frozen=True, slots=True)
class KeyEstimate:
    """A measured key.

    Parameters
    ----------
    key, runner_up : str or None
        Like ``A:min``; None where nothing has a pitch, or the pitches fit no key.
    confidence : float
        0 to 1, from the fit and its lead over the runner-up. Relative and parallel keys and those a fifth apart are
        often close.
    tuning_cents : float or None
        Where the pitches lie relative to A = 440 Hz, -50 to 50.
    fits : dict of str to float
        How well each of the 24 keys fits, -1 to 1, best first; empty where nothing has a pitch. There to test a
        hypothesis: what is asked for holds when its fit comes close to the best one.
    """

    key: str | None
    confidence: float
    runner_up: str | None
    tuning_cents: float | None
    fits: dict[str, float] = field(default_factory=dict)


NO_KEY = KeyEstimate(None, 0.0, None, None)


def measure_key(audio: Audio | Iterable[Audio]) -> KeyEstimate:
    """Measure the key of a sound, or of its blocks in order."""
    meter = None
    for block in (audio,) if isinstance(audio, Audio) else audio:
        meter = meter or KeyMeter(block.sample_rate)
        meter.add(mix_down(block.samples))
    return meter.result() if meter else NO_KEY


class KeyMeter:
    """Takes mono blocks, gives a `KeyEstimate` at the end; what is kept does not grow.

    Parameters
    ----------
    sample_rate : int
    spectrometer : Spectrometer, optional
        Whose spectra `add_spectra` takes; without one the meter has its own, and `add` takes samples.
    """

    def __init__(self, sample_rate: int, spectrometer: Spectrometer | None = None) -> None:
        self._own = Spectrometer(sample_rate) if spectrometer is None else None
        source = spectrometer or self._own
        assert source is not None
        self._step_hz = source.step_hz
        self._first = max(1, int(_LOWEST_HZ / self._step_hz))
        self._last = min(source.bins - 2, int(_HIGHEST_HZ / self._step_hz))
        self._cents = np.zeros(_CENTS)

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        assert self._own is not None
        for spectra in self._own.add(mono):
            self.add_spectra(spectra)

    def result(self) -> KeyEstimate:
        """Find the key; nothing can be added afterwards."""
        for spectra in self._own.finish() if self._own else ():
            self.add_spectra(spectra)
        if not self._cents.any():
            return NO_KEY
        tuning, chroma = _read_chroma(self._cents)
        fits = _fit_keys(chroma)
        order = np.argsort(-fits, kind="stable")
        told = {str(_key(index)): round(float(fits[index]), 3) for index in order}
        best, second = order[:2]
        if fits[best] < _LEAST_FIT:
            return KeyEstimate(None, 0.0, None, round(tuning, 1), told)
        # A lead of 0.2 in correlation is as clear as it gets between neighbouring keys.
        lead = min(1.0, float(fits[best] - fits[second]) / 0.2)
        confidence = lead**0.5 * float(fits[best])
        return KeyEstimate(str(_key(best)), round(confidence, 2), str(_key(second)), round(tuning, 1), told)

    def add_spectra(self, spectra: NDArray[np.float32]) -> None:
        """Fold the spectral peaks of some windows into the octave, weighted by the square root of their magnitude.

        Peaks 40 dB below their window's strongest are left out, and windows that are as good as silent.
        """
        first, last = self._first, self._last
        middle = spectra[:, first:last]
        strongest = middle.max(axis=1, keepdims=True)
        peak = (middle > spectra[:, first - 1 : last - 1]) & (middle >= spectra[:, first + 1 : last + 1])
        peak &= (middle > strongest * 1e-4) & (strongest > 1e-8)
        row, column = np.nonzero(peak)
        if not row.size:
            return
        before, here, after = (
            np.log(np.maximum(spectra[row, column + first + shift], 1e-24)) for shift in (-1, 0, 1)
        )
        bend = np.minimum(before - 2 * here + after, -1e-6)
        hz = (column + first + 0.5 * (before - after) / bend) * self._step_hz
        cents = np.round(1200 * np.log2(hz / 440.0)).astype(np.int64) + 900  # C at 0
        self._cents += np.bincount(cents % _CENTS, weights=np.exp(here / 4), minlength=_CENTS)


def _read_chroma(cents: NDArray[np.float64]) -> tuple[float, Chroma]:
    """Tuning in cents, and the weight of each pitch class within 35 cents of its centre."""
    within = cents.reshape(12, 100).sum(axis=0)
    angle = np.angle(np.sum(within * np.exp(2j * np.pi * np.arange(100) / 100)))
    tuning = float(angle / (2 * np.pi) * 100)
    distance = np.arange(_CENTS)[None] - (np.arange(12)[:, None] * 100 + tuning)
    distance = (distance + 600) % 1200 - 600
    weight = np.maximum(0, 1 - np.abs(distance / 35) ** 2)
    return tuning, np.asarray(weight @ cents)


def _fit_keys(chroma: Chroma) -> NDArray[np.float64]:
    """Mean correlation of a chroma with the profiles of each key: 12 major, then 12 minor."""
    fits = np.zeros(24)
    if chroma.std() == 0:
        return fits
    for profiles in _PROFILES:
        for mode, profile in enumerate(profiles):
            for tonic in range(12):
                fits[12 * mode + tonic] += np.corrcoef(chroma, np.roll(profile, tonic))[0, 1] / len(_PROFILES)
    return fits


def _key(index: int) -> Key:
    return Key(int(index) % 12, "maj" if index < 12 else "min")
