"""Looks for a chunk in another sound that may have been moved in time.

Knows bytes, and not where they come from. Kernels correlate where there are any, else numpy (`predicting/trial.py`).
"""

from collections.abc import Callable
from typing import NamedTuple

from beatflow.native import offset
from beatflow.native.fit import Stretches
from beatflow.objects.layout import Layout

_PROBE_FRAMES = 8192


class Place(NamedTuple):
    """How many frames later than in another sound a chunk is, and how like it is, 0 to 1."""

    offset: int
    likeness: float


def find_place(
    raw: bytes, layout: Layout, read: Callable[[int, int], Stretches | None], reach: int
) -> Place | None:
    """Look for a chunk's loudest stretch around its place in another sound.

    Parameters
    ----------
    raw : bytes
        The chunk, one frame at least.
    layout : Layout
        Of the chunk.
    read : callable
        Gives frames of the other sound, by the first of them, relative to the chunk's place, and how many.
    reach : int
        How many frames earlier or later to look.

    Returns
    -------
    Place or None
        None where the other sound cannot be read.
    """
    length = min(_PROBE_FRAMES, len(raw) // layout.frame_bytes)
    chunk = Stretches(raw, layout.format, layout.channels)
    start = _find_loudest(chunk, length)
    region = read(start - reach, 2 * reach + length)
    if region is None:
        return None
    cut = slice(start * layout.frame_bytes, (start + length) * layout.frame_bytes)
    found, likeness = _find_offset(chunk._replace(raw=raw[cut]), region)
    return Place(reach - found, likeness)


def _find_loudest(sound: Stretches, length: int) -> int:
    if offset.is_at_hand():
        return offset.find_loudest(sound, length)
    from beatflow.predicting import trial

    return trial.find_loudest(sound, length)


def _find_offset(probe: Stretches, region: Stretches) -> tuple[int, float]:
    if offset.is_at_hand():
        return offset.find_offset(probe, region)
    from beatflow.predicting import trial

    return trial.find_moved(probe, region)
