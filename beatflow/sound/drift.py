"""Whether a tempo grows or slows steadily over a short piece, where every beat is still near the even grid of the mean.

The onsets are bent as a growing tempo would have bent them, and bent back: what then falls onto a grid far better than
before was not steady. Knows onset strength only.
"""

from dataclasses import replace

import numpy as np

from beatflow.sound.onsets import Onsets
from beatflow.sound.periods import Spectrum

_BENT_BEATS = np.arange(1, 9) * 0.05
"""By how many beats the middle comes late or early when start and end are on the grid."""
_LONGEST_S = 60.0
"""Longer sounds show it in their beats: see `Tempo.steady`."""
_LEAST_BEATS = 7.0
_MOST = 0.15
"""What drifts further is not steady to begin with."""
_BETTER = 1.15
"""How much more coherent the bent grid must be than the even one: a drift of 4 % is; of 46 loops, tunes and grooves of
steady tempo the most was 0.995 (see `benchmarks.crooked` for the drifts)."""


def measure_drift(onsets: Onsets, tempo: float) -> float:
    """By which part of it the tempo grows from start to end; 0 where a steady one explains the sound as well.

    A tempo that grows in time by the part d over n beats puts the middle of the piece n d / 8 beats beside the even
    grid.

    Parameters
    ----------
    onsets : Onsets
    tempo : float
        The mean, BPM.
    """
    beats = onsets.duration_s * tempo / 60
    if beats < _LEAST_BEATS or onsets.duration_s > _LONGEST_S:
        return 0.0
    even = _find_coherence(onsets, tempo, 0.0)
    drifts = 8 / beats * np.concatenate([_BENT_BEATS, -_BENT_BEATS])
    drifts = drifts[np.abs(drifts) <= _MOST]
    found = [_find_coherence(onsets, tempo, float(drift)) for drift in drifts]
    best = int(np.argmax(found))
    return round(float(drifts[best]), 4) if found[best] > _BETTER * even else 0.0


def _find_coherence(onsets: Onsets, tempo: float, drift: float) -> float:
    """How coherent the best grid near a tempo is, were the time bent back by which the tempo drifts."""
    hops = np.arange(len(onsets.full))
    part = hops / max(len(hops) - 1, 1)
    # Beat number is t + d (t^2 - t) / 2 of the whole; the curve is read where each even beat number really was.
    number = part + drift * (part**2 - part) / 2
    real = np.interp(part, number, hops)
    bent = np.interp(real, hops, onsets.full).astype(np.float32) if drift else onsets.full
    spectrum = Spectrum(replace(onsets, full=bent))
    return float(spectrum.coherence(np.array([spectrum.refine(tempo)]))[0])
