"""A chunk guessed from others in numpy: what the kernels of `native.prediction` do, where there are none.

Knows samples and the arithmetic in docs/format.md, which decides every sample in integers. They are carried in float64,
which holds every integer below 2**53 exactly, so neither the order of a sum nor the machine it runs on can change the
result.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.layout import Layout
from beatflow.objects.prediction import MAX_PRODUCTS, ONE, SLOPE_BITS, WEIGHT_BITS, Prediction, Source, Term
from beatflow.objects.samples import Integers

_FULL_BITS = 24
_LIMIT = 1 << 28  # with 24 bits of sample and one of rounding still below 2**53
_BLOCK = 16_384  # frames worked on at once: they stay in the processor's cache


def predict(prediction: Prediction, sources: Sequence[Integers], layout: Layout) -> Integers:
    """Return the guess, shape (frames, channels), within the range of the layout's format.

    A weight of 1 keeps the level whatever the formats: 8- and 16-bit samples count as the upper bits of 24.

    Parameters
    ----------
    prediction : Prediction
    sources : sequence of Integers
        The samples of each source's chunks, end to end.
    layout : Layout
        Of the chunk that is predicted.

    Raises
    ------
    ValueError
        The sums could leave what float64 holds exactly.
    """
    frames = sum(prediction.segments)
    by_segment: list[list[Term]] = [[] for _ in prediction.segments]
    for term in prediction.terms:
        by_segment[term.segment].append(term)
    if (
        sum(len(terms) * length for terms, length in zip(by_segment, prediction.segments, strict=True))
        > MAX_PRODUCTS
    ):
        raise ValueError("too many terms for so many frames")
    bits = layout.format.bits
    shifts = [source.layout.format.bits for source in prediction.sources]
    result = np.zeros((frames, layout.channels), np.int32)
    first = 0
    for terms, length in zip(by_segment, prediction.segments, strict=True):
        _check_bounds(terms, length)
        part = result[first : first + length]
        inputs = [
            _Input(samples, source.start + first, _FULL_BITS - shift)
            for samples, source, shift in zip(sources, prediction.sources, shifts, strict=True)
        ]
        gains = _as_gains(terms, prediction.sources, layout.channels)
        if gains is None:
            _sum_terms(terms, inputs, bits, part)
        elif all(not weight % ONE and bits >= shifts[source] for source, weight in gains.items()):
            _sum_whole(gains, inputs, bits, part)
        else:
            _sum_gains(gains, inputs, bits, part)
        first += length
    highest = 1 << (bits - 1)
    np.clip(result, -highest, highest - 1, out=result)
    return result


class _Input(NamedTuple):
    """One source's samples, the frame of theirs that belongs to a segment's first, and the bits below their last."""

    samples: Integers
    start: int
    unused: int


def _check_bounds(terms: Sequence[Term], length: int) -> None:
    reach: dict[int, int] = {}
    for term in terms:
        largest = abs(term.weight) + (abs(term.slope) * length >> SLOPE_BITS) + 1
        reach[term.output] = reach.get(term.output, 0) + largest
    if max(reach.values(), default=0) >= _LIMIT:
        raise ValueError("weights are too large")


def _as_gains(terms: Sequence[Term], sources: Sequence[Source], channels: int) -> dict[int, int] | None:
    """Return source -> weight where all channels have the same constant gains and nothing crosses over."""
    gains: dict[int, int] = {}
    for term in terms:
        plain = term.output == term.channel and not term.lag and not term.slope
        if not plain or sources[term.source].layout.channels != channels:
            return None
        if gains.setdefault(term.source, term.weight) != term.weight:
            return None
    return gains if len(terms) == len(gains) * channels else None


def _sum_whole(gains: dict[int, int], inputs: Sequence[_Input], bits: int, part: Integers) -> None:
    """Sum whole multiples of whole frames: nothing is rounded."""
    for at in range(0, len(part), _BLOCK):
        block = part[at : at + _BLOCK]
        for number, weight in gains.items():
            factor = weight // ONE << bits - _FULL_BITS + inputs[number].unused
            _add_frames(block, inputs[number], at, factor)


def _sum_gains(gains: dict[int, int], inputs: Sequence[_Input], bits: int, part: Integers) -> None:
    """Sum whole frames: no channel needs to be taken apart."""
    for at in range(0, len(part), _BLOCK):
        block = part[at : at + _BLOCK]
        total = np.zeros(block.shape)
        for number, weight in gains.items():
            _add_frames(total, inputs[number], at, weight << inputs[number].unused)
        block[:] = _round(total, bits)


def _add_frames(total: NDArray[np.float64] | Integers, source: _Input, at: int, factor: int) -> None:
    """Add multiples of a source's frames, from `at` in the segment on; there is nothing outside of the samples."""
    start = source.start + at
    low, high = max(start, 0), min(start + len(total), len(source.samples))
    if low < high:
        found = source.samples[low:high]
        target = total[low - start : high - start]
        target += found if factor == 1 else np.multiply(found, factor, dtype=total.dtype)


def _sum_terms(terms: Sequence[Term], inputs: Sequence[_Input], bits: int, part: Integers) -> None:
    for output in range(part.shape[1]):
        total = np.zeros(len(part))
        chosen = [term for term in terms if term.output == output]
        for term in chosen:
            if term.slope:
                _add_ramp(total, term, inputs[term.source])
        flat = [term for term in chosen if not term.slope]
        for (number, channel), taps in groupby(flat, lambda term: (term.source, term.channel)):
            _add_filter(total, {term.lag: term.weight for term in taps}, inputs[number], channel)
        part[:, output] = _round(total, bits)


def _take(source: _Input, channel: int, start: int, length: int) -> NDArray[np.float64]:
    """Return one channel from a frame of the segment on; there is nothing outside of the samples."""
    first = source.start + start
    low, high = max(first, 0), min(first + length, len(source.samples))
    found = np.zeros(length)
    if low < high:
        found[low - first : high - first] = source.samples[low:high, channel]
        found *= 2.0**source.unused
    return found


def _add_ramp(total: NDArray[np.float64], term: Term, source: _Input) -> None:
    weight = np.floor(np.arange(len(total)) * (term.slope * 2.0**-SLOPE_BITS)) + term.weight
    total += weight * _take(source, term.channel, -term.lag, len(total))


def _add_filter(total: NDArray[np.float64], taps: dict[int, int], source: _Input, channel: int) -> None:
    """Add a channel with a weight for each lag; neighbouring lags are a convolution."""
    first, last = min(taps), max(taps)
    if last - first >= 2 * len(taps):
        for lag, weight in taps.items():
            total += _take(source, channel, -lag, len(total)) * weight
        return
    kernel = np.zeros(last - first + 1)
    for lag, weight in taps.items():
        kernel[lag - first] = weight
    found = _take(source, channel, -last, len(total) + last - first)
    total += found * kernel[0] if len(kernel) == 1 else np.convolve(found, kernel, "valid")


def _round(total: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Scale sums in units of ``2**-24`` of the lowest of 24 bits to a format's own units, halves upwards; in place."""
    unit = 2.0 ** (WEIGHT_BITS + _FULL_BITS - bits)
    total += unit / 2
    total *= 1 / unit
    return np.floor(total, out=total)
