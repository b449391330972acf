"""Sine, powers and logarithms built from operations that IEEE 754 defines to the last bit.

The C library's ``sin`` and ``exp`` and numpy's vectorised ones differ between machines; ``+ - * /``, ``sqrt``,
``floor`` and ``rint`` do not. Everything here is made of those, one numpy operation at a time (a compiler may fuse
``a * b + c`` inside one C expression, never across two numpy calls). The same code serves scalars and arrays.
"""

import math
from decimal import Decimal, localcontext
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Real = TypeVar("Real", float, Floats)

RATE = 44100
"""Frames per second of everything that this engine makes."""

_SINE_BITS = 16
_SINE_SIZE = 1 << _SINE_BITS


def _series() -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Taylor coefficients of sin(2 pi x) / x in x**2 and of 2**x, and log2(e), each correctly rounded."""
    with localcontext() as context:
        context.prec = 40
        turn = 2 * Decimal("3.14159265358979323846264338327950288419717")
        ln2 = Decimal(2).ln()
        sine = tuple(float((-1) ** (k // 2) * turn**k / Decimal(math.factorial(k))) for k in range(1, 24, 2))
        power = tuple(float(ln2**k / Decimal(math.factorial(k))) for k in range(18))
        return sine, power, float(1 / ln2)


_SINE, _POWER, _LOG2_E = _series()


def _horner(coefficients: tuple[float, ...], x: Real) -> Real:
    total = x * 0.0 + coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def sine(turns: Real) -> Real:
    """sin(2 pi turns) to about 1e-15: folded to a quarter turn, then the Taylor series."""
    if isinstance(turns, float):
        folded = turns - math.floor(turns + 0.5)
        if abs(folded) > 0.25:
            folded = (0.5 if folded > 0 else -0.5) - folded
        return folded * _horner(_SINE, folded * folded)
    x = turns - np.rint(turns)
    x = np.where(np.abs(x) > 0.25, np.copysign(0.5, x) - x, x)
    return x * _horner(_SINE, x * x)


def cosine(turns: Real) -> Real:
    """cos(2 pi turns)."""
    return sine(turns + 0.25)


def exp2(x: Real) -> Real:
    """2**x to about 1e-16: integer and fractional parts apart."""
    if isinstance(x, float):
        whole = math.floor(x)
        return math.ldexp(_horner(_POWER, x - whole), whole)
    floor = np.floor(x)
    return np.ldexp(_horner(_POWER, x - floor), floor.astype(np.int32))


def log2(x: float) -> float:
    """Logarithm to base 2 of a positive number: 2 artanh((m - 1) / (m + 1)) over the mantissa's octave."""
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    total = 0.0
    for k in range(25, -1, -2):
        total = total * square + 1.0 / k if k > 0 else total
    return exponent + 2.0 * ratio * total * _LOG2_E


def log2_of(x: Floats) -> Floats:
    """Logarithms to base 2 of positive numbers, as ``log2``."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.7071067811865476
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    total = np.zeros_like(x)
    for k in range(25, 0, -2):
        total = total * square + 1.0 / k
    return np.asarray((exponent - low) + 2.0 * ratio * total * _LOG2_E)


def from_db(gain_db: float) -> float:
    """Decibels to an amplitude factor."""
    return exp2(gain_db * 0.16609640474436813)  # log2(10) / 20


def to_db(amplitude: float) -> float:
    """An amplitude factor to decibels (-200 for silence)."""
    return log2(amplitude) * 6.020599913279624 if amplitude > 1e-10 else -200.0  # 20 log10(2)


def pitch_hz(midi: float) -> float:
    """Frequency of a MIDI note number; A4 = 69 is 440 Hz."""
    return 440.0 * exp2((midi - 69.0) / 12.0)


def ramp(frames: int) -> Floats:
    """0, 1, 2 … as floats."""
    return np.arange(frames, dtype=np.int64).astype(np.float64)


def decay(frames: int, half_s: float) -> Floats:
    """An exponential decay from 1 that halves every ``half_s`` seconds, as coarse times fine steps."""
    step = -1.0 / (half_s * RATE)
    fine = exp2(ramp(256) * step)
    coarse = exp2(np.maximum(ramp(frames // 256 + 1) * (256.0 * step), -1000.0))
    return (coarse[:, None] * fine[None, :]).ravel()[:frames]


def smooth_step(frames: int) -> Floats:
    """A smooth rise from 0 towards 1, flat at both ends (3 t**2 - 2 t**3)."""
    t = (ramp(frames) + 0.5) / max(frames, 1)
    return t * t * (3.0 - 2.0 * t)


def begin(wave: Floats, rise: int) -> None:
    """Let a sound begin from nothing over ``rise`` frames, in place; one that is shorter has only the first of them."""
    count = min(wave.shape[0], rise)
    step = smooth_step(rise)[:count]
    wave[:count] *= step if wave.ndim == 1 else step[:, None]


def saturate(x: Floats) -> Floats:
    """A tanh-like curve, odd, slope 1 at 0, ±1 from ±3 on (the Padé form x (27 + x²) / (27 + 9 x²))."""
    clipped = np.minimum(np.maximum(x, -3.0), 3.0)
    square = clipped * clipped
    return clipped * (27.0 + square) / (27.0 + 9.0 * square)


SINE_TABLE: Floats = sine(ramp(_SINE_SIZE) / _SINE_SIZE)
"""One turn in 2**16 steps; the nearest entry is within -90 dB of the sine."""


def steady_phase(frames: int, hz: float, start: float = 0.0) -> NDArray[np.uint32]:
    """Phase of a steady tone as a 32-bit fraction of a turn; it wraps by itself."""
    step = np.array([round(hz / RATE * 4294967296.0) & 0xFFFFFFFF], np.uint32)
    offset = np.array([int(start * 4294967296.0) & 0xFFFFFFFF], np.uint32)
    return np.arange(frames, dtype=np.uint32) * step + offset


def moving_phase(hz: Floats) -> Floats:
    """Phase in turns of a tone whose frequency moves (a running sum, in order)."""
    return np.cumsum(hz / RATE)


def steady_sine(frames: int, hz: float, start: float = 0.0) -> Floats:
    """A sine of a steady frequency."""
    wave: Floats = SINE_TABLE[steady_phase(frames, hz, start) >> np.uint32(32 - _SINE_BITS)]
    return wave


def table_sine(turns: Floats) -> Floats:
    """sin(2 pi turns) from the table, for phases that move."""
    wave: Floats = SINE_TABLE[np.floor(turns * _SINE_SIZE).astype(np.int64) & (_SINE_SIZE - 1)]
    return wave
