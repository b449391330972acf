"""Fits one chunk to the sounds that it is made of, and writes the fit down in the store's fixed point.

Joins the least squares of `sound` with the terms of the store's predictions. Fits are made on a few stretches of the
chunk: for a gain they are as good as the whole, and far cheaper. In numpy, for where there are no kernels: the twin of
native/fit.c and native/taps.c.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.layout import Layout
from beatflow.objects.prediction import ONE, SLOPE_BITS, Source, Term
from beatflow.objects.samples import Integers, join_samples, read_samples
from beatflow.predicting.gains import WEIGHT_LIMIT, Fitted
from beatflow.predicting.view import spread_blocks
from beatflow.sound.fit import (
    Array,
    count_bits,
    count_plain_bits,
    is_noise,
    solve_channels,
    solve_filter,
    solve_gains,
)

_BLOCKS, _BLOCK_FRAMES = 8, 512
_SEGMENTS = 8
_LEAST_GAIN_BITS = 0.5
# A ramp costs time to decode: it must leave a quarter less of the power.
_RAMP_GAIN = 0.75


def take_frames(samples: Integers, first: NDArray[np.int64]) -> Array:
    """Return the frames of some numbers as float64, 0 where there are none."""
    inside = (first >= 0) & (first < len(samples))
    if inside.all():
        return samples[first].astype(np.float64)
    found = samples[np.clip(first, 0, len(samples) - 1)].astype(np.float64)
    found[~inside] = 0.0
    return found


class _Segment(NamedTuple):
    """One part: its terms, the power that they leave, and whether that is mere noise."""

    terms: list[Term]
    power: float
    noise: bool


def _sum_up(features: Sequence[Array], weights: Array) -> Array:
    """Sum features, each channel with its weight."""
    return np.asarray(np.einsum("kfc,kc->fc", np.stack(features), weights))


def _power(rest: Array) -> float:
    return float(np.square(rest).mean())


def open_fit(
    raw: bytes, layout: Layout, sources: Sequence[Source], inputs: Sequence[Sequence[bytes]]
) -> "ChunkFit | None":
    """Open a fit of a chunk's bytes, given those of each source's chunks; None where it is no integers of 24 bits.

    A source that is none is taken for silence.
    """
    samples = read_samples(raw, layout)
    if samples is None:
        return None
    found = [_join(raws, source.layout) for source, raws in zip(sources, inputs, strict=True)]
    return ChunkFit(samples, layout.format.bits, sources, found)


def _join(raws: Sequence[bytes], layout: Layout) -> Integers:
    try:
        return join_samples(raws, layout)
    except ValueError:
        return np.zeros((1, layout.channels), np.int32)


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
        self._scales = [2.0 ** (bits - source.layout.format.bits) for source in sources]

    def fit_gains(self) -> Fitted | None:
        """Fit a gain for each source: constant, else a ramp, else piece by piece."""
        frames = len(self._samples)
        found = self._fit_segment(0, 0, frames, _BLOCKS)
        if found and found.noise:
            return Fitted((frames,), found.terms, count_bits(found.power), noise=True)
        length = -(-frames // _SEGMENTS)
        segments = tuple(min(length, frames - at) for at in range(0, frames, length))
        pieces = [self._fit_segment(number, number * length, size, 2) for number, size in enumerate(segments)]
        if not any(pieces):
            return None
        plain = self._plain_bits(0, frames)
        whole = (
            sum(
                size * (count_bits(piece.power) if piece else self._plain_bits(number * length, size))
                for number, (size, piece) in enumerate(zip(segments, pieces, strict=True))
            )
            / frames
        )
        if found and count_bits(found.power) < whole + 0.1:
            return Fitted((frames,), found.terms, count_bits(found.power))
        if whole > plain - _LEAST_GAIN_BITS / 2:
            return None
        return Fitted(segments, [term for piece in pieces if piece for term in piece.terms], whole)

    def fit_crossed(self) -> Fitted | None:
        """Fit a gain from each channel of each source to each channel of the chunk."""
        frames = len(self._samples)
        index = self._index(0, frames, _BLOCKS)
        taps, rows = [], []
        for source, samples in enumerate(self._inputs):
            found = take_frames(samples, index + self._sources[source].start) * self._scales[source]
            taps += [(source, channel) for channel in range(samples.shape[1])]
            rows += list(found.T)
        fit = solve_channels(self._samples[index].astype(np.float64), rows)
        bits = count_bits(fit.power)
        if bits > self._plain_bits(0, frames) - _LEAST_GAIN_BITS:
            return None
        return self._make_fitted(
            [(output, *taps[row], 0, float(weight)) for (row, output), weight in np.ndenumerate(fit.weights)],
            bits,
        )

    def fit_filter(self, lags: int) -> Fitted | None:
        """Fit a filter of ``2 * lags + 1`` taps from each channel of the first source to the same one of the chunk."""
        frames = len(self._samples)
        length = min(_BLOCK_FRAMES, frames)
        starts = spread_blocks(frames, _BLOCKS, length)
        blocks = np.stack([self._samples[at : at + length] for at in starts]).astype(np.float64)
        wide = np.concatenate([np.arange(at - lags, at + length + lags) for at in starts])
        source = self._feature(0, wide).reshape(len(starts), -1, self._channels)
        found = solve_filter(blocks, source)
        if found is None or found.bits > self._plain_bits(0, frames) - _LEAST_GAIN_BITS:
            return None
        return self._make_fitted(
            [
                (output, 0, output, tap - lags, float(weight))
                for (tap, output), weight in np.ndenumerate(found.weights)
            ],
            found.bits,
        )

    # One part -------------------------------------------------------------------------------------------

    def _fit_segment(self, number: int, first: int, frames: int, blocks: int) -> _Segment | None:
        """Fit one segment; None where that is not worth it."""
        index = self._index(first, frames, blocks)
        target = self._samples[index].astype(np.float64)
        features = [self._feature(source, index) for source in range(len(self._inputs))]
        heard = [source for source, feature in enumerate(features) if feature.any()]
        if not heard:
            return None
        chosen = [features[source] for source in heard]
        weights = solve_gains(target, chosen).weights
        slopes = np.zeros_like(weights)
        rest = target - _sum_up(chosen, weights)
        if not self._is_noise(rest, frames):
            apart = self._solve_apart(target, chosen)
            rest_apart = target - _sum_up(chosen, apart)
            if _power(rest_apart) < 0.9 * _power(rest):
                weights, rest = apart, rest_apart
            time = ((index - first) / frames)[:, None]
            ramp = solve_gains(target, [*chosen, *(feature * time for feature in chosen)])
            if ramp.power < _RAMP_GAIN * _power(rest):
                weights, slopes = ramp.weights[: len(chosen)], ramp.weights[len(chosen) :]
                rest = target - _sum_up(chosen, weights) - _sum_up(chosen, slopes) * time
                slopes = slopes / frames
        power = _power(rest)
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
        return _Segment(terms, power, self._is_noise(rest, frames)) if terms else None

    def _is_noise(self, rest: Array, frames: int) -> bool:
        """Say whether nothing is left to explain: next to nothing at all, or mere noise."""
        blocks = rest.reshape(-1, min(_BLOCK_FRAMES, frames), self._channels)
        return _power(rest) < 1.0 or is_noise(blocks)

    def _solve_apart(self, target: Array, features: Sequence[Array]) -> Array:
        """Fit each channel with gains of its own."""
        fits = [
            solve_channels(target[:, channel], [feature[:, channel] for feature in features])
            for channel in range(self._channels)
        ]
        return np.stack([fit.weights for fit in fits], axis=1)

    def _make_fitted(self, taps: Sequence[tuple[int, int, int, int, float]], bits: float) -> Fitted | None:
        """Write down weights of (output, source, channel, lag); None where one is beyond fixed point."""
        terms = [self._make_term(0, *tap, 0.0) for tap in taps]
        sound = [term for term in terms if term is not None]
        heard = [term for term in sound if term.weight]
        return Fitted((len(self._samples),), heard, bits) if heard and len(sound) == len(terms) else None

    def _make_term(
        self, segment: int, output: int, source: int, channel: int, lag: int, weight: float, slope: float
    ) -> Term | None:
        """Return a term in fixed point, None where it is beyond that."""
        if not abs(weight) < WEIGHT_LIMIT or not abs(slope) * len(self._samples) < WEIGHT_LIMIT:
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

    def _feature(self, source: int, index: NDArray[np.int64]) -> Array:
        """One source's frames in the chunk's unit; one channel becomes all of them."""
        found = take_frames(self._inputs[source], index + self._sources[source].start)
        found *= self._scales[source]
        return found if found.shape[1] == self._channels else np.repeat(found, self._channels, axis=1)

    def _plain_bits(self, first: int, frames: int) -> float:
        length = min(_BLOCK_FRAMES, frames)
        starts = spread_blocks(frames, 2, length)
        blocks = np.stack([self._samples[first + at : first + at + length] for at in starts])
        return count_plain_bits(blocks.astype(np.float64))
