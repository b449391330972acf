"""The codec of predicted chunks: a payload says what a chunk is a sum of, and what that leaves.

Knows the byte tables in docs/format.md; not where chunks come from and not how weights are found. Samples cross it as
bytes; numpy is needed only where there are no kernels.
"""

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from beatflow.errors import DamagedError
from beatflow.native import prediction as native
from beatflow.objects.flac import LEVEL
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import (
    COUNT,
    MAX_SEGMENTS,
    MAX_SOURCE_BYTES,
    MAX_SOURCES,
    MAX_TERMS,
    Predicted,
    Prediction,
    Proposal,
    Source,
    Term,
    is_predictable,
    pack_parameters,
    pack_source,
    unpack_parameters,
    unpack_source,
)
from beatflow.objects.residual import Residual, Rest, decode_residual, encode_residual

if TYPE_CHECKING:
    from beatflow.objects.samples import Integers

_HEAD = struct.Struct("<BBHI")
_TERM = struct.Struct("<HBBBBhii")

_Inputs = Sequence[Sequence[bytes]]
"""The bytes of each source's chunks."""


class _Parts(NamedTuple):
    """A payload taken apart; segments and terms, and what comes after them, as they stand in it."""

    kind: Residual
    sources: tuple[Source, ...]
    segments: bytes
    terms: bytes
    rest: bytes


def encode(raw: bytes, layout: Layout, proposal: Proposal, level: float = LEVEL) -> Predicted:
    """Return the payload that gives `raw` back, which has been proven.

    Parameters
    ----------
    raw : bytes
        The chunk.
    layout : Layout
    proposal : Proposal
        Its depth is larger than that of every chunk that it needs.
    level : float, optional
        FLAC's, for what is left.

    Raises
    ------
    ValueError
        It does not give them back, or cannot be made; or the samples are no integers of 24 bits.
    """
    prediction = proposal.prediction
    try:
        segments = struct.pack(f"<{len(prediction.segments)}I", *prediction.segments)
        terms = b"".join(map(_pack_term, prediction.terms))
        parts = _Parts(Residual.NOTHING, prediction.sources, segments, terms, b"")
        left = _subtract(raw, layout, parts, proposal.inputs)
        kind, data = encode_residual(left, level)
        parts = parts._replace(kind=kind, rest=data)
        payload = _pack(parts)
        # The guess need not be made again: it was made from the segments and terms as they stand there.
        if _unpack(payload) != parts:
            raise ValueError("a prediction is not what was meant")
    except (struct.error, zstandard.ZstdError) as error:
        raise ValueError(f"a prediction cannot be written: {error}") from error
    return Predicted(pack_parameters(layout, proposal.reach), payload)


def decode(parameters: bytes, payload: bytes, raw_length: int, fetch: Callable[[ChunkRef], bytes]) -> bytes:
    """Give a predicted chunk's bytes back.

    Parameters
    ----------
    parameters, payload : bytes
        As stored.
    raw_length : int
        Of the chunk.
    fetch : callable
        Gives a chunk's verified bytes.

    Raises
    ------
    DamagedError
        The payload is not what `encode` writes, or `fetch` raised it.
    """
    try:
        layout, frames = unpack_parameters(parameters, raw_length, is_predictable)
        parts = _unpack(payload)
        inputs = [tuple(bytes(fetch(ref)) for ref in source.chunks) for source in parts.sources]
        left = decode_residual(parts.kind, parts.rest, frames, layout.channels, layout.format.bits)
        if native.is_at_hand():
            return native.rebuild(_make_tables(layout, frames, parts, inputs), left)
        return _rebuild(layout, frames, parts, inputs, left)
    except (ValueError, struct.error, zstandard.ZstdError) as error:
        raise DamagedError(f"a prediction cannot be decoded: {error}") from error


# Arithmetic ----------------------------------------------------------------------------------------------


def _subtract(raw: bytes, layout: Layout, parts: _Parts, inputs: _Inputs) -> Rest:
    """Return what is left of a chunk when the guess is taken off."""
    if len(raw) % layout.frame_bytes:
        raise ValueError("not a whole number of frames")
    frames = len(raw) // layout.frame_bytes
    if native.is_at_hand():
        return native.subtract(raw, _make_tables(layout, frames, parts, inputs))
    from beatflow.objects.portable.residual import ArrayRest
    from beatflow.objects.samples import read_samples

    samples = read_samples(raw, layout)
    if samples is None:
        raise ValueError("samples that are no integers of 24 bits")
    return ArrayRest(samples - _guess(layout, frames, parts, inputs), layout.format.bits)


def _rebuild(
    layout: Layout, frames: int, parts: _Parts, inputs: _Inputs, left: native.Symbols | bytes | None
) -> bytes:
    from beatflow.objects.portable.residual import read_rest, wrap
    from beatflow.objects.samples import write_samples

    guess = _guess(layout, frames, parts, inputs)
    if left is not None:
        guess += read_rest(left, frames, layout.channels)
    return write_samples(wrap(guess, layout.format.bits), layout)


def _guess(layout: Layout, frames: int, parts: _Parts, inputs: _Inputs) -> "Integers":
    from beatflow.objects.portable.prediction import predict
    from beatflow.objects.samples import join_samples

    prediction = _read_prediction(parts, frames, layout.channels)
    pairs = zip(inputs, parts.sources, strict=True)
    return predict(prediction, [join_samples(raws, source.layout) for raws, source in pairs], layout)


def _make_tables(layout: Layout, frames: int, parts: _Parts, inputs: _Inputs) -> native.Tables:
    sources = [
        native.Chunks(raws, source.layout.format, source.layout.channels, source.start)
        for raws, source in zip(inputs, parts.sources, strict=True)
    ]
    return native.Tables(layout.format, layout.channels, frames, sources, parts.segments, parts.terms)


# Payloads ------------------------------------------------------------------------------------------------


def _pack(parts: _Parts) -> bytes:
    table = list(dict.fromkeys(ref for source in parts.sources for ref in source.chunks))
    place = {ref: number for number, ref in enumerate(table)}
    counts = len(parts.sources), len(parts.segments) // 4, len(parts.terms) // _TERM.size
    return b"".join(
        (
            COUNT.pack(len(table)),
            *(ref.id for ref in table),
            _HEAD.pack(parts.kind, *counts),
            *(pack_source(source, place) for source in parts.sources),
            parts.segments,
            parts.terms,
            parts.rest,
        )
    )


def _unpack(payload: bytes) -> _Parts:
    """Take a payload apart; segments, terms and what comes after them are not looked into."""
    (count,) = COUNT.unpack_from(payload)
    at = COUNT.size + count * ID_BYTES
    kind, source_count, segment_count, term_count = _HEAD.unpack_from(payload, at)
    at += _HEAD.size
    if not 1 <= source_count <= MAX_SOURCES:
        raise ValueError(f"{source_count} sources")
    if not 1 <= segment_count <= MAX_SEGMENTS or term_count > MAX_TERMS:
        raise ValueError(f"{segment_count} segments, {term_count} terms")
    sources = []
    for _ in range(source_count):
        source, at = unpack_source(payload, at, count)
        sources.append(source)
    if sum(ref.length for source in sources for ref in source.chunks) > MAX_SOURCE_BYTES:
        raise ValueError("sources are too long")
    terms_at = at + 4 * segment_count
    rest_at = terms_at + _TERM.size * term_count
    if len(payload) < rest_at:
        raise ValueError("segments or terms are cut short")
    segments, terms = payload[at:terms_at], payload[terms_at:rest_at]
    return _Parts(Residual(kind), tuple(sources), segments, terms, payload[rest_at:])


def _pack_term(term: Term) -> bytes:
    return _TERM.pack(
        term.segment, term.output, term.source, term.channel, 0, term.lag, term.weight, term.slope
    )


def _read_prediction(parts: _Parts, frames: int, channels: int) -> Prediction:
    """Read segments and terms; everything that `predict` relies on is checked here, as the kernels do."""
    segments = struct.unpack(f"<{len(parts.segments) // 4}I", parts.segments)
    if sum(segments) != frames or not all(segments):
        raise ValueError("segments do not add up")
    terms = tuple(Term(*words[:4], *words[5:]) for words in _TERM.iter_unpack(parts.terms))
    for term in terms:
        if term.segment >= len(segments) or term.output >= channels or term.source >= len(parts.sources):
            raise ValueError("a term points nowhere")
        if term.channel >= parts.sources[term.source].layout.channels:
            raise ValueError("a term points nowhere")
    if any(before[:5] >= after[:5] for before, after in pairwise(terms)):
        raise ValueError("terms are not in order")
    return Prediction(parts.sources, segments, terms)
