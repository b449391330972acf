"""Music whose tempo wanders, made even: its curves of onset strength as if it had been played to a click.

What blurs when a band drifts (which tempi repeat, which octave is meant, where bars begin) is then measured as in any
other music, and put back to when it was played. Knows nothing of tempi: it follows beats that were found roughly.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.onsets import Onsets
from beatflow.sound.periods import Values

_SMOOTHED_BEATS = 8
"""A band drifts over bars: what jumps from beat to beat are mistakes of whoever followed it."""
_FEWEST_BEATS = 16
_LONGEST_S = 1800.0
"""What is longer is no piece, and a second set of curves would take as much memory as the first."""


@dataclass(frozen=True, slots=True)
class Evened:
    """Curves made even, and how to get back.

    Parameters
    ----------
    onsets : Onsets
        At the median tempo throughout.
    played, even : ndarray, shape (points,)
        Times in seconds of the same points as they were played, and in `onsets`.
    """

    onsets: Onsets
    played: Values
    even: Values

    def restore(self, times: Values) -> Values:
        """When something was played that is at these times in `onsets`, seconds."""
        return np.interp(times, self.even, self.played)


def even_out(onsets: Onsets, beats: Values) -> Evened | None:
    """Make curves even along beats (seconds) that follow them; None where there are few, or it is very long."""
    if len(beats) < _FEWEST_BEATS or onsets.duration_s > _LONGEST_S:
        return None
    kernel = np.hanning(2 * _SMOOTHED_BEATS + 1)
    reach = _SMOOTHED_BEATS
    edge = min(reach, len(beats) - 1)
    before = np.pad(2 * beats[0] - beats[edge:0:-1], (reach - edge, 0), mode="edge")
    after = np.pad(2 * beats[-1] - beats[-2 : -edge - 2 : -1], (0, reach - edge), mode="edge")
    smooth: Values = np.asarray(
        np.convolve(np.concatenate([before, beats, after]), kernel / kernel.sum(), mode="valid"),
        float,
    )
    length = float(np.median(np.diff(smooth)))
    if not length > 0:
        return None
    # What comes before the first beat and after the last one goes on at their pace.
    first, last = (max(float(step), length / 2) for step in (smooth[1] - smooth[0], smooth[-1] - smooth[-2]))
    lead = np.arange(np.ceil(max(0.0, smooth[0]) / first), 0, -1)
    tail = np.arange(1, np.ceil(max(0.0, onsets.duration_s - smooth[-1]) / last) + 1)
    played: Values = np.concatenate([smooth[0] - first * lead, smooth, smooth[-1] + last * tail]).astype(
        np.float64
    )
    even: Values = np.arange(len(played)) * np.float64(length)
    # Time 0 stays time 0.
    even -= np.interp(0.0, played, even)
    return Evened(_resample(onsets, played, even), played, even)


def _resample(onsets: Onsets, played: Values, even: Values) -> Onsets:
    duration_s = float(np.interp(onsets.duration_s, played, even))
    hops = round(duration_s * onsets.hop_rate)
    at = np.interp(np.arange(hops) / onsets.hop_rate, even, played) * onsets.hop_rate
    places = np.arange(len(onsets.full))
    full, low, middle, high = (
        np.interp(at, places, curve).astype(np.float32)
        for curve in (onsets.full, onsets.low, onsets.middle, onsets.high)
    )
    accents, low_accents = (
        np.interp(at, places, curve).astype(np.float16) for curve in (onsets.accents, onsets.low_accents)
    )
    rows = np.clip(np.round(at[::16] / 16).astype(np.intp), 0, len(onsets.chroma) - 1)
    return Onsets(
        onsets.hop_rate, duration_s, full, low, middle, high, accents, low_accents, onsets.chroma[rows]
    )
