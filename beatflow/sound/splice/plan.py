"""How a sound is put together from several versions of it, as values: stretches, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from beatflow.sound.splice.changes import Changes, Range
from beatflow.sound.splice.equaliser import Equaliser
from beatflow.sound.splice.gain import Gain
from beatflow.sound.splice.pcm import PcmFile

OURS, THEIRS, BASE = "ours", "theirs", "base"

Versions = Mapping[str, PcmFile]
Gains = dict[Range, tuple[str, Gain]]
"""For a stretch: which side put something new there, and the gain that the other side's change has for it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames ``start`` up to, not including, ``end`` of the result, which come from one version.

    ``gain`` or ``equaliser`` is what the other side did to all of the sound; ``into`` is the version that it fades into
    at its end, over ``fade`` frames. ``offset`` is by how many frames the result is later than its source here, where
    something was inserted or, negative, deleted before.
    """

    start: int
    end: int
    source: str
    gain: Gain | None = None
    equaliser: Equaliser | None = None
    into: str | None = None
    fade: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How the result is put together: stretches without gaps, and the version whose surroundings fit its length."""

    stretches: tuple[Stretch, ...]
    shape: str

    @property
    def frames(self) -> int:
        """Length of the result."""
        return self.stretches[-1].end if self.stretches else 0


@dataclass(frozen=True, slots=True)
class Overlap:
    """Why two versions do not go together: where both changed something, or what else they disagree in."""

    reason: str
    ranges: tuple[Range, ...] = ()


def paint(ours: Changes, theirs: Changes, gains: Gains, frames: int) -> list[Stretch]:
    """Lay each side's ranges over the base, and composed ranges over both."""
    edges = {0, frames}
    for found in (*ours.ranges, *theirs.ranges):
        edges |= {min(edge, frames) for edge in found}
    result: list[Stretch] = []
    composed = sorted(gains)
    ranges = [list(ours.ranges), list(theirs.ranges), composed]
    for start, end in pairwise(sorted(edges)):
        mine, yours, both = (_covers(found, start) for found in ranges)
        if both:
            source, gain = gains[both]
            new = Stretch(start, end, source, gain)
        else:
            new = Stretch(start, end, OURS if mine else THEIRS if yours else BASE)
        if result and (result[-1].source, result[-1].gain) == (new.source, new.gain):
            new = replace(new, start=result.pop().start)
        result.append(new)
    return result


def _covers(ranges: list[Range], place: int) -> Range | None:
    """Return the range that a place lies in; those that end before it are dropped, as places only grow."""
    while ranges and ranges[0][1] <= place:
        ranges.pop(0)
    return ranges[0] if ranges and ranges[0][0] <= place else None
