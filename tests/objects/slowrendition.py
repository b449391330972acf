"""A second decoder of renditions, written from docs/format.md alone: slow, in fractions, without numpy."""

import struct
from collections.abc import Mapping
from fractions import Fraction

from tests.objects.slowprediction import bits_of, read_integers, write_integers

_WORDS = {7: "<i", 8: ">i", 9: "<f", 10: ">f", 11: "<d", 12: ">d"}


def round_even(value: Fraction) -> int:
    """Round half to even."""
    return round(value)


def read_stem(raw: bytes, form: int, channels: int) -> list[list[int]]:
    """Return samples as integers of 24 bits, frame by frame."""
    if form < 7:
        scale = 1 << (24 - bits_of(form))
        return [[value * scale for value in frame] for frame in read_integers(raw, form, channels)]
    found = []
    for (value,) in struct.iter_unpack(_WORDS[form], raw):
        exact = Fraction(value) / (1 if form > 8 else 1 << 31)
        (single,) = struct.unpack("<f", struct.pack("<f", float(exact)))
        level = round_even(Fraction(single) * (1 << 23))
        found.append(max(-(1 << 23), min((1 << 23) - 1, level)))
    return [found[at : at + channels] for at in range(0, len(found), channels)]


def render(parameters: bytes, payload: bytes, raw_length: int, chunks: Mapping[bytes, bytes]) -> bytes:
    """Give a chunk's bytes back."""
    form, channels = parameters[:2]
    width = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 9: 4, 10: 4, 11: 8, 12: 8}[form]
    frames = raw_length // width // channels
    (count,) = struct.unpack_from("<H", payload)
    ids = [payload[2 + 32 * number : 34 + 32 * number] for number in range(count)]
    at = 2 + 32 * count
    stems, at = payload[at], at + 4
    totals = [[0] * channels for _ in range(frames)]
    for _ in range(stems):
        kind, wide, parts, _, start = struct.unpack_from("<BBHHi", payload, at)
        at += 10
        samples: list[list[int]] = []
        for _ in range(parts):
            place, length = struct.unpack_from("<HI", payload, at)
            at += 6
            assert len(chunks[ids[place]]) == length
            samples += read_stem(chunks[ids[place]], kind, wide)
        gains = struct.unpack_from(f"<{channels}I", payload, at)
        at += 4 * channels
        for frame in range(frames):
            if 0 <= start + frame < len(samples):
                for channel in range(channels):
                    totals[frame][channel] += (
                        gains[channel] * samples[start + frame][channel if wide > 1 else 0]
                    )
    if form >= 9:
        order = "<" if form in (9, 11) else ">"
        letter = "f" if form < 11 else "d"
        words = []
        for value in (value for frame in totals for value in frame):
            single = struct.unpack("<f", struct.pack("<f", float(Fraction(value, 1 << 43))))[0]
            words.append(struct.pack(order + letter, single))
        return b"".join(words)
    bits = bits_of(form)
    highest = 1 << (bits - 1)
    return write_integers(
        [
            [
                max(-highest, min(highest - 1, round_even(Fraction(value, 1 << (44 - bits)))))
                for value in frame
            ]
            for frame in totals
        ],
        form,
    )
