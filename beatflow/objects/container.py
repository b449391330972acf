"""Finds the PCM inside sound files, so that it can be cut and coded as samples; all other bytes stay as they are.

Knows chunk grammars (RIFF/RF64/BW64/RIFX, AIFF/AIFF-C, Wave64, CAF) and nothing of storing. It only *labels*
spans of a stream that it reads once, forwards; whatever a header claims, every byte ends up in exactly one span,
so a wrong guess costs compression and never a byte. Anything doubtful is a span without a layout.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from beatflow.objects.layout import MAX_CHANNELS, Layout, SampleFormat

# A hostile file of thousands of tiny data chunks would otherwise cost more to describe than to keep.
MAX_PCM_SPANS = 64
MIN_PCM_BYTES = 4096
# A header chunk is read only as far as this; nothing that matters stands later in it.
_BODY_BYTES = 64

Read = Callable[[int], bytes]
ReadInto = Callable[[memoryview], int]
"""Writes the next bytes where it is told, as many as have room or fewer, and returns how many; 0 is the end."""


class Span(NamedTuple):
    """The next `length` bytes of a stream (None: all that is left), PCM when it has a layout.

    The stream may end sooner than `length` says: headers lie and files are cut short.
    """

    layout: Layout | None
    length: int | None


class Source:
    """A forward-only stream with a small look ahead."""

    def __init__(self, read: Read, read_into: ReadInto | None = None) -> None:
        self._read = read
        self._read_into = read_into
        self._ahead = b""

    def peek(self, count: int) -> bytes:
        """Return the next `count` bytes without taking them; fewer only at the end."""
        while len(self._ahead) < count:
            data = self._read(count - len(self._ahead))
            if not data:
                break
            self._ahead += data
        return self._ahead[:count]

    def take_into(self, target: memoryview) -> int:
        """Take as many bytes as there is room for, or fewer, and return how many; 0 only at the end."""
        if self._ahead or self._read_into is None:
            data = self._ahead or self._read(len(target))
            data, self._ahead = data[: len(target)], data[len(target) :]
            target[: len(data)] = data
            return len(data)
        return self._read_into(target)


class Grammar(NamedTuple):
    """How one family of files is made of chunks.

    Attributes
    ----------
    opening : int
        Bytes before the first chunk.
    head : struct.Struct
        Of a chunk: its name and its size.
    size_counts_head : bool
        Whether the size includes the head.
    align : int
        Chunks begin at multiples of this, counted from the end of the opening.
    layout_name, data_name : bytes
        The chunk that describes the samples, and the one that holds them.
    parse_layout : callable
        Body of the first to a layout, None where it is not plain PCM.
    samples_at : callable
        First bytes of the body of the second to the offset of the first sample in it.
    """

    opening: int
    head: struct.Struct
    align: int
    layout_name: bytes
    data_name: bytes
    parse_layout: Callable[[bytes], Layout | None]
    samples_at: Callable[[bytes], int]
    size_counts_head: bool = False


def spans(source: Source) -> Iterator[Span]:
    """Label a stream; the caller takes each span from `source` in full before asking for the next."""
    grammar = _recognise(source.peek(16))
    if grammar is not None:
        yield from _walk(source, grammar)
    yield Span(None, None)


def _walk(source: Source, grammar: Grammar) -> Iterator[Span]:
    yield Span(None, grammar.opening)
    layout: Layout | None = None
    long_size: int | None = None
    for _ in range(MAX_PCM_SPANS * 4):
        head = source.peek(grammar.head.size)
        if len(head) < grammar.head.size:
            return
        name, size = grammar.head.unpack(head)
        if grammar.size_counts_head:
            size -= grammar.head.size
        if not _is_name(name) or size < -1:
            return
        body = source.peek(grammar.head.size + _BODY_BYTES)[grammar.head.size :]
        if name == grammar.layout_name:
            layout = grammar.parse_layout(body[: max(0, size)])
        elif name == b"ds64" and len(body) >= 16:
            long_size = int.from_bytes(body[8:16], "little")
        if name != grammar.data_name:
            if size < 0:
                return
            yield Span(None, grammar.head.size + size + -size % grammar.align)
            continue
        skip = grammar.samples_at(body)
        yield Span(None, grammar.head.size + skip)
        if size == 0xFFFFFFFF and long_size:
            size = long_size
        length = _sample_bytes(source, size, skip)
        yield from _pcm(layout, length)
        if length is None:
            return
        if size % grammar.align:
            yield Span(None, -size % grammar.align)


def _pcm(layout: Layout | None, length: int | None) -> Iterator[Span]:
    """Yield the spans of `length` bytes of samples: whole frames, then what is left of them."""
    if layout is None or (length is not None and length < MIN_PCM_BYTES):
        yield Span(None, length)
        return
    if length is None:
        yield Span(layout, None)
        return
    rest = length % layout.frame_bytes
    yield Span(layout, length - rest)
    if rest:
        yield Span(None, rest)


def _sample_bytes(source: Source, size: int, skip: int) -> int | None:
    """Return how many bytes of samples follow, None for 'until the end'.

    Programs that write into a pipe cannot know: ffmpeg leaves 0xFFFFFFFF, sox about 0x7FFFFFFF, others 0 or -1.
    """
    if size < 0 or 0x7FFFF000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0xFFFFFFFF:
        return None
    if size <= skip:
        follows = source.peek(4)
        return 0 if not follows or _is_name(follows) else None
    return size - skip


def _is_name(name: bytes) -> bool:
    """Say whether these bytes can be the name of a chunk: four printable characters first."""
    return all(0x20 <= byte < 0x7F for byte in name[:4])


def _layout(table: dict[int, SampleFormat], width: int, channels: int, rate: int) -> Layout | None:
    if width not in table or not 1 <= channels <= MAX_CHANNELS:
        return None
    return Layout(table[width], channels, min(max(rate, 0), 0xFFFFFFFF))


# WAV

_LITTLE = {1: SampleFormat.S8, 2: SampleFormat.S16LE, 3: SampleFormat.S24LE, 4: SampleFormat.S32LE}
_BIG = {1: SampleFormat.S8, 2: SampleFormat.S16BE, 3: SampleFormat.S24BE, 4: SampleFormat.S32BE}
_LITTLE_FLOAT = {4: SampleFormat.F32LE, 8: SampleFormat.F64LE}
_BIG_FLOAT = {4: SampleFormat.F32BE, 8: SampleFormat.F64BE}
# The tail of KSDATAFORMAT_SUBTYPE_* and of the ambisonic B-format's subtypes.
_SUBTYPE_TAILS = (
    bytes.fromhex("000000001000800000aa00389b71"),
    bytes.fromhex("00002107d3118644c8c1ca000000"),
)


def _parse_wave_format(body: bytes, order: str = "<") -> Layout | None:
    """Read a WAVEFORMATEX or WAVEFORMATEXTENSIBLE."""
    if len(body) < 16:
        return None
    tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", body)
    if tag == 0xFFFE:
        if len(body) < 40 or body[26:40] not in _SUBTYPE_TAILS:
            return None
        tag = struct.unpack_from(f"{order}H", body, 24)[0]
    if not channels or block % channels or bits > 8 * (block // channels):
        return None
    whole, real = (_LITTLE, _LITTLE_FLOAT) if order == "<" else (_BIG, _BIG_FLOAT)
    table = {1: whole | {1: SampleFormat.U8}, 3: real}.get(tag, {})
    return _layout(table, block // channels, channels, rate)


def _parse_big_wave_format(body: bytes) -> Layout | None:
    return _parse_wave_format(body, ">")


def _at_once(body: bytes) -> int:
    return 0


# AIFF

_AIFF_TYPES = {
    b"NONE": _BIG,
    b"twos": _BIG,
    b"in24": _BIG,
    b"in32": _BIG,
    b"sowt": _LITTLE,
    b"raw ": {1: SampleFormat.U8},
    b"fl32": _BIG_FLOAT,
    b"FL32": _BIG_FLOAT,
    b"fl64": _BIG_FLOAT,
    b"FL64": _BIG_FLOAT,
}


def _parse_common(body: bytes) -> Layout | None:
    """Read AIFF's COMM chunk; its rate is an 80-bit extended float."""
    if len(body) < 18:
        return None
    channels, _, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", body)
    shift = 16383 + 63 - (exponent & 0x7FFF)
    rate = mantissa >> shift if 0 <= shift < 64 else 0
    table = _AIFF_TYPES.get(body[18:22] or b"NONE", {})
    return _layout(table, (bits + 7) // 8, channels, rate)


def _after_offset(body: bytes) -> int:
    """SSND begins with an offset and a block size, 4 bytes each."""
    return 8 + (int.from_bytes(body[:4], "big") if len(body) >= 8 else 0)


# CAF


def _parse_caf_description(body: bytes) -> Layout | None:
    if len(body) < 32:
        return None
    rate, name, flags, packet, frames, channels, bits = struct.unpack_from(">d4sIIIII", body)
    if name != b"lpcm" or frames != 1 or not channels or packet % channels or bits > 8 * (packet // channels):
        return None
    whole, real = (_LITTLE, _LITTLE_FLOAT) if flags & 2 else (_BIG, _BIG_FLOAT)
    known_rate = int(rate) if 0 <= rate < 2**32 else 0
    return _layout(real if flags & 1 else whole, packet // channels, channels, known_rate)


def _after_edit_count(body: bytes) -> int:
    return 4


_RIFF = Grammar(12, struct.Struct("<4sI"), 2, b"fmt ", b"data", _parse_wave_format, _at_once)
_RIFX = Grammar(12, struct.Struct(">4sI"), 2, b"fmt ", b"data", _parse_big_wave_format, _at_once)
_AIFF = Grammar(12, struct.Struct(">4sI"), 2, b"COMM", b"SSND", _parse_common, _after_offset)
_CAF = Grammar(8, struct.Struct(">4sq"), 1, b"desc", b"data", _parse_caf_description, _after_edit_count)
_W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64 = Grammar(
    40,
    struct.Struct("<16sq"),
    8,
    b"fmt " + _W64_TAIL,
    b"data" + _W64_TAIL,
    _parse_wave_format,
    _at_once,
    size_counts_head=True,
)


def _recognise(magic: bytes) -> Grammar | None:
    """Choose the grammar by the first 16 bytes."""
    form = magic[8:12]
    if magic[:4] in (b"RIFF", b"RF64", b"BW64") and form == b"WAVE":
        return _RIFF
    if magic[:4] == b"RIFX" and form == b"WAVE":
        return _RIFX
    if magic[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        return _AIFF
    if magic[:4] == b"caff":
        return _CAF
    if magic == _W64_RIFF:
        return _W64
    return None
