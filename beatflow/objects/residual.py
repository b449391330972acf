"""What a prediction leaves: noise as entropy-coded symbols, whatever has a shape of its own as FLAC.

Knows integers and the byte tables in docs/format.md; not what was predicted.
"""

import struct
from enum import IntEnum

import numpy as np
import zstandard
from numpy.typing import NDArray

from beatflow.objects.flac import decode_stream, encode_stream
from beatflow.objects.plain import decompress
from beatflow.objects.samples import Integers

_SYMBOLS = struct.Struct("<BI")
_EXCEPTION = struct.Struct("<Ii")
_EXCEPTIONS = np.dtype([("place", "<u4"), ("value", "<i4")])
_MOST_DIGIT = 7
_EACH, _MANY = 4, 1 << 14
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


class Residual(IntEnum):
    """How what a prediction leaves is written; the numbers are on disk."""

    NOTHING = 0
    SYMBOLS = 1
    FLAC = 2


def encode_residual(rest: Integers, bits: int, level: float) -> tuple[Residual, bytes]:
    """Choose by size: noise as entropy-coded symbols, whatever has a shape of its own as FLAC."""
    if not rest.any():
        return Residual.NOTHING, b""
    flat = np.ascontiguousarray(rest.T).reshape(-1)
    largest, cost = _choose_digits(flat)
    noise = cost is not None and (largest > 0 or _is_noise(rest))
    if noise:
        return Residual.SYMBOLS, _encode_symbols(flat, largest)
    stream = encode_stream(_justify(rest, bits), bits, level)
    if cost is not None and cost < len(stream):
        symbols = _encode_symbols(flat, largest)
        if len(symbols) < len(stream):
            return Residual.SYMBOLS, symbols
    return Residual.FLAC, stream


def _choose_digits(flat: NDArray[np.int32]) -> tuple[int, float | None]:
    """Return the largest digit to write, 0 for whole bytes, and about how many bytes that takes; None for too many."""
    # One sample in four tells how often values are: what is chosen here need not be the best, only near it.
    near = np.clip(flat[::_EACH] if flat.size > _MANY else flat, -129, 128)
    near += 129
    counts = np.bincount(near, minlength=258) * (flat.size / near.size)
    beyond = counts[0] + counts[257]
    if beyond * _EXCEPTION.size > flat.size / 16:
        return 0, None
    share = counts[counts > 0] / flat.size
    entropy = float(-(share * np.log2(share)).sum()) * flat.size / 8
    for largest in range(1, _MOST_DIGIT + 1):
        # Values beyond the digits are written apart; a digit more makes fewer of them, and fewer digits in a byte.
        apart = flat.size - counts[129 - largest : 130 + largest].sum()
        if apart * _EXCEPTION.size < 0.01 * entropy:
            return largest, entropy
    return 0, entropy + beyond * _EXCEPTION.size


def _encode_symbols(flat: NDArray[np.int32], largest: int) -> bytes:
    """Pack several small digits into a byte, or one value; then entropy coding, hardly any search for repeats."""
    low, high = (-largest, largest) if largest else (-128, 127)
    apart = np.flatnonzero((flat < low) | (flat > high))
    table = np.zeros(len(apart), _EXCEPTIONS)
    table["place"], table["value"] = apart, flat[apart]
    values = np.clip(flat, low, high)
    data = _pack_digits(values, largest) if largest else values.astype(np.int8).tobytes()
    packed = zstandard.ZstdCompressor(compression_params=_HUFFMAN).compress(data)
    return _SYMBOLS.pack(largest, len(apart)) + table.tobytes() + packed


def _pack_digits(values: NDArray[np.int32], largest: int) -> bytes:
    base, count = 2 * largest + 1, _digits_per_byte(largest)
    digits = (values + largest).astype(np.uint8)
    digits = np.append(digits, np.zeros(-len(digits) % count, np.uint8)).reshape(-1, count)
    packed = digits[:, 0].copy()
    for column in range(1, count):
        packed *= np.uint8(base)
        packed += digits[:, column]
    return packed.tobytes()


def _digits_per_byte(largest: int) -> int:
    """Return how many digits from ``-largest`` to ``largest`` one byte holds: 5, 3 or 2."""
    return {1: 5, 2: 3}.get(largest, 2)


def _decode_symbols(data: memoryview, size: int) -> NDArray[np.int32]:
    largest, apart = _SYMBOLS.unpack_from(data)
    if largest > _MOST_DIGIT or apart > size:
        raise ValueError("a residual of unknown digits")
    start = _SYMBOLS.size + apart * _EXCEPTION.size
    table = np.frombuffer(data[_SYMBOLS.size : start], _EXCEPTIONS)
    count = _digits_per_byte(largest) if largest else 1
    packed = np.frombuffer(decompress(data[start:], -(-size // count)), np.uint8)
    flat = (_unpack_digits(packed, largest) if largest else packed.view(np.int8))[:size].astype(np.int32)
    if len(table) and int(table["place"][-1]) >= size:
        raise ValueError("a residual points nowhere")
    if np.any(table["place"][1:] <= table["place"][:-1]):
        raise ValueError("a residual is not in order")
    flat[table["place"]] = table["value"]
    return flat


def _unpack_digits(packed: NDArray[np.uint8], largest: int) -> NDArray[np.int8]:
    base, count = 2 * largest + 1, _digits_per_byte(largest)
    powers = base ** np.arange(count - 1, -1, -1)
    table = (np.arange(256)[:, None] // powers % base - largest).astype(np.int8)
    return np.take(table, packed, axis=0).reshape(-1)


def _justify(rest: Integers, bits: int) -> Integers:
    """Return integers as FLAC takes them, left-justified."""
    return (rest << 8 if bits != 16 else rest).astype(np.int16 if bits <= 16 else np.int32)


def _unjustify(found: Integers, bits: int) -> Integers:
    return found >> 8 if bits != 16 else found


def _is_noise(rest: Integers) -> bool:
    """Say whether neighbours have nothing to do with each other: no linear predictor gains anything then."""
    values = rest.astype(np.float32)
    power = float(np.vdot(values, values))
    return abs(float(np.vdot(values[1:], values[:-1]))) < 0.1 * power


def decode_residual(kind: Residual, data: memoryview, frames: int, channels: int, bits: int) -> Integers:
    """Undo `encode_residual`.

    Raises
    ------
    ValueError, struct.error, ZstdError, LibsndfileError
        The bytes are not what it writes.
    """
    if kind is Residual.FLAC:
        return _unjustify(decode_stream(bytes(data), frames, channels, bits), bits)
    return _decode_symbols(data, frames * channels).reshape(channels, frames).T
