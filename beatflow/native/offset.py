"""Where a stretch of sound lies in another, by compiled kernels.

Knows bytes and the numbers of formats in docs/format.md (`SampleFormat`'s), no stores and no numpy. Its twin is in
`predicting/trial.py`. Needs kernels: ask `is_at_hand` first.
"""

import ctypes
from functools import cache
from typing import Any

from beatflow.native import declare
from beatflow.native.buffers import new_bytes
from beatflow.native.fit import Stretches, describe_stretches


@cache
def _library() -> Any:
    place, long = ctypes.c_void_p, ctypes.c_int64
    return declare(
        bf_find_loudest=(ctypes.c_int, place, long, long, place, place),
        bf_offset_room=(long, long, long),
        bf_find_offset=(ctypes.c_int, place, place, place, place, place),
    )


def is_at_hand() -> bool:
    """Say whether there are kernels for this."""
    return _library() is not None


def find_loudest(sound: Stretches, length: int) -> int:
    """Return where the loudest of the stretches begins that have `length` frames and overlap by half.

    Samples that are no integers of 24 bits count as silence.
    """
    room = new_bytes(4 * _count_frames(sound))
    start = ctypes.c_int64()
    described = ctypes.byref(describe_stretches(sound))
    step = max(1, length // 2)
    if _library().bf_find_loudest(described, length, step, room[1], ctypes.byref(start)):
        raise ValueError("a sound that cannot be searched")
    return start.value


def find_offset(probe: Stretches, region: Stretches) -> tuple[int, float]:
    """Return where in a region a stretch is most like it, whatever its gain and sign, and how much.

    Parameters
    ----------
    probe, region : Stretches
        Of 1 to 8 channels, which are added up. What is no integers of 24 bits counts as silence.

    Returns
    -------
    offset : int
        Frame of the region at which the probe's first frame lies.
    likeness : float
        Normalised cross-correlation of second differences, 0 to 1.
    """
    size = _library().bf_offset_room(_count_frames(probe), _count_frames(region))
    room = new_bytes(max(0, size))
    place, likeness = ctypes.c_int64(), ctypes.c_double()
    sounds = (ctypes.byref(describe_stretches(one)) for one in (probe, region))
    if _library().bf_find_offset(*sounds, room[1], ctypes.byref(place), ctypes.byref(likeness)):
        raise ValueError("sounds that cannot be searched")
    return place.value, likeness.value


def _count_frames(sound: Stretches) -> int:
    """Return how many frames there are, rounded up."""
    width = _library().bf_width(sound.format) * sound.channels
    return -(-len(sound.raw) // width) if width > 0 else 0
