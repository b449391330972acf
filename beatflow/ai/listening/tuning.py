"""How a singer is tuned, and which semitones were meant. Knows pitches and times, no sound.

Untrained singers miss notes by 20 cents or so, each for itself, and slide as a whole while they go on. Both are taken
out of the reckoning: the tuning is followed along the line, and what lies between two semitones is taken for the one
that fits the key of the others.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.tonality import SCALES, Key

Float = NDArray[np.float64]

_MEMORY_S = 4.0
_STRANGE = 1.6
"""What a note outside the key costs, in units of half a squared deviation."""
_SURE, _LOOSE = 0.12, 0.3


def follow_tuning(times_s: Float, lengths_s: Float, pitches: Float) -> Float:
    """How far from A 440 the tuning is at each note, in semitones; continuous, beginning within -0.5..0.5.

    A mean of the neighbours' deviations on the circle of a semitone, weighted by length and nearness.
    """
    nearness = np.exp(-np.abs(times_s[:, None] - times_s[None, :]) / _MEMORY_S) * np.minimum(lengths_s, 1.0)
    around = nearness @ np.exp(2j * np.pi * pitches)
    turns = np.unwrap(np.angle(around)) / (2.0 * np.pi)
    return np.asarray(turns)


def choose_semitones(pitches: Float, key: Key | None = None) -> NDArray[np.int64]:
    """The MIDI notes that were meant, from pitches without their tuning.

    The likeliest notes for a normal deviation as wide as that of these pitches, where notes outside the scale cost
    something; without a ``key``, of the scale that is cheapest.
    """
    near = np.rint(pitches).astype(np.int64)
    other = np.where(pitches >= near, near + 1, near - 1)
    width = float(np.clip(np.sqrt(np.mean((pitches - near) ** 2)), _SURE, _LOOSE))
    costs = np.stack([(pitches - near) ** 2, (pitches - other) ** 2]) / (2.0 * width**2)
    notes = np.stack([near, other])
    best: tuple[float, NDArray[np.int64]] | None = None
    keys = [key] if key else [Key(tonic, "maj") for tonic in range(12)]
    for one in keys:
        inside = np.isin((notes - one.tonic) % 12, SCALES[one.mode])
        total = costs + np.where(inside, 0.0, _STRANGE)
        chosen = np.argmin(total, axis=0)
        cost = float(total[chosen, np.arange(near.size)].sum())
        if best is None or cost < best[0] - 1e-9:
            best = cost, notes[chosen, np.arange(near.size)]
    assert best is not None
    return best[1]
