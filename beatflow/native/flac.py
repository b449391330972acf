"""FLAC streams by compiled kernels: what a chunk's bytes, or integers, become and come from.

Knows addresses and the numbers of formats in docs/format.md (`SampleFormat`'s), no stores and no numpy. Everything here
answers None where there are no kernels.
"""

import ctypes
import struct
from functools import cache
from typing import Any

from beatflow.native import declare
from beatflow.native.buffers import new_bytes

MAX_CHANNELS = 8

# Frames of a FLAC frame that the encoder writes; the last one may be shorter.
_BLOCK = 4096

_GROUP = struct.Struct("<I")
_WRONG = {
    1: "not a FLAC stream",
    2: "a FLAC stream of another length, or of other channels or bits",
    3: "a damaged FLAC stream",
}
_NO_MEMORY = 4


def encode_flac(
    raw: bytes, sample_format: int, channels: int, first: int = 0, count: int = 0
) -> bytes | None:
    """Return a chunk's samples as one native FLAC stream.

    Parameters
    ----------
    raw : bytes
        A whole number of frames.
    sample_format : int
        A `SampleFormat`.
    channels : int
        Of each frame.
    first, count : int
        The channels that go into the stream, at most 8; 0 stands for all from `first` on.

    Returns
    -------
    bytes or None
        None where there are no kernels, or a sample is no integer of 24 bits.
    """
    library = _library()
    if library is None:
        return None
    frames, count = len(raw) // (library.bf_width(sample_format) * channels), count or channels - first
    room = _stream_room(frames, count, library.bf_bits(sample_format))
    stream, address = new_bytes(room)
    length = library.bf_flac_encode(raw, sample_format, frames, channels, first, count, address, room)
    return stream[:length] if length > 0 else None


def encode_values(values: bytes, frames: int, channels: int, bits: int) -> bytes | None:
    """Return integers as one native FLAC stream.

    Parameters
    ----------
    values : bytes
        Of int32, shape (frames, channels), each within `bits` bits (right-justified).
    frames, channels : int
        1 to 8 channels.
    bits : int
        8, 16 or 24.

    Returns
    -------
    bytes or None
        None where there are no kernels, or a value does not fit.
    """
    library = _library()
    if library is None:
        return None
    room = _stream_room(frames, channels, bits)
    stream, place = new_bytes(room)
    length = library.bf_flac_encode_values(values, frames, channels, bits, place, room)
    return stream[:length] if length > 0 else None


def _stream_room(frames: int, channels: int, bits: int) -> int:
    """Return what a stream of as much noise may take, and what the encoder asks for (native/flac_encode.c)."""
    return 64 + -(-frames // _BLOCK) * (32 + channels * (8 + _BLOCK // 8 * (bits + 1)))


def decode_flac(payload: bytes | memoryview, frames: int, channels: int, sample_format: int) -> bytes | None:
    """Return the samples of codec FLAC's payload as they stand in a file.

    Parameters
    ----------
    payload : bytes-like
        One stream, or, beyond 8 channels, one for each 8 of them, each after its length.
    frames, channels : int
    sample_format : int
        A `SampleFormat`.

    Returns
    -------
    bytes or None
        None where there are no kernels.

    Raises
    ------
    ValueError
        Not FLAC streams, not of so many frames, channels and bits, or damaged ones.
    """
    library = _library()
    if library is None:
        return None
    width = library.bf_width(sample_format)
    raw, address = new_bytes(frames * channels * width)
    stream = bytes(payload)
    if channels <= MAX_CHANNELS:
        _check(library.bf_flac_decode(stream, len(stream), frames, channels, sample_format, address))
        return raw
    values = (ctypes.c_int32 * (frames * channels))()
    at, bits = 0, library.bf_bits(sample_format)
    for first in range(0, channels, MAX_CHANNELS):
        if len(stream) - at < _GROUP.size:
            raise ValueError("too few FLAC streams")
        (length,) = _GROUP.unpack_from(stream, at)
        at += _GROUP.size
        group = stream[at : at + length]
        at += length
        place = ctypes.byref(values, first * ctypes.sizeof(ctypes.c_int32))
        count = min(MAX_CHANNELS, channels - first)
        _check(library.bf_flac_decode_values(group, len(group), frames, count, bits, channels, place))
    if at != len(stream):
        raise ValueError("bytes after the last FLAC stream")
    library.bf_write_samples(values, len(values), sample_format, address)
    return raw


def decode_values(payload: bytes | memoryview, frames: int, channels: int, bits: int, address: int) -> bool:
    """Put the integers of one stream where they are wanted.

    Parameters
    ----------
    payload : bytes-like
        The stream.
    frames, channels : int
        1 to 8 channels.
    bits : int
        1 to 24; every integer has no more.
    address : int
        Of C-contiguous int32, shape (frames, channels), to be written, right-justified.

    Returns
    -------
    bool
        False where there are no kernels.

    Raises
    ------
    ValueError
        As `decode_flac`; some of the integers may have been written.
    """
    library = _library()
    if library is None:
        return False
    stream = bytes(payload)
    _check(library.bf_flac_decode_values(stream, len(stream), frames, channels, bits, channels, address))
    return True


def _check(result: int) -> None:
    if result == _NO_MEMORY:
        raise MemoryError
    if result:
        raise ValueError(_WRONG[result])


@cache
def _library() -> Any:
    place, number, count, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_int64
    raw, stream = ctypes.c_char_p, (ctypes.c_char_p, ctypes.c_size_t)
    return declare(
        bf_flac_encode=(size, raw, number, size, number, number, number, place, size),
        bf_flac_encode_values=(size, raw, size, number, number, place, size),
        bf_flac_decode=(number, *stream, count, count, number, place),
        bf_flac_decode_values=(number, *stream, count, count, count, count, place),
        bf_write_samples=(number, place, size, number, place),
    )
