"""Stretches of a new sound that are an old one bit for bit, to the frame: what was cut, put in, moved or replaced.

Frames are compared as they are, but for the sign and for which channel is which. Knows of no gain and no filter.

Where four frames hash to one of 1024 values there is an *anchor*; the same anchor in both sounds votes for an offset.
Loops and silence match in many places, so a path through the offsets is sought that jumps as rarely as it can
(Viterbi), and what it claims is then proved frame by frame.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

_HASHED = 4
_BITS = 10
_PARTNERS = 256  # an anchor in more places than this says nothing
_OFFSETS = 48
_JUMP = 4.0  # anchors that a jump must win
_BLOCK = 1 << 18
_SHORTEST = 64
"""Fewer equal frames than this between unequal ones are chance."""

_MULTIPLIERS = tuple(np.uint32(number) for number in (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F))
_SIGNLESS = np.uint32(0x7FFFFFFF)

Mask = NDArray[np.bool_]


class Stretch(NamedTuple):
    """``frames`` frames of the new sound from ``start`` on are those of the old one from ``source`` on."""

    start: int
    frames: int
    source: int

    @property
    def end(self) -> int:
        """The new sound's frame after it."""
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Match:
    """Where and how a new sound is an old one bit for bit.

    Parameters
    ----------
    stretches : tuple of Stretch
        Ascending, not overlapping.
    sources : tuple of int
        Which old channel each new channel is.
    signs : tuple of int
        1, or -1 where the channel is inverted.
    """

    stretches: tuple[Stretch, ...]
    sources: tuple[int, ...]
    signs: tuple[int, ...]

    def arrange(self, old: Samples) -> Samples:
        """Return the old sound with its channels as in the new one; the same array where nothing changes."""
        return arrange_channels(old, self.sources, self.signs)


def arrange_channels(old: Samples, sources: tuple[int, ...], signs: tuple[int, ...]) -> Samples:
    """Pick and invert channels."""
    if sources == tuple(range(old.shape[1])) and min(signs) > 0:
        return old
    return np.ascontiguousarray(old[:, sources]) * np.array(signs, np.float32)


def find_match(old: Samples, new: Samples) -> Match | None:
    """Find what of a new sound is an old one; None where that is nothing, or too little to tell.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
        With as many channels as each other, or one of them mono.
    """
    hashes = [_hash(samples, old.shape[1] == new.shape[1]) for samples in (old, new)]
    bits = int(np.clip(np.log2(max(1, min(len(hash_) for hash_ in hashes)) / 1024), 0, _BITS))
    anchors = [_choose_anchors(hash_, bits) for hash_ in hashes]
    at, offsets = _pair(*anchors)
    if not len(at):
        return None
    form = _find_form(old, new, at, offsets)
    if form is None:
        return None
    path = _follow(anchors[1].frames, at, offsets)
    stretches = tuple(_prove(arrange_channels(old, *form), new, path))
    return Match(stretches, *form) if stretches else None


def _hash(samples: Samples, blend: bool) -> NDArray[np.uint32]:
    """Hash the four frames from each frame on; 0 where they are silent.

    The same whatever the signs, and in ``blend`` whatever the order of the channels; else only the first counts.
    """
    frames = len(samples)
    if frames < _HASHED:
        return np.zeros(0, np.uint32)
    total = np.zeros(frames, np.uint32)
    for start in range(0, frames, _BLOCK):
        part = samples[start : start + _BLOCK]
        for channel in range(part.shape[1] if blend else 1):
            bits = np.ascontiguousarray(part[:, channel]).view(np.uint32) & _SIGNLESS
            bits *= _MULTIPLIERS[0]
            bits ^= bits >> np.uint32(15)
            total[start : start + _BLOCK] += bits
    hash_ = np.zeros(frames - _HASHED + 1, np.uint32)
    for shift, multiplier in enumerate(_MULTIPLIERS):
        hash_ += total[shift : frames - _HASHED + 1 + shift] * multiplier
    return hash_


class _Anchors(NamedTuple):
    frames: NDArray[np.int64]
    hashes: NDArray[np.uint32]


def _choose_anchors(hash_: NDArray[np.uint32], bits: int) -> _Anchors:
    chosen = hash_ != 0
    if bits:
        chosen &= hash_ >> np.uint32(32 - bits) == (1 << bits) - 1
    # A held value hashes alike all along; its first frame is enough.
    chosen[1:] &= hash_[1:] != hash_[:-1]
    frames = np.flatnonzero(chosen)
    return _Anchors(frames, hash_[frames])


def _pair(old: _Anchors, new: _Anchors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which new anchors may be which old ones: numbers of new anchors, ascending, and offsets."""
    order = np.argsort(old.hashes, kind="stable")
    known = old.hashes[order]
    first = np.searchsorted(known, new.hashes, "left")
    count = np.searchsorted(known, new.hashes, "right") - first
    count[count > _PARTNERS] = 0
    at = np.repeat(np.arange(len(new.frames)), count)
    within = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    partners = old.frames[order[np.repeat(first, count) + within]]
    return at, new.frames[at] - partners


def _find_form(
    old: Samples, new: Samples, at: NDArray[np.int64], offsets: NDArray[np.int64]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Say which old channel each new one is and whether it is inverted, from frames where many anchors agree."""
    values, counts = np.unique(offsets, return_counts=True)
    best = int(values[np.argmax(counts)])
    first, last = max(best, 0), min(len(new), len(old) + best)
    # The offset holds somewhere; frames that agree but for sign and order show the form.
    channels = range(old.shape[1])
    step = max(1, (last - first) // 200_000)
    left, right = old[first - best : last - best : step], new[first:last:step]
    sources, signs = [], []
    for channel in range(new.shape[1]):
        wanted = right[:, channel]
        scores = {
            (source, sign): int(
                np.count_nonzero((left[:, source] * np.float32(sign) == wanted) & (wanted != 0))
            )
            for source in sorted(channels, key=lambda other: other != channel)
            for sign in (1, -1)
        }
        source, sign = max(scores, key=lambda form: scores[form])
        if not scores[source, sign] and wanted.any():
            return None
        sources.append(source if scores[source, sign] else min(channel, old.shape[1] - 1))
        signs.append(sign if scores[source, sign] else 1)
    return tuple(sources), tuple(signs)


class _Run(NamedTuple):
    """Anchors from frame ``first`` to ``last`` of the new sound that lie on one offset."""

    offset: int
    first: int
    last: int


def _follow(frames: NDArray[np.int64], at: NDArray[np.int64], offsets: NDArray[np.int64]) -> list[_Run]:
    """Follow the likeliest path through the offsets, with as few jumps as explain the most anchors."""
    values, counts = np.unique(offsets, return_counts=True)
    chosen = np.lexsort((np.abs(values), -counts))[:_OFFSETS]
    # The smallest first: of equally good ones the first wins.
    states = values[chosen][np.argsort(np.abs(values[chosen]), kind="stable")]
    place = {int(value): number for number, value in enumerate(states)}
    numbers = np.array([place.get(value, -1) for value in values])[np.searchsorted(values, offsets)]
    hits = np.zeros((len(frames), len(states)), bool)
    hits[at[numbers >= 0], numbers[numbers >= 0]] = True
    told = np.flatnonzero(hits.any(axis=1))
    if not len(told):
        return []
    came = np.empty((len(told), len(states)), np.int32)
    stay = np.arange(len(states), dtype=np.int32)
    score = np.zeros(len(states))
    for row, number in enumerate(told):
        best = int(np.argmax(score))
        jump = score < score[best] - _JUMP
        came[row] = np.where(jump, best, stay)
        score = np.maximum(score, score[best] - _JUMP) + np.where(hits[number], 1.0, -1.0)
    state = int(np.argmax(score))
    path = np.empty(len(told), np.int32)
    for row in range(len(told) - 1, -1, -1):
        path[row] = state
        state = came[row, state]
    runs: list[_Run] = []
    right = hits[told, path]
    for number, state in zip(told[right].tolist(), path[right].tolist(), strict=True):
        offset, frame = int(states[state]), int(frames[number])
        if runs and runs[-1].offset == offset:
            runs[-1] = runs[-1]._replace(last=frame)
        else:
            runs.append(_Run(offset, frame, frame))
    return runs


def _prove(old: Samples, new: Samples, runs: list[_Run]) -> list[Stretch]:
    """Return the stretches of the runs that are equal, as long as they are."""
    stretches: list[Stretch] = []
    for number, run in enumerate(runs):
        low = stretches[-1].end if stretches else 0
        high = runs[number + 1].first if number + 1 < len(runs) else len(new)
        low, high = max(low, run.offset), min(high, len(old) + run.offset)
        if low >= high:
            continue
        equal = compare_frames(old[low - run.offset : high - run.offset], new[low:high])
        for start, end in find_stretches(equal, _SHORTEST if high - low > 4 * _SHORTEST else 1):
            stretches.append(Stretch(low + start, end - start, low + start - run.offset))
    return stretches


def compare_frames(left: Samples, right: Samples) -> Mask:
    """Say for each frame whether all channels are equal."""
    equal = left[:, 0] == right[:, 0]
    for channel in range(1, left.shape[1]):
        equal &= left[:, channel] == right[:, channel]
    return np.asarray(equal)


def find_stretches(mask: Mask, shortest: int = 1) -> list[tuple[int, int]]:
    """Return where a mask is true for at least so many frames in a row: starts and ends."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= shortest
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))
