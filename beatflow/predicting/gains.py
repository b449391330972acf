"""Fits gains to one chunk by the kernel: the common case, without numpy. Says what a fit is.

Where there are no kernels, `predicting/chunkfit.py` does the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

from beatflow.native import fit
from beatflow.objects.layout import Layout
from beatflow.objects.prediction import Source, Term


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
        [
            fit.Chunks(raws, source.layout.format, source.layout.channels, source.start)
            for source, raws in zip(sources, inputs, strict=True)
        ],
    )
    return _write_down(found, len(raw) // layout.frame_bytes, layout.channels, sources) if found else None


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
