"""How a singer is tuned, and which semitones were meant. Knows pitches and times, no sound.

Untrained singers miss notes by 20 cents or so, each for itself, and slide as a whole while they go on. Both are taken
out of the reckoning at once: of all ways to slide, the one by which the pitches come nearest to the notes of a scale.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.tonality import SCALES, Key

Float = NDArray[np.float64]

_STEP = 0.04
_REACH = 1.0
_MISS = 0.2
"""By how many semitones a note is off its singer's own tuning (standard deviation)."""
_SLIDE = 0.06
"""By how many semitones the tuning moves in a second (standard deviation of a random walk)."""
_STRANGE = 1.6
"""What a note outside the scale costs, in units of half a squared deviation."""
_FARTHEST = 0.5


def find_semitones(times_s: Float, pitches: Float, key: Key | None = None) -> tuple[NDArray[np.int64], Float]:
    """The MIDI notes that were meant, and how far from A 440 the tuning was at each, in semitones.

    A Viterbi search over tunings from one semitone below to one above, beginning within half a semitone; every
    pitch costs its squared distance to the nearest note, more where that is outside the ``key``. Without a key the
    cheapest of the twelve scales counts.

    Parameters
    ----------
    times_s, pitches : ndarray, shape (notes,)
        In order; pitches are MIDI numbers with fractions.
    """
    tunings = np.arange(-_REACH, _REACH + _STEP / 2.0, _STEP)
    aims = pitches[:, None] - tunings
    near = np.rint(aims)
    other = near + np.where(aims >= near, 1.0, -1.0)
    candidates = np.stack([near, other]).astype(np.int64)
    misses = np.minimum(np.abs(aims - candidates), 2 * _FARTHEST) ** 2 / (2.0 * _MISS**2)
    apart = tunings[:, None] - tunings
    best = np.inf
    for one in [key] if key else [Key(tonic, "maj") for tonic in range(12)]:
        inside = np.isin((candidates - one.tonic) % 12, SCALES[one.mode])
        costs = misses + np.where(inside, 0.0, _STRANGE)
        cost, path = _search(
            costs.min(axis=0), times_s, apart, np.where(np.abs(tunings) <= 0.5 + 1e-9, 0.0, 9e9)
        )
        if cost < best - 1e-9:
            rows = np.arange(pitches.size)
            choice = costs[:, rows, path].argmin(axis=0)
            best, notes, slide = cost, candidates[choice, rows, path], tunings[path]
    return notes, slide


def _search(costs: Float, times_s: Float, apart: Float, total: Float) -> tuple[float, NDArray[np.intp]]:
    """The cheapest path through the tunings, and what it costs; ``total`` is what each costs to begin with."""
    back = np.zeros(costs.shape, dtype=np.intp)
    columns = np.arange(costs.shape[1])
    for index, row in enumerate(costs):
        if index:
            spread = _SLIDE**2 * max(0.1, times_s[index] - times_s[index - 1])
            reach = total + apart**2 / (2.0 * spread)
            back[index] = reach.argmin(axis=1)
            total = reach[columns, back[index]]
        total = total + row
    path = np.empty(costs.shape[0], dtype=np.intp)
    path[-1] = total.argmin()
    for index in range(path.size - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return float(total.min()), path
