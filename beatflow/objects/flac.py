"""The codec of integers: a chunk's samples as FLAC streams and back, by kernels, or by libsndfile where there are none.

Knows sample formats and streams of up to 8 channels, no packs. Loads numpy and libsndfile only where it needs them.
"""

import struct

from beatflow.native import flac as native
from beatflow.native import kernels
from beatflow.objects.layout import Layout

# On libsndfile's scale of 0 to 1: libFLAC's level 4. Up to there the kernels encode, about as small and several times
# as fast. On music level 8 gains 1.4 % and takes three times as long as level 4: `gc --aggressive` takes that time.
LEVEL = 0.5
_GROUP = struct.Struct("<I")
_GROUP_CHANNELS = native.MAX_CHANNELS


def encode_flac(raw: bytes, layout: Layout, level: float) -> bytes | None:
    """Return a chunk of whole frames as codec FLAC's payload, None where 24 bits cannot hold its samples."""
    streams = (
        _encode_groups(raw, layout) if level <= LEVEL and kernels() else _encode_slowly(raw, layout, level)
    )
    if streams is None:
        return None
    if len(streams) == 1:
        return streams[0]
    return b"".join(_GROUP.pack(len(stream)) + stream for stream in streams)


def _encode_groups(raw: bytes, layout: Layout) -> list[bytes] | None:
    streams = []
    for first in range(0, layout.channels, _GROUP_CHANNELS):
        count = min(_GROUP_CHANNELS, layout.channels - first)
        stream = native.encode_flac(raw, layout.format, layout.channels, first, count)
        if stream is None:
            return None
        streams.append(stream)
    return streams


def _encode_slowly(raw: bytes, layout: Layout, level: float) -> list[bytes] | None:
    from beatflow.objects.portable.flac import encode_samples

    return encode_samples(raw, layout, level)


def decode_flac(layout: Layout, payload: bytes, raw_length: int) -> bytes:
    """Undo `encode_flac`.

    Raises
    ------
    ValueError, struct.error
        Not its streams, not of so many frames, channels and bits, or damaged ones.
    """
    if raw_length % layout.frame_bytes:
        raise ValueError("not a whole number of frames")
    frames = raw_length // layout.frame_bytes
    raw = native.decode_flac(payload, frames, layout.channels, layout.format)
    if raw is not None:
        return raw
    from beatflow.objects.portable.flac import decode_samples

    return decode_samples(_split_groups(payload, layout.channels), frames, layout)


def _split_groups(payload: bytes, channels: int) -> list[bytes]:
    if channels <= _GROUP_CHANNELS:
        return [payload]
    streams, at = [], 0
    for _ in range(0, channels, _GROUP_CHANNELS):
        (length,) = _GROUP.unpack_from(payload, at)
        at += _GROUP.size
        streams.append(payload[at : at + length])
        at += length
    if at != len(payload):
        raise ValueError("bytes after the last FLAC stream")
    return streams
