"""A FLAC writer that takes a new turn at each fork of RFC 9639: for readers to be tried on, not to compress.

Slow, and independent of the package: of all that an encoder may write, this writes anything.
"""

from random import Random

import numpy as np
from numpy.typing import NDArray

FIXED = ([], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1])
_BLOCKS = {192: 1, 576: 2, 1152: 3, 2304: 4, 4608: 5} | {256 << shift: 8 + shift for shift in range(8)}
_RATES = ((0, 0, 0), (10, 0, 0), (12, 48, 8), (13, 48000, 16), (14, 4800, 16))
_DEPTHS = {8: 1, 16: 4, 24: 6}
_MOST_ZEROS = 500


class _Bits:
    def __init__(self) -> None:
        self._text: list[str] = []

    def add(self, value: int, count: int) -> None:
        if count:
            self._text.append(format(value & ((1 << count) - 1), f"0{count}b"))

    def add_unary(self, zeros: int) -> None:
        self._text.append("0" * zeros + "1")

    def to_bytes(self) -> bytes:
        text = "".join(self._text)
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big") if text else b""


def write_stream(samples: NDArray[np.int64], bits: int, random: Random) -> bytes:
    """Return right-justified samples, shape (frames, channels), as a stream whose every choice is drawn."""
    frames, channels = samples.shape
    streaminfo = _Bits()
    # The largest block that is named makes room, no more.
    for value, count in (
        (16, 16),
        (65535, 16),
        (0, 24),
        (0, 24),
        (48000, 20),
        (channels - 1, 3),
        (bits - 1, 5),
    ):
        streaminfo.add(value, count)
    streaminfo.add(frames, 36)
    more = [(2, b"any application"), (1, bytes(random.randrange(40)))][: random.randrange(3)]
    parts = [b"fLaC", _metadata(0, streaminfo.to_bytes() + bytes(16), not more)]
    parts += [_metadata(kind, data, at == len(more)) for at, (kind, data) in enumerate(more, 1)]
    first = 0
    while first < frames:
        block = min(frames - first, random.choice((1, 16, 192, 256, random.randint(1, 300))))
        parts.append(_frame(samples[first : first + block], bits, first, random))
        first += block
    return b"".join(parts)


def _metadata(kind: int, data: bytes, last: bool) -> bytes:
    return bytes([kind | 0x80 * last]) + len(data).to_bytes(3, "big") + data


def _frame(samples: NDArray[np.int64], bits: int, first: int, random: Random) -> bytes:
    block, channels = samples.shape
    assignment = random.choice((1, 8, 9, 10)) if channels == 2 else channels - 1
    size = random.choice([code for code in (_BLOCKS.get(block), 6 if block <= 256 else None, 7) if code])
    rate, value, count = random.choice(_RATES)
    head = _Bits()
    for field, width in (
        (0xFFF9, 16),
        (size, 4),
        (rate, 4),
        (assignment, 4),
        (random.choice((0, _DEPTHS[bits])), 3),
    ):
        head.add(field, width)
    head.add(0, 1)
    for byte in _coded_number(first):
        head.add(byte, 8)
    if size in (6, 7):
        head.add(block - 1, 8 if size == 6 else 16)
    head.add(value, count)
    start = head.to_bytes()
    body = _Bits()
    for channel, width in _assign(samples, bits, assignment):
        _subframe(body, [int(one) for one in channel], width, random)
    frame = start + bytes([_crc(start, 8, 0x07)]) + body.to_bytes()
    return frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")


def _coded_number(number: int) -> bytes:
    if number < 0x80:
        return bytes([number])
    rest: list[int] = []
    while number >= 1 << (6 - len(rest)):
        rest.insert(0, 0x80 | number & 63)
        number >>= 6
    return bytes([(0xFF00 >> (len(rest) + 1)) & 0xFF | number, *rest])


def _crc(data: bytes, width: int, polynomial: int) -> int:
    value, top = 0, 1 << width
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value <<= 1
            if value & top:
                value ^= top | polynomial
    return value


def _assign(samples: NDArray[np.int64], bits: int, assignment: int) -> list[tuple[NDArray[np.int64], int]]:
    if assignment < 8:
        return [(channel, bits) for channel in samples.T]
    left, right = samples.T
    side = (left - right, bits + 1)
    return {8: [(left, bits), side], 9: [side, (right, bits)], 10: [((left + right) >> 1, bits), side]}[
        assignment
    ]


def _subframe(out: _Bits, samples: list[int], bits: int, random: Random) -> None:
    wasted = random.randint(0, _trailing_zeros(samples, bits)) * random.randint(0, 1)
    samples, bits = [one >> wasted for one in samples], bits - wasted
    kinds = ["verbatim", *["fixed", "lpc", "lpc"] * (len(samples) > 1)] + ["constant"] * 4 * (
        len(set(samples)) == 1
    )
    kind = random.choice(kinds)
    weights, shift, precision = [], 0, 0
    if kind == "fixed":
        weights = list(FIXED[random.randint(0, min(4, len(samples) - 1))])
    elif kind == "lpc":
        precision, shift = random.randint(1, 15), random.randint(0, 15)
        order = random.randint(1, min(random.choice((8, 12, 32)), len(samples) - 1))
        weights = [random.randint(-(1 << (precision - 1)), (1 << (precision - 1)) - 1) for _ in range(order)]
    rest = _residual(samples, weights, shift)
    if max(map(abs, rest), default=0) >= 1 << 30:  # of more, no escape is wide enough
        kind = "verbatim"
    code = {"constant": 0, "verbatim": 1, "fixed": 8 + len(weights), "lpc": 31 + len(weights)}[kind]
    out.add(code << 1 | (wasted > 0), 8)
    if wasted:
        out.add_unary(wasted - 1)
    if kind in ("constant", "verbatim"):
        for one in samples[:1] if kind == "constant" else samples:
            out.add(one, bits)
        return
    for one in samples[: len(weights)]:
        out.add(one, bits)
    if kind == "lpc":
        out.add(precision - 1, 4)
        out.add(shift, 5)
        for weight in weights:
            out.add(weight, precision)
    _write_residual(out, rest, len(samples), random)


def _trailing_zeros(samples: list[int], bits: int) -> int:
    together = 0
    for one in samples:
        together |= one
    return min(bits - 1, (together & -together).bit_length() - 1 if together else bits - 1)


def _residual(samples: list[int], weights: list[int], shift: int) -> list[int]:
    order = len(weights)
    return [
        samples[at] - (sum(weight * samples[at - 1 - lag] for lag, weight in enumerate(weights)) >> shift)
        for at in range(order, len(samples))
    ]


def _write_residual(out: _Bits, rest: list[int], block: int, random: Random) -> None:
    order = block - len(rest)
    splits = [number for number in range(9) if block % (1 << number) == 0 and block >> number > order]
    split, wide = random.choice(splits), random.randint(0, 1)
    out.add(wide, 2)
    out.add(split, 4)
    folded = [2 * one if one >= 0 else -2 * one - 1 for one in rest]
    at = 0
    for part in range(1, (1 << split) + 1):
        end = part * (block >> split) - order
        _write_partition(out, rest[at:end], folded[at:end], wide, random)
        at = end


def _write_partition(out: _Bits, rest: list[int], folded: list[int], wide: int, random: Random) -> None:
    largest, most = max(folded, default=0), 30 if wide else 14
    least = max(0, (largest // _MOST_ZEROS).bit_length())
    if least > most or random.randrange(5) == 0:
        out.add(most + 1, 5 if wide else 4)
        needed = largest.bit_length()
        width = random.choice((needed, random.randint(needed, 31)))
        out.add(width, 5)
        for one in rest:
            out.add(one, width)
        return
    parameter = random.randint(least, min(most, max(least, largest.bit_length() + 1)))
    out.add(parameter, 5 if wide else 4)
    for one in folded:
        out.add_unary(one >> parameter)
        out.add(one, parameter)
