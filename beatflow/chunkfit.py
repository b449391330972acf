"""Fits one chunk to the sounds that it is made of, and writes the fit down in the store's fixed point.

Joins the least squares of `sound` with the terms of the store's predictions. Fits are made on a few stretches of the
chunk: for a gain they are as good as the whole, and far cheaper.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.prediction import ONE, SLOPE_BITS, Source, Term
from beatflow.objects.samples import Integers, get_bits
from beatflow.sound.fit import Array, count_bits, count_plain_bits, solve_channels, solve_gains

_BLOCKS, _BLOCK_FRAMES = 8, 512
_SEGMENTS = 8
_LEAST_GAIN_BITS = 0.5
# A ramp costs time to decode: it must leave a quarter less of the power.
_RAMP_GAIN = 0.75
_WEIGHT_LIMIT = 15.0


def spread_blocks(frames: int, count: int, length: int) -> list[int]:
    """Return where stretches of some frames begin that lie evenly in a sound."""
    if frames <= length or count == 1:
        return [0]
    return sorted({round(step * (frames - length) / (count - 1)) for step in range(count)})


def take_frames(samples: Integers, first: NDArray[np.int64]) -> Array:
    """Return the frames of some numbers as float64, 0 where there are none."""
    inside = (first >= 0) & (first < len(samples))
    if inside.all():
        return samples[first].astype(np.float64)
    found = samples[np.clip(first, 0, len(samples) - 1)].astype(np.float64)
    found[~inside] = 0.0
    return found


class Fitted(NamedTuple):
    """The parts of a chunk, the terms of each, and about how many bits per sample they leave."""

    segments: tuple[int, ...]
    terms: list[Term]
    bits: float


class ChunkFit:
    """One chunk, and the samples of the sources that it is to be predicted from.

    Parameters
    ----------
    samples : Integers
        The chunk.
    bits : int
        Of its format.
    sources : sequence of Source
    inputs : sequence of Integers
        The samples of each source's chunks.
    """

    def __init__(
        self, samples: Integers, bits: int, sources: Sequence[Source], inputs: Sequence[Integers]
    ) -> None:
        self._samples = samples
        self._channels = samples.shape[1]
        self._sources = sources
        self._inputs = inputs
        self._scales = [2.0 ** (bits - get_bits(source.layout.format)) for source in sources]

    def fit_gains(self) -> Fitted | None:
        """Fit a gain for each source: constant, else a ramp, else piece by piece."""
        frames = len(self._samples)
        found = self._fit_segment(0, 0, frames, _BLOCKS)
        if found and found[1] < 1.0:
            return Fitted((frames,), found[0], count_bits(found[1]))
        length = -(-frames // _SEGMENTS)
        segments = tuple(min(length, frames - at) for at in range(0, frames, length))
        pieces = [self._fit_segment(number, number * length, size, 2) for number, size in enumerate(segments)]
        if not any(pieces):
            return None
        plain = self._plain_bits(0, frames)
        whole = (
            sum(
                size * (count_bits(piece[1]) if piece else self._plain_bits(number * length, size))
                for number, (size, piece) in enumerate(zip(segments, pieces, strict=True))
            )
            / frames
        )
        if found and count_bits(found[1]) < whole + 0.1:
            return Fitted((frames,), found[0], count_bits(found[1]))
        if whole > plain - _LEAST_GAIN_BITS / 2:
            return None
        return Fitted(segments, [term for piece in pieces if piece for term in piece[0]], whole)

    def fit_crossed(self) -> Fitted | None:
        """Fit a gain from each channel of each source to each channel of the chunk."""
        taps = [
            (source, channel, 0)
            for source, array in enumerate(self._inputs)
            for channel in range(array.shape[1])
        ]
        return self._fit_taps([taps] * self._channels)

    def fit_filter(self, lags: int) -> Fitted | None:
        """Fit a filter of ``2 * lags + 1`` taps from each channel of the first source to the same one of the chunk."""
        last = self._inputs[0].shape[1] - 1
        return self._fit_taps(
            [
                [(0, min(channel, last), lag) for lag in range(-lags, lags + 1)]
                for channel in range(self._channels)
            ]
        )

    # One part -------------------------------------------------------------------------------------------

    def _fit_segment(
        self, number: int, first: int, frames: int, blocks: int
    ) -> tuple[list[Term], float] | None:
        """Return terms for one segment and the power that they leave; None where they are not worth it."""
        index = self._index(first, frames, blocks)
        target = self._samples[index].astype(np.float64)
        features = [self._feature(source, index, 0) for source in range(len(self._inputs))]
        heard = [source for source, feature in enumerate(features) if feature.any()]
        if not heard:
            return None
        chosen = [features[source] for source in heard]
        fit = solve_gains(target, chosen)
        power, slopes = fit.power, np.zeros_like(fit.weights)
        weights = fit.weights
        if power > 1.0:
            apart = self._solve_apart(target, chosen)
            if apart[1] < 0.9 * power:
                weights, power = apart
            time = ((index - first) / frames)[:, None]
            ramp = solve_gains(target, [*chosen, *(feature * time for feature in chosen)])
            if ramp.power < _RAMP_GAIN * power:
                weights, slopes, power = (
                    ramp.weights[: len(chosen)],
                    ramp.weights[len(chosen) :] / frames,
                    ramp.power,
                )
        if count_bits(power) > self._plain_bits(first, frames) - _LEAST_GAIN_BITS:
            return None
        terms = []
        for row, source in enumerate(heard):
            error = 4 * np.sqrt(max(power, 0.1) / float(np.square(features[source]).sum()))
            for channel in range(self._channels):
                weight = float(weights[row, channel])
                if not slopes[row, channel] and abs(weight - round(weight)) < error:
                    weight = float(round(weight))
                term = self._make_term(
                    number, channel, source, channel, 0, weight, float(slopes[row, channel])
                )
                if term is None:
                    return None
                if term.weight or term.slope:
                    terms.append(term)
        return (terms, power) if terms else None

    def _solve_apart(self, target: Array, features: Sequence[Array]) -> tuple[Array, float]:
        """Fit each channel with gains of its own."""
        fits = [
            solve_channels(target[:, channel], [feature[:, channel] for feature in features])
            for channel in range(self._channels)
        ]
        return np.stack([fit.weights for fit in fits], axis=1), float(np.mean([fit.power for fit in fits]))

    def _fit_taps(self, taps: Sequence[Sequence[tuple[int, int, int]]]) -> Fitted | None:
        """Fit each channel of the chunk to its own (source, channel, lag)."""
        frames = len(self._samples)
        index = self._index(0, frames, _BLOCKS)
        target = self._samples[index].astype(np.float64)
        terms: list[Term | None] = []
        powers = []
        for output, chosen in enumerate(taps):
            rows = [
                take_frames(self._inputs[source][:, [channel]], index + (self._sources[source].start - lag))[
                    :, 0
                ]
                * self._scales[source]
                for source, channel, lag in chosen
            ]
            fit = solve_channels(target[:, output], rows)
            powers.append(fit.power)
            terms += [
                self._make_term(0, output, *tap, float(weight), 0.0)
                for tap, weight in zip(chosen, fit.weights, strict=True)
            ]
        bits = count_bits(float(np.mean(powers)))
        sound = [term for term in terms if term is not None]
        if len(sound) < len(terms) or bits > self._plain_bits(0, frames) - _LEAST_GAIN_BITS:
            return None
        heard = [term for term in sound if term.weight]
        return Fitted((frames,), heard, bits) if heard else None

    def _make_term(
        self, segment: int, output: int, source: int, channel: int, lag: int, weight: float, slope: float
    ) -> Term | None:
        """Return a term in fixed point, None where it is beyond that."""
        if not abs(weight) < _WEIGHT_LIMIT or not abs(slope) * len(self._samples) < _WEIGHT_LIMIT:
            return None
        channel = min(channel, self._inputs[source].shape[1] - 1)
        steep = round(slope * ONE * 2**SLOPE_BITS)
        if abs(steep) >= 2**31:
            return None
        return Term(segment, output, source, channel, lag, round(weight * ONE), steep)

    def _index(self, first: int, frames: int, blocks: int) -> NDArray[np.int64]:
        length = min(_BLOCK_FRAMES, frames)
        starts = spread_blocks(frames, blocks, length)
        return np.concatenate([np.arange(first + at, first + at + length) for at in starts])

    def _feature(self, source: int, index: NDArray[np.int64], lag: int) -> Array:
        """One source's frames in the chunk's unit; one channel becomes all of them."""
        found = take_frames(self._inputs[source], index + (self._sources[source].start - lag))
        found *= self._scales[source]
        return found if found.shape[1] == self._channels else np.repeat(found, self._channels, axis=1)

    def _plain_bits(self, first: int, frames: int) -> float:
        length = min(_BLOCK_FRAMES, frames)
        starts = spread_blocks(frames, 2, length)
        blocks = np.stack([self._samples[first + at : first + at + length] for at in starts])
        return count_plain_bits(blocks.astype(np.float64))
