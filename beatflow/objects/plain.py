"""The codec of plain bytes: zstd.

Knows neither samples nor packs, and loads neither numpy nor libsndfile: a change that brings no new sound needs none.
"""

import threading
from typing import NamedTuple

import zstandard

from beatflow.errors import DamagedError
from beatflow.objects.pack import Codec

ZSTD_LEVEL = 3
NO_PARAMETERS = bytes(4)


class Encoded(NamedTuple):
    """A payload, the codec that made it and the codec's 4 bytes of parameters."""

    codec: Codec
    parameters: bytes
    payload: bytes


def encode_bytes(raw: bytes) -> Encoded:
    """Return bytes compressed, proven to decode to `raw`, or as they are where that is not smaller."""
    payload = compress(raw)
    if len(payload) < len(raw) and decompress(payload, len(raw)) == raw:
        return Encoded(Codec.ZSTD, NO_PARAMETERS, payload)
    return Encoded(Codec.NONE, NO_PARAMETERS, raw)


def decode_bytes(payload: bytes, raw_length: int) -> bytes:
    """Undo what `encode_bytes` has compressed.

    Raises
    ------
    DamagedError
        It is not what zstd writes, or not `raw_length` bytes.
    """
    try:
        return decompress(payload, raw_length)
    except (zstandard.ZstdError, ValueError) as error:
        raise DamagedError(f"zstd cannot decode a payload: {error}") from error


class _Contexts(threading.local):
    """What zstd works with, made once for each thread: new ones would take a quarter of the time."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=False)
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def compress(data: bytes) -> bytes:
    """Return one zstd frame that tells its size."""
    return _contexts.compressor.compress(data)


def decompress(payload: bytes | memoryview, raw_length: int) -> bytes:
    """Undo `compress`.

    Raises
    ------
    ValueError, ZstdError
        It is no frame of that size.
    """
    # The frame's own size is looked at first: the library would allocate whatever a damaged one says.
    if zstandard.frame_content_size(payload) != raw_length:
        raise ValueError("the frame announces another size")
    return _contexts.decompressor.decompress(payload, allow_extra_data=False)
