"""A chunk of a mix that is the plain sum of its stems with faders: which chunks of them, and how loud each.

Knows samples and the byte tables in docs/format.md; not where chunks come from and not what a score is. Nothing of the
mix's own samples is kept. The arithmetic is that of `beatflow.sound.mix`, on integers below ``2**53``, which float64
carries exactly in any order; it is frozen.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import DamagedError
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import (
    MAX_PRODUCTS,
    MAX_SOURCE_BYTES,
    MAX_SOURCE_CHUNKS,
    Predicted,
    Source,
    is_predictable,
    pack_source,
    read_samples,
    unpack_source,
    write_samples,
)
from beatflow.objects.reach import Reach
from beatflow.objects.samples import get_bits

GAIN_BITS = 20
"""Fraction bits of a gain."""

MAX_STEMS = 64
FULL_BITS = 24
# All gains of a channel together: 2**23, the loudest sample, times this is 2**53.
_MOST_GAIN = 1 << 30
_HEAD = struct.Struct("<BBH")
_COUNT = struct.Struct("<H")
_PARAMETERS = struct.Struct("<BBBB")

Array = NDArray[np.float64]


class Voice(NamedTuple):
    """One stem of a chunk: where its samples are, and its gain in each channel of the chunk, in units of ``2**-20``."""

    source: Source
    gains: tuple[int, ...]


def can_render(layout: Layout) -> bool:
    """Say whether a mix may stand in a file so: 8 to 24 bits, or single or double precision."""
    return is_predictable(layout) and (layout.format.is_float or layout.format.width < 4)


def read_stem(raw: bytes, layout: Layout) -> Array:
    """Return the samples of a stem as integers of 24 bits, shape (frames, channels).

    What is finer is taken as the nearest number of single precision, and that times ``2**23`` rounded half to even and
    saturated.

    Raises
    ------
    ValueError
        They are not numbers.
    """
    form = layout.format
    if form.width < 4:
        values = read_samples(raw, layout)
        assert values is not None  # 24 bits hold all of those
        scaled: Array = values.astype(np.float64) * 2.0 ** (FULL_BITS - get_bits(form))
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
        The sums could leave what float64 holds exactly, or a stem does not fit the mix.
    """
    check_voices(voices, layout, frames)

    def iter_parts() -> Iterator[Part]:
        for source, gains in voices:
            begin = -source.start
            for ref in source.chunks:
                end = begin + ref.length // source.layout.frame_bytes
                if max(begin, 0) < min(end, frames):
                    yield begin, read_stem(fetch(ref), source.layout), gains
                begin = end

    return sum_parts(iter_parts(), layout, frames)


Part = tuple[int, Array, tuple[int, ...]]
"""The frame of the result at which samples of a stem begin, those samples, and their gains."""


def sum_parts(parts: Iterable[Part], layout: Layout, frames: int) -> bytes:
    """Return the sum of stems' samples, from `read_stem`, as it stands in a file; what lies outside counts not."""
    total = np.zeros((frames, layout.channels))
    for begin, samples, gains in parts:
        low, high = max(begin, 0), min(begin + len(samples), frames)
        if low < high:
            total[low:high] += samples[low - begin : high - begin] * np.array(gains, np.float64)
    return _write(total, layout)


def _write(total: Array, layout: Layout) -> bytes:
    """Round multiples of ``2**-43`` half to even, to the bits of the mix or to single precision."""
    form = layout.format
    if form.is_float:
        single = (total * 2.0 ** -(GAIN_BITS + FULL_BITS - 1)).astype(np.float32)
        return single.astype(f"{'>' if form.is_big_endian else '<'}f{form.width}").tobytes()
    bits = get_bits(form)
    highest = 1 << (bits - 1)
    total *= 2.0 ** (bits - FULL_BITS - GAIN_BITS)
    levels = np.clip(np.rint(total, out=total), -highest, highest - 1, out=total)
    return write_samples(levels.astype(np.int32), layout)


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
        parts = [_COUNT.pack(len(table)), *(ref.id for ref in table), _HEAD.pack(len(voices), 0, 0)]
        for source, gains in voices:
            parts += [pack_source(source, place), struct.pack(f"<{len(gains)}I", *gains)]
        payload = b"".join(parts)
        if _unpack(payload, layout.channels) != tuple(voices):
            raise ValueError("a rendition is not what was meant")
    except struct.error as error:
        raise ValueError(f"a rendition cannot be written: {error}") from error
    return Predicted(_PARAMETERS.pack(layout.format, layout.channels, *reach), payload)


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
        form, channels, _, _ = _PARAMETERS.unpack(parameters)
        layout = Layout(SampleFormat(form), channels)
        if not can_render(layout):
            raise ValueError(f"parameters {parameters.hex()}")
        if raw_length % layout.frame_bytes:
            raise ValueError("not a whole number of frames")
        return render(_unpack(payload, channels), fetch, layout, raw_length // layout.frame_bytes)
    except (ValueError, struct.error) as error:
        raise DamagedError(f"a rendition cannot be decoded: {error}") from error


def _unpack(payload: bytes, channels: int) -> tuple[Voice, ...]:
    (count,) = _COUNT.unpack_from(payload)
    at = _COUNT.size + count * ID_BYTES
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
