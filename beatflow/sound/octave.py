"""Which of several tempi of one sound is meant: half, double, in thirds.

Each candidate is described by how kicks, snares and hi-hats repeat at its beat, at parts and at multiples of it, by
how many onsets fall on a beat, and by custom; a small network over those says how likely each is. Its coefficients
were fitted to rendered styles and to the embedded producer's pieces (benchmarks/train_metre.py), to no recording and
to no game's tune.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.metre_model import OCTAVE_BIAS, OCTAVE_INNER, OCTAVE_OUTER
from beatflow.sound.onsets import Curve, Onsets, Rough
from beatflow.sound.periods import Values, at_lag, correlate

_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
_PART = 1 << 17


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What all candidates of one sound are described from.

    Parameters
    ----------
    hop_rate : float
    full, low, middle, high : ndarray, shape (lags,)
        Autocorrelations of the curves of those names.
    kick_to_snare : ndarray, shape (lags,)
        Correlation of the low curve with the middle one, the latter later.
    rates : tuple of float
        Onsets per second over all, of the low, the middle and the high register.
    accents : ndarray, shape (hops,)
    low_accents : ndarray, shape (hops,)
    """

    hop_rate: float
    full: Values
    low: Values
    middle: Values
    high: Values
    kick_to_snare: Values
    rates: tuple[float, ...]
    accents: Rough
    low_accents: Rough


def listen(onsets: Onsets) -> Rhythm:
    """Work out what candidates are described from."""
    curves = (onsets.full, onsets.low, onsets.middle, onsets.high)
    rate = onsets.hop_rate
    full, low, middle, high = (correlate(curve, curve, rate) for curve in curves)
    kick_to_snare = correlate(onsets.low, onsets.middle, rate)
    rates = tuple(_count_onsets(curve) / max(onsets.duration_s, 0.1) for curve in curves)
    return Rhythm(rate, full, low, middle, high, kick_to_snare, rates, onsets.accents, onsets.low_accents)


def describe(rhythm: Rhythm, tempo: float) -> Values:
    """The features of a candidate, shape (features,); all of them between about -3 and 3."""
    period = rhythm.hop_rate * 60 / tempo
    row: list[float] = []
    for correlation in (rhythm.full, rhythm.low, rhythm.middle, rhythm.high):
        row += [at_lag(correlation, period * multiple) for multiple in _MULTIPLES]
    row += [at_lag(rhythm.kick_to_snare, period * multiple) for multiple in (0.0, 1 / 2, 1.0, 2.0)]
    for rate in rhythm.rates:
        per_beat = float(np.log2(max(rate, 0.05) * 60 / tempo))
        row += [per_beat / 2, (per_beat - 1) ** 2 / 4]
    for accents in (rhythm.accents, rhythm.low_accents):
        row += compare_places(accents, period)
    return np.array([*row, *describe_custom(tempo)])


def describe_custom(tempo: float) -> list[float]:
    """The last features of `describe`: where a tempo lies in what is usual."""
    octaves = float(np.log2(tempo / 110))
    return [octaves, octaves**2, octaves**3, max(0.0, octaves - 0.55), max(0.0, -0.55 - octaves)]


def judge(features: Values) -> Values:
    """Scores of candidates from features, shape (candidates, features): logarithms of chances, up to a constant."""
    return np.asarray(np.tanh(features @ OCTAVE_INNER + OCTAVE_BIAS) @ OCTAVE_OUTER)


def compare_places(accents: Rough, period: float) -> list[float]:
    """Accents on the other beat, on halves, quarters and thirds, as parts of those at the strongest place of two
    beats.
    """
    places = 96
    sums, counts = np.zeros(places), np.zeros(places)
    for start in range(0, len(accents), _PART):
        part = accents[start : start + _PART]
        at = (np.arange(start, start + len(part)) % (2 * period) * (places / 2 / period)).astype(np.intp)
        sums += np.bincount(at % places, part, places)
        counts += np.bincount(at % places, minlength=places)
    means = sums / np.maximum(counts, 1)
    means = means + np.roll(means, 1) + np.roll(means, -1)
    top = int(np.argmax(means))
    scale = max(float(means[top]), 1e-12)

    def strength(*steps: int) -> float:
        return float(np.mean([means[(top + step) % places] for step in steps]) / scale)

    return [strength(48), strength(24, 72), strength(12, 36, 60, 84), strength(16, 32, 64, 80)]


def _count_onsets(curve: Curve) -> int:
    """Local maxima that reach a fifth of a loud one."""
    if len(curve) < 3:
        return 0
    peaks = curve[1:-1][(curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:])]
    if not len(peaks) or not peaks.max():
        return 0
    return int(np.count_nonzero(peaks > 0.2 * np.quantile(peaks[peaks > 0.05 * peaks.max()], 0.9)))
