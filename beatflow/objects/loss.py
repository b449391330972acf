"""What is wrong with a store, and what of a file is lost with it: values that need no store to be told."""

from collections.abc import Collection
from dataclasses import dataclass

from beatflow.objects.manifest import Manifest


@dataclass(frozen=True, slots=True)
class LostRange:
    """A part of a file that cannot be read: bytes of the file, and frames and seconds where these are samples."""

    start_byte: int
    size: int
    start_frame: int | None = None
    frames: int | None = None
    start_s: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in a sound (oid), or in a pack, at a place in it where that is known.

    `cause` is the error that was met first, with all ids; `message` has none.
    """

    message: str
    oid: str | None = None
    pack: str | None = None
    offset: int | None = None
    ranges: tuple[LostRange, ...] = ()
    cause: str | None = None


def find_lost_ranges(manifest: Manifest, lost: Collection[bytes]) -> tuple[LostRange, ...]:
    """Return where in a file the given chunks lie, neighbours joined."""
    found: list[LostRange] = []
    at = frames_before = 0
    for region in manifest.regions:
        start, layout = at, region.layout
        joined: list[tuple[int, int]] = []
        for ref in region.chunks:
            if ref.id in lost:
                if joined and sum(joined[-1]) == at:
                    joined[-1] = joined[-1][0], joined[-1][1] + ref.length
                else:
                    joined.append((at, ref.length))
            at += ref.length
        for begin, size in joined:
            if layout is None:
                found.append(LostRange(begin, size))
                continue
            first = frames_before + (begin - start) // layout.frame_bytes
            frames, rate = size // layout.frame_bytes, layout.sample_rate or None
            start_s, duration_s = (first / rate, frames / rate) if rate else (None, None)
            found.append(LostRange(begin, size, first, frames, start_s, duration_s))
        if layout is not None:
            frames_before += (at - start) // layout.frame_bytes
    return tuple(found)
