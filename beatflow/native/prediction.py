"""Guessing a chunk's samples from those of others by compiled kernels, and packing what that leaves.

Knows bytes and the tables in docs/format.md ("Prediction"), no stores and no numpy. Everything here needs kernels: ask
`is_at_hand` first. Chunks are bytes as they stand in files; nothing is joined or widened before it is needed.
"""

import ctypes
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from beatflow.native import declare
from beatflow.native.buffers import find_address, new_bytes

_SOURCE = struct.Struct("@iiqii0q")
_CHUNK = struct.Struct("@Pq0q")
_PLAN = struct.Struct("@PPPPqiiiii0q")
_REST = struct.Struct("@PPPqqi0q")
_EXCEPTION_BYTES = 8
_COUNTS = 258
_REFUSALS = {
    -1: "samples that are no integers of 24 bits",
    -2: "segments do not add up",
    -3: "a term points nowhere",
    -4: "terms are not in order",
    -5: "too many terms for so many frames",
    -6: "weights are too large",
    -7: "a residual of unknown digits, or of another size",
    -8: "a residual points nowhere",
    -9: "a residual is not in order",
}


class Chunks(NamedTuple):
    """A source: chunks laid end to end, of 1 to 8 channels; what is predicted begins at frame `start` of them."""

    raws: Sequence[bytes]
    format: int
    channels: int
    start: int


class Tables(NamedTuple):
    """How a chunk is guessed: its sources, and its segments and terms as they stand in a payload."""

    format: int
    channels: int
    frames: int
    sources: Sequence[Chunks]
    segments: bytes
    terms: bytes


class Symbols(NamedTuple):
    """What a guess leaves, as small integers: the largest digit, 0 for bytes, the exceptions, and the content."""

    largest: int
    exceptions: bytes
    content: bytes


class Rest:
    """What a guess leaves of a chunk: int32, C-contiguous, shape (frames, channels), within the format's range."""

    def __init__(self, frames: int, channels: int, bits: int) -> None:
        self.frames, self.channels, self.bits = frames, channels, bits
        self.buffer, self.address = new_bytes(4 * frames * channels)
        self.is_nothing = False

    def count(self) -> tuple[list[int], int]:
        """Return how often there is each integer from -129 (or less) to 128 (or more), and of how many, maybe few."""
        counts = (ctypes.c_int32 * _COUNTS)()
        seen: int = _library().bf_count(self.address, self.frames, self.channels, counts)
        return list(counts), seen

    def correlate(self) -> tuple[float, float]:
        """Return the sum of squares, and the sum of the products of neighbours in time."""
        sums = (ctypes.c_double * 2)()
        _library().bf_correlate(self.address, self.frames, self.channels, sums)
        return sums[0], sums[1]

    def pack(self, largest: int) -> Symbols:
        """Return it as symbols with digits from ``-largest`` to `largest`, 0 for bytes."""
        size = self.frames * self.channels
        content, place = new_bytes(-(-size // digits_per_byte(largest)))
        most = 64 + size // 256
        while True:
            exceptions, at = new_bytes(_EXCEPTION_BYTES * most)
            found = _library().bf_pack(self.address, self.frames, self.channels, largest, place, at, most)
            if found <= most:
                return Symbols(largest, exceptions[: _EXCEPTION_BYTES * found], content)
            most = found

    def is_packed_as(self, symbols: Symbols) -> bool:
        """Say whether symbols give it back."""
        packed = _pack_symbols(symbols)
        return bool(_library().bf_holds(self.address, self.frames, self.channels, packed))


def digits_per_byte(largest: int) -> int:
    """Return how many digits from ``-largest`` to `largest` a byte holds: 5, 3 or 2; 1 for 0, which is bytes."""
    return {0: 1, 1: 5, 2: 3}.get(largest, 2)


def is_at_hand() -> bool:
    """Say whether there are kernels for all of this."""
    return _library() is not None


def subtract(raw: bytes, tables: Tables) -> Rest:
    """Return what is left of a chunk's samples when the guess is taken off.

    Raises
    ------
    ValueError
        The tables are not what a reader takes, or the samples no integers of 24 bits.
    """
    library = _library()
    rest = Rest(tables.frames, tables.channels, library.bf_bits(tables.format))
    plan, _alive = _pack_tables(tables)
    code = library.bf_subtract(plan, raw, rest.address)
    if code < 0:
        raise ValueError(_REFUSALS[code])
    rest.is_nothing = not code
    return rest


def rebuild(tables: Tables, rest: Symbols | bytes | None) -> bytes:
    """Return a chunk's bytes as they stand in a file.

    Parameters
    ----------
    tables : Tables
    rest : Symbols, bytes or None
        What is added to the guess: symbols; or int32, shape (frames, channels); or nothing.

    Raises
    ------
    ValueError
        The tables, or the symbols, are not what a reader takes, or a source's samples no integers of 24 bits.
    """
    library = _library()
    plan, _alive = _pack_tables(tables)
    size = tables.frames * tables.channels
    raw, place = new_bytes(size * library.bf_width(tables.format))
    packed: bytes | None = None
    if isinstance(rest, bytes):
        if len(rest) != 4 * size:
            raise ValueError("a residual of another size")
        packed = _REST.pack(0, 0, find_address(rest), 0, 0, 0)
    elif rest is not None:
        packed = _pack_symbols(rest)
    code = library.bf_rebuild(plan, packed, place)
    if code < 0:
        raise ValueError(_REFUSALS[code])
    return raw


def measure_roughness(raw: bytes, sample_format: int, channels: int) -> float:
    """Return the mean second difference of a chunk's samples, of every fourth frame where there are many.

    Raises
    ------
    ValueError
        They are no integers of 24 bits.
    """
    library, mean = _library(), ctypes.c_double()
    frames = len(raw) // (library.bf_width(sample_format) * channels)
    if library.bf_measure_roughness(raw, frames, sample_format, channels, ctypes.byref(mean)):
        raise ValueError(_REFUSALS[-1])
    return mean.value


def _pack_tables(tables: Tables) -> tuple[bytes, object]:
    """Return the kernels' table of tables, and what must outlive it."""
    library = _library()
    sources: list[bytes] = []
    chunks: list[bytes] = []
    for raws, form, channels, start in tables.sources:
        width = library.bf_width(form) * channels
        sources.append(_SOURCE.pack(form, channels, start, len(chunks), len(raws)))
        chunks += [_CHUNK.pack(find_address(raw), len(raw) // width) for raw in raws]
    segments, terms = tables.segments, tables.terms
    alive = b"".join(sources), b"".join(chunks), segments, terms
    counts = len(sources), len(segments) // 4, len(terms) // 16
    plan = _PLAN.pack(*map(find_address, alive), tables.frames, *counts, tables.format, tables.channels)
    return plan, alive


def _pack_symbols(symbols: Symbols) -> bytes:
    _, exceptions, content = symbols
    count = len(exceptions) // _EXCEPTION_BYTES
    return _REST.pack(
        find_address(exceptions), find_address(content), 0, count, len(content), symbols.largest
    )


@cache
def _library() -> Any:
    place, long, number, packed = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_char_p
    rest = (place, long, number)
    return declare(
        bf_subtract=(number, packed, packed, place),
        bf_rebuild=(number, packed, packed, place),
        bf_count=(long, *rest, place),
        bf_correlate=(None, *rest, place),
        bf_pack=(long, *rest, number, place, place, long),
        bf_holds=(number, *rest, packed),
        bf_measure_roughness=(number, packed, long, number, number, place),
    )
