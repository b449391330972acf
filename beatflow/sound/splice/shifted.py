"""One side inserted or deleted something in the middle, the other one changed what comes after it, or all of it.

What follows is moved along, found sample for sample: no fit decides anything here but a gain. Knows no repository.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from beatflow.sound.splice.changes import BLOCK_FRAMES, NEAR_S, Changes, Range, differ
from beatflow.sound.splice.gain import fit_gain
from beatflow.sound.splice.overall import leaves_enough
from beatflow.sound.splice.pcm import PcmFile
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Overlap, Plan, Stretch, Versions


@dataclass(frozen=True, slots=True)
class Middle:
    """What one side did between a beginning and an end that are as they were.

    Parameters
    ----------
    start, end : int
        Frames of the base, of which something else was made.
    zone : Range
        Where that may have been: in a loop one bar less looks the same wherever it was cut.
    growth : int
        By how many frames it is longer now; negative where it is shorter.
    """

    start: int
    end: int
    zone: Range
    growth: int


def plan_shifted(versions: Versions, ours: Changes, theirs: Changes) -> Plan | Overlap | None:
    """Return how two versions go together if one is longer or shorter in its middle; None if that is not so clear."""
    if ours.resized == theirs.resized:
        return None
    side, other, changes = (OURS, THEIRS, theirs) if ours.resized else (THEIRS, OURS, ours)
    middle = find_middle(versions[BASE], versions[side])
    if middle is None:
        return None
    first, last = middle.zone
    if any(start <= last and first <= end for start, end in changes.ranges):
        return _plan_gain(versions, side, other, middle)
    before = [found for found in changes.ranges if found[1] < first]
    behind = [found for found in changes.ranges if found[0] > last]
    stretches = [
        *_lay(other, before, 0, middle.start, 0),
        *_cut(Stretch(middle.start, middle.end + middle.growth, side)),
        *_lay(other, behind, middle.end, versions[BASE].frames, middle.growth),
    ]
    return Plan(tuple(stretches), side)


def _lay(source: str, ranges: Sequence[Range], first: int, last: int, growth: int) -> Iterator[Stretch]:
    """Lay one side's ranges over a part of the base, all of it later by ``growth`` frames."""
    at = first
    for start, end in [*ranges, (last, last)]:
        yield from _cut(Stretch(at + growth, start + growth, BASE, offset=growth))
        yield from _cut(Stretch(start + growth, end + growth, source, offset=growth))
        at = end


def _cut(stretch: Stretch) -> list[Stretch]:
    return [stretch] if stretch.start < stretch.end else []


def _plan_gain(versions: Versions, side: str, other: str, middle: Middle) -> Plan | Overlap | None:
    """Put a gain on all of the sound, if that is what the other side did, on what came into the middle, too."""
    base, length = versions[BASE], versions[BASE].frames
    if not leaves_enough([(middle.start, middle.end)], (0, length)):
        return None
    gain = fit_gain(base, versions[other], 0, length)
    if gain is None:
        return None
    start, end = middle.start, middle.end + middle.growth
    if not gain.fits_range(versions[side], start, end):
        return Overlap(f"what {side} put in would clip with the gain of {other}", ((start, end),))
    stretches = [
        *_cut(Stretch(0, start, other)),
        *_cut(Stretch(start, end, side, gain)),
        *_cut(Stretch(end, versions[side].frames, other, offset=middle.growth)),
    ]
    return Plan(tuple(stretches), side)


def find_middle(base: PcmFile, side: PcmFile) -> Middle | None:
    """Find what was inserted or deleted before an end that both have; None where that end is too short or silent."""
    shortest = min(base.frames, side.frames)
    head, tail = (
        _count_alike(base, side, shortest, at_end=False),
        _count_alike(base, side, shortest, at_end=True),
    )
    kept = min(tail, shortest - head)
    growth = side.frames - base.frames
    if kept <= NEAR_S * base.layout.sample_rate or _is_constant(base, base.frames - kept):
        return None
    end = base.frames - kept
    return Middle(head, end, (min(head, shortest - tail), end), growth)


def _count_alike(base: PcmFile, side: PcmFile, most: int, at_end: bool) -> int:
    """Count the frames that two sounds share at their beginning, or at their end."""
    done = 0
    while done < most:
        count = min(BLOCK_FRAMES, most - done)
        one, two = (file.read(file.frames - done - count if at_end else done, count) for file in (base, side))
        places = np.flatnonzero(differ(one, two))
        if len(places):
            return done + (count - 1 - int(places[-1]) if at_end else int(places[0]))
        done += count
    return done


def _is_constant(file: PcmFile, start: int) -> bool:
    """Say whether a sound is one value, silence as a rule, from a frame on."""
    value = file.read(start, 1)
    blocks = (file.read(at, BLOCK_FRAMES) for at in range(start, file.frames, BLOCK_FRAMES))
    return all(bool((block == value).all()) for block in blocks)
