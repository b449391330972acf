"""What a chunk is predicted from: a fixed-point linear combination of other chunks' samples.

Knows layouts and the byte tables in docs/format.md; not where chunks come from, not how weights are found, and no
arithmetic. A stem that is the old one louder, later or equalised, and a mix that is the sum of its stems, leave next to
nothing.
"""

import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.reach import Reach

WEIGHT_BITS = 24
"""Fraction bits of a weight."""

SLOPE_BITS = 16
"""Further fraction bits of a slope, which is a weight's change from one frame to the next."""

ONE = 1 << WEIGHT_BITS
MAX_CHANNELS = 8
MAX_SOURCES = 16
MAX_SOURCE_CHUNKS = 256
# These bound what a hostile payload costs: each is several times what the longest chunk can make use of.
MAX_SOURCE_BYTES = 1 << 26
MAX_SEGMENTS = 256
MAX_TERMS = 1 << 14
MAX_PRODUCTS = 1 << 28
COUNT = struct.Struct("<H")
"""Of the dependencies that a payload begins with."""

_PARAMETERS = struct.Struct("<BBBB")
_SOURCE = struct.Struct("<BBHHi")


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


class Prediction(NamedTuple):
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
    """A prediction, the verified bytes of each source's chunks, in their order, and how far it reaches."""

    prediction: Prediction
    inputs: tuple[tuple[bytes, ...], ...]
    reach: Reach


class Guide(Protocol):
    """Proposes predictions for the chunks of one run, in order; may learn from each for the next."""

    def pass_over(self, frame: int, ref: ChunkRef) -> None:
        """Take note of a chunk, at a frame of its region, that the store has already."""
        ...

    def propose(self, frame: int, raw: bytes) -> Proposal | None:
        """Return a prediction of new bytes that begin at a frame of their region, or None."""
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


def pack_parameters(layout: Layout, reach: Reach) -> bytes:
    """Write down the 4 bytes of parameters of a chunk that is rebuilt from others."""
    return _PARAMETERS.pack(layout.format, layout.channels, *reach)


def unpack_parameters(
    parameters: bytes, raw_length: int, is_fit: Callable[[Layout], bool]
) -> tuple[Layout, int]:
    """Return how to read a chunk that is rebuilt from others, and its frames.

    Raises
    ------
    ValueError, struct.error
        Its codec does not write such a layout, or the frames are not whole.
    """
    form, channels, _, _ = _PARAMETERS.unpack(parameters)
    layout = Layout(SampleFormat(form), channels)
    if not is_fit(layout):
        raise ValueError(f"parameters {parameters.hex()}")
    if raw_length % layout.frame_bytes:
        raise ValueError("not a whole number of frames")
    return layout, raw_length // layout.frame_bytes


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
        begin = COUNT.size + number * ID_BYTES
        refs.append(ChunkRef(payload[begin : begin + ID_BYTES], length))
    if len(refs) != chunk_count:
        raise ValueError("a source is cut short")
    return Source(layout, tuple(refs), start), at + 6 * chunk_count
