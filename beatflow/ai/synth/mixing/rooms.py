"""Rooms: what a stem sends into them comes back as early reflections and a tail. Knows no stems."""

from functools import lru_cache

import numpy as np

from beatflow.ai.synth.exactmath import RATE, Floats, decay, smooth_step
from beatflow.ai.synth.fir import Fir, impulse_response, quantised
from beatflow.ai.synth.randomness import Stream

_BUDGET = 2.0**20
_KINDS = {
    # half-lives of the bands up to 500, 2000, 5000 and 11000 Hz against the room's; how soon the tail is there (s)
    "room": ((0.8, 1.0, 0.8, 0.5), 0.008),
    "plate": ((0.7, 1.0, 0.95, 0.7), 0.003),
    "hall": ((0.95, 1.0, 0.65, 0.35), 0.03),
}


@lru_cache(maxsize=32)
def room(kind: str, half_s: float, channel: int) -> Fir:
    """One side of a room as a filter of unit energy.

    Parameters
    ----------
    kind : str
        ``room``, ``plate`` (dense at once and bright) or ``hall`` (late, dark, with walls that are heard).
    half_s : float
        Half-life of what lies at 1 kHz (s).
    channel : int
        0 left, 1 right: the sides share nothing, so that a room adds width and no phase.
    """
    shares, early_s = _KINDS[kind]
    frames = int(9.0 * half_s * RATE)
    noise = Stream("room", kind, channel).noise(frames)
    edges = (500.0, 2000.0, 5000.0, 11000.0)
    tail = impulse_response(
        frames, [(edge, half_s * share) for edge, share in zip(edges, shares, strict=True)], noise
    )
    early = max(1, min(frames // 8, int(early_s * RATE)))
    tail[:early] *= smooth_step(early)
    tail[frames - frames // 8 :] *= smooth_step(frames // 8)[::-1]
    if kind != "plate":
        _reflect(tail, kind, half_s, channel)
    energy = float(np.sqrt(np.cumsum(tail * tail)[-1]))
    return quantised(tail / energy, 0, _BUDGET)


def _reflect(tail: Floats, kind: str, half_s: float, channel: int) -> None:
    """The walls' first answers, short and dull bursts rather than single samples, which would comb."""
    stream = Stream("walls", kind, channel)
    reach = 0.025 if kind == "room" else 0.07
    scale = float(np.sqrt(np.cumsum(tail * tail)[-1]))
    for number in range(7):
        place = int((0.004 + reach * (number + stream.uniform()) / 7.0) * RATE)
        burst = stream.noise(24) * decay(24, 0.00012) * (scale * 0.11 * (1.0 - number / 9.0))
        if place + 24 < tail.size:
            tail[place : place + 24] += burst
