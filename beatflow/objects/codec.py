"""Codecs: one chunk's bytes to a smaller payload and back, bit for bit.

Knows samples and compressors, no packs. Imports numpy, zstandard and libsndfile, so nothing on the path of quick
commands may import it. `encode` decodes what it made and compares before it answers: a bug in a compressor makes
a chunk larger, never wrong.
"""

import io
import struct
import threading
from typing import Any, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.layout import MAX_CHANNELS, Layout, SampleFormat
from beatflow.objects.pack import Codec
from beatflow.objects.sndfile import LibsndfileError, SoundFile

ZSTD_LEVEL = 3
# libsndfile's own default, FLAC's level 5: level 8 gains .4 % and takes 2.3 times as long.
FLAC_CHANNELS = 8
_PARAMETERS = struct.Struct("<BBH")
_GROUP = struct.Struct("<I")
# FLAC carries at most 24 bits here; a float on this grid is an integer in disguise.
_GRID = 2.0**23
# Outside these shares of the raw size zstd has a chance against FLAC: silence, loops, noise, chips.
_FLAC_SMALL, _FLAC_LARGE = 0.15, 0.95


class _FlacFile(SoundFile):  # type: ignore[misc]  # python-soundfile has no types
    """A FLAC stream in memory.

    python-soundfile opens all files under one lock. When libsndfile opens a stored file, its first bytes may have
    to be decoded in the middle of that, so chunks are opened under a lock of their own.
    """

    _sf_error_lock = threading.Lock()


Integers = NDArray[np.int16] | NDArray[np.int32]


class Encoded(NamedTuple):
    """A payload, the codec that made it and the codec's 4 bytes of parameters."""

    codec: Codec
    parameters: bytes
    payload: bytes


NO_PARAMETERS = bytes(4)


def encode(raw: bytes, layout: Layout | None = None) -> Encoded:
    """Return the smallest encoding found at reasonable cost; it is certain to decode to `raw`."""
    candidates = []
    if layout is not None and _is_whole(raw, layout):
        candidates.append(_encode_samples(raw, layout))
    if not candidates or _worth_trying_bytes(candidates[0], raw):
        candidates.append(Encoded(Codec.ZSTD, NO_PARAMETERS, _compress(raw)))
    for found in sorted(candidates, key=lambda item: len(item.payload)):
        if len(found.payload) < len(raw) and _decodes_to(found, raw):
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
            return _decompress(payload, raw_length)
        case Codec.FLAC:
            return _decode_flac(_unpack_layout(parameters), payload, raw_length)
        case Codec.PLANES:
            return _join_planes(_unpack_layout(parameters), _decompress(payload, raw_length))
    raise BeatFlowError(f"codec {codec} is newer than this BeatFlow", "upgrade BeatFlow")


def _decodes_to(encoded: Encoded, raw: bytes) -> bool:
    try:
        return decode(encoded.codec, encoded.parameters, encoded.payload, len(raw)) == raw
    except DamagedError:
        return False


def _is_whole(raw: bytes, layout: Layout) -> bool:
    return len(raw) > 0 and len(raw) % layout.frame_bytes == 0


def _worth_trying_bytes(found: Encoded, raw: bytes) -> bool:
    share = len(found.payload) / len(raw)
    return found.codec is Codec.FLAC and not _FLAC_SMALL < share < _FLAC_LARGE


def _encode_samples(raw: bytes, layout: Layout) -> Encoded:
    parameters = _PARAMETERS.pack(layout.format, 0, layout.channels)
    samples = _to_integers(raw, layout.format)
    if samples is not None:
        frames = samples.reshape(-1, layout.channels)
        return Encoded(Codec.FLAC, parameters, _encode_flac(frames, layout.format))
    return Encoded(Codec.PLANES, parameters, _compress(_split_planes(layout, raw)))


def _unpack_layout(parameters: bytes) -> Layout:
    number, reserved, channels = _PARAMETERS.unpack(parameters)
    if reserved or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"parameters {parameters.hex()}")
    return Layout(SampleFormat(number), channels)


# zstd


def _compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=False).compress(data)


def _decompress(payload: bytes, raw_length: int) -> bytes:
    # The frame's own size is looked at first: the library would allocate whatever a damaged one says.
    if zstandard.frame_content_size(payload) != raw_length:
        raise ValueError("the frame announces another size")
    return zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False)


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


def _to_integers(raw: bytes, sample_format: SampleFormat) -> Integers | None:
    """Return the samples as libsndfile takes them, left-justified, or None where FLAC cannot hold them."""
    if sample_format.is_float:
        return _float_to_integers(raw, sample_format)
    match sample_format.width:
        case 1:
            levels = np.frombuffer(raw, np.uint8).astype(np.int16) << 8
            return (levels ^ -0x8000).astype(np.int16) if sample_format is SampleFormat.U8 else levels
        case 2:
            return np.frombuffer(raw, _dtype(sample_format)).astype(np.int16, copy=False)
        case 3:
            words = np.zeros((len(raw) // 3, 4), np.uint8)
            triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            words[:, 1:] = triples[:, ::-1] if sample_format.is_big_endian else triples
            return words.view("<i4").reshape(-1).astype(np.int32, copy=False)
    words32 = np.frombuffer(raw, _dtype(sample_format)).astype(np.int32, copy=False)
    return None if np.any(words32 & 0xFF) else words32


def _float_to_integers(raw: bytes, sample_format: SampleFormat) -> NDArray[np.int32] | None:
    """Return floats that all lie on the 24-bit grid as integers; None if any does not, or is -0.0."""
    samples = np.frombuffer(raw, _dtype(sample_format))
    if not _on_grid(samples[:1024]) or not _on_grid(samples):
        return None
    levels = (samples * _GRID).astype(np.int32) << 8
    return levels if _from_integers(levels, sample_format) == raw else None


def _on_grid(samples: NDArray[Any]) -> bool:
    # NaN fails the first comparison; what is left cannot overflow the product.
    inside = bool(np.all((samples >= -1.0) & (samples < 1.0)))
    if not inside:
        return False
    levels = samples * samples.dtype.type(_GRID)
    return bool(np.all(levels == np.rint(levels)))


def _from_integers(samples: Integers, sample_format: SampleFormat) -> bytes:
    """Undo `_to_integers`."""
    if sample_format.is_float:
        dtype = _dtype(sample_format)
        levels = (samples >> 8).astype(dtype) / dtype.type(_GRID)
        return bytes(levels.astype(dtype).tobytes())
    match sample_format.width:
        case 1:
            levels = samples ^ -0x8000 if sample_format is SampleFormat.U8 else samples
            return (levels >> 8).astype(np.uint8).tobytes()
        case 3:
            words = samples.astype("<i4", copy=False).view(np.uint8).reshape(-1, 4)[:, 1:]
            return (words[:, ::-1] if sample_format.is_big_endian else words).tobytes()
    return samples.astype(_dtype(sample_format), copy=False).tobytes()


def _dtype(sample_format: SampleFormat) -> np.dtype[Any]:
    order = ">" if sample_format.is_big_endian else "<"
    return np.dtype(f"{order}{'f' if sample_format.is_float else 'i'}{sample_format.width}")


def _flac_subtype(sample_format: SampleFormat) -> str:
    return {1: "PCM_S8", 2: "PCM_16"}.get(sample_format.width, "PCM_24")


def _encode_flac(frames: Integers, sample_format: SampleFormat) -> bytes:
    """Encode frames as one FLAC stream, or, beyond 8 channels, as one per group of 8, each after its length."""
    channels = frames.shape[1]
    streams = []
    for first in range(0, channels, FLAC_CHANNELS):
        group = np.ascontiguousarray(frames[:, first : first + FLAC_CHANNELS])
        file = io.BytesIO()
        # The rate is a constant: it is not the codec's to know, and equal chunks must encode alike.
        with SoundFile(
            file, "w", 48000, group.shape[1], _flac_subtype(sample_format), format="FLAC"
        ) as sound:
            sound.write(group)
        streams.append(file.getvalue())
    if len(streams) == 1:
        return streams[0]
    return b"".join(_GROUP.pack(len(stream)) + stream for stream in streams)


def _decode_flac(layout: Layout, payload: bytes, raw_length: int) -> bytes:
    if raw_length % layout.frame_bytes:
        raise ValueError("not a whole number of frames")
    frames = raw_length // layout.frame_bytes
    dtype = np.int16 if layout.format.width <= 2 else np.int32
    groups = []
    for stream, channels in _flac_streams(payload, layout.channels):
        if stream[:4] != b"fLaC":
            raise ValueError("not a FLAC stream")
        with _FlacFile(io.BytesIO(stream)) as sound:
            if (sound.channels, sound.frames) != (channels, frames):
                raise ValueError(f"{sound.frames} frames of {sound.channels} channels")
            groups.append(sound.read(dtype=dtype.__name__, always_2d=True))
    samples = groups[0] if len(groups) == 1 else np.concatenate(groups, axis=1)
    return _from_integers(samples.reshape(-1), layout.format)


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
