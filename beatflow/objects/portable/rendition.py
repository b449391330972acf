"""The sum of stems with faders in numpy: what the kernels of `native.rendition` do, where there are none.

Knows samples and the arithmetic in docs/format.md ("Rendition"). It is that of `beatflow.sound.mix`, on integers below
``2**53``, which float64 carries exactly in any order; it is frozen.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from beatflow.native.rendition import Part
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.samples import read_samples, write_samples

_GAIN_BITS = 20
_FULL_BITS = 24

Array = NDArray[np.float64]


def sum_parts(parts: Iterable[Part], layout: Layout, frames: int) -> bytes:
    """Return the sum of parts as it stands in a file; what lies outside of its frames counts not.

    Raises
    ------
    ValueError
        A part has samples that are not numbers.
    """
    total = np.zeros((frames, layout.channels))
    for begin, raw, form, channels, gains in parts:
        samples = _read_stem(raw, Layout(SampleFormat(form), channels))
        low, high = max(begin, 0), min(begin + len(samples), frames)
        if low < high:
            total[low:high] += samples[low - begin : high - begin] * np.array(gains, np.float64)
    return _write(total, layout)


def _read_stem(raw: bytes, layout: Layout) -> Array:
    """Return the samples of a stem as integers of 24 bits, shape (frames, channels).

    What is finer is taken as the nearest number of single precision, and that times ``2**23`` rounded half to even and
    saturated.
    """
    form = layout.format
    if form.width < 4:
        values = read_samples(raw, layout)
        assert values is not None  # 24 bits hold all of those
        scaled: Array = values.astype(np.float64) * 2.0 ** (_FULL_BITS - form.bits)
        return scaled
    words = np.frombuffer(
        raw, f"{'>' if form.is_big_endian else '<'}{'f' if form.is_float else 'i'}{form.width}"
    )
    with np.errstate(over="ignore"):
        single = words.astype(np.float32)
        if not np.isfinite(single).all():
            raise ValueError("samples that are not numbers")
        levels = np.rint(single * np.float32(2.0 ** (23 if form.is_float else -8))).astype(np.float64)
    limited: Array = np.clip(levels, -(2.0**23), 2.0**23 - 1)
    return limited.reshape(-1, layout.channels)


def _write(total: Array, layout: Layout) -> bytes:
    """Round multiples of ``2**-43`` half to even, to the bits of the mix or to single precision."""
    form = layout.format
    if form.is_float:
        single = (total * 2.0 ** -(_GAIN_BITS + _FULL_BITS - 1)).astype(np.float32)
        return single.astype(f"{'>' if form.is_big_endian else '<'}f{form.width}").tobytes()
    highest = 1 << (form.bits - 1)
    total *= 2.0 ** (form.bits - _FULL_BITS - _GAIN_BITS)
    levels = np.clip(np.rint(total, out=total), -highest, highest - 1, out=total)
    return write_samples(levels.astype(np.int32), layout)
