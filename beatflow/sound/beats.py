"""Beat times for a known tempo: an even grid where one fits, otherwise a path that follows the onsets.

Knows onset strength only, no samples. Whether these are the beats or what lies between them is for `downbeats` to say.
"""

import numpy as np

from beatflow.sound.onsets import Curve
from beatflow.sound.periods import Values

# The onset strength of a click is highest this long before the click (window and difference together), measured on
# synthetic clicks; the same at all sample rates because windows and hops scale with the rate.
LEAD_S = 0.008
_WINDOW_BEATS = 16
_STEADY_S = 0.03
_TIGHTNESS = 100.0


def find_beats(
    flux: Curve, low_flux: Curve, hop_rate: float, tempo: float, duration_s: float
) -> tuple[tuple[float, ...], bool]:
    """Beat times in seconds, and whether they are one even grid.

    Parameters
    ----------
    flux, low_flux : ndarray, shape (hops,)
        Onset strength over all bands and of the bass; the bass tells on-beats from off-beats.
    hop_rate : float
        Hops per second.
    tempo : float
        BPM.
    duration_s : float
        No beat at or after it.
    """
    strength = flux / max(float(flux.max()), 1e-12) + low_flux / max(float(low_flux.max()), 1e-12)
    period = hop_rate * 60 / tempo
    offset, steady = _fit_grid(strength, period, hop_rate)
    if steady:
        # A beat on the very first sample shows a little before it.
        first = offset - period if offset - period > -0.02 * hop_rate else offset
        hops = first + period * np.arange(int((len(strength) - first) / period) + 1)
    else:
        hops = _follow(strength, period)
    times = np.round(np.maximum(hops / hop_rate + LEAD_S, 0), 4)
    return tuple(float(time) for time in times[times < duration_s]), steady


def _fit_grid(strength: Curve, period: float, hop_rate: float) -> tuple[float, bool]:
    """Offset in hops of the grid that collects most strength, and whether it holds in every part of the clip.

    Parts of 16 beats are fitted on their own; the grid is steady when most of those that pulse at all agree with
    the whole to within 30 ms, whole beats and halves of beats left aside.
    """
    folds = _fold(strength, period)
    whole = folds.sum(axis=0)
    offset = _peak_position(whole) * period / len(whole)
    parts = [folds[i : i + _WINDOW_BEATS].sum(axis=0) for i in range(0, len(folds), _WINDOW_BEATS)]
    agree = []
    for part in parts:
        if part.max() > 0.1 * max(other.max() for other in parts):
            shift = (_peak_position(part) / len(part) - offset / period) * period
            half = period / 2
            shift = (shift + half / 2) % half - half / 2
            agree.append(abs(shift) / hop_rate <= _STEADY_S)
    return offset, bool(agree) and float(np.mean(agree)) >= 0.75


def _fold(strength: Curve, period: float) -> Values:
    """Strength by beat and position in the beat, shape (beats, positions), a little smoothed."""
    positions = round(period)
    beats = max(1, int(len(strength) / period))
    at = np.arange(beats)[:, None] * period + np.arange(positions)[None] * (period / positions)
    kernel = np.hanning(9)
    smooth = np.convolve(strength, kernel / kernel.sum(), mode="same")
    return np.interp(at.ravel(), np.arange(len(smooth)), smooth).reshape(at.shape)


def _peak_position(curve: Values) -> float:
    """Where a cyclic curve is highest, between its points."""
    best = int(np.argmax(curve))
    before, here, after = curve[best - 1], curve[best], curve[(best + 1) % len(curve)]
    bend = before - 2 * here + after
    return best + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)


def _follow(strength: Curve, period: float) -> Values:
    """Beats by dynamic programming: strong onsets, at distances near the period.

    After D. Ellis, Beat Tracking by Dynamic Programming, J. New Music Res. 36 (2007). The best predecessor of a hop
    lies half to two periods back; leaving the period costs the squared log ratio.
    """
    shortest, longest = max(1, round(period / 2)), round(period * 2)
    distances = np.arange(longest, shortest - 1, -1)
    cost = -_TIGHTNESS * np.log(distances / period) ** 2
    scaled = strength / max(float(strength.std()), 1e-12)
    score = np.concatenate([np.zeros(longest), scaled])
    origin = np.full(len(score), -1, np.int32)
    for hop in range(longest, len(score)):
        reach = score[hop - longest : hop - shortest + 1] + cost
        best = int(reach.argmax())
        if reach[best] > 0:
            score[hop] += reach[best]
            origin[hop] = hop - distances[best]
    last = len(score) - longest + int(np.argmax(score[-longest:]))
    path = []
    while last >= longest:
        path.append(last - longest)
        last = int(origin[last])
    return np.array(path[::-1], float)
