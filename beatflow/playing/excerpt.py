"""Which stretch of a piece tells most of it: loud, and of a kind that comes back, as choruses and themes are.

Pure arithmetic over a loudness course and the sections that were found. Knows no files.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.loudness import Course

_RETURN_DB = 6.0
"""What music that fills all of the piece is worth in loudness. Heuristic: of real music, choruses are 2 to 6 dB above
verses, and either alone should be able to decide."""
_BEGINNING_DB = 1.5
"""What it is worth to begin where a section does."""
_NEAR_S = 0.05
_STEP_S = 1.0


def find_excerpt(
    course: Course,
    duration_s: float,
    length_s: float,
    sections: Sequence[Mapping[str, Any]] = (),
    downbeats: Sequence[float] = (),
) -> float:
    """Return where the most telling stretch of a length begins, in seconds; 0 where the piece is no longer than that.

    Parameters
    ----------
    course : Course
        Of the whole piece.
    duration_s, length_s : float
    sections : sequence of mapping
        ``start_s``, ``end_s``, ``label``, one after the other.
    downbeats : sequence of float
        It begins at one of them, where there are some; otherwise at a whole second.
    """
    last_s = duration_s - length_s
    if last_s <= 0:
        return 0.0
    begins = [float(section["start_s"]) for section in sections]
    starts = sorted({at for at in (*downbeats, *begins) if 0 <= at <= last_s})
    if len(starts) < 2:
        starts = [float(at) for at in np.arange(0.0, last_s + 1e-9, _STEP_S)]
    energy = np.cumsum([0.0, *(10 ** (course.momentary / 10))])
    shares = _share_labels(sections, duration_s)

    def rate(start_s: float) -> float:
        loud = 10 * math.log10(max(_mean(energy, course.hop_s, start_s, start_s + length_s), 1e-12))
        coming_back = _RETURN_DB * _weigh(sections, shares, start_s, start_s + length_s)
        begins_here = any(abs(start_s - at) <= _NEAR_S for at in begins)
        return loud + coming_back + _BEGINNING_DB * begins_here

    # Of equally good places the first: rounded, so that noise decides nothing.
    return max(starts, key=lambda at: (round(rate(at), 2), -at))


def _mean(energy: NDArray[np.float64], hop_s: float, start_s: float, end_s: float) -> float:
    count = len(energy) - 1
    first = min(round(start_s / hop_s), count)
    last = min(max(round(end_s / hop_s), first + 1), count)
    return float(energy[last] - energy[first]) / max(last - first, 1)


def _share_labels(sections: Sequence[Mapping[str, Any]], duration_s: float) -> dict[str, float]:
    """How much of the piece each label has; what is there but once tells nothing of the rest, and has none."""
    shares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for section in sections:
        label = str(section["label"])
        counts[label] = counts.get(label, 0) + 1
        shares[label] = shares.get(label, 0.0) + (section["end_s"] - section["start_s"]) / duration_s
    return {label: share if counts[label] > 1 else 0.0 for label, share in shares.items()}


def _weigh(
    sections: Sequence[Mapping[str, Any]], shares: Mapping[str, float], start_s: float, end_s: float
) -> float:
    """Return the share of the piece that the stretch's labels have, each by its part in the stretch."""
    weight = 0.0
    for section in sections:
        common = min(end_s, section["end_s"]) - max(start_s, section["start_s"])
        weight += max(common, 0.0) * shares[str(section["label"])]
    return weight / (end_s - start_s)
