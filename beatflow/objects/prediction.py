"""Predicting a chunk from others: a fixed-point linear combination of their samples, and what it leaves.

Knows samples and the byte tables in docs/format.md; not where chunks come from and not how weights are found.
A stem that is the old one louder, later or equalised, and a mix that is the sum of its stems, leave next to nothing.
All arithmetic that decides a sample is on integers. They are carried in float64, which holds every integer below
2**53 exactly, so neither the order of a sum nor the machine it runs on can change the result.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple, Protocol

import numpy as np
import zstandard
from numpy.typing import NDArray

from beatflow.errors import DamagedError
from beatflow.objects.flac import LEVEL
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.reach import Reach
from beatflow.objects.residual import Residual, decode_residual, encode_residual
from beatflow.objects.samples import Integers, from_integers, get_bits, to_integers
from beatflow.objects.sndfile import LibsndfileError

WEIGHT_BITS = 24
"""Fraction bits of a weight."""

SLOPE_BITS = 16
"""Further fraction bits of a slope, which is a weight's change from one frame to the next."""

ONE = 1 << WEIGHT_BITS
FULL_BITS = 24
MAX_CHANNELS = 8
MAX_SOURCES = 16
MAX_SOURCE_CHUNKS = 256
MAX_SEGMENTS = 256
MAX_TERMS = 4096
# These bound what a hostile payload costs: each is several times what the longest chunk can make use of.
MAX_SOURCE_BYTES = 1 << 26
MAX_SEGMENTS = 256
MAX_TERMS = 1 << 14
MAX_PRODUCTS = 1 << 28
_LIMIT = 1 << 28  # with 24 bits of sample and one of rounding still below 2**53
_HEAD = struct.Struct("<BBHI")
_SOURCE = struct.Struct("<BBHHi")
_TERM = struct.Struct("<HBBBBhii")
_PARAMETERS = struct.Struct("<BBBB")
_COUNT = struct.Struct("<H")
_BLOCK = 16_384  # frames worked on at once: they stay in the processor's cache


class Source(NamedTuple):
    """Samples to predict from: chunks laid end to end.

    Frame 0 of the predicted chunk lies at frame `start` of them, which may be negative; frames outside are 0.
    """

    layout: Layout
    chunks: tuple[ChunkRef, ...]
    start: int


class Term(NamedTuple):
    """One summand: channel `channel` of source `source`, `lag` frames earlier, goes into channel `output`.

    Its weight in frame `n` of the segment is ``weight + floor(slope * n / 2**16)``, in units of ``2**-24``.
    """

    segment: int
    output: int
    source: int
    channel: int
    lag: int
    weight: int
    slope: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """How one chunk's samples are guessed.

    Attributes
    ----------
    sources : tuple of Source
        1 to 16.
    segments : tuple of int
        Frames of each part with weights of its own; they add up to the chunk.
    terms : tuple of Term
        In ascending order. A segment and channel without any is guessed as silence.
    """

    sources: tuple[Source, ...]
    segments: tuple[int, ...]
    terms: tuple[Term, ...]


class Proposal(NamedTuple):
    """A prediction, the samples of each source's chunks, end to end, and how far it reaches."""

    prediction: Prediction
    inputs: tuple[Integers, ...]
    reach: Reach


class Guide(Protocol):
    """Proposes predictions for the chunks of one run, in order; may learn from each for the next."""

    def pass_over(self, frame: int, ref: ChunkRef) -> None:
        """Take note of a chunk, at a frame of its region, that the store has already."""
        ...

    def propose(self, frame: int, samples: Integers) -> Proposal | None:
        """Return a prediction of new samples that begin at a frame of their region, or None."""
        ...

    def settle(self, won: bool) -> None:
        """Take note of whether the last proposal was of use."""
        ...


class Renderer(Protocol):
    """Knows what the score of a mix makes of its stems. Used by one thread at a time."""

    def render(self, frame: int, raw: bytes) -> "Predicted | None":
        """Return what gives back new bytes that begin at a frame of their region; None where nothing does."""
        ...


class Advisor(Protocol):
    """Knows what a file may be predicted from. Its guides are used one per thread."""

    def guide(self, layout: Layout) -> Guide | None:
        """Return a guide for a run of samples, None where there is nothing to predict from."""
        ...

    def renderer(self, layout: Layout) -> "Renderer | None":
        """Return what renders a run of samples from stems; None where the file is no mix of any."""
        ...


class Predicted(NamedTuple):
    """A payload, dependency table included, and the codec's 4 bytes of parameters."""

    parameters: bytes
    payload: bytes


def is_predictable(layout: Layout) -> bool:
    """Say whether samples of a layout can be predicted, or predicted from."""
    return 1 <= layout.channels <= MAX_CHANNELS


# Samples -------------------------------------------------------------------------------------------------


def read_samples(raw: bytes, layout: Layout) -> Integers | None:
    """Return PCM as integers, shape (frames, channels), or None where 24 bits cannot hold them."""
    flat = to_integers(raw, layout.format)
    if flat is None:
        return None
    unused = _unused_bits(layout)
    return (flat >> unused if unused else flat).reshape(-1, layout.channels)


def write_samples(values: Integers, layout: Layout) -> bytes:
    """Undo `read_samples`."""
    unused = _unused_bits(layout)
    flat = values.reshape(-1) << unused if unused else values.reshape(-1)
    narrow = np.int16 if layout.format.width < 3 else np.int32
    return from_integers(flat.astype(narrow, copy=False), layout.format)


def _unused_bits(layout: Layout) -> int:
    """Return by how many bits samples that are left-justified stand to the left."""
    return 0 if layout.format.width == 2 else 8


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
    bits = get_bits(layout.format)
    shifts = [get_bits(source.layout.format) for source in prediction.sources]
    result = np.zeros((frames, layout.channels), np.int32)
    first = 0
    for terms, length in zip(by_segment, prediction.segments, strict=True):
        _check_bounds(terms, length)
        part = result[first : first + length]
        inputs = [
            _Input(samples, source.start + first, FULL_BITS - shift)
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
            factor = weight // ONE << bits - FULL_BITS + inputs[number].unused
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
    unit = 2.0 ** (WEIGHT_BITS + FULL_BITS - bits)
    total += unit / 2
    total *= 1 / unit
    return np.floor(total, out=total)


# Payloads ------------------------------------------------------------------------------------------------


def encode(samples: Integers, layout: Layout, proposal: Proposal, level: float = LEVEL) -> Predicted:
    """Return the payload that gives `samples` back, which has been proven.

    Parameters
    ----------
    samples : Integers
        The chunk, of `layout`.
    proposal : Proposal
        Its depth is larger than that of every chunk that it needs.
    level : float, optional
        FLAC's, for what is left.

    Raises
    ------
    ValueError
        It does not give them back, or cannot be made.
    """
    prediction = proposal.prediction
    bits = get_bits(layout.format)
    rest = _wrap(samples - predict(prediction, proposal.inputs, layout), bits)
    kind, data = encode_residual(rest, bits, level)
    table = list(dict.fromkeys(ref for source in prediction.sources for ref in source.chunks))
    place = {ref: number for number, ref in enumerate(table)}
    parts = [_COUNT.pack(len(table)), *(ref.id for ref in table)]
    parts.append(_HEAD.pack(kind, len(prediction.sources), len(prediction.segments), len(prediction.terms)))
    parts += [pack_source(source, place) for source in prediction.sources]
    parts.append(struct.pack(f"<{len(prediction.segments)}I", *prediction.segments))
    parts += [_pack_term(term) for term in prediction.terms]
    parameters = _PARAMETERS.pack(layout.format, layout.channels, *proposal.reach)
    payload = b"".join([*parts, data])
    try:
        _prove(payload, kind, prediction, rest, bits)
    except (struct.error, zstandard.ZstdError, LibsndfileError) as error:
        raise ValueError(f"a prediction cannot be read back: {error}") from error
    return Predicted(parameters, payload)


def _prove(payload: bytes, kind: Residual, prediction: Prediction, rest: Integers, bits: int) -> None:
    """Read a payload back. The guess need not be made again: it comes of the same tables and inputs."""
    frames, channels = rest.shape
    found, read, left = _unpack(payload, frames, channels)
    sound = (found, read) == (kind, prediction)
    if kind is Residual.NOTHING:
        sound = sound and not left
    else:
        sound = sound and np.array_equal(decode_residual(kind, left, frames, channels, bits), rest)
    if not sound:
        raise ValueError("a prediction is not what was meant")


def _pack_term(term: Term) -> bytes:
    return _TERM.pack(
        term.segment, term.output, term.source, term.channel, 0, term.lag, term.weight, term.slope
    )


def decode(parameters: bytes, payload: bytes, raw_length: int, fetch: Callable[[Source], Integers]) -> bytes:
    """Give a predicted chunk's bytes back.

    Parameters
    ----------
    parameters, payload : bytes
        As stored.
    raw_length : int
        Of the chunk.
    fetch : callable
        Gives the verified samples of a source's chunks, end to end.

    Raises
    ------
    DamagedError
        The payload is not what `encode` writes, or `fetch` raised it.
    """
    try:
        form, channels, _, _ = _PARAMETERS.unpack(parameters)
        layout = Layout(SampleFormat(form), channels)
        if not is_predictable(layout):
            raise ValueError(f"parameters {parameters.hex()}")
        if raw_length % layout.frame_bytes:
            raise ValueError("not a whole number of frames")
        frames = raw_length // layout.frame_bytes
        kind, prediction, rest = _unpack(payload, frames, channels)
        sources = [fetch(source) for source in prediction.sources]
        guess: Integers = predict(prediction, sources, layout)
        if kind is not Residual.NOTHING:
            guess += decode_residual(kind, rest, frames, channels, get_bits(layout.format))
            guess = _wrap(guess, get_bits(layout.format))
        elif rest:
            raise ValueError("bytes after the terms")
    except (ValueError, struct.error, zstandard.ZstdError, LibsndfileError) as error:
        raise DamagedError(f"a prediction cannot be decoded: {error}") from error
    return write_samples(guess, layout)


def join_samples(source: Source, fetch: Callable[[ChunkRef], bytes]) -> Integers:
    """Return the samples of a source's chunks, end to end, from their bytes.

    Raises
    ------
    ValueError
        24 bits cannot hold them.
    """
    parts = []
    for ref in source.chunks:
        found = read_samples(fetch(ref), source.layout)
        if found is None:
            raise ValueError("a source is not of integers")
        parts.append(found)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _unpack(payload: bytes, frames: int, channels: int) -> tuple[Residual, Prediction, memoryview]:
    """Take a payload apart; everything that `predict` relies on is checked here."""
    (count,) = _COUNT.unpack_from(payload)
    at = _COUNT.size + count * ID_BYTES
    kind, source_count, segment_count, term_count = _HEAD.unpack_from(payload, at)
    at += _HEAD.size
    if not 1 <= source_count <= MAX_SOURCES or segment_count > MAX_SEGMENTS or term_count > MAX_TERMS:
        raise ValueError(f"{source_count} sources, {segment_count} segments, {term_count} terms")
    if not 1 <= segment_count <= MAX_SEGMENTS or term_count > MAX_TERMS:
        raise ValueError(f"{segment_count} segments, {term_count} terms")
    sources = []
    for _ in range(source_count):
        source, at = unpack_source(payload, at, count)
        sources.append(source)
    if sum(ref.length for source in sources for ref in source.chunks) > MAX_SOURCE_BYTES:
        raise ValueError("sources are too long")
    segments = struct.unpack_from(f"<{segment_count}I", payload, at)
    at += 4 * segment_count
    if sum(segments) != frames or not all(segments):
        raise ValueError("segments do not add up")
    fields = [_TERM.unpack_from(payload, at + number * _TERM.size) for number in range(term_count)]
    terms = tuple(Term(*words[:4], *words[5:]) for words in fields)
    for term in terms:
        if term.segment >= segment_count or term.output >= channels or term.source >= source_count:
            raise ValueError("a term points nowhere")
        if term.channel >= sources[term.source].layout.channels:
            raise ValueError("a term points to no channel")
    if any(before[:5] >= after[:5] for before, after in pairwise(terms)):
        raise ValueError("terms are not in order")
    rest = memoryview(payload)[at + term_count * _TERM.size :]
    return Residual(kind), Prediction(tuple(sources), tuple(segments), terms), rest


def pack_source(source: Source, place: Mapping[ChunkRef, int]) -> bytes:
    """Write a source down, given each chunk's place in the table of dependencies."""
    fields = (source.layout.format, source.layout.channels, len(source.chunks), 0, source.start)
    chunks = (struct.pack("<HI", place[ref], ref.length) for ref in source.chunks)
    return _SOURCE.pack(*fields) + b"".join(chunks)


def unpack_source(payload: bytes, at: int, count: int) -> tuple[Source, int]:
    """Read a source from a payload with `count` dependencies; also return where what follows begins.

    Raises
    ------
    ValueError, struct.error
        It is none.
    """
    form, channels, chunk_count, _, start = _SOURCE.unpack_from(payload, at)
    at += _SOURCE.size
    layout = Layout(SampleFormat(form), channels)
    if not is_predictable(layout) or not 1 <= chunk_count <= MAX_SOURCE_CHUNKS:
        raise ValueError("a source of unknown samples")
    refs = []
    for number, length in struct.iter_unpack("<HI", payload[at : at + 6 * chunk_count]):
        if number >= count or length % layout.frame_bytes:
            raise ValueError("a source points nowhere")
        begin = _COUNT.size + number * ID_BYTES
        refs.append(ChunkRef(payload[begin : begin + ID_BYTES], length))
    if len(refs) != chunk_count:
        raise ValueError("a source is cut short")
    return Source(layout, tuple(refs), start), at + 6 * chunk_count


def _wrap(values: Integers, bits: int) -> Integers:
    """Reduce modulo ``2**bits`` to the signed range, so that no difference is too large for its format."""
    values = values.astype(np.int32, copy=False)
    values <<= 32 - bits
    values >>= 32 - bits
    return values
