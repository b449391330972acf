"""One sound out of two versions of it and what both come from: the door between merging and ``sound.splice``.

Knows no trees and no store: it opens what it is given and writes a file.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.errors import AudioError
from beatflow.objects.layout import Layout
from beatflow.sound.splice.changes import Advance
from beatflow.sound.splice.pcm import PcmFile
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Overlap, Plan, Stretch
from beatflow.sound.splice.regions import write_sum
from beatflow.sound.splice.splice import plan_merge, write_plan

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why two versions stay a conflict, and the stretches (first frame, end) that both changed."""

    reason: str
    ranges: tuple[tuple[int, int], ...] = ()
    sample_rate: int = 0


@dataclass(frozen=True, slots=True)
class SplicedSound:
    """What became of a sound: the stretches that each side gave, at this rate."""

    stretches: tuple[Stretch, ...]
    sample_rate: int

    def to_json(self) -> list[dict[str, Any]]:
        """Return the stretches that are not as they were."""
        return [
            {"from": item.source, "start_frame": item.start, "frames": item.end - item.start}
            | ({"source_frame": item.start - item.offset} if item.offset else {})
            | ({"gains_db": [round(gain, 3) for gain in item.gain.gains_db]} if item.gain else {})
            | ({"equalised": True} if item.equaliser else {})
            for item in self.stretches
            if item.source != BASE
        ]


def splice_sounds(
    openers: Mapping[str, Opener], target: Path, advance: Advance | None = None
) -> SplicedSound | Refusal:
    """Merge a sound by time into a new file.

    Parameters
    ----------
    openers : mapping
        How to open ``base``, ``ours`` and ``theirs``.
    target : Path
        Where to write; nothing is written for a refusal.
    """
    with ExitStack() as stack:
        try:
            versions = {
                side: stack.enter_context(PcmFile(open_it(), side)) for side, open_it in openers.items()
            }
        except AudioError as error:
            return Refusal(error.message)
        unlike = compare_shapes(versions)
        if unlike:
            return Refusal(unlike)
        rate = versions[OURS].layout.sample_rate
        plan = plan_merge(versions, advance)
        if isinstance(plan, Overlap):
            return Refusal(plan.reason, plan.ranges, rate)
        write_plan(plan, versions, _choose_surroundings(plan, versions), target, advance)
        return SplicedSound(plan.stretches, rate)


def sum_sounds(openers: Mapping[str, Opener], share_of_theirs: float, target: Path) -> None:
    """Write the sum of ``ours`` and ``theirs`` into a new file.

    Raises
    ------
    AudioError
        They do not go together.
    """
    with ExitStack() as stack:
        takes = {side: stack.enter_context(PcmFile(openers[side](), side)) for side in (OURS, THEIRS)}
        unlike = compare_shapes(takes)
        if unlike:
            raise AudioError(f"the takes do not go together: {unlike}")
        write_sum(takes[OURS], takes[THEIRS], share_of_theirs, target)


def compare_shapes(versions: Mapping[str, PcmFile]) -> str | None:
    """Say in what the versions differ so that no frame of one could stand in another."""
    shapes: list[tuple[str, Callable[[PcmFile], str]]] = [
        ("sample rate", lambda file: f"{file.layout.sample_rate} Hz"),
        ("channels", lambda file: _name_channels(file.layout.channels)),
        ("depth", lambda file: _name_format(file.layout)),
        ("format", lambda file: file.kind),
    ]
    for _, tell in shapes:
        told = {side: tell(file) for side, file in versions.items()}
        if len(set(told.values())) > 1:
            return ", ".join(f"{side} {told[side]}" for side in (OURS, THEIRS, BASE) if side in told)
    return None


def _name_channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _name_format(layout: Layout) -> str:
    return f"{8 * layout.format.width} bit" + (" float" if layout.format.is_float else "")


def _choose_surroundings(plan: Plan, versions: Mapping[str, PcmFile]) -> PcmFile:
    """Return the version whose header and tags the result gets: ours, or theirs where only they changed these.

    They must be of the result's length. What is encoded anew has none of its own.
    """
    shape, base, theirs = versions[plan.shape], versions[BASE], versions[THEIRS]
    if plan.shape == OURS and shape.frames == base.frames == theirs.frames:
        unchanged = shape.read_surroundings() == base.read_surroundings()
        return theirs if unchanged else shape
    return shape
