"""Codecs: one chunk's bytes to a smaller payload and back, bit for bit.

Knows samples and compressors, no packs. Imports numpy, zstandard and libsndfile, so nothing on the path of quick
commands may import it. `encode` decodes what it made and compares before it answers, unless told that this is not
needed: a bug in a compressor makes a chunk larger, never wrong.
"""

import struct
from typing import Any

import numpy as np
import zstandard

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.flac import LEVEL, decode_stream, encode_stream
from beatflow.objects.flac import MAX_CHANNELS as FLAC_CHANNELS
from beatflow.objects.layout import MAX_CHANNELS, Layout, SampleFormat
from beatflow.objects.pack import Codec
from beatflow.objects.plain import NO_PARAMETERS, Encoded, compress, decompress
from beatflow.objects.samples import Integers, from_integers, get_bits, to_integers
from beatflow.objects.sndfile import LibsndfileError

_PARAMETERS = struct.Struct("<BBH")
_GROUP = struct.Struct("<I")
# Outside these shares of the raw size zstd has a chance against FLAC: silence, loops, noise, chips.
_FLAC_SMALL, _FLAC_LARGE = 0.15, 0.95
# Of shorter chunks all is tried. A zstd frame has about so many bytes beside its content.
_SHORT, _FRAME = 1 << 14, 16


def encode(
    raw: bytes, layout: Layout | None = None, level: float = LEVEL, trust_flac: bool = False
) -> Encoded:
    """Return the smallest encoding found at reasonable cost; it decodes to `raw`.

    Parameters
    ----------
    raw : bytes
        The chunk.
    layout : Layout, optional
        How to read it when it is samples.
    level : float
        FLAC's, 0 (fastest) to 1.
    trust_flac : bool
        Whether FLAC streams need no proof: decoding takes as long as encoding, and who codes much proves some.
    """
    candidates = []
    if layout is not None and _is_whole(raw, layout):
        candidates.append(_encode_samples(raw, layout, level))
    if not candidates or _is_promising(candidates[0], raw):
        candidates.append(Encoded(Codec.ZSTD, NO_PARAMETERS, compress(raw)))
    for found in sorted(candidates, key=lambda item: len(item.payload)):
        trusted = trust_flac and found.codec is Codec.FLAC
        if len(found.payload) < len(raw) and (trusted or _decodes_to(found, raw)):
            return found
    return Encoded(Codec.NONE, NO_PARAMETERS, raw)


def decode(codec: int, parameters: bytes, payload: bytes, raw_length: int) -> bytes:
    """Undo `encode`.

    Raises
    ------
    DamagedError
        The payload is not what the codec writes, or not `raw_length` bytes long when decoded.
    BeatFlowError
        The codec is unknown to this version.
    """
    try:
        raw = _decode(codec, parameters, payload, raw_length)
    except (zstandard.ZstdError, LibsndfileError, ValueError, struct.error) as error:
        raise DamagedError(f"codec {codec} cannot decode its payload: {error}") from error
    if len(raw) != raw_length:
        raise DamagedError(f"codec {codec} gave {len(raw)} bytes in place of {raw_length}")
    return raw


def _decode(codec: int, parameters: bytes, payload: bytes, raw_length: int) -> bytes:
    match codec:
        case Codec.NONE:
            return payload
        case Codec.ZSTD:
            return decompress(payload, raw_length)
        case Codec.FLAC:
            return _decode_flac(_unpack_layout(parameters), payload, raw_length)
        case Codec.PLANES:
            return _join_planes(_unpack_layout(parameters), decompress(payload, raw_length))
    raise BeatFlowError(f"codec {codec} is newer than this BeatFlow", "upgrade BeatFlow")


def _decodes_to(encoded: Encoded, raw: bytes) -> bool:
    try:
        return decode(encoded.codec, encoded.parameters, encoded.payload, len(raw)) == raw
    except DamagedError:
        return False


def _is_whole(raw: bytes, layout: Layout) -> bool:
    return len(raw) > 0 and len(raw) % layout.frame_bytes == 0


def _is_promising(found: Encoded, raw: bytes) -> bool:
    """Say whether zstd has a chance against FLAC; where it may, a sixteenth of the bytes tells."""
    share = len(found.payload) / len(raw)
    if found.codec is not Codec.FLAC or _FLAC_SMALL < share < _FLAC_LARGE:
        return False
    part = raw[len(raw) // 2 :][: len(raw) // 16]
    return len(raw) < _SHORT or len(compress(part)) < 2 * share * len(part) + _FRAME


def _encode_samples(raw: bytes, layout: Layout, level: float) -> Encoded:
    parameters = _PARAMETERS.pack(layout.format, 0, layout.channels)
    samples = to_integers(raw, layout.format)
    if samples is not None:
        frames = samples.reshape(-1, layout.channels)
        return Encoded(Codec.FLAC, parameters, _encode_flac(frames, layout.format, level))
    return Encoded(Codec.PLANES, parameters, compress(_split_planes(layout, raw)))


def _unpack_layout(parameters: bytes) -> Layout:
    number, reserved, channels = _PARAMETERS.unpack(parameters)
    if reserved or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"parameters {parameters.hex()}")
    return Layout(SampleFormat(number), channels)


# Byte planes: the first byte of every sample of the first channel, of the second …, then the second bytes.
# Exponents stand beside exponents that way; a 32-bit float mix shrinks to 79.5 %, by samples alone to 92.5 %.


# 32-bit integers are differences to the frame before, modulo 2**32; floats have no such difference.


def _split_planes(layout: Layout, raw: bytes) -> bytes:
    if not layout.format.is_float:
        words = np.frombuffer(raw, _words(layout)).reshape(-1, layout.channels)
        raw = np.diff(words, axis=0, prepend=np.zeros_like(words[:1])).astype(words.dtype).tobytes()
    samples = np.frombuffer(raw, np.uint8).reshape(-1, layout.channels, layout.format.width)
    return samples.transpose(2, 1, 0).tobytes()


def _join_planes(layout: Layout, planes: bytes) -> bytes:
    samples = np.frombuffer(planes, np.uint8).reshape(layout.format.width, layout.channels, -1)
    raw = samples.transpose(2, 1, 0).tobytes()
    if layout.format.is_float:
        return raw
    steps = np.frombuffer(raw, _words(layout)).reshape(-1, layout.channels)
    return np.cumsum(steps, axis=0, dtype=np.uint32).astype(steps.dtype).tobytes()


def _words(layout: Layout) -> np.dtype[Any]:
    """Samples as unsigned words, whose sums and differences wrap around."""
    if layout.format.width != 4:
        raise ValueError(f"byte planes of {layout.format.name}")
    return np.dtype(">u4" if layout.format.is_big_endian else "<u4")


# FLAC


def _encode_flac(frames: Integers, sample_format: SampleFormat, level: float) -> bytes:
    """Encode frames as one FLAC stream, or, beyond 8 channels, as one per group of 8, each after its length."""
    bits = get_bits(sample_format)
    streams = [
        encode_stream(frames[:, first : first + FLAC_CHANNELS], bits, level)
        for first in range(0, frames.shape[1], FLAC_CHANNELS)
    ]
    if len(streams) == 1:
        return streams[0]
    return b"".join(_GROUP.pack(len(stream)) + stream for stream in streams)


def _decode_flac(layout: Layout, payload: bytes, raw_length: int) -> bytes:
    if raw_length % layout.frame_bytes:
        raise ValueError("not a whole number of frames")
    frames = raw_length // layout.frame_bytes
    bits = get_bits(layout.format)
    groups = [
        decode_stream(stream, frames, channels, bits)
        for stream, channels in _flac_streams(payload, layout.channels)
    ]
    samples = groups[0] if len(groups) == 1 else np.concatenate(groups, axis=1)
    return from_integers(samples.reshape(-1), layout.format)


def _flac_streams(payload: bytes, channels: int) -> list[tuple[bytes, int]]:
    if channels <= FLAC_CHANNELS:
        return [(payload, channels)]
    streams, at = [], 0
    for first in range(0, channels, FLAC_CHANNELS):
        (length,) = _GROUP.unpack_from(payload, at)
        at += _GROUP.size
        streams.append((payload[at : at + length], min(FLAC_CHANNELS, channels - first)))
        at += length
    if at != len(payload):
        raise ValueError("bytes after the last FLAC stream")
    return streams
