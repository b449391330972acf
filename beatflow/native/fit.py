"""Least squares by compiled kernels: which sounds a stretch is the sum of, and with which gains.

Knows bytes and the numbers of formats in docs/format.md (`SampleFormat`'s), no stores and no numpy. The words are those
of `sound/fit.py` and `predicting/chunkfit.py`, whose twin it is: fits may differ from theirs by what rounding does.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from beatflow.native import declare
from beatflow.native.buffers import new_bytes

SEGMENTS = 8
"""How many parts of a chunk have gains of their own, where one gain for all is not enough."""

MAX_FEATURES = 32
"""Of `multiply_stretches`."""


class Chunks(NamedTuple):
    """Chunks laid end to end; the chunk that is fitted begins at a frame of theirs, which may be negative."""

    raws: Sequence[bytes]
    format: int
    channels: int
    start: int = 0


class Stretches(NamedTuple):
    """Stretches of one length, laid end to end."""

    raw: bytes
    format: int
    channels: int


class Gains(NamedTuple):
    """A gain for each source, and about how many bits per sample that leaves.

    Attributes
    ----------
    segments : int
        How many parts of ``-(-frames // 8)`` frames have gains of their own; 1 for the whole.
    noise : bool
        Whether what is left is mere noise.
    bits : float
    weights, slopes : sequence of int
        In the store's fixed point, shape (segments, sources, channels) in a row; 0 where nothing is to be added.
    """

    segments: int
    noise: bool
    bits: float
    weights: Sequence[int]
    slopes: Sequence[int]


class _Sound(ctypes.Structure):
    _fields_ = (
        ("chunks", ctypes.POINTER(ctypes.c_char_p)),
        ("lengths", ctypes.POINTER(ctypes.c_int64)),
        ("count", ctypes.c_int32),
        ("format", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("unused", ctypes.c_int32),
        ("start", ctypes.c_int64),
    )


class Fitted(ctypes.Structure):
    """What a kernel says about a fit; no segments where there is none."""

    _fields_ = (("segments", ctypes.c_int32), ("noise", ctypes.c_int32), ("bits", ctypes.c_double))


class _Stretches(ctypes.Structure):
    _fields_ = (
        ("raw", ctypes.c_char_p),
        ("size", ctypes.c_int64),
        ("format", ctypes.c_int32),
        ("channels", ctypes.c_int32),
    )


@cache
def _library() -> Any:
    place, number, long, real = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double
    return declare(
        bf_fit_room=(long, number, number),
        bf_fit_gains=(ctypes.c_int, place, number, place, place, place, place),
        bf_plain_bits=(ctypes.c_int, place, number, long, place, place),
        bf_multiply_stretches=(ctypes.c_int, place, number, number, long, place, place),
        bf_choose_features=(ctypes.c_int, place, number, real, place, place),
        bf_count_left=(real, place, number, number, real, place, real),
    )


def is_at_hand() -> bool:
    """Say whether there are kernels for all of this."""
    return _library() is not None


def fit_gains(target: Chunks, sources: Sequence[Chunks]) -> Gains | None:
    """Fit a gain for each source to a chunk: constant, else a ramp, else piece by piece.

    Parameters
    ----------
    target : Chunks
        One chunk, of whole frames.
    sources : sequence of Chunks
        1 to 16, each of one channel or as many as the target, which has 1 to 8.

    Returns
    -------
    Gains or None
        None where no gains are worth it, or the samples are no integers of 24 bits.
    """
    sounds = (_Sound * (1 + len(sources)))(*(describe_chunks(one) for one in (target, *sources)))
    room = new_bytes(_library().bf_fit_room(len(sources), target.channels))
    # One segment more: the whole's fit is kept while the parts' are made.
    size = (SEGMENTS + 1) * len(sources) * target.channels
    weights, slopes = (ctypes.c_int32 * size)(), (ctypes.c_int32 * size)()
    found = Fitted()
    code = _library().bf_fit_gains(sounds, len(sources), room[1], weights, slopes, ctypes.byref(found))
    if code < 0:
        raise ValueError("sounds that cannot be fitted to each other")
    if code or not found.segments:
        return None
    used = found.segments * len(sources) * target.channels
    return Gains(found.segments, bool(found.noise), found.bits, weights[:used], slopes[:used])


def count_plain_bits(sound: Stretches, blocks: int, length: int) -> float | None:
    """Return bits per sample without any reference, None where the samples are no integers of 24 bits."""
    room = new_bytes(8 * blocks * length * sound.channels)
    bits = ctypes.c_double()
    described = ctypes.byref(describe_stretches(sound))
    code = _library().bf_plain_bits(described, blocks, length, room[1], ctypes.byref(bits))
    if code < 0:
        raise ValueError("stretches of another size")
    return None if code else bits.value


class Products:
    """All products of a target and some features with each other: what any choice of them explains.

    Parameters
    ----------
    target : Stretches
    features : sequence of Stretches
        At most 32, each of one channel or as many as the target. One that is no integers of 24 bits counts as silence.
    blocks, length : int
        How many stretches there are, and of how many frames.
    """

    def __init__(self, target: Stretches, features: Sequence[Stretches], blocks: int, length: int) -> None:
        if len(features) > MAX_FEATURES:
            raise ValueError(f"{len(features)} features")
        self._count, self._blocks = len(features), blocks
        self._samples = length * target.channels
        size = (1 + self._count) ** 2
        sounds = (_Stretches * (1 + self._count))(*map(describe_stretches, (target, *features)))
        room = new_bytes(4 * (2 + self._count) * blocks * self._samples)
        self._products = (ctypes.c_double * ((1 + blocks) * size))()
        code = _library().bf_multiply_stretches(
            sounds, 1 + self._count, blocks, length, room[1], self._products
        )
        if code:
            raise ValueError("sounds that cannot be multiplied with each other")

    def choose(self, among: Sequence[int], prices: Sequence[float]) -> list[int]:
        """Return which of some features are worth having: bits per sample that each must save are at their numbers."""
        chosen = self._mark(among)
        whole = float(self._blocks * self._samples)
        table = (ctypes.c_double * self._count)(*prices)
        _library().bf_choose_features(self._products, self._count, whole, table, chosen)
        return [number for number in range(self._count) if chosen[number]]

    def count_left(self, chosen: Sequence[int], explained: float) -> float:
        """Return the bits per sample that gains leave: of the whole or, where not below `explained`, of each part."""
        found: float = _library().bf_count_left(
            self._products,
            self._count,
            self._blocks,
            float(self._samples),
            self._mark(chosen),
            explained,
        )
        return found

    def _mark(self, numbers: Sequence[int]) -> "ctypes.Array[ctypes.c_uint8]":
        marks = (ctypes.c_uint8 * self._count)()
        for number in numbers:
            marks[number] = 1
        return marks


def describe_chunks(sound: Chunks) -> _Sound:
    """Return chunks as kernels take them; it keeps their bytes."""
    # Bytes stay what they are; of anything else, ctypes takes no address.
    raws = [bytes(raw) for raw in sound.raws]
    count = len(raws)
    return _Sound(
        (ctypes.c_char_p * count)(*raws),
        (ctypes.c_int64 * count)(*map(len, raws)),
        count,
        sound.format,
        sound.channels,
        0,
        sound.start,
    )


def describe_stretches(sound: Stretches) -> _Stretches:
    """Return stretches as kernels take them; it keeps their bytes."""
    return _Stretches(sound.raw, len(sound.raw), sound.format, sound.channels)
