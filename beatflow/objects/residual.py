"""What a prediction leaves: noise as entropy-coded symbols, whatever has a shape of its own as FLAC.

Knows integers and the byte tables in docs/format.md; not what was predicted. Integers come from the kernels as
`native.prediction.Rest`, or from numpy as `portable.residual.ArrayRest`; what to make of them is decided here for both.
"""

import struct
import threading
from enum import IntEnum
from math import log2
from typing import Protocol

import zstandard

from beatflow.native.buffers import new_bytes
from beatflow.native.flac import decode_values, encode_values
from beatflow.native.prediction import Symbols, digits_per_byte
from beatflow.objects.flac import LEVEL
from beatflow.objects.plain import decompress

_SYMBOLS = struct.Struct("<BI")
_EXCEPTION_BYTES = 8
_MOST_DIGIT = 7
_ZERO = 129  # its place among the counts
# Noise repeats nothing: matches of less than 7 bytes would cost more than what they stand for.
_HUFFMAN = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST,
    window_log=17,
    hash_log=6,
    chain_log=6,
    search_log=1,
    min_match=7,
    write_checksum=False,
)


class _Context(threading.local):
    """A compressor for each thread."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(compression_params=_HUFFMAN)


_context = _Context()


class Residual(IntEnum):
    """How what a prediction leaves is written; the numbers are on disk."""

    NOTHING = 0
    SYMBOLS = 1
    FLAC = 2


class Rest(Protocol):
    """What a prediction leaves of a chunk: integers of `bits` bits, shape (frames, channels)."""

    frames: int
    channels: int
    bits: int
    is_nothing: bool
    buffer: bytes
    """C-contiguous int32."""

    def count(self) -> tuple[list[int], int]:
        """Return how often there is each integer from -129 (or less) to 128 (or more), and of how many, maybe few."""
        ...

    def correlate(self) -> tuple[float, float]:
        """Return the sum of squares, and the sum of the products of neighbours in time."""
        ...

    def pack(self, largest: int) -> Symbols:
        """Return it as symbols with digits from ``-largest`` to `largest`, 0 for bytes."""
        ...

    def is_packed_as(self, symbols: Symbols) -> bool:
        """Say whether symbols give it back."""
        ...


def encode_residual(rest: Rest, level: float) -> tuple[Residual, bytes]:
    """Choose by size: noise as entropy-coded symbols, whatever has a shape of its own as FLAC.

    Raises
    ------
    ValueError, ZstdError
        What was written is not what it was written from.
    """
    if rest.is_nothing:
        return Residual.NOTHING, b""
    largest, cost = _choose_digits(rest)
    if cost is not None and (largest > 0 or _is_noise(rest)):
        return Residual.SYMBOLS, _encode_symbols(rest, largest)
    stream = _encode_flac(rest, level)
    if cost is not None and cost < len(stream):
        symbols = _encode_symbols(rest, largest)
        if len(symbols) < len(stream):
            return Residual.SYMBOLS, symbols
    if _decode_flac(stream, rest.frames, rest.channels, rest.bits) != rest.buffer:
        raise ValueError("a FLAC stream is not what was meant")
    return Residual.FLAC, stream


def decode_residual(
    kind: Residual, data: bytes, frames: int, channels: int, bits: int
) -> Symbols | bytes | None:
    """Return what to add to a guess: symbols, not looked into yet; or int32, shape (frames, channels); or nothing.

    Raises
    ------
    ValueError, struct.error, ZstdError
        The bytes are not what `encode_residual` writes.
    """
    if kind is Residual.FLAC:
        return _decode_flac(data, frames, channels, bits)
    if kind is Residual.SYMBOLS:
        return _read_symbols(data, frames * channels)
    if data:
        raise ValueError("bytes after the terms")
    return None


def _choose_digits(rest: Rest) -> tuple[int, float | None]:
    """Return the largest digit to write, 0 for whole bytes, and about how many bytes that takes; None for too many."""
    counts, seen = rest.count()
    size = rest.frames * rest.channels
    # What was not counted is taken to be like what was: what is chosen here need not be the best, only near it.
    scale = size / seen
    beyond = (counts[0] + counts[-1]) * scale
    if beyond * _EXCEPTION_BYTES > size / 16:
        return 0, None
    entropy = -sum(count * log2(count / seen) for count in counts if count) * scale / 8
    within = counts[_ZERO]
    for largest in range(1, _MOST_DIGIT + 1):
        # Values beyond the digits are written apart; a digit more makes fewer of them, and fewer digits in a byte.
        within += counts[_ZERO - largest] + counts[_ZERO + largest]
        if (seen - within) * scale * _EXCEPTION_BYTES < 0.01 * entropy:
            return largest, entropy
    return 0, entropy + beyond * _EXCEPTION_BYTES


def _is_noise(rest: Rest) -> bool:
    """Say whether neighbours have nothing to do with each other: no linear predictor gains anything then."""
    power, product = rest.correlate()
    return abs(product) < 0.1 * power


def _encode_symbols(rest: Rest, largest: int) -> bytes:
    """Pack several small digits into a byte, or one value; then entropy coding, hardly any search for repeats."""
    symbols = rest.pack(largest)
    content = _context.compressor.compress(symbols.content)
    count = len(symbols.exceptions) // _EXCEPTION_BYTES
    data = _SYMBOLS.pack(largest, count) + symbols.exceptions + content
    if not rest.is_packed_as(_read_symbols(data, rest.frames * rest.channels)):
        raise ValueError("symbols are not what was meant")
    return data


def _read_symbols(data: bytes, size: int) -> Symbols:
    largest, count = _SYMBOLS.unpack_from(data)
    if largest > _MOST_DIGIT or count > size:
        raise ValueError("a residual of unknown digits")
    start = _SYMBOLS.size + count * _EXCEPTION_BYTES
    if start > len(data):
        raise ValueError("a residual is cut short")
    content = decompress(memoryview(data)[start:], -(-size // digits_per_byte(largest)))
    return Symbols(largest, data[_SYMBOLS.size : start], content)


def _encode_flac(rest: Rest, level: float) -> bytes:
    if level == LEVEL:
        stream = encode_values(rest.buffer, rest.frames, rest.channels, rest.bits)
        if stream is not None:
            return stream
    from beatflow.objects.portable.residual import encode_flac

    return encode_flac(rest.buffer, rest.channels, rest.bits, level)


def _decode_flac(stream: bytes, frames: int, channels: int, bits: int) -> bytes:
    made, address = new_bytes(4 * frames * channels)
    if decode_values(stream, frames, channels, bits, address):
        return made
    from beatflow.objects.portable.residual import decode_flac

    return decode_flac(stream, frames, channels, bits)
