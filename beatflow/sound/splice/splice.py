"""One sound out of several versions of it: stretches copied, joined where they would click, and gains applied.

Merging by time: each side's changed stretches over what both started from. A sample that no side changed comes out as
it was; where the two sides' stretches meet and the joint would click, the earlier one's last few milliseconds fade
into what the later one has there. Knows no repository. Memory does not grow with the length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.splice.changes import (
    BLOCK_FRAMES,
    DITHER_STEPS,
    Advance,
    Changes,
    Range,
    find_changes,
    is_same,
    list_apart,
)
from beatflow.sound.splice.gain import fit_gain
from beatflow.sound.splice.overall import equalise, leaves_enough, plan_overall
from beatflow.sound.splice.pcm import PcmFile, RowWriter, decode_rows, encode_rows
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Gains, Overlap, Plan, Stretch, Versions, paint
from beatflow.sound.splice.shared import plan_shared
from beatflow.sound.splice.shifted import plan_shifted

FADE_S = 0.005
_LOCAL_FRAMES = 64
_DITHERED_BITS = 16  # fewer, and the steps of dither are loud enough to be meant


def plan_merge(versions: Versions, advance: Advance | None = None) -> Plan | Overlap:
    """Find out how two versions of a sound go together.

    Parameters
    ----------
    versions : mapping
        ``base``, ``ours`` and ``theirs``, of one layout and kind.
    advance : callable, optional
        Called with the frames compared.
    """
    base = versions[BASE]
    ours = find_changes(base, versions[OURS], advance)
    theirs = find_changes(base, versions[THEIRS], advance)
    plan = _plan(versions, ours, theirs)
    if isinstance(plan, Overlap) and (base.bits or 0) >= _DITHERED_BITS:
        return _plan_without_dither(versions, ours, theirs) or plan
    return plan


def _plan_without_dither(versions: Versions, ours: Changes, theirs: Changes) -> Plan | Overlap | None:
    """Return how two versions go together where what only dither tells apart counts as left alone.

    A bounce with dither differs from the last one in every sample, so nothing would go together with it. Each side
    keeps its dither as long as that works.
    """
    base = versions[BASE]
    bare_ours, bare_theirs = (
        find_changes(base, versions[side], steps=DITHER_STEPS) for side in (OURS, THEIRS)
    )
    found: Plan | Overlap | None = None
    for one, two in ((ours, bare_theirs), (bare_ours, theirs), (bare_ours, bare_theirs)):
        if (one, two) != (ours, theirs):
            found = _plan(versions, one, two)
            if isinstance(found, Plan):
                return found
    return found


def _plan(versions: Versions, ours: Changes, theirs: Changes) -> Plan | Overlap:
    if ours.resized and theirs.resized and not _end_alike(versions, ours, theirs):
        return Overlap("both changed its length", (ours.ranges[-1], theirs.ranges[-1]))
    overall = plan_overall(versions, ours, theirs)
    if overall:
        return overall
    overlaps: list[Range] = []
    gains: Gains = {}
    for one, two in _iter_overlaps(ours.ranges, theirs.ranges):
        start, end = max(one[0], two[0]), min(one[1], two[1])
        apart = list_apart(versions[OURS], versions[THEIRS], start, end)
        if apart:
            found = _compose(versions, ours, theirs, one, two)
            overlaps += [] if found else apart
            gains |= found
    if overlaps:
        overlap = Overlap("both changed", tuple(overlaps))
        return plan_shifted(versions, ours, theirs) or plan_shared(versions, ours, theirs) or overlap
    shape = THEIRS if theirs.resized and not ours.resized else OURS
    return Plan(_join(paint(ours, theirs, gains, versions[shape].frames), versions), shape)


def _end_alike(versions: Versions, ours: Changes, theirs: Changes) -> bool:
    """Say whether both sides are equally long, and the same from where either changed the end."""
    start = min(ours.ranges[-1][0], theirs.ranges[-1][0])
    return ours.frames == theirs.frames and is_same(versions[OURS], versions[THEIRS], start, ours.frames)


def _iter_overlaps(ones: Sequence[Range], twos: Sequence[Range]) -> Iterator[tuple[Range, Range]]:
    """Yield which ranges overlap which; both in order."""
    first = 0
    for one in ones:
        while first < len(twos) and twos[first][1] <= one[0]:
            first += 1
        at = first
        while at < len(twos) and twos[at][0] < one[1]:
            yield one, twos[at]
            at += 1


def _compose(versions: Versions, ours: Changes, theirs: Changes, one: Range, two: Range) -> Gains:
    """Have one side's gain over a stretch apply to what the other side put into a part of it, if it is a gain."""
    for wide, narrow, louder, source, changes in (
        (one, two, OURS, THEIRS, theirs),
        (two, one, THEIRS, OURS, ours),
    ):
        inside = [found for found in changes.ranges if found[0] < wide[1] and wide[0] < found[1]]
        lies_inside = all(wide[0] <= start and end <= wide[1] for start, end in inside)
        # Elsewhere in its stretch the same side may have done something else besides.
        for area, parts in ((wide, inside), (_widen(narrow, wide), [narrow])):
            fits = area[1] <= min(file.frames for file in versions.values())
            if fits and lies_inside and leaves_enough(parts, area):
                gain = fit_gain(versions[BASE], versions[louder], *area)
                if gain is not None and gain.fits_range(versions[source], *narrow):
                    return {narrow: (source, gain)}
    return {}


def _widen(narrow: Range, wide: Range) -> Range:
    """Return a stretch with as much again before and behind it, within a wider one."""
    length = narrow[1] - narrow[0]
    return max(wide[0], narrow[0] - length), min(wide[1], narrow[1] + length)


def _join(stretches: list[Stretch], versions: Versions) -> tuple[Stretch, ...]:
    """Have a stretch of one side fade into the next one of the other side, where they meet with a click."""
    result = []
    for left, right in pairwise(stretches):
        met = {left.source, right.source} == {OURS, THEIRS} and left.gain is None and right.gain is None
        fade = find_fade(versions[left.source], versions[right.source], left.start, left.end) if met else 0
        result.append(replace(left, into=right.source, fade=fade) if fade else left)
    return (*result, *stretches[-1:])


def find_fade(left: PcmFile, right: PcmFile, start: int, joint: int) -> int:
    """Return over how many frames before a joint one sound should fade into another; 0 where nothing would click.

    A step that is no larger than those around it in the two sounds is none that can be heard. The fade is between 1 and
    5 ms long and begins where the two are nearest to each other, at a zero crossing of their difference if there is
    one. It takes at most half of what there is from ``start``.
    """
    around = _LOCAL_FRAMES
    before = decode_rows(left.read(max(start, joint - around), min(around, joint - start)), left.layout)
    after = decode_rows(right.read(joint, around), right.layout)
    if not len(before) or not len(after):
        return 0
    usual = max(float(np.abs(np.diff(part, axis=0)).max(initial=0.0)) for part in (before, after))
    if float(np.abs(after[0] - before[-1]).max()) <= usual:
        return 0
    longest = min(round(FADE_S * left.layout.sample_rate), (joint - start) // 2)
    if longest < 1:
        return 0
    first = joint - longest
    difference = decode_rows(left.read(first, longest), left.layout) - decode_rows(
        right.read(first, longest), right.layout
    )
    distance = np.abs(difference).max(axis=1)[: max(1, longest * 4 // 5)]
    return longest - int(np.argmin(distance))


# Writing -------------------------------------------------------------------------------------------------


def write_plan(
    plan: Plan, versions: Versions, shape: PcmFile, path: Path, advance: Advance | None = None
) -> None:
    """Write the result as a new file, with what surrounds the samples taken from ``shape``."""
    with shape.create_like(path) as out:
        for stretch in plan.stretches:
            _write_stretch(stretch, versions, out, advance)


def _write_stretch(stretch: Stretch, versions: Versions, out: RowWriter, advance: Advance | None) -> None:
    source = versions[stretch.source]
    plain_end = stretch.end - stretch.fade
    for start in range(stretch.start, plain_end, BLOCK_FRAMES):
        if stretch.equaliser:
            rows = equalise(stretch, versions, start)[0]
        else:
            rows = source.read(start - stretch.offset, min(BLOCK_FRAMES, plain_end - start))
        if stretch.gain:
            rows = stretch.gain.apply(rows, source.layout)[0]
        out.write(rows)
        if advance:
            advance(len(rows))
    if stretch.into and stretch.fade:
        one, two = (
            decode_rows(file.read(plain_end, stretch.fade), file.layout)
            for file in (source, versions[stretch.into])
        )
        out.write(encode_rows(cross_fade(one, two), source.layout)[0])


def cross_fade(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Go from one sound to the other in equal steps of amplitude, which suits sounds that are alike."""
    weight = (np.arange(1, len(one) + 1) / (len(one) + 1))[:, None]
    return one * (1 - weight) + two * weight
