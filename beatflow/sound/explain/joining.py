"""Where an old sound lies on a new one that is not the same bit for bit: at which offsets, and from where to where.

The counterpart of `matching` for sounds with a gain, a filter or noise between them: blocks vote instead of hashes,
and the frame at which one thing ends and another begins is read off what remains.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.matching import Stretch, find_stretches
from beatflow.sound.explain.offset import locate
from beatflow.sound.explain.remains import BLOCK, Blocks, lay

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_VOTE = 1024
_JUMP = 16.0
_MOST = 16
_WIDTH = 8
_SHORTEST_S = 0.06
_SMEARED_S = 0.3
_PROBED_S = 0.15
_SPLINTER_S = 0.02
_PROBES = 8
_AROUND = 12
_SMEAR = 24
_UNLIKE = 0.7


def join(
    made: Samples, new: Samples, offsets: Sequence[int], sample_rate: int, reach: int, clean: bool
) -> list[Stretch]:
    """Return the stretches of a new sound that an old one explains.

    Parameters
    ----------
    made, new : ndarray of float32, shape (frames, channels)
        The old sound with gain and filter, and the new one.
    offsets : sequence of int
        Where it may lie; the first is where most of it does.
    sample_rate : int
        In Hz.
    reach : int
        How many frames other offsets, which are looked for where these fail, may be away.
    clean : bool
        Nothing but a gain is between them, so that a click shows.
    """
    stretches = [overlap(offsets[0], len(made), len(new))]
    good = find_good(made, new, stretches, clean)
    poor = [
        (start, end)
        for start, end in (
            (start * BLOCK, min(end * BLOCK, len(new))) for start, end in find_stretches(~good)
        )
        if end - start > _PROBED_S * sample_rate and new[start:end].any()
    ]
    if poor:
        tried = list(dict.fromkeys([*offsets, *_look_for_more(made, new, poor, sample_rate, reach)]))[:_MOST]
        if len(tried) > 1:
            stretches = _follow(made, new, tried)
            good = find_good(made, new, stretches, clean)
    return _cut(made, new, stretches, good, sample_rate, clean)


def overlap(offset: int, old: int, new: int) -> Stretch:
    """Return where a sound of ``old`` frames lies in one of ``new`` frames at an offset."""
    start, end = max(offset, 0), min(old + offset, new)
    return Stretch(start, max(0, end - start), start - offset)


def find_good(made: Samples, new: Samples, stretches: Sequence[Stretch], clean: bool = False) -> Mask:
    """Say for each block of `BLOCK` frames whether what is laid there explains it, up to a gain, as well as elsewhere.

    In ``clean`` nothing but a gain is between the two, and whatever else there is, is something else. Otherwise a
    codec or a filter smears what it leaves over some thousand frames, and only what is not alike at all is.
    """
    blocks = Blocks.measure(lay(made, stretches, len(new)), new)
    gains, alike = blocks.find_gains(_WIDTH)
    # What no gain explains; of what is small, sums of squares cancel, and say nothing.
    followed = np.maximum(
        blocks.there - 2 * gains * blocks.cross + gains**2 * blocks.laid, 1e-6 * blocks.there
    )
    left = np.where(blocks.left > 1e-4 * blocks.there, np.minimum(followed, blocks.left), blocks.left)
    loudest = max(float(blocks.laid.max(initial=0.0)), float(blocks.there.max(initial=0.0)), 1e-20)
    told = (blocks.there > 1e-6 * loudest) & (blocks.laid > 1e-6 * loudest)
    if not told.any():
        return np.asarray(blocks.left <= 1e-6 * loudest)
    ratio = left[told] / blocks.there[told]
    usual = float(np.percentile(ratio, 30))
    noise = float(np.median(left[told][ratio <= np.percentile(ratio, 60)]))
    clean = clean and usual < 1e-4
    around = _find_loudest(np.maximum(blocks.laid, blocks.there), _WIDTH if clean else _SMEAR)
    if clean:
        # Within a fade, the gain of the blocks around is not quite the block's own.
        share = np.where(np.abs(gains - np.median(gains[told])) < 0.003, 1e-4, 5e-3)
        bad = left > 20 * noise + np.maximum(20 * usual, share) * around
    else:
        bad = (left > 40 * noise + max(10 * usual, 0.08) * around) & (alike < _UNLIKE)
    audible = (blocks.laid > 1e-5 * loudest) & (blocks.laid > 100 * noise)
    bad |= _find_muted((gains < 0.01) & ((alike < 0.5) | (blocks.there == 0)) & audible, gains, alike)
    return ~bad


def _find_muted(silenced: Mask, gains: Array, alike: Array) -> Mask:
    """Keep what is silenced at once, and not at the end of a fade."""
    muted = silenced.copy()
    told = np.flatnonzero((alike > 0.8) & ~silenced)
    for start, end in find_stretches(silenced):
        place = int(np.searchsorted(told, start))
        beside = [int(number) for number in told[max(0, place - 1) : place + 1]]
        if any(gains[number] < 0.15 for number in beside):
            muted[start:end] = False
    return muted


def _find_loudest(values: Array, width: int) -> Array:
    """Return the largest value within so many blocks around each."""
    loudest = values.copy()
    reach = 1
    while reach <= width:
        loudest[reach:] = np.maximum(loudest[reach:], loudest[:-reach])
        loudest[:-reach] = np.maximum(loudest[:-reach], loudest[reach:])
        reach *= 2
    return loudest


def _look_for_more(
    made: Samples, new: Samples, poor: Sequence[tuple[int, int]], sample_rate: int, reach: int
) -> list[int]:
    found = []
    for start, end in sorted(poor, key=lambda span: span[0] - span[1])[:_PROBES]:
        middle, half = (start + end) // 2, min(end - start, 4 * sample_rate) // 2
        found += locate(made, new, middle - half, middle + half, reach)
    return [offset.frames for offset in sorted(found, key=lambda offset: -offset.height)]


def _follow(made: Samples, new: Samples, offsets: Sequence[int]) -> list[Stretch]:
    """Follow the path through the offsets that explains the most blocks with the fewest jumps."""
    count = -(-len(new) // _VOTE)
    sums = np.zeros((3, len(offsets), count))
    part = _VOTE * 256
    for start in range(0, len(new), part):
        end = min(start + part, len(new))
        # Differences count the highs as much as the lows.
        there = np.diff(_take(new, start - 1, end), axis=0)
        for number, offset in enumerate(offsets):
            blocks = Blocks.measure(np.diff(_take(made, start - 1 - offset, end - offset), axis=0), there)
            first = start // _VOTE
            for total, values in zip(sums, (blocks.cross, blocks.laid, blocks.there), strict=True):
                joined = np.add.reduceat(values, np.arange(0, len(values), _VOTE // BLOCK))
                total[number, first : first + len(joined)] = joined
    cross, was, now = sums
    floor = 1e-7 * max(float(now.max(initial=0.0)), 1e-20)
    likeness = np.clip(cross / np.sqrt(np.maximum(was * now, floor**2)), 0, 1)
    votes = np.where(now > floor, likeness, 0)
    came = np.empty(votes.shape, np.int32)
    score = np.zeros(len(offsets))
    stay = np.arange(len(offsets))
    for block in range(count):
        best = int(np.argmax(score))
        came[:, block] = np.where(score < score[best] - _JUMP, best, stay)
        score = np.maximum(score, score[best] - _JUMP) + votes[:, block]
    state = int(np.argmax(score))
    path = np.empty(count, np.int32)
    for block in range(count - 1, -1, -1):
        path[block] = state
        state = came[state, block]
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), count]
    runs = [
        (offsets[int(path[start])], start * _VOTE, min(end * _VOTE, len(new)))
        for start, end in pairwise(edges)
    ]
    return _place_jumps(made, new, runs)


def _place_jumps(made: Samples, new: Samples, runs: list[tuple[int, int, int]]) -> list[Stretch]:
    """Move each jump to the frame before which the one offset and after which the other leaves least."""
    placed = list(runs)
    for number in range(len(placed) - 1):
        (left, start, end), (right, _, last) = placed[number], placed[number + 1]
        low, high = max(start, end - 4 * _VOTE), min(last, end + 4 * _VOTE)
        rest = [
            np.square(
                new[low:high] - lay(made, [overlap(offset, len(made), len(new))], len(new))[low:high]
            ).sum(axis=1)
            if len(new) < 8 * _VOTE
            else np.square(new[low:high] - _take(made, low - offset, high - offset)).sum(axis=1)
            for offset in (left, right)
        ]
        total = np.concatenate([[0.0], np.cumsum(rest[0] - rest[1], dtype=np.float64)])
        at = low + int(np.argmin(total))
        placed[number] = (left, start, at)
        placed[number + 1] = (right, at, last)
    stretches = []
    for offset, start, end in placed:
        first, last = max(start, offset), min(end, len(made) + offset)
        if last > first:
            stretches.append(Stretch(first, last - first, first - offset))
    return stretches


def _take(samples: Samples, start: int, end: int) -> Samples:
    """Frames of a sound, silence beyond its ends."""
    taken = np.zeros((end - start, samples.shape[1]), np.float32)
    first, last = max(start, 0), min(end, len(samples))
    if last > first:
        taken[first - start : last - start] = samples[first:last]
    return taken


def _cut(
    made: Samples, new: Samples, stretches: Sequence[Stretch], good: Mask, sample_rate: int, clean: bool
) -> list[Stretch]:
    """Cut what is not good out of the stretches, to the frame where what remains shows it."""
    shortest = max(1, round((_SHORTEST_S if clean else _SMEARED_S) * sample_rate) // BLOCK)
    kept: list[Stretch] = []
    for stretch in stretches:
        first, last = stretch.start // BLOCK, -(-stretch.end // BLOCK)
        for start, end in _tidy(good[first:last], shortest):
            low = max(stretch.start, (first + start) * BLOCK)
            high = min(stretch.end, (first + end) * BLOCK)
            kept.append(Stretch(low, high - low, low - stretch.start + stretch.source))
    sharp: list[Stretch] = []
    for number, stretch in enumerate(kept):
        limit = kept[number + 1].start if number + 1 < len(kept) else len(new)
        found = _sharpen(made, new, stretch, sharp[-1].end if sharp else 0, limit, stretches, clean)
        if not found.frames:
            continue
        # Splinters of next to no length are no one's edit.
        if (
            sharp
            and sharp[-1].start - sharp[-1].source == found.start - found.source
            and found.start - sharp[-1].end < _SPLINTER_S * sample_rate
        ):
            joined = sharp.pop()
            found = Stretch(joined.start, found.end - joined.start, joined.source)
        sharp.append(found)
    return sharp


def _tidy(good: Mask, shortest: int) -> list[tuple[int, int]]:
    """Return where blocks are good; short good stretches between bad ones count as bad."""
    spans = find_stretches(good)
    return [
        (start, end) for start, end in spans if end - start >= shortest or (start == 0 and end == len(good))
    ]


def _sharpen(
    made: Samples,
    new: Samples,
    stretch: Stretch,
    lowest: int,
    highest: int,
    whole: Sequence[Stretch],
    clean: bool,
) -> Stretch:
    """Move both ends of a stretch to the frame where what remains rises above what it is within."""
    offset = stretch.start - stretch.source
    start, end = max(stretch.start, lowest), stretch.end
    if start >= end:
        return Stretch(end, 0, end - offset)
    room = _AROUND * BLOCK
    ends = {piece.end for piece in whole} | {piece.start for piece in whole}
    if start not in ends:  # and so no jump, which is placed already
        inner = slice(stretch.start + room, min(stretch.start + 3 * room, stretch.end))
        limit = _find_most_left(made, new, inner, offset) * 1.5 + 1e-6
        low = max(start - room, lowest, offset)
        high = min(start + room, stretch.end)
        rest = new[low:high] - made[low - offset : high - offset]
        wrong = np.abs(rest).max(axis=1) > limit
        start = low + int(np.flatnonzero(wrong)[-1]) + 1 if wrong.any() else low
        if not clean:
            start = low + int(np.argmax(_add_up(rest, new[low:high])))
    if end not in ends:
        inner = slice(max(stretch.end - 3 * room, stretch.start), max(stretch.end - room, stretch.start))
        limit = _find_most_left(made, new, inner, offset) * 1.5 + 1e-6
        low = max(end - room, start)
        high = min(end + room, highest, len(made) + offset)
        rest = new[low:high] - made[low - offset : high - offset]
        wrong = np.abs(rest).max(axis=1) > limit
        end = low + int(np.flatnonzero(wrong)[0]) if wrong.any() else high
        if not clean:
            end = low + int(np.argmin(_add_up(rest, new[low:high])))
    end = max(end, start)
    return Stretch(start, end - start, start - offset)


def _find_most_left(made: Samples, new: Samples, part: slice, offset: int) -> float:
    rest = new[part] - made[part.start - offset : max(part.stop, part.start) - offset]
    return float(np.abs(rest).max(initial=0.0))


def _add_up(rest: Samples, new: Samples) -> Array:
    """Add up from the first frame on how much more is left than would be of what is explained; frames + 1 sums."""
    surplus = np.square(rest).sum(axis=1, dtype=np.float64) - 0.25 * np.square(new).sum(
        axis=1, dtype=np.float64
    )
    return np.concatenate([[0.0], np.cumsum(surplus)])
