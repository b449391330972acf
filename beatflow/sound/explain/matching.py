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
    arranged = np.empty((len(old), len(sources)), np.float32)
    for channel, (source, sign) in enumerate(zip(sources, signs, strict=True)):
        np.multiply(old[:, source], np.float32(sign), out=arranged[:, channel])
    return arranged


def find_match(old: Samples, new: Samples) -> Match | None:
    """Find what of a new sound is an old one; None where that is nothing, or too little to tell.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
        With as many channels as each other, or one of them mono.
    """
    blend = old.shape[1] == new.shape[1]
    shortest = max(1, min(len(old), len(new)) - _HASHED + 1)
    bits = int(np.clip(np.log2(shortest / 1024), 0, _BITS))
    anchors = [_find_anchors(samples, blend, bits) for samples in (old, new)]
    at, offsets = _pair(*anchors)
    if not len(at):
        return None
    form = _find_form(old, new, at, offsets)
    if form is None:
        return None
    path = _follow(anchors[1].frames, at, offsets)
    stretches = tuple(_prove(old, new, form, path))
    return Match(stretches, *form) if stretches else None


class _Anchors(NamedTuple):
    frames: NDArray[np.int64]
    hashes: NDArray[np.uint32]


def _find_anchors(samples: Samples, blend: bool, bits: int) -> _Anchors:
    """Find the frames whose hash, of the four frames from there on, begins with so many ones; silence has none."""
    frames, hashes, last = [], [], np.uint32(0)
    for start in range(0, len(samples) - _HASHED + 1, _BLOCK):
        hash_ = _hash(samples[start : start + _BLOCK + _HASHED - 1], blend)
        chosen = hash_ != 0
        if bits:
            chosen &= hash_ >> np.uint32(32 - bits) == (1 << bits) - 1
        # A held value hashes alike all along; its first frame is enough.
        chosen[1:] &= hash_[1:] != hash_[:-1]
        chosen[0] &= hash_[0] != last
        last = hash_[-1]
        places = np.flatnonzero(chosen)
        frames.append(places + start)
        hashes.append(hash_[places])
    if not frames:
        return _Anchors(np.zeros(0, np.int64), np.zeros(0, np.uint32))
    return _Anchors(np.concatenate(frames), np.concatenate(hashes))


def _hash(samples: Samples, blend: bool) -> NDArray[np.uint32]:
    """Hash the four frames from each frame on; 0 where they are silent.

    The same whatever the signs, and in ``blend`` whatever the order of the channels; else only the first counts.
    """
    total = np.zeros(len(samples), np.uint32)
    for channel in range(samples.shape[1] if blend else 1):
        bits = np.ascontiguousarray(samples[:, channel]).view(np.uint32) & _SIGNLESS
        bits *= _MULTIPLIERS[0]
        bits ^= bits >> np.uint32(15)
        total += bits
    hash_ = np.zeros(len(samples) - _HASHED + 1, np.uint32)
    for shift, multiplier in enumerate(_MULTIPLIERS):
        hash_ += total[shift : len(samples) - _HASHED + 1 + shift] * multiplier
    return hash_


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


def _prove(
    old: Samples, new: Samples, form: tuple[tuple[int, ...], tuple[int, ...]], runs: list[_Run]
) -> list[Stretch]:
    """Return the stretches of the runs that are equal, as long as they are."""
    stretches: list[Stretch] = []
    for number, run in enumerate(runs):
        low = stretches[-1].end if stretches else 0
        high = runs[number + 1].first if number + 1 < len(runs) else len(new)
        low, high = max(low, run.offset), min(high, len(old) + run.offset)
        if low >= high:
            continue
        equal = compare_frames(old[low - run.offset : high - run.offset], new[low:high], *form)
        for start, end in find_stretches(equal, _SHORTEST if high - low > 4 * _SHORTEST else 1):
            stretches.append(Stretch(low + start, end - start, low + start - run.offset))
    return stretches


def compare_frames(left: Samples, right: Samples, sources: tuple[int, ...], signs: tuple[int, ...]) -> Mask:
    """Say for each frame whether all channels of the right side are equal to what they are on the left."""
    equal = np.ones(len(right), bool)
    for channel, (source, sign) in enumerate(zip(sources, signs, strict=True)):
        wanted = left[:, source] if sign > 0 else -left[:, source]
        equal &= wanted == right[:, channel]
    return equal


def find_stretches(mask: Mask, shortest: int = 1) -> list[tuple[int, int]]:
    """Return where a mask is true for at least so many frames in a row: starts and ends."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= shortest
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))
