"""What a prediction leaves, in numpy: what the kernels of `native.prediction` do with it, where there are none.

Knows integers, digits and libsndfile's FLAC; what is written how is decided in `residual`.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.native.prediction import Symbols, digits_per_byte
from beatflow.objects.portable.flac import decode_stream, encode_stream
from beatflow.objects.samples import Integers

_EXCEPTIONS = np.dtype([("place", "<u4"), ("value", "<i4")])
_EACH, _MANY = 4, 1 << 14


class ArrayRest:
    """Integers, shape (frames, channels), reduced modulo ``2**bits``."""

    def __init__(self, values: Integers, bits: int) -> None:
        self.frames, self.channels = values.shape
        self.bits = bits
        self._values = wrap(values, bits)
        self.is_nothing = not bool(self._values.any())
        self.buffer = self._values.tobytes()

    def count(self) -> tuple[list[int], int]:
        """Count integers; one in four tells how often each is."""
        values = self._values[::_EACH] if self._values.size > _MANY else self._values
        near = np.clip(values, -129, 128) + 129
        return np.bincount(near.reshape(-1), minlength=258).tolist(), near.size

    def correlate(self) -> tuple[float, float]:
        """Return the sum of squares, and of the products of neighbours in time."""
        values = self._values.astype(np.float64)
        return float(np.vdot(values, values)), float(np.vdot(values[1:], values[:-1]))

    def pack(self, largest: int) -> Symbols:
        """Return the digits, channel after channel, and apart from them what they cannot hold."""
        low, high = (-largest, largest) if largest else (-128, 127)
        flat = np.ascontiguousarray(self._values.T).reshape(-1)
        apart = np.flatnonzero((flat < low) | (flat > high))
        table = np.zeros(len(apart), _EXCEPTIONS)
        table["place"], table["value"] = apart, flat[apart]
        values = np.clip(flat, low, high)
        content = _pack_digits(values, largest) if largest else values.astype(np.int8).tobytes()
        return Symbols(largest, table.tobytes(), content)

    def is_packed_as(self, symbols: Symbols) -> bool:
        """Say whether symbols give these integers back."""
        return np.array_equal(_unpack_symbols(symbols, self.frames, self.channels), self._values)


def wrap(values: Integers, bits: int) -> NDArray[np.int32]:
    """Reduce modulo ``2**bits`` to the signed range, so that no difference is too large for its format."""
    wide = np.ascontiguousarray(values, np.int32)
    return wide << (32 - bits) >> (32 - bits)


def read_rest(rest: Symbols | bytes, frames: int, channels: int) -> Integers:
    """Return what `residual.decode_residual` gave as an array.

    Raises
    ------
    ValueError
        The symbols are not what is written.
    """
    if isinstance(rest, bytes):
        return np.frombuffer(rest, np.int32).reshape(frames, channels)
    return _unpack_symbols(rest, frames, channels)


def _pack_digits(values: NDArray[np.int32], largest: int) -> bytes:
    base, count = 2 * largest + 1, digits_per_byte(largest)
    digits = (values + largest).astype(np.uint8)
    digits = np.append(digits, np.zeros(-len(digits) % count, np.uint8)).reshape(-1, count)
    packed = digits[:, 0].copy()
    for column in range(1, count):
        packed *= np.uint8(base)
        packed += digits[:, column]
    return packed.tobytes()


def _unpack_symbols(symbols: Symbols, frames: int, channels: int) -> Integers:
    largest, exceptions, content = symbols
    size = frames * channels
    table = np.frombuffer(exceptions, _EXCEPTIONS)
    packed = np.frombuffer(content, np.uint8)
    flat = (_unpack_digits(packed, largest) if largest else packed.view(np.int8))[:size].astype(np.int32)
    if len(table) and int(table["place"][-1]) >= size:
        raise ValueError("a residual points nowhere")
    if np.any(table["place"][1:] <= table["place"][:-1]):
        raise ValueError("a residual is not in order")
    flat[table["place"]] = table["value"]
    return flat.reshape(channels, frames).T


def _unpack_digits(packed: NDArray[np.uint8], largest: int) -> NDArray[np.int8]:
    base, count = 2 * largest + 1, digits_per_byte(largest)
    powers = base ** np.arange(count - 1, -1, -1)
    table = (np.arange(256)[:, None] // powers % base - largest).astype(np.int8)
    return np.take(table, packed, axis=0).reshape(-1)


def encode_flac(values: bytes, channels: int, bits: int, level: float) -> bytes:
    """Return int32, shape (frames, channels), as one FLAC stream."""
    frames = np.frombuffer(values, np.int32).reshape(-1, channels)
    # libsndfile takes integers left-justified.
    return encode_stream((frames << 8 if bits != 16 else frames).astype(_dtype(bits)), bits, level)


def decode_flac(stream: bytes, frames: int, channels: int, bits: int) -> bytes:
    """Undo `encode_flac`.

    Raises
    ------
    ValueError
        The stream is not one of so many frames, channels and bits.
    """
    found = decode_stream(stream, frames, channels, bits)
    return (found >> 8 if bits != 16 else found).astype(np.int32).tobytes()


def _dtype(bits: int) -> type[np.signedinteger]:
    return np.int16 if bits <= 16 else np.int32
