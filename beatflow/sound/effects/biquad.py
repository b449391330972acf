"""Second-order filters whose response follows the analogue one up to half the sample rate.

The poles are the analogue ones sampled (impulse invariance); the zeros are chosen so that the magnitude is the analogue
one at 0, at half the rate and at the filter's own frequency (a quarter of the rate at most), after M. Vicanek, Matched
Second Order Digital Filters, 2016. The usual bilinear transform squeezes a bell at 15 kHz to half its width at 44.1
kHz; these do not.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sections = NDArray[np.float64]
Signal = NDArray[np.float64]

HIGHEST = 0.49
"""Of the sample rate: frequencies above are taken as this."""
_MATCHED = 0.25
"""Of the sample rate: above, a place so near to half the rate says little of what is between. A low-pass at 20 kHz then
rose by 2 dB at 12 kHz, and echoes that go round through it grew without end."""


def low_pass(hz: float, q: float, sample_rate: int) -> Sections:
    """Sections of 12 dB per octave, shape (1, 6), resonant for ``q`` above 0.71."""
    return _match(hz, sample_rate, (1.0, 0.0, 0.0), (1.0, 1 / q, 1.0))


def high_pass(hz: float, q: float, sample_rate: int) -> Sections:
    """Sections of 12 dB per octave, shape (1, 6): both zeros at 0 Hz."""
    w = _angle(hz, sample_rate)
    a1, a2 = _poles(w, q)
    at = _choose_place(w)
    gain = at * at / math.hypot(1 - at * at, at / q)
    low, high = math.cos(at * w / 2) ** 2, math.sin(at * w / 2) ** 2
    b = gain * math.sqrt(_weigh(_power(a1, a2), low, high)) / (4 * high)
    return np.array([[b, -2 * b, b, 1.0, a1, a2]])


def band_pass(hz: float, q: float, sample_rate: int) -> Sections:
    """Sections of 6 dB per octave to both sides of a peak of 0 dB, shape (1, 6)."""
    return _match(hz, sample_rate, (0.0, 1 / q, 0.0), (1.0, 1 / q, 1.0))


def notch(hz: float, q: float, sample_rate: int) -> Sections:
    """Sections that take one frequency away, shape (1, 6)."""
    w = _angle(hz, sample_rate)
    a1, a2 = _poles(w, q)
    # Zeros on the unit circle at the frequency itself; unity at 0 Hz.
    b = (1 + a1 + a2) / (2 - 2 * math.cos(w))
    return np.array([[b, -2 * b * math.cos(w), b, 1.0, a1, a2]])


def bell(hz: float, gain_db: float, q: float, sample_rate: int) -> Sections:
    """Sections that raise or lower a band, shape (1, 6); its width at half the decibels is ``hz / q``.

    Exact at 0 Hz and at its peak, where its slope is 0 as well. A cut is the inverse of the boost.
    """
    if gain_db < 0:
        return _invert(bell(hz, -gain_db, q, sample_rate))
    gain = 10 ** (gain_db / 20)
    w = _angle(hz, sample_rate)
    a1, a2 = _poles(w, q * math.sqrt(gain))
    below = _power(a1, a2)
    low, high = math.cos(w / 2) ** 2, math.sin(w / 2) ** 2
    value = _weigh(below, low, high) * gain**2
    slope = (below[1] - below[0] + 4 * (low - high) * below[2]) * gain**2
    middle = (value - slope * high - below[0]) / (4 * high**2)
    last = slope + below[0] + 4 * (high - low) * middle
    return _factor((below[0], last, middle), a1, a2)


def shelf(hz: float, gain_db: float, high: bool, sample_rate: int) -> Sections:
    """Sections that raise or lower all above (or below) a frequency, shape (1, 6); half the decibels there.

    The steepest slope that does not overshoot, as in R. Bristow-Johnson's cookbook with S = 1. Of boost and cut the one
    whose poles lie lower is matched better; the other is its inverse.
    """
    if gain_db and (gain_db > 0) == high:
        return _invert(shelf(hz, -gain_db, high, sample_rate))
    a = 10 ** (gain_db / 40)
    side = math.sqrt(2 * a)
    if high:
        return _match(hz, sample_rate, (a, a * side, a * a), (a, side, 1.0))
    return _match(hz, sample_rate, (a * a, a * side, a), (1.0, side, a))


def butterworth(order: int) -> list[float]:
    """Q of the second-order sections of a Butterworth filter of an even order."""
    return [1 / (2 * math.cos(math.pi * (2 * k + 1) / (2 * order))) for k in range(order // 2)]


class Cascade:
    """Sections at work on a stream, each channel alike."""

    def __init__(self, sections: Sequence[Sections], channels: int) -> None:
        self._sections = np.concatenate(list(sections)) if sections else np.zeros((0, 6))
        self._state = np.zeros((len(self._sections), 2, channels))

    def filter(self, samples: NDArray[np.floating]) -> Signal:
        """The next frames, filtered; shape (frames, channels)."""
        from scipy.signal import sosfilt

        if not len(samples) or not len(self._sections):
            return np.asarray(samples, np.float64)
        made, state = sosfilt(self._sections, samples.astype(np.float64), axis=0, zi=self._state)
        # What is left of a sound that ended long ago becomes a denormal number, which processors are slow with.
        state[np.abs(state) < 1e-30] = 0.0
        self._state = state
        return np.asarray(made)


def _angle(hz: float, sample_rate: int) -> float:
    return 2 * math.pi * min(hz / sample_rate, HIGHEST)


def _choose_place(w: float) -> float:
    """Where a filter's magnitude is made exact, as a multiple of its own frequency."""
    return min(1.0, 2 * math.pi * _MATCHED / w)


def _poles(w: float, q: float) -> tuple[float, float]:
    """Coefficients of z**-1 and z**-2 of the analogue poles, sampled."""
    damping = 1 / (2 * q)
    radius = math.exp(-damping * w)
    if damping <= 1:
        return -2 * radius * math.cos(math.sqrt(1 - damping**2) * w), radius**2
    return -2 * radius * math.cosh(math.sqrt(damping**2 - 1) * w), radius**2


def _power(a1: float, a2: float) -> tuple[float, float, float]:
    """Weights of cos²(w/2), sin²(w/2) and of four times their product in the squared magnitude of a polynomial."""
    return (1 + a1 + a2) ** 2, (1 - a1 + a2) ** 2, -4 * a2


def _weigh(weights: tuple[float, float, float], low: float, high: float) -> float:
    return weights[0] * low + weights[1] * high + weights[2] * 4 * low * high


def _match(
    hz: float,
    sample_rate: int,
    numerator: tuple[float, float, float],
    denominator: tuple[float, float, float],
) -> Sections:
    """A digital filter with the magnitudes of an analogue one, coefficients of s**0, s**1 and s**2 at 1 rad/s."""
    w = _angle(hz, sample_rate)
    own = math.sqrt(denominator[0] / denominator[2])  # the poles' frequency beside the filter's
    a1, a2 = _poles(w * own, math.sqrt(denominator[0] * denominator[2]) / denominator[1])
    below = _power(a1, a2)

    def square(at: float) -> float:
        above = (numerator[0] - numerator[2] * at * at) ** 2 + (numerator[1] * at) ** 2
        return above / ((denominator[0] - denominator[2] * at * at) ** 2 + (denominator[1] * at) ** 2)

    at = _choose_place(w)
    low, high = math.cos(at * w / 2) ** 2, math.sin(at * w / 2) ** 2
    first = square(0.0) * below[0]
    last = square(math.pi / w) * below[1]
    middle = (square(at) * _weigh(below, low, high) - first * low - last * high) / (4 * low * high)
    return _factor((first, last, middle), a1, a2)


def _factor(above: tuple[float, float, float], a1: float, a2: float) -> Sections:
    """The numerator whose squared magnitude has these weights (see `_power`), over the denominator.

    What no real filter can have, a square below 0 somewhere, is brought to the nearest that is possible.
    """
    first, last, middle = math.sqrt(above[0]), math.sqrt(max(above[1], 0.0)), above[2]
    mean = (first + last) / 2
    b0 = (mean + math.sqrt(max(mean * mean + middle, 0.0))) / 2
    return np.array([[b0, (first - last) / 2, -middle / (4 * b0), 1.0, a1, a2]])


def _invert(sections: Sections) -> Sections:
    """Poles for zeros; for filters whose zeros lie inside the unit circle."""
    return np.concatenate([sections[:, 3:], sections[:, :3]], axis=1) / sections[:, :1]
