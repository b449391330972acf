"""A second decoder of predictions, written from docs/format.md alone: slow, in integers of any size, without numpy.

It shares with the first one nothing but zstd and, for residuals in FLAC, a FLAC decoder that is handed in.
"""

import struct
from collections.abc import Callable, Mapping

import zstandard

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 4, 10: 4, 11: 8, 12: 8}
_FLOATS = {9: "<f", 10: ">f", 11: "<d", 12: ">d"}
_BIG = (4, 6, 8)

Flac = Callable[[bytes, int, int, int], list[list[int]]]
"""Stream, frames, channels and bits to integers, frame by frame."""


def bits_of(form: int) -> int:
    """Return B."""
    return min(8 * _WIDTHS[form], 24)


def read_integers(raw: bytes, form: int, channels: int) -> list[list[int]]:
    """Return samples as integers of B bits, frame by frame."""
    width = _WIDTHS[form]
    found = []
    for at in range(0, len(raw), width):
        word = raw[at : at + width]
        if form in _FLOATS:
            value = struct.unpack(_FLOATS[form], word)[0] * 8388608
            assert value == int(value)
            found.append(int(value))
        elif form == 1:
            found.append(word[0] - 128)
        else:
            number = int.from_bytes(word, "big" if form in _BIG else "little", signed=True)
            assert width < 4 or number % 256 == 0
            found.append(number // 256 if width == 4 else number)
    return [found[at : at + channels] for at in range(0, len(found), channels)]


def write_integers(frames: list[list[int]], form: int) -> bytes:
    """Undo `read_integers`."""
    words = []
    for value in (value for frame in frames for value in frame):
        if form in _FLOATS:
            words.append(struct.pack(_FLOATS[form], value / 8388608))
        elif form == 1:
            words.append(bytes((value + 128,)))
        else:
            width = _WIDTHS[form]
            number = value * 256 if width == 4 else value
            words.append(number.to_bytes(width, "big" if form in _BIG else "little", signed=True))
    return b"".join(words)


def rebuild(
    parameters: bytes, payload: bytes, raw_length: int, chunks: Mapping[bytes, bytes], flac: Flac
) -> bytes:
    """Return the bytes of a predicted chunk from those of the chunks that it depends on."""
    form, channels = parameters[0], parameters[1]
    bits = bits_of(form)
    frames = raw_length // (_WIDTHS[form] * channels)
    (count,) = struct.unpack_from("<H", payload)
    ids = [payload[2 + 32 * number : 34 + 32 * number] for number in range(count)]
    at = 2 + 32 * count
    kind, source_count, segment_count, term_count = struct.unpack_from("<BBHI", payload, at)
    at += 8
    sources = []
    for _ in range(source_count):
        source_form, source_channels, chunk_count, _, start = struct.unpack_from("<BBHHi", payload, at)
        at += 10
        samples: list[list[int]] = []
        for _ in range(chunk_count):
            place, length = struct.unpack_from("<HI", payload, at)
            at += 6
            raw = chunks[ids[place]]
            assert len(raw) == length
            samples += read_integers(raw, source_form, source_channels)
        sources.append((samples, start, bits_of(source_form)))
    segments = struct.unpack_from(f"<{segment_count}I", payload, at)
    at += 4 * segment_count
    terms = [struct.unpack_from("<HBBBBhii", payload, at + 16 * number) for number in range(term_count)]
    residual = _read_residual(kind, payload[at + 16 * term_count :], frames, channels, bits, flac)
    result = []
    first = 0
    for segment, length in enumerate(segments):
        for n in range(first, first + length):
            sums = [0] * channels
            for its, output, number, channel, _, lag, weight, slope in terms:
                if its != segment:
                    continue
                samples, start, source_bits = sources[number]
                i = start + n - lag
                x = samples[i][channel] if 0 <= i < len(samples) else 0
                sums[output] += (weight + (slope * (n - first) >> 16)) * x << 24 - source_bits
            result.append([_finish(sums[c], residual[c * frames + n], bits) for c in range(channels)])
        first += length
    return write_integers(result, form)


def _finish(total: int, rest: int, bits: int) -> int:
    guess = total + (1 << 47 - bits) >> 48 - bits
    half = 1 << bits - 1
    guess = max(-half, min(half - 1, guess))
    return (guess + rest + half) % (1 << bits) - half


def _read_residual(
    kind: int, data: bytes, frames: int, channels: int, bits: int, flac: Flac
) -> Mapping[int, int]:
    """Return the integers by their number."""
    if kind == 0:
        assert not data
        return dict.fromkeys(range(frames * channels), 0)
    if kind == 2:
        found = flac(data, frames, channels, bits)
        return {c * frames + n: found[n][c] for c in range(channels) for n in range(frames)}
    largest, count = struct.unpack_from("<BI", data)
    exceptions = [struct.unpack_from("<Ii", data, 5 + 8 * number) for number in range(count)]
    content = zstandard.ZstdDecompressor().decompress(data[5 + 8 * count :])
    if largest == 0:
        integers = [byte - 256 if byte > 127 else byte for byte in content]
    else:
        digits, base = {1: 5, 2: 3}.get(largest, 2), 2 * largest + 1
        integers = [
            byte // base**power % base - largest for byte in content for power in range(digits - 1, -1, -1)
        ]
    return dict(enumerate(integers)) | dict(exceptions)
