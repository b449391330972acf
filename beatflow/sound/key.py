"""Key and tuning, with a confidence and the runner-up.

Spectral peaks are folded into one octave at a resolution of one cent, the tuning is read off, and profiles for major
and minor are laid over what sounds in all, in the bass, first and last. Knows nothing of files, and nothing of
modulation: one key for the whole.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.tonality import Key

Chroma = NDArray[np.float64]
Features = NDArray[np.float64]
Peaks = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Of one window: cents within the octave, and weights."""

_LOWEST_HZ, _BASS_HZ, _HIGHEST_HZ = 41.0, 160.0, 1046.0
_EDGE_S = 2.0
_CENTS = 1200
# Major and minor, from the tonic up: published ones, which tell whether there is a key at all.
PUBLISHED = (
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
# Below the first there is no key; from the second on, nothing of the confidence is taken back.
_PITCHED = (0.7, 1.0)
# Of all, of the bass, of the beginning and of the end, for major and for minor, from the tonic up: fitted by
# benchmarks.key_profiles, drawn towards the published ones.
PROFILES = (
    ((1.10, -0.67, 0.05, -0.67, 0.65, 0.25, -0.61, 0.94, -0.64, 0.21, -0.77, 0.16),
     (0.10, -0.12, -0.04, 0.01, 0.00, -0.06, 0.00, 0.08, 0.08, 0.02, -0.08, -0.01),
     (0.47, -0.11, 0.04, -0.10, 0.23, -0.11, 0.04, -0.04, 0.13, -0.27, -0.13, -0.15),
     (0.03, 0.02, -0.05, -0.14, 0.09, -0.13, -0.10, 0.09, -0.07, 0.23, -0.12, 0.16)),
    ((1.13, -0.88, 0.18, 0.78, -0.65, -0.11, -0.49, 0.82, 0.22, -0.65, -0.10, -0.25),
     (0.31, 0.01, -0.13, -0.13, 0.06, 0.00, -0.20, 0.01, 0.05, 0.15, 0.02, -0.14),
     (0.61, -0.13, -0.16, 0.13, -0.07, -0.07, -0.07, 0.34, -0.11, -0.03, -0.11, -0.33),
     (-0.02, -0.18, 0.05, -0.04, -0.03, 0.19, 0.03, 0.06, 0.07, 0.05, -0.03, -0.13)),
)  # fmt: skip
_SCALE = 10.0  # of scores to fits: music with chords then has a best fit of some 0.85, as correlations did
_TRUST = 1.0


@dataclass(frozen=True, slots=True)
class KeyEstimate:
    """A measured key.

    Parameters
    ----------
    key, runner_up : str or None
        Like ``A:min``; None where nothing has a pitch, or the pitches fit no key.
    confidence : float
        0 to 1: how likely it is among the 24, less where hardly anything has a pitch. From 0.8 on it is hardly ever
        wrong, below 0.4 mostly; docs/listening.md has the table.
    tuning_cents : float or None
        Where the pitches lie relative to A = 440 Hz, -50 to 50.
    fits : dict of str to float
        How well each of the 24 keys fits, best first, 1 at most or little more; empty for silence. There to test a
        hypothesis: a difference of d means odds of exp(10 d) to 1. Told of drums and noise as well, whose ``key`` is
        None.
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
        self._edge = max(1, round(_EDGE_S / source.hop_s))
        self._sounding = 0
        self._cents = np.zeros((3, _CENTS))  # of all, of the bass, of the first seconds
        self._latest: deque[Peaks] = deque(maxlen=self._edge)

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        assert self._own is not None
        for spectra in self._own.add(mono):
            self.add_spectra(spectra)

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
        cents, weights, bass = cents % _CENTS, np.exp(here / 4), hz < _BASS_HZ
        self._cents[0] += np.bincount(cents, weights, _CENTS)
        self._cents[1] += np.bincount(cents[bass], weights[bass], _CENTS)
        for window in np.unique(row):
            of_it = row == window
            peaks = (cents[of_it], weights[of_it])
            if self._sounding < self._edge:
                self._cents[2] += np.bincount(*peaks, _CENTS)
            self._latest.append(peaks)
            self._sounding += 1

    def describe(self) -> tuple[float, float, Features]:
        """Tuning in cents, how clearly pitches keep to it (0 to 1), and chromas of all, bass, beginning and end.

        Nothing can be added afterwards.

        Returns
        -------
        tuning, clarity : float
        features : ndarray, shape (4, 12)
            From C up, each with mean 0 and standard deviation 1; zeros where there is nothing.
        """
        own, self._own = self._own, None
        for spectra in own.finish() if own else ():
            self.add_spectra(spectra)
        ending = sum((np.bincount(*peaks, _CENTS) for peaks in self._latest), np.zeros(_CENTS))
        if not self._sounding:
            return 0.0, 0.0, np.zeros((4, 12))
        tuning, clarity = _read_tuning(self._cents[0])
        return tuning, clarity, _standardise([_fold(cents, tuning) for cents in (*self._cents, ending)])

    def result(self) -> KeyEstimate:
        """Find the key; nothing can be added afterwards."""
        tuning, clarity, features = self.describe()
        if not features.any():
            return NO_KEY
        scores = score_keys(features)
        order = np.argsort(-scores, kind="stable")
        fits = {str(_key(index)): round(float(scores[index] / _SCALE), 3) for index in order}
        pitched = pitchedness(features, clarity)
        if pitched < _PITCHED[0]:
            return KeyEstimate(None, 0.0, None, round(tuning, 1), fits)
        odds = np.exp(_TRUST * (scores - scores.max()))
        sure = min(1.0, 0.5 + 0.5 * (pitched - _PITCHED[0]) / (_PITCHED[1] - _PITCHED[0]))
        confidence = round(sure * float(odds.max() / odds.sum()), 2)
        return KeyEstimate(str(_key(order[0])), confidence, str(_key(order[1])), round(tuning, 1), fits)


def score_keys(features: Features) -> NDArray[np.float64]:
    """How well chromas of all, bass, beginning and end fit each key, shape (4, 12): 12 major, then 12 minor."""
    turned = np.array([np.roll(features, -tonic, axis=1).ravel() for tonic in range(12)])
    return np.concatenate([turned @ np.ravel(profile) for profile in PROFILES])


def pitchedness(features: Features, clarity: float) -> float:
    """How far pitches make a key: correlation with the best of the published profiles, and twice the clarity.

    0.3 to 0.7 for drums, noise and speech; 1 and more for music with chords.
    """
    return float(_correlate(features[0]).max() + 2 * clarity)


def _read_tuning(cents: NDArray[np.float64]) -> tuple[float, float]:
    """Tuning in cents, and how clearly what is there keeps to it: 0 for noise, 1 for pure tones."""
    within = cents.reshape(12, 100).sum(axis=0)
    mean = np.sum(within * np.exp(2j * np.pi * np.arange(100) / 100)) / within.sum()
    return float(np.angle(mean) / (2 * np.pi) * 100), float(abs(mean))


def _fold(cents: NDArray[np.float64], tuning: float) -> Chroma:
    """The weight of each pitch class within 35 cents of its centre."""
    distance = np.arange(_CENTS)[None] - (np.arange(12)[:, None] * 100 + tuning)
    distance = (distance + 600) % 1200 - 600
    weight = np.maximum(0, 1 - np.abs(distance / 35) ** 2)
    return np.asarray(weight @ cents)


def _standardise(chromas: list[Chroma]) -> Features:
    """Mean 0 and standard deviation 1 for each; zeros where all pitch classes are alike."""
    rows = np.array(chromas)
    spread = rows.std(axis=1, keepdims=True)
    return np.asarray((rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1))


def _correlate(chroma: Chroma) -> NDArray[np.float64]:
    """Mean correlation of a chroma with the published profiles of each key."""
    total = np.zeros(24)
    for published in PUBLISHED:
        for mode, profile in enumerate(_standardise([np.array(profile) for profile in published])):
            total[12 * mode : 12 * mode + 12] += [
                chroma @ np.roll(profile, tonic) / 12 for tonic in range(12)
            ]
    return total / len(PUBLISHED)


def _key(index: int) -> Key:
    return Key(int(index) % 12, "maj" if index < 12 else "min")
