"""Crossed channels and filters by compiled kernels: how a stretch is made of one other sound.

Knows bytes and the numbers of formats in docs/format.md (`SampleFormat`'s), no stores and no numpy. Its twins are
`predicting/trial.py` and `predicting/chunkfit.py`: fits may differ from theirs by what rounding does. Needs kernels:
ask `is_at_hand` first.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from beatflow.native import declare
from beatflow.native.buffers import new_bytes
from beatflow.native.fit import Chunks, Fitted, Stretches, describe_chunks, describe_stretches

# Of a fit: as in taps.c.
_FRAMES, _BLOCKS = 4096, 8


class Taps(NamedTuple):
    """Weights for each channel of the target, and about how many bits per sample they leave.

    `weights` are those of each lag, -lags first, or of each of the source's channels.
    """

    weights: Sequence[Sequence[float]]
    bits: float


@cache
def _library() -> Any:
    place, number, long = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    return declare(
        bf_taps_room=(long, number, long, long),
        bf_try_crossed=(ctypes.c_int, place, place, number, long, place, place),
        bf_try_filter=(ctypes.c_int, place, place, number, long, number, place, place),
        bf_fit_taps=(ctypes.c_int, place, place, number, place, place, place),
    )


def is_at_hand() -> bool:
    """Say whether there are kernels for this."""
    return _library() is not None


def count_bits_crossed(target: Stretches, source: Stretches, blocks: int, length: int) -> float:
    """Return the bits per sample that gains from every channel into every channel leave.

    Parameters
    ----------
    target, source : Stretches
        The source has one channel or as many as the target. What is no integers of 24 bits counts as silence.
    blocks, length : int
        How many stretches there are, and of how many frames.
    """
    room = _make_room(target.channels, blocks * length, blocks * length)
    bits = ctypes.c_double()
    sounds = (ctypes.byref(describe_stretches(one)) for one in (target, source))
    if _library().bf_try_crossed(*sounds, blocks, length, room[1], ctypes.byref(bits)):
        raise ValueError("stretches that cannot be crossed")
    return bits.value


def count_bits_filtered(
    target: Stretches, source: Stretches, blocks: int, length: int, lags: int
) -> float | None:
    """Return the bits per sample that a filter of each channel leaves, None where hardly anything is explained.

    Parameters are as of `count_bits_crossed`; the source's stretches have `lags` frames more on either side.
    """
    room = _make_room(target.channels, blocks * length, blocks * (length + 2 * lags))
    bits = ctypes.c_double()
    sounds = (ctypes.byref(describe_stretches(one)) for one in (target, source))
    code = _library().bf_try_filter(*sounds, blocks, length, lags, room[1], ctypes.byref(bits))
    if code < 0:
        raise ValueError("stretches that cannot be filtered")
    return None if code else bits.value


def fit_crossed(target: Chunks, source: Chunks) -> Taps | None:
    """Fit a gain from each channel of a source to each channel of a chunk; None where that is not worth it.

    Parameters are as of `native.fit.fit_gains`.
    """
    return _fit(target, source, 0, source.channels)


def fit_filter(target: Chunks, source: Chunks, lags: int) -> Taps | None:
    """Fit a filter of ``2 * lags + 1`` taps, 3 to 31, from each channel of a source to the same one of a chunk."""
    if lags < 1:
        raise ValueError(f"a filter of {lags} lags")
    return _fit(target, source, lags, 2 * lags + 1)


def _fit(target: Chunks, source: Chunks, lags: int, rows: int) -> Taps | None:
    room = _make_room(target.channels, _FRAMES, _FRAMES + 2 * lags * _BLOCKS)
    weights = (ctypes.c_double * max(0, target.channels * rows))()
    found = Fitted()
    sounds = (ctypes.byref(describe_chunks(one)) for one in (target, source))
    code = _library().bf_fit_taps(*sounds, lags, room[1], weights, ctypes.byref(found))
    if code < 0:
        raise ValueError("sounds that cannot be fitted to each other")
    if code or not found.segments:
        return None
    table = [weights[row * rows : (row + 1) * rows] for row in range(target.channels)]
    return Taps(table, found.bits)


def _make_room(channels: int, target: int, source: int) -> tuple[bytes, int]:
    return new_bytes(max(0, _library().bf_taps_room(channels, target, source)))
