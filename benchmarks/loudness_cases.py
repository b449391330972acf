"""The cases with which EBU Tech 3341 and 3342 and ITU-R BS.2217 test a loudness meter, made from their descriptions.

Not the recordings of programmes (Tech 3341 cases 7 and 8, Tech 3342 cases 5 and 6, and those of BS.2217): those
cannot be made from a description. Knows nothing of the meter.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from beatflow.sound.audio import Audio

RATES = (44_100, 48_000, 96_000)
# BS.1770-5 tables 1 and 2, for 48 kHz.
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
_SURROUND = (-28.0, -28.0, -24.0, -30.0, -30.0)


class Case(NamedTuple):
    """What to measure, what the figure of that name has to be, and how far it may be off, down and up."""

    name: str
    make: Callable[[], Audio]
    figure: str
    wanted: float | None
    below: float
    above: float

    def holds(self, found: float | None) -> bool:
        """Whether a measured figure is right; half of the last printed digit is let pass."""
        if found is None or self.wanted is None:
            return found is None and self.wanted is None
        return self.wanted - self.below - 0.005 <= found <= self.wanted + self.above + 0.005


def cases(rate: int) -> Iterator[Case]:
    """All cases at a sample rate."""
    yield from _levels(rate)
    yield from _moments(rate)
    yield from _true_peaks(rate)
    yield from _ranges(rate)
    yield from _standards_own(rate)


def tones(rate: int, *parts: tuple[float, float], channels: int = 2, hz: float = 1000.0) -> Audio:
    """Sines of (level in dBFS, seconds) one after the other, the same in all channels; -inf is silence."""
    envelope = np.concatenate(
        [np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in parts]
    )
    tone = envelope * np.sin(2 * np.pi * hz * np.arange(len(envelope)) / rate)
    return Audio(np.repeat(tone.astype(np.float32)[:, None], channels, axis=1), rate)


def _case(name: str, figure: str, wanted: float | None, make: Callable[[], Audio], off: float = 0.1) -> Case:
    return Case(name, make, figure, wanted, off, off)


def _levels(rate: int) -> Iterator[Case]:
    """Tech 3341 table 1, cases 1 to 6."""
    for number, level in ((1, -23.0), (2, -33.0)):
        for figure in ("integrated_lufs", "momentary_max_lufs", "short_term_max_lufs"):
            yield _case(f"3341-{number}", figure, level, lambda level=level: tones(rate, (level, 20)))
    sequences = {
        3: ((-36, 10), (-23, 60), (-36, 10)),
        4: ((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)),
        5: ((-26, 20), (-20, 20.1), (-26, 20)),
    }
    for number, parts in sequences.items():
        yield _case(f"3341-{number}", "integrated_lufs", -23.0, lambda parts=parts: tones(rate, *parts))
    yield _case("3341-6 (5.0)", "integrated_lufs", -23.0, lambda: _surround(rate, _SURROUND))
    loud_lfe = (*_SURROUND[:3], -3.0, *_SURROUND[3:])
    yield _case("3341-6 (5.1)", "integrated_lufs", -23.0, lambda: _surround(rate, loud_lfe))


def _surround(rate: int, levels: tuple[float, ...]) -> Audio:
    tone = tones(rate, (0, 20), channels=len(levels)).samples
    return Audio(tone * np.array([10 ** (level / 20) for level in levels], np.float32), rate)


def _moments(rate: int) -> Iterator[Case]:
    """Tech 3341 cases 9 to 14: bursts of the meter's own length, each a little later."""
    silent = -math.inf
    yield _case("3341-9", "short_term_max_lufs", -23.0, lambda: tones(rate, *[(-20, 1.34), (-30, 1.66)] * 5))
    yield _case("3341-12", "momentary_max_lufs", -23.0, lambda: tones(rate, *[(-20, 0.18), (-30, 0.22)] * 25))
    for figure, later, length, number in (
        ("short_term_max_lufs", 0.15, 3.0, 10),
        ("momentary_max_lufs", 0.02, 0.4, 13),
    ):
        for step in range(20):
            for case, level in ((number, -23.0), (number + 1, -38.0 + step)):
                yield _case(
                    f"3341-{case} ({step + 1} of 20)", figure, level,
                    lambda at=step * later, level=level, length=length: tones(
                        rate, (silent, at), (level, length), (silent, 1)
                    ),
                )  # fmt: skip


def _true_peaks(rate: int) -> Iterator[Case]:
    """Tech 3341 cases 15 to 19, and after 20 to 23."""
    steady = ((15, 4, 0.0, 0.5, -6.0), (16, 4, 45.0, 0.5, -6.0), (17, 6, 60.0, 0.5, -6.0),
              (18, 8, 67.5, 0.5, -6.0), (19, 4, 45.0, 1.41, 3.0))  # fmt: skip
    for number, divisor, degrees, level, wanted in steady:
        yield Case(
            f"3341-{number}", lambda d=divisor, p=degrees, a=level: _faded(rate, d, p, a),
            "true_peak_dbtp", wanted, 0.4, 0.2,
        )  # fmt: skip
    for offset in range(4):
        yield Case(
            f"3341-{20 + offset}",
            lambda offset=offset: _glitch(rate, offset),
            "true_peak_dbtp",
            0.0,
            0.4,
            0.2,
        )


def _faded(rate: int, divisor: int, degrees: float, level: float) -> Audio:
    ramp = np.arange(rate)
    fade = np.minimum(1, np.minimum(ramp, ramp[::-1]) / (rate / 10))
    tone = level * fade * np.sin(2 * np.pi * ramp / divisor + np.radians(degrees))
    return Audio(tone.astype(np.float32)[:, None], rate)


def _glitch(rate: int, offset: int) -> Audio:
    """A tone of a sixth of the rate at half scale, one cycle of it at full scale, made at four times the rate."""
    count = 24 * (rate // 24)
    at = np.arange(count)
    tone = 0.5 * np.sin(2 * np.pi * at / 24)
    tone[count // 2 // 24 * 24 :][:24] *= 2
    spectrum = np.fft.rfft(tone)
    spectrum[int(0.98 * count / 8) :] = 0
    smooth = np.fft.irfft(spectrum, count)
    smooth /= np.abs(smooth).max()
    return Audio(smooth[offset::4].astype(np.float32)[:, None], rate)


def _ranges(rate: int) -> Iterator[Case]:
    """Tech 3342 table 1, cases 1 to 4."""
    sequences = (((-20, -30), 10.0), ((-20, -15), 5.0), ((-40, -20), 20.0), ((-50, -35, -20, -35, -50), 15.0))
    for number, (levels, wanted) in enumerate(sequences, 1):
        parts = [(float(level), 20.0) for level in levels]
        yield _case(f"3342-{number}", "range_lu", wanted, lambda parts=parts: tones(rate, *parts), 1.0)


def _standards_own(rate: int) -> Iterator[Case]:
    """After BS.2217: frequencies, channels and gates; what they have to read follows from BS.1770's coefficients."""
    for hz in (25.0, 100.0, 500.0, 1000.0, 2000.0, 10_000.0):
        wanted = -0.691 + 20 * math.log10(_gain(hz)) - 24.0
        yield _case(f"2217 {hz:g} Hz", "integrated_lufs", wanted, lambda hz=hz: tones(rate, (-24, 10), hz=hz))
    for channel, name in enumerate(("L", "R", "C", "LFE", "Ls", "Rs")):
        levels = tuple(-24.0 if other == channel else -math.inf for other in range(6))
        wanted = -24.0 - 3.01 + 10 * math.log10(1.41) * (channel > 3)
        yield _case(
            f"2217 {name} alone", "integrated_lufs", None if name == "LFE" else wanted,
            lambda levels=levels: _surround(rate, levels),
        )  # fmt: skip
    yield _case("2217 absolute gate", "integrated_lufs", -69.5, lambda: tones(rate, (-69.5, 10), (-71.5, 30)))
    # The gate lies 10 LU below the mean of both parts: at -49 LUFS here, and at -48 LUFS in the last case.
    yield _case(
        "2217 relative gate, out", "integrated_lufs", -36.0, lambda: tones(rate, (-36, 10), (-50, 11))
    )
    both = 10 * math.log10((10 ** (-3.6) + 10 ** (-4.4)) / 2)
    yield _case("2217 relative gate, in", "integrated_lufs", both, lambda: tones(rate, (-36, 60), (-44, 60)))


def _gain(hz: float) -> float:
    """Magnitude of the K-weighting at 48 kHz."""
    z = np.exp(-2j * np.pi * hz / 48_000 * np.arange(3))
    return math.prod(
        abs(np.dot(numerator, z) / np.dot(denominator, z)) for numerator, denominator in (_SHELF, _HIGH_PASS)
    )
