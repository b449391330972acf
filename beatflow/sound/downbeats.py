"""Where beats lie rather than between them, which of them begin a bar, and how many make one: 4/4, 3/4 or 6/8.

Every beat is described by what starts on it in each register, how loud it is, and whether bass and harmony change
there. For each number of beats and each place of the first one, a linear model says how well the means over the bars
agree with what bars are usually like. Its coefficients are in `metre_model`. Knows nothing of how beats were found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.metre_model import BAR_WEIGHTS, BEAT_WEIGHTS, METER_BIAS, METER_WEIGHTS
from beatflow.sound.octave import Rhythm
from beatflow.sound.onsets import Curve, Onsets, Rough
from beatflow.sound.periods import Values, at_lag

METERS = ("4/4", "3/4", "6/8")
BEATS = {"4/4": 4, "3/4": 3, "6/8": 2}
_FEWEST_BARS = 2
_REACH_S = 0.06


@dataclass(frozen=True, slots=True)
class Bars:
    """What was found of bars.

    Parameters
    ----------
    meter : str or None
    first : int
        Index of the first beat that begins a bar.
    per_bar : int
        Beats; 0 where nothing was found.
    confidence : float
        Product of how sure the meter and the place of the downbeat are, 0 to 1.
    """

    meter: str | None
    first: int
    per_bar: int
    confidence: float


NO_BARS = Bars(None, 0, 0, 0.0)


def place_beats(onsets: Onsets, beats: Values) -> Values:
    """Move beats (seconds) by half of one where that is likelier to be where they are counted."""
    if len(beats) < 3:
        return beats
    shifted = shift_beats(beats)
    chances = describe_shift(onsets, beats, shifted) @ BEAT_WEIGHTS
    return shifted if chances > 0 else beats


def shift_beats(beats: Values) -> Values:
    """The times halfway between beats, and one before the first where there is room."""
    halves = np.append((beats[1:] + beats[:-1]) / 2, (3 * beats[-1] - beats[-2]) / 2)
    before = float(beats[0] - (beats[1] - beats[0]) / 2)
    return np.concatenate([[before], halves]) if before >= 0 else halves


def describe_shift(onsets: Onsets, beats: Values, shifted: Values) -> Values:
    """What speaks for one set of beats rather than for another, shape (16,); its negative where they are exchanged."""
    rows = []
    for column in _columns(onsets, np.concatenate([beats, shifted])):
        here, there = column[: len(beats)], column[len(beats) :]
        level = max(float(here.mean() + there.mean()), 1e-9)
        rows.append(float(there.mean() - here.mean()) / level)
        # Strong and weak beats take turns; half beats are rather all alike.
        rows.append((_alternation(there) - _alternation(here)) / level)
    for one, other in zip(_harmonic_change(onsets, beats), _harmonic_change(onsets, shifted), strict=True):
        level = max(float(one.mean() + other.mean()), 1e-9)
        rows += [float(other.mean() - one.mean()) / level, (_alternation(other) - _alternation(one)) / level]
    return np.array(rows)


def _alternation(column: Values) -> float:
    return float(max(abs(column[k::4].mean() - column.mean()) for k in range(4))) if len(column) >= 8 else 0.0


def find_bars(onsets: Onsets, rhythm: Rhythm, beats: Values, tempo: float) -> Bars:
    """Find meter and downbeats for known beats (seconds)."""
    if len(beats) < 2 * _FEWEST_BARS:
        return NO_BARS
    seen = observe(onsets, beats)
    chances = softmax(describe_meter(seen, rhythm, tempo) @ METER_WEIGHTS + METER_BIAS)
    best = int(np.argmax(chances))
    meter = METERS[best]
    per_bar = BEATS[meter]
    if len(beats) < _FEWEST_BARS * per_bar:
        return NO_BARS
    places = softmax(describe_places(seen, per_bar) @ BAR_WEIGHTS[per_bar])
    first = int(np.argmax(places))
    # What is sure by chance alone is no confidence.
    sure = max(0.0, float(places[first]) - 1 / per_bar) / (1 - 1 / per_bar)
    return Bars(meter, first, per_bar, round(float(chances[best]) * sure, 2))


def observe(onsets: Onsets, beats: Values) -> Values:
    """What happens at each beat, shape (beats, 8), each column with mean 0 and deviation 1.

    Onsets low, middle, high and over all, accents, low accents, change of the bass and of the harmony.
    """
    table = np.stack([*_columns(onsets, beats), *_harmonic_change(onsets, beats)], axis=1)
    # Silence before and after the music would else outweigh all that sets its beats apart.
    heard = table[:, 3] > 0.25 * np.median(table[:, 3])
    if not heard.any():
        return np.zeros_like(table)
    table = (table - table[heard].mean(axis=0)) / np.maximum(table[heard].std(axis=0), 1e-6)
    return np.asarray(np.where(heard[:, None], np.clip(table, -3, 3), 0.0))


def _columns(onsets: Onsets, beats: Values) -> list[Values]:
    curves = (onsets.low, onsets.middle, onsets.high, onsets.full, onsets.accents, onsets.low_accents)
    return [np.sqrt(_peaks_at(curve, beats, onsets.hop_rate)) for curve in curves]


def describe_places(seen: Values, per_bar: int) -> Values:
    """For each place of the downbeat, the means of each column at each beat of the bar, (per_bar, 8 * per_bar)."""
    means = np.array([seen[place::per_bar].mean(axis=0) for place in range(per_bar)])
    return np.array([np.roll(means, -first, axis=0).ravel() for first in range(per_bar)])


def describe_meter(seen: Values, rhythm: Rhythm, tempo: float) -> Values:
    """How beats repeat after 2, 3, 4 and 6, and whether beats are divided by 2 or by 3; shape (15,)."""
    count = len(seen)
    drums = seen[:, :6].mean(axis=1)
    rows = []
    for columns in (seen, drums[:, None], seen[:, 6:]):
        power = max(float((columns**2).sum()), 1e-6) / count
        again = [
            float((columns[lag:] * columns[:-lag]).sum()) / max(count - lag, 1) / power
            if lag < count
            else 0.0
            for lag in (2, 3, 4, 6)
        ]
        rows += [again[1] - again[0], again[1] - again[2], again[3] - again[2]]
    period = rhythm.hop_rate * 60 / tempo
    for correlation in (rhythm.full, rhythm.low, rhythm.middle, rhythm.high):
        thirds = (at_lag(correlation, period / 3) + at_lag(correlation, period * 2 / 3)) / 2
        rows.append(thirds - at_lag(correlation, period / 2))
    rows += [float(np.log2(tempo / 110)), float(np.log2(tempo / 110)) ** 2]
    return np.array(rows)


def softmax(scores: Values) -> Values:
    """Chances that sum to 1."""
    powers = np.exp(scores - np.max(scores))
    return np.asarray(powers / powers.sum())


def _peaks_at(curve: Curve | Rough, beats: Values, hop_rate: float) -> Values:
    """The highest value near each beat."""
    reach = max(1, round(_REACH_S * hop_rate))
    at = np.round(beats * hop_rate).astype(np.intp)[:, None] + np.arange(-reach, reach + 1)
    return np.asarray(curve[np.clip(at, 0, len(curve) - 1)].max(axis=1), float)


def _harmonic_change(onsets: Onsets, beats: Values) -> list[Values]:
    """Distance of each beat's chroma from that of the beat before, of the bass and of the rest."""
    rate = onsets.hop_rate / 16
    edges = np.append(beats, 2 * beats[-1] - beats[-2]) * rate
    places = np.arange(len(onsets.chroma) + 1)
    totals = (np.append(0.0, np.cumsum(column, dtype=float)) for column in onsets.chroma.T)
    sums = np.stack([np.interp(edges, places, total) for total in totals], axis=1)
    rows: NDArray[np.float64] = np.diff(sums, axis=0)
    changes = []
    for part in (rows[:, :12], rows[:, 12:]):
        unit = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
        change = 1 - (unit[1:] * unit[:-1]).sum(axis=1)
        changes.append(np.concatenate([[float(change.mean())], change]))
    return changes
