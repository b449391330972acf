"""One sound out of two takes as somebody decides: some stretches from the other one, or the sum of both.

The joints lie inside the stretches that were named, so that nothing outside them is altered. Knows no repository.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import UsageError
from beatflow.sound.splice.changes import BLOCK_FRAMES
from beatflow.sound.splice.pcm import PcmFile, decode_rows, encode_rows
from beatflow.sound.splice.plan import OURS, Plan, Stretch
from beatflow.sound.splice.splice import FADE_S, find_fade


@dataclass(frozen=True, slots=True)
class Region:
    """Frames ``start`` up to, not including, ``end`` from one take; an end of None is that of the take."""

    start: int
    end: int | None
    take: str


def plan_regions(takes: Mapping[str, PcmFile], regions: Sequence[Region]) -> Plan:
    """Lay regions over our take; where they overlap the later one counts. One without an end sets the length.

    Raises
    ------
    UsageError
        A region lies beyond the end of the take that it names.
    """
    frames, shape = takes[OURS].frames, OURS
    for region in regions:
        length = takes[region.take].frames
        if region.start >= length or (region.end or 0) > length:
            seconds = length / takes[region.take].layout.sample_rate
            raise UsageError(f"{region.take} is only {seconds:.3f} s long", hint="name a region inside it")
        if region.end is None:
            frames, shape = length, region.take
    edges = {0, frames}
    for region in regions:
        edges |= {min(region.start, frames), min(frames if region.end is None else region.end, frames)}
    stretches: list[Stretch] = []
    for start, end in pairwise(sorted(edges)):
        take = next((found.take for found in reversed(regions) if _has(found, start)), OURS)
        if end > takes[take].frames:
            raise UsageError(f"{take} ends before the region does", hint="give the region an end")
        if stretches and stretches[-1].source == take:
            stretches[-1] = replace(stretches[-1], end=end)
        else:
            stretches.append(Stretch(start, end, take))
    return Plan(_join(stretches, takes), shape)


def _has(region: Region, place: int) -> bool:
    return region.start <= place and (region.end is None or place < region.end)


def _join(stretches: Sequence[Stretch], takes: Mapping[str, PcmFile]) -> tuple[Stretch, ...]:
    """Fade where a joint would click, inside what is not our take."""
    result = list(stretches[:1])
    for right in stretches[1:]:
        left = result.pop()
        one, two = takes[left.source], takes[right.source]
        fade = find_fade(one, two, left.start, left.end)
        if fade and left.source == OURS:
            fade = min(
                round(FADE_S * one.layout.sample_rate),
                (right.end - right.start) // 2,
                one.frames - right.start,
            )
            middle = right.start + max(0, fade)
            result.append(left)
            if fade > 0:
                result.append(Stretch(right.start, middle, OURS, into=right.source, fade=fade))
            result.append(replace(right, start=middle))
        else:
            result += [replace(left, into=right.source, fade=fade) if fade else left, right]
    return tuple(result)


def write_sum(one: PcmFile, two: PcmFile, weight: float, path: Path) -> None:
    """Write ``(1 - weight) * one + weight * two``, as long as the longer of them, which gives the surroundings too."""
    longer = one if one.frames >= two.frames else two
    with longer.create_like(path) as out:
        for start in range(0, longer.frames, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, longer.frames - start)
            total: NDArray[np.float64] = np.zeros((count, longer.layout.channels))
            for file, share in ((one, 1 - weight), (two, weight)):
                part = decode_rows(file.read(start, count), file.layout)
                total[: len(part)] += share * part
            out.write(encode_rows(total, longer.layout)[0])
