"""A gain that is all that was done to a stretch of a sound, found by least squares and proved block by block."""

import math
from dataclasses import dataclass

import numpy as np

from beatflow.objects.layout import Layout
from beatflow.sound.splice.pcm import PcmFile, Rows, decode_rows, encode_rows

_BLOCK_FRAMES = 4096
_LARGEST, _SMALLEST = 16.0, 1e-3
# Half a step of rounding and one and a half of triangular dither.
_STEPS = 2.0
_UNEXPLAINED = 1e-6
_FLOAT_FLOOR = 1e-6
_DIALLED = 5e-6


@dataclass(frozen=True, slots=True)
class Gain:
    """A factor per channel; negative where the polarity was turned as well."""

    factors: tuple[float, ...]

    @property
    def gains_db(self) -> tuple[float, ...]:
        """The same in decibels."""
        return tuple(20 * math.log10(abs(factor)) for factor in self.factors)

    def apply(self, rows: Rows, layout: Layout) -> tuple[Rows, int]:
        """Return louder or quieter frames, integers rounded half to even, and how many samples were clipped."""
        return encode_rows(decode_rows(rows, layout) * np.array(self.factors), layout)

    def fits_range(self, file: PcmFile, start: int, end: int) -> bool:
        """Say whether a stretch of a sound, as far as it goes, can have this gain without being clipped."""
        end = min(end, file.frames)
        return not any(
            self.apply(file.read(at, min(_BLOCK_FRAMES, end - at)), file.layout)[1]
            for at in range(start, end, _BLOCK_FRAMES)
        )

    def is_all(self, before: PcmFile, after: PcmFile, start: int, end: int) -> bool:
        """Say whether this gain, rounding and dither apart, is all that was done to a stretch."""
        allowed = _FLOAT_FLOOR if before.bits is None else _STEPS
        for at in range(start, end, _BLOCK_FRAMES):
            one, two = (
                decode_rows(file.read(at, min(_BLOCK_FRAMES, end - at)), file.layout)
                for file in (before, after)
            )
            if not float(np.abs(two - one * np.array(self.factors)).max()) <= allowed:
                return False
        return True


def fit_gain(before: PcmFile, after: PcmFile, start: int, end: int) -> Gain | None:
    """Return the gain that made a stretch of one sound into the same stretch of another, if a gain is all that did.

    What it leaves has to be 60 dB below the sound in each block of 4096 frames, or within two steps of the integers
    (rounding and dither) in each sample. Mute is no gain: what was there is gone.
    """
    channels = before.layout.channels
    product, power, power_after = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    for at in range(start, end, _BLOCK_FRAMES):
        one, two = (
            decode_rows(file.read(at, min(_BLOCK_FRAMES, end - at)), file.layout) for file in (before, after)
        )
        product += np.einsum("nc,nc->c", one, two)
        power += np.einsum("nc,nc->c", one, one)
        power_after += np.einsum("nc,nc->c", two, two)
    sounding = power > 0
    if not sounding.any() or (power_after[~sounding] > 0).any():
        return None
    factors = product[sounding] / power[sounding]
    if not (np.abs(factors) >= _SMALLEST).all() or not (np.abs(factors) <= _LARGEST).all():
        return None
    # What was silent on both sides says nothing of its gain.
    whole = np.full(channels, float(np.median(factors)))
    whole[sounding] = factors
    gain = Gain(tuple(_snap(factor) for factor in whole.tolist()))
    return gain if _explains(gain, before, after, start, end) else None


def _snap(factor: float) -> float:
    """Return the hundredth of a decibel that a fitted factor is, if it is one: that is what somebody dialled in.

    Rounding to integers keeps a fit from the true factor by about 1e-7 of it in a minute of music, and hundredths of a
    decibel are 1e-3 apart.
    """
    dialled = math.copysign(10 ** (round(20 * math.log10(abs(factor)), 2) / 20), factor)
    return dialled if abs(dialled / factor - 1) < _DIALLED else factor


def _explains(gain: Gain, before: PcmFile, after: PcmFile, start: int, end: int) -> bool:
    allowed = _FLOAT_FLOOR if before.bits is None else _STEPS
    for at in range(start, end, _BLOCK_FRAMES):
        one, two = (
            decode_rows(file.read(at, min(_BLOCK_FRAMES, end - at)), file.layout) for file in (before, after)
        )
        rest = two - one * np.array(gain.factors)
        quiet = float(np.abs(rest).max()) <= allowed
        if not quiet and not float(np.sum(rest**2)) <= _UNEXPLAINED * float(np.sum(two**2)):
            return False
    return True
