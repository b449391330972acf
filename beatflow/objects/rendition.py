"""A chunk of a mix that is the plain sum of its stems with faders: which chunks of them, and how loud each.

Knows the byte tables in docs/format.md; not where chunks come from and not what a score is. Nothing of the mix's own
samples is kept. numpy is needed only where there are no kernels.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from beatflow.errors import DamagedError
from beatflow.native import rendition as native
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import (
    COUNT,
    MAX_PRODUCTS,
    MAX_SOURCE_BYTES,
    MAX_SOURCE_CHUNKS,
    Predicted,
    Source,
    is_predictable,
    pack_parameters,
    pack_source,
    unpack_parameters,
    unpack_source,
)
from beatflow.objects.reach import Reach

MAX_STEMS = 64
# All gains of a channel together, in units of 2**-20: 2**23, the loudest sample, times this is 2**53.
_MOST_GAIN = 1 << 30
_HEAD = struct.Struct("<BBH")


class Voice(NamedTuple):
    """One stem of a chunk: where its samples are, and its gain in each channel of the chunk, in units of ``2**-20``."""

    source: Source
    gains: tuple[int, ...]


def can_render(layout: Layout) -> bool:
    """Say whether a mix may stand in a file so: 8 to 24 bits, or single or double precision."""
    return is_predictable(layout) and (layout.format.is_float or layout.format.width < 4)


def render(voices: Sequence[Voice], fetch: Callable[[ChunkRef], bytes], layout: Layout, frames: int) -> bytes:
    """Return the sum of stems as it stands in a file.

    Parameters
    ----------
    voices : sequence of Voice
    fetch : callable
        Gives a chunk's verified bytes.
    layout : Layout
        Of the mix.
    frames : int

    Raises
    ------
    ValueError
        The sums could leave what float64 holds exactly, or a stem does not fit the mix, or is not of numbers.
    """
    check_voices(voices, layout, frames)

    def iter_parts() -> Iterator[Part]:
        for source, gains in voices:
            begin = -source.start
            for ref in source.chunks:
                end = begin + ref.length // source.layout.frame_bytes
                if max(begin, 0) < min(end, frames):
                    yield Part(begin, bytes(fetch(ref)), source.layout, gains)
                begin = end

    return sum_parts(iter_parts(), layout, frames)


class Part(NamedTuple):
    """The frame of the result at which bytes of a stem begin, those bytes, how to read them, and the stem's gains."""

    begin: int
    raw: bytes
    layout: Layout
    gains: tuple[int, ...]


def sum_parts(parts: Iterable[Part], layout: Layout, frames: int) -> bytes:
    """Return the sum of stems' samples as it stands in a file; what lies outside counts not.

    Raises
    ------
    ValueError
        A part has samples that are not numbers.
    """
    plain = (
        native.Part(part.begin, part.raw, part.layout.format, part.layout.channels, part.gains)
        for part in parts
    )
    if native.is_at_hand():
        return native.render(plain, layout.format, layout.channels, frames)
    from beatflow.objects.portable.rendition import sum_parts as sum_arrays

    return sum_arrays(plain, layout, frames)


def check_voices(voices: Sequence[Voice], layout: Layout, frames: int) -> None:
    """Refuse what cannot be rendered, or would take too long.

    Raises
    ------
    ValueError
        Says why.
    """
    if not can_render(layout) or not 1 <= len(voices) <= MAX_STEMS:
        raise ValueError(f"{len(voices)} stems in a mix of format {layout.format}")
    if frames * layout.channels * len(voices) > MAX_PRODUCTS:
        raise ValueError("too many stems for so many frames")
    if sum(ref.length for source, _ in voices for ref in source.chunks) > MAX_SOURCE_BYTES:
        raise ValueError("stems are too long")
    for source, gains in voices:
        if source.layout.channels not in (1, layout.channels) or len(gains) != layout.channels:
            raise ValueError("a stem does not fit the mix")
        if len(source.chunks) > MAX_SOURCE_CHUNKS:
            raise ValueError("a stem of too many chunks")
    if max(map(sum, zip(*(gains for _, gains in voices), strict=True))) > _MOST_GAIN:
        raise ValueError("gains are too large")


def encode(voices: Sequence[Voice], layout: Layout, reach: Reach) -> Predicted:
    """Return the payload for a chunk that `render` gives of these stems.

    Raises
    ------
    ValueError
        It cannot be read back.
    """
    table = list(dict.fromkeys(ref for voice in voices for ref in voice.source.chunks))
    place = {ref: number for number, ref in enumerate(table)}
    try:
        parts = [COUNT.pack(len(table)), *(ref.id for ref in table), _HEAD.pack(len(voices), 0, 0)]
        for source, gains in voices:
            parts += [pack_source(source, place), struct.pack(f"<{len(gains)}I", *gains)]
        payload = b"".join(parts)
        if _unpack(payload, layout.channels) != tuple(voices):
            raise ValueError("a rendition is not what was meant")
    except struct.error as error:
        raise ValueError(f"a rendition cannot be written: {error}") from error
    return Predicted(pack_parameters(layout, reach), payload)


def decode(parameters: bytes, payload: bytes, raw_length: int, fetch: Callable[[ChunkRef], bytes]) -> bytes:
    """Give a rendered chunk's bytes back.

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
        layout, frames = unpack_parameters(parameters, raw_length, can_render)
        return render(_unpack(payload, layout.channels), fetch, layout, frames)
    except (ValueError, struct.error) as error:
        raise DamagedError(f"a rendition cannot be decoded: {error}") from error


def _unpack(payload: bytes, channels: int) -> tuple[Voice, ...]:
    (count,) = COUNT.unpack_from(payload)
    at = COUNT.size + count * ID_BYTES
    stems, _, _ = _HEAD.unpack_from(payload, at)
    at += _HEAD.size
    voices = []
    for _ in range(stems):
        source, at = unpack_source(payload, at, count)
        voices.append(Voice(source, struct.unpack_from(f"<{channels}I", payload, at)))
        at += 4 * channels
    if at != len(payload):
        raise ValueError("bytes after the stems")
    return tuple(voices)
