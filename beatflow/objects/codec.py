"""Codecs: one chunk's bytes to a smaller payload and back, bit for bit.

Knows samples and compressors, no packs. Where there are kernels, numpy is loaded for 32-bit integers alone. `encode`
decodes what it made and compares before it answers, unless told that this is not needed: a bug in a compressor makes
a chunk larger, never wrong.
"""

import struct

import zstandard

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.flac import LEVEL, decode_flac, encode_flac
from beatflow.objects.layout import MAX_CHANNELS, Layout, SampleFormat
from beatflow.objects.pack import Codec
from beatflow.objects.plain import NO_PARAMETERS, Encoded, compress, decompress

_PARAMETERS = struct.Struct("<BBH")
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
    except (zstandard.ZstdError, ValueError, struct.error) as error:
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
            return decode_flac(_unpack_layout(parameters), payload, raw_length)
        case Codec.PLANES:
            from beatflow.objects.planes import join_planes

            return join_planes(_unpack_layout(parameters), decompress(payload, raw_length))
    raise BeatFlowError(f"codec {codec} is newer than this BeatFlow", "upgrade BeatFlow")


def _decodes_to(encoded: Encoded, raw: bytes) -> bool:
    try:
        return decode(encoded.codec, encoded.parameters, encoded.payload, len(raw)) == raw
    except DamagedError:
        return False


def _is_whole(raw: bytes, layout: Layout) -> bool:
    return len(raw) > 0 and len(raw) % layout.frame_bytes == 0


def _is_promising(found: Encoded, raw: bytes) -> bool:
    """Say whether zstd has a chance against FLAC; where it may, a sixteenth of the bytes tells, and then an eighth."""
    share = len(found.payload) / len(raw)
    if found.codec is not Codec.FLAC or _FLAC_SMALL < share < _FLAC_LARGE:
        return False
    if len(raw) < _SHORT:
        return True
    if not _is_borne_out(share, raw[len(raw) // 2 :][: len(raw) // 16]):
        return False
    # Where a sound begins or ends, many a sixteenth is silent and the rest is not.
    quarter = len(raw) // 4
    parts = (raw[at : at + quarter // 8] for at in range(quarter // 2, len(raw), quarter))
    return _is_borne_out(share, b"".join(parts))


def _is_borne_out(share: float, part: bytes) -> bool:
    """Say whether zstd does about as well with a part as FLAC did with the whole."""
    return len(compress(part)) < 2 * share * len(part) + _FRAME


def _encode_samples(raw: bytes, layout: Layout, level: float) -> Encoded:
    parameters = _PARAMETERS.pack(layout.format, 0, layout.channels)
    stream = encode_flac(raw, layout, level)
    if stream is not None:
        return Encoded(Codec.FLAC, parameters, stream)
    from beatflow.objects.planes import split_planes

    return Encoded(Codec.PLANES, parameters, compress(split_planes(layout, raw)))


def _unpack_layout(parameters: bytes) -> Layout:
    number, reserved, channels = _PARAMETERS.unpack(parameters)
    if reserved or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"parameters {parameters.hex()}")
    return Layout(SampleFormat(number), channels)
