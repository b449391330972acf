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
    strength = flux / max(float(flux.max()), 1e-12)
    strength += low_flux / max(float(low_flux.max()), 1e-12)
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
    parts = _fold(strength, period)
    whole = parts.sum(axis=0)
    offset = _peak_position(whole) * period / len(whole)
    agree = []
    for part in parts:
        if part.max() > 0.1 * parts.max():
            shift = (_peak_position(part) / len(part) - offset / period) * period
            half = period / 2
            shift = (shift + half / 2) % half - half / 2
            agree.append(abs(shift) / hop_rate <= _STEADY_S)
    return offset, bool(agree) and float(np.mean(agree)) >= 0.75


def _fold(strength: Curve, period: float) -> Values:
    """Strength by part and position in the beat, shape (parts of 16 beats, positions), a little smoothed."""
    positions = round(period)
    beats = max(1, int(len(strength) / period))
    kernel = np.hanning(9)
    smooth = np.convolve(strength, (kernel / kernel.sum()).astype(np.float32), mode="same")
    parts = []
    for start in range(0, beats, _WINDOW_BEATS):
        numbers = np.arange(start, min(start + _WINDOW_BEATS, beats))
        at = numbers[:, None] * period + np.arange(positions)[None] * (period / positions)
        first = int(at[0, 0])
        piece = smooth[first : int(at[-1, -1]) + 2]
        values = np.interp(at.ravel() - first, np.arange(len(piece)), piece)
        parts.append(values.reshape(at.shape).sum(axis=0))
    return np.array(parts)


def _peak_position(curve: Values) -> float:
    """Where a cyclic curve is highest, between its points."""
    best = int(np.argmax(curve))
    before, here, after = curve[best - 1], curve[best], curve[(best + 1) % len(curve)]
    bend = before - 2 * here + after
    return best + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)


def _follow(strength: Curve, period: float) -> Values:
    """Beats by dynamic programming: strong onsets, at distances near the period.

    After D. Ellis, Beat Tracking by Dynamic Programming, J. New Music Res. 36 (2007). The best predecessor of a hop
    lies half to two periods back; leaving the period costs the squared log ratio. Hops that lie within half a period
    cannot be each other's predecessors, and are scored together.
    """
    shortest, longest = max(1, round(period / 2)), round(period * 2)
    distances = np.arange(longest, shortest - 1, -1)
    cost = -_TIGHTNESS * np.log(distances / period) ** 2
    deviation = max(float(strength.std(dtype=float)), 1e-12)
    scores = np.zeros(longest)  # of the hops before
    steps = np.zeros(len(strength), np.int16)  # back to the beat before; 0 where there is none
    for start in range(0, len(strength), shortest):
        here = strength[start : start + shortest] / deviation
        reachable = scores[: longest - shortest + len(here)]
        reach = np.lib.stride_tricks.sliding_window_view(reachable, len(cost)) + cost
        best = reach.argmax(axis=1)
        gains = reach[np.arange(len(here)), best]
        steps[start : start + shortest] = np.where(gains > 0, distances[best], 0)
        scores = np.concatenate([scores, here + np.maximum(gains, 0)])[-longest:]
    path = [len(strength) - longest + int(np.argmax(scores))]
    while path[-1] >= 0 and steps[path[-1]]:
        path.append(path[-1] - int(steps[path[-1]]))
    return np.array([hop for hop in path[::-1] if hop >= 0], float)
