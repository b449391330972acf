"""Linear filters as integer convolutions: the result is exact, however it is computed.

Signal and taps are rounded to integers. The exact convolution is then an integer below 2**53, so that a direct sum
in float64 is exact in any order, and an FFT whose error is provably below one half is exact after ``rint``.

The bound used: with the transforms' relative error log2(N) * 7 * 2**-53 (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., theorem 24.2) the error of one output of x * h is at most
``3 * log2(N) * 7 * 2**-53 * |x|_2 * |h|_1``. ``|x|_2 <= peak * sqrt(block)``; the signal gets as many bits as keep
the bound below 1/4.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.synth.exactmath import RATE, Floats, cosine, exp2, from_db, log2, ramp, sine
from beatflow.sound.audio import Samples

_DIRECT_TAPS = 48
_PIECE = 1 << 19
_ERROR = 3.0 * 7.0 * 2.0**-53


@dataclass(frozen=True, eq=False)
class Fir:
    """A filter: integer taps (float64 that hold integers), their scale, and the frames of delay to take back.

    ``output = convolve(signal, taps) / scale``, read from ``delay`` on.
    """

    taps: Floats
    scale: float
    delay: int


def quantised(taps: Floats, delay: int, budget: float = 2.0**17) -> Fir:
    """Taps as integers whose absolute sum is at most ``budget``."""
    total = float(np.cumsum(np.abs(taps))[-1])
    scale = math.ldexp(1.0, math.floor(log2(budget / total)))
    return Fir(np.rint(taps * scale), scale, delay)


def _block_size(taps: int) -> int:
    """FFT length: about four times the taps, a power of two."""
    size = 8192
    while size < 4 * taps:
        size *= 2
    return min(size, 1 << 18) if taps < (1 << 17) else size


def _power_below(limit: float) -> int:
    """Largest n with 2**n <= limit."""
    return math.frexp(limit)[1] - 1


def apply(signal: Floats, fir: Fir) -> Floats:
    """Filter one channel.

    Parameters
    ----------
    signal : ndarray of float64, shape (frames,)
    fir : Fir

    Returns
    -------
    ndarray of float64, shape (frames + taps - 1,)
        The whole response; it runs ``fir.delay`` frames late.
    """
    result = np.zeros(max(signal.size + fir.taps.size - 1, 0))
    for start, piece in responses(signal, fir):
        result[start : start + piece.size] = piece
    return result


def responses(signal: Floats | Samples, fir: Fir) -> Iterator[tuple[int, Floats]]:
    """The same response in pieces that follow one another: (first frame, frames), in memory that does not grow."""
    peak = max(float(np.max(signal)), -float(np.min(signal))) if signal.size else 0.0
    if peak == 0.0:
        return
    mass = float(np.cumsum(np.abs(fir.taps))[-1])
    size = _block_size(fir.taps.size)
    block = size - fir.taps.size + 1
    # Both ways quantise the signal alike, so that the way taken never shows in the result.
    bound = 0.25 / (_ERROR * (size.bit_length() - 1) * math.sqrt(block) * mass)
    bits = min(_power_below(bound), 24)
    scale = math.ldexp(1.0, bits - math.frexp(peak)[1])
    unit = 1.0 / (scale * fir.scale)  # a power of two
    direct = fir.taps.size <= _DIRECT_TAPS or signal.size <= 256
    count = _PIECE if direct else max(1, _PIECE // block) * block
    spectrum = np.zeros(0, np.complex128) if direct else np.fft.rfft(fir.taps, size)
    carried = np.zeros(fir.taps.size - 1)
    for start in range(0, signal.size, count):
        integers = np.rint(signal[start : start + count].astype(np.float64) * scale)
        if direct:
            whole = np.asarray(np.convolve(integers, fir.taps))
        else:
            whole = _by_blocks(integers, spectrum, size, block)[: integers.size + fir.taps.size - 1]
        whole[: carried.size] += carried[: whole.size]
        if start + count >= signal.size:
            yield start, whole * unit
            return
        carried = whole[count:].copy()
        yield start, whole[:count] * unit


def _by_blocks(signal: Floats, spectrum: NDArray[np.complex128], size: int, block: int) -> Floats:
    """Overlap-add convolution of integers, rounded back to integers block by block."""
    count = -(-signal.size // block)
    result = np.zeros(count * block + size)
    group = max(1, (1 << 18) // size)
    for first in range(0, count, group):
        rows = min(group, count - first)
        padded = np.zeros(rows * block)
        part = signal[first * block : (first + rows) * block]
        padded[: part.size] = part
        transformed = np.fft.rfft(padded.reshape(rows, block), size, axis=1)
        transformed *= spectrum
        pieces = np.fft.irfft(transformed, size, axis=1)
        np.rint(pieces, out=pieces)
        for row in range(rows):
            start = (first + row) * block
            result[start : start + size] += pieces[row]
    return result


def filtered(signal: Floats, fir: Fir) -> Floats:
    """Filter one channel, same length, the delay taken back and the tail dropped."""
    return apply(signal, fir)[fir.delay : fir.delay + signal.size]


@lru_cache(maxsize=128)
def band(low_hz: float, high_hz: float, taps: int = 127) -> Fir:
    """A band-pass from windowed sincs (Blackman); ``low_hz`` 0 is a low-pass, ``high_hz`` 22050 a high-pass."""
    half = taps // 2
    n = ramp(taps) - half
    window = 0.42 + 0.5 * cosine(n / (taps + 1)) + 0.08 * cosine(n / (taps + 1) * 2.0)
    response = np.zeros(taps)
    for edge, sign in ((high_hz, 1.0), (low_hz, -1.0)):
        cut = min(max(edge / RATE, 0.0), 0.5)
        safe = np.where(n == 0, 1.0, n)
        response += sign * np.where(n == 0, 2.0 * cut, sine(n * cut) / (safe * 3.141592653589793))
    return quantised(response * window, half)


@lru_cache(maxsize=64)
def equaliser(points: tuple[tuple[float, float], ...], taps: int = 1023) -> Fir:
    """A linear-phase filter through (Hz, dB) points, straight lines between them over log frequency.

    The taps are the cosine series of the wanted magnitude, as an integer matrix product (exact), under a window.
    """
    half = taps // 2
    bins = taps + 1
    wanted = np.zeros(half + 1)
    for k in range(half + 1):
        wanted[k] = from_db(_gain_at(points, max(k * RATE / bins, 1.0)))
    amplitudes = np.rint(wanted * 65536.0)
    amplitudes[1:] *= 2.0
    waves = np.rint(cosine(ramp(bins) / bins) * 65536.0)
    index = (np.arange(half + 1)[:, None] * np.arange(-half, half + 1)[None, :]) % bins
    series = (amplitudes @ waves[index]) / (65536.0 * 65536.0 * bins)
    n = ramp(taps) - half
    return quantised(series * (0.5 + 0.5 * cosine(n / (taps + 1))), half)


def _gain_at(points: Sequence[tuple[float, float]], hz: float) -> float:
    """Gain in dB at a frequency, from (Hz, dB) points in rising order."""
    if hz <= points[0][0]:
        return points[0][1]
    for (low, low_db), (high, high_db) in pairwise(points):
        if hz <= high:
            return low_db + (high_db - low_db) * log2(hz / low) / log2(high / low)
    return points[-1][1]


def impulse_response(frames: int, bands: Sequence[tuple[float, float]], noise: Floats) -> Floats:
    """Noise that decays faster the higher it is: the tail of a room.

    Parameters
    ----------
    frames : int
    bands : sequence of (upper edge in Hz, half-life in s)
        From the lowest band up.
    noise : ndarray of float64, shape (frames,)
    """
    total = np.zeros(frames)
    low = 120.0
    for high, half_s in bands:
        t = ramp(frames) / (half_s * RATE)
        total += filtered(noise, band(low, high, 255)) * exp2(np.maximum(-t, -60.0))
        low = high
    return total
