"""Fits gains, crossed channels and filters to one chunk by kernels, without numpy. Says what a fit is.

Where there are no kernels, `predicting/chunkfit.py` does the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

from beatflow.native import fit
from beatflow.objects.layout import Layout
from beatflow.objects.prediction import ONE, Source, Term

WEIGHT_LIMIT = 15.0
"""Of a gain: a reader takes less than 16 in all (docs/format.md)."""


class Fitted(NamedTuple):
    """The parts of a chunk, the terms of each, how many bits per sample they leave, and whether that is mere noise."""

    segments: tuple[int, ...]
    terms: list[Term]
    bits: float
    noise: bool = False


def fit_gains(
    raw: bytes, layout: Layout, sources: Sequence[Source], inputs: Sequence[Sequence[bytes]]
) -> Fitted | None:
    """Fit a gain for each source: constant, else a ramp, else piece by piece.

    Parameters
    ----------
    raw : bytes
        The chunk.
    layout : Layout
        Of the chunk.
    sources : sequence of Source
    inputs : sequence of sequence of bytes
        Each source's chunks.
    """
    found = fit.fit_gains(
        fit.Chunks((raw,), layout.format, layout.channels),
        [_describe(source, raws) for source, raws in zip(sources, inputs, strict=True)],
    )
    return _write_down(found, len(raw) // layout.frame_bytes, layout.channels, sources) if found else None


def fit_crossed(raw: bytes, layout: Layout, source: Source, inputs: Sequence[bytes]) -> Fitted | None:
    """Fit a gain from each channel of a source to each channel of the chunk; None where that is not worth it."""
    from beatflow.native import taps

    found = taps.fit_crossed(fit.Chunks((raw,), layout.format, layout.channels), _describe(source, inputs))
    if found is None:
        return None
    named = [
        (output, channel, 0, weight)
        for output, row in enumerate(found.weights)
        for channel, weight in enumerate(row)
    ]
    return _write_taps(named, len(raw) // layout.frame_bytes, found.bits)


def fit_filter(
    raw: bytes, layout: Layout, source: Source, inputs: Sequence[bytes], lags: int
) -> Fitted | None:
    """Fit a filter of ``2 * lags + 1`` taps from each channel of a source to the same one of the chunk.

    None where that is not worth it.
    """
    from beatflow.native import taps

    target = fit.Chunks((raw,), layout.format, layout.channels)
    found = taps.fit_filter(target, _describe(source, inputs), lags)
    if found is None:
        return None
    named = [
        (output, min(output, source.layout.channels - 1), tap - lags, weight)
        for output, row in enumerate(found.weights)
        for tap, weight in enumerate(row)
    ]
    return _write_taps(named, len(raw) // layout.frame_bytes, found.bits)


def _describe(source: Source, raws: Sequence[bytes]) -> fit.Chunks:
    return fit.Chunks(raws, source.layout.format, source.layout.channels, source.start)


def _write_taps(taps: Sequence[tuple[int, int, int, float]], frames: int, bits: float) -> Fitted | None:
    """Write down weights of (output, channel, lag); None where one is beyond fixed point, or none is left."""
    if not all(abs(weight) < WEIGHT_LIMIT for *_, weight in taps):
        return None
    terms = [
        Term(0, output, 0, channel, lag, round(weight * ONE), 0)
        for output, channel, lag, weight in taps
        if round(weight * ONE)
    ]
    return Fitted((frames,), terms, bits) if terms else None


def _write_down(gains: fit.Gains, frames: int, channels: int, sources: Sequence[Source]) -> Fitted:
    length = -(-frames // fit.SEGMENTS) if gains.segments > 1 else frames
    segments = tuple(min(length, frames - at) for at in range(0, frames, length))
    terms, place = [], 0
    for segment in range(gains.segments):
        for number, source in enumerate(sources):
            for output in range(channels):
                weight, slope = gains.weights[place], gains.slopes[place]
                place += 1
                if weight or slope:
                    channel = min(output, source.layout.channels - 1)
                    terms.append(Term(segment, output, number, channel, 0, weight, slope))
    return Fitted(segments, terms, gains.bits, gains.noise)
