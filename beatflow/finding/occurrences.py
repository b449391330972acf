"""Where a sample is used in another sound: louder or softer, filtered, coded, under other sounds, a little stretched.

The landmarks of both are laid over each other at every offset, and coincidences are counted: a sample that is there
makes one offset stand out from those around it. Whatever has the same notes or beats by chance raises many offsets
alike. A sample is taken in parts of some seconds, so that pieces of it are found as well. Knows no sounds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beatflow.finding.bands import HOP_S, PER_OCTAVE
from beatflow.finding.landmarks import Landmarks, iter_parts

PART_HOPS, PART_EVERY = 250, 125
"""Samples are taken in parts of 4 s, one every 2 s."""
LEAST = 8
"""A sample with fewer landmarks tells nothing: a thud, a tone without an attack."""
SURE, LIKELY = 8.0, 5.8
"""By how many standard deviations an offset must stand out; docs/find.md has how often chance does so."""
_NEAR_HOPS, _WIDE_HOPS = 30, 250
_SPREAD = 0.5
LEAST_SHARE = 0.1
"""Of what a part of the sample has, that much must be there."""
_STRETCHED = 7.0
"""The same for other paces: there are two dozen of them to be right by chance."""
_WORTH, _CLEAR = 4.5, 12.0
"""What is worth a closer look, and what needs none."""
_PACES = (0.97, 1.03, 0.94, 1.06, 0.91, 1.09)
_FINE = (-0.012, -0.008, -0.004, 0.0, 0.004, 0.008, 0.012)
_TUNED = (-2, -1, 1, 2, 3, -3)
"""Thirds of a semitone by which a sample may have been tuned with its tempo, as a record player does."""
_APART_HOPS = 12
_MOST = 400


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where a sample is used.

    Parameters
    ----------
    start_s, end_s : float
        Where in the sound.
    sample_start_s, sample_end_s : float
        Which part of the sample.
    score : float
        By how many standard deviations more landmarks coincide than chance would have.
    share : float
        Of the sample's landmarks, how many are there.
    stretch : float
        How much longer it is there; 1 for as it was.
    gain_db : float or None
        How much louder it is there than by itself, where its very waveform was found.
    """

    start_s: float
    end_s: float
    sample_start_s: float
    sample_end_s: float
    score: float
    share: float
    stretch: float
    gain_db: float | None = None


@dataclass(frozen=True, slots=True)
class _Hit:
    """An offset at which a part of the sample stands out; hops throughout."""

    first: int
    end: int
    offset: int  # in the sound, of the sample's hop 0
    score: float
    share: float
    pace: float
    tuned: int


class Target:
    """The landmarks of a sound, ordered so that those of a band lie together.

    Parameters
    ----------
    landmarks : Landmarks
    """

    def __init__(self, landmarks: Landmarks) -> None:
        order = np.argsort(landmarks.bands, kind="stable")
        self.hops, self.bands = landmarks.hops[order], landmarks.bands[order]
        self.length = int(landmarks.hops[-1]) + 1 if len(landmarks) else 0

    def pair(self, sample: Landmarks, tuned: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hops of the sound and of the sample of each two landmarks within a band of each other."""
        low = np.searchsorted(self.bands, sample.bands + (tuned - 1), side="left")
        high = np.searchsorted(self.bands, sample.bands + (tuned + 1), side="right")
        count = high - low
        start = np.repeat(low - (np.cumsum(count) - count), count)
        return self.hops[start + np.arange(len(start))], np.repeat(sample.hops, count)


def find_occurrences(sample: Landmarks, sound: Landmarks, stretched: bool = True) -> list[Occurrence]:
    """Find where a sample is used in a sound, in order.

    Parameters
    ----------
    stretched : bool
        Look for it up to a tenth faster and slower as well, which takes several times as long.
    """
    if len(sample) < LEAST or len(sound) < LEAST:
        return []
    target = Target(sound)
    hits: list[_Hit] = []
    for part in iter_parts(sample, PART_HOPS, PART_EVERY):
        if len(part) >= LEAST:
            hits += _find_part(part, target, stretched)
    return _join(hits)


def _find_part(part: Landmarks, target: Target, stretched: bool) -> list[_Hit]:
    """The offsets at which one part stands out, at its own pace or, where that is clearer, at another."""
    own = list(_vote(part, target, 1.0, 0))
    clearest = max((hit.score for hit in own), default=0.0)
    if not stretched or clearest >= _CLEAR:
        return own
    options = [(pace, 0) for pace in _PACES]
    options += [(2.0 ** (-tuned / PER_OCTAVE), tuned) for tuned in _TUNED]
    tried = [hit for pace, tuned in options for hit in _vote(part, target, pace, tuned, _WORTH)]
    if not tried:
        return own
    near = max(tried, key=lambda hit: hit.score)
    fine = [list(_vote(part, target, near.pace + step, near.tuned, _STRETCHED)) for step in _FINE]
    best = max(fine, key=lambda hits: max((hit.score for hit in hits), default=0.0))
    return best if max((hit.score for hit in best), default=0.0) > clearest else own


def _vote(part: Landmarks, target: Target, pace: float, tuned: int, least: float = LIKELY) -> Iterator[_Hit]:
    """Count coincidences for each offset, at one stretch of time, and yield those that stand out."""
    there, here = target.pair(part, tuned)
    first, end = int(part.hops[0]), int(part.hops[-1]) + 1
    shift = int(np.ceil(end * pace)) + 1
    offsets = there - np.rint(here * pace).astype(np.int64) + shift
    votes = np.bincount(offsets, minlength=target.length + shift + 2).astype(np.float64)
    votes[1:-1] += votes[:-2] + votes[2:]
    scores = _stand_out(votes)
    for _ in range(_MOST):
        best = int(scores.argmax())
        if scores[best] < least:
            return
        share = min(1.0, float(votes[best]) / len(part))
        if share < LEAST_SHARE:
            scores[best] = -1.0
            continue
        yield _Hit(first, end, best - shift, float(scores[best]), share, pace, tuned)
        scores[max(0, best - _APART_HOPS) : best + _APART_HOPS + 1] = -1.0


def _stand_out(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how many standard deviations each offset stands out of those around it.

    The deviation is that of chance or, where it is larger, what the votes themselves have within four seconds: beats
    that fall on other beats raise one offset in every few.
    """
    near = _mean_around(votes, _NEAR_HOPS)
    wide = _mean_around(votes, _WIDE_HOPS)
    spread = np.maximum(_mean_around(votes**2, _WIDE_HOPS) - wide**2, 0.0)
    return np.asarray((votes - near) / np.sqrt(np.maximum(near, _SPREAD * spread) + 1.0))


def _mean_around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The mean within so many hops, without what belongs to the offset itself."""
    total = np.cumsum(np.pad(values, (1, 0)))
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    near_low, near_high = np.maximum(places - 2, 0), np.minimum(places + 3, len(values))
    rest = (total[high] - total[low]) - (total[near_high] - total[near_low])
    return np.asarray(np.maximum(rest, 0.0) / np.maximum((high - low) - (near_high - near_low), 1))


def _join(hits: Sequence[_Hit]) -> list[Occurrence]:
    """Put parts together that go on from each other; the strongest decides where several lie at one place."""
    chains: list[list[_Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.first, hit.offset)):
        for chain in chains:
            last = chain[-1]
            reach = 4 + 0.02 * (hit.end - last.first)
            drift = abs((hit.offset + hit.first * hit.pace) - (last.offset + hit.first * last.pace))
            if hit.first > last.first and hit.first <= last.end + PART_EVERY and drift <= reach:
                chain.append(hit)
                break
        else:
            chains.append([hit])
    found = [_describe(chain) for chain in chains]
    kept: list[Occurrence] = []
    for one in sorted(found, key=lambda one: -one.score * (one.end_s - one.start_s)):
        if all(overlap(one, other) < 0.5 for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start_s)


def _describe(chain: Sequence[_Hit]) -> Occurrence:
    best = max(chain, key=lambda hit: hit.score)
    first, last = chain[0], chain[-1]
    start = (first.offset + first.first * first.pace) * HOP_S
    end = (last.offset + last.end * last.pace) * HOP_S
    return Occurrence(
        round(max(0.0, start), 3),
        round(end, 3),
        round(first.first * HOP_S, 3),
        round(last.end * HOP_S, 3),
        round(best.score, 1),
        round(sum(hit.share for hit in chain) / len(chain), 2),
        round(best.pace, 3),
    )


def overlap(one: Occurrence, other: Occurrence) -> float:
    """The share of the shorter of two that lies in both."""
    common = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return common / shorter if shorter > 0 else 0.0


def clip(occurrence: Occurrence, duration_s: float) -> Occurrence:
    """An occurrence that ends where its sound does."""
    return replace(occurrence, end_s=round(min(occurrence.end_s, duration_s), 3))
