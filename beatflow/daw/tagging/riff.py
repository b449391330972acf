"""Tags of WAV files: ``bext`` (EBU Tech 3285, version 2), ``cue ``, ``LIST``, ``id3 ``. The samples stay as they are.

Written in this order: ``RIFF`` or ``RF64``; 28 bytes of ``JUNK``, or ``ds64`` (EBU Tech 3306); ``bext``; ``fmt ``; what
else stood before the samples; ``data``; what else stood behind them; ``cue `` and ``LIST`` of ``adtl``, which name
frames; ``LIST`` of ``INFO``; ``id3 ``, which has tempo and key. Names and texts that somebody else put there stay
beside ours; those of an older export go.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from beatflow.daw.tagging.id3 import build_tag, read_tag
from beatflow.daw.tagging.tags import SOFTWARE, UNKNOWN, Levels, Tags, clean
from beatflow.sound.wav import WavLayout

_UNKNOWN_SIZE = 0xFFFFFFFF
_BLOCK = 1 << 20
_MAX_KEPT = 16 << 20
_MAX_NUMBER = 1 << 31
_LEFT_OUT = {b"JUNK", b"junk", b"PAD ", b"ds64", b"data", b"FLLR"}
_BEXT_BYTES = 602
Chunk = tuple[bytes, bytes]


@dataclass(slots=True)
class _Former:
    """What a file has besides its samples: what is kept as it is, and what ours is joined with."""

    fmt: bytes = b""
    before: list[Chunk] = field(default_factory=list)
    after: list[Chunk] = field(default_factory=list)
    bext: bytes = b""
    cues: bytes = b""
    labels: bytes = b""
    info: bytes = b""
    tag: bytes = b""

    @property
    def is_ours(self) -> bool:
        """Whether an export wrote it."""
        return self.bext[256 : 256 + len(SOFTWARE)] == SOFTWARE.encode()


def write_tagged(source: BinaryIO, dest: BinaryIO, layout: WavLayout, tags: Tags) -> None:
    """Copy a WAV file with tags put in; what else is in it stays, up to 16 MiB.

    Parameters
    ----------
    source : binary file
        Seekable.
    dest : binary file
        Written from where it stands.
    layout : WavLayout
        Of the source, as `sound.wav.parse_wav` found it.
    """
    former = _read_chunks(source, layout)
    frame_bytes = struct.unpack_from("<H", former.fmt, 12)[0]
    data_size = layout.frames * frame_bytes
    history = b"" if former.is_ours else former.bext[_BEXT_BYTES:].rstrip(b"\0")
    if former.is_ours:
        former.cues = former.labels = b""
    version, kept, _ = read_tag(BytesIO(former.tag), tags)
    head = [
        (b"bext", build_bext(tags, history + _coding_history(former.fmt))),
        (b"fmt ", former.fmt),
        *former.before,
    ]
    tail = [
        *former.after,
        *_build_cues(tags, former.cues, former.labels),
        (b"LIST", _build_info(tags, former.info)),
        (b"id3 ", build_tag(tags, version, kept)),
    ]
    size = 4 + 36 + sum(map(_size_of, [*head, *tail])) + 8 + data_size + (data_size & 1)
    large = size >= _UNKNOWN_SIZE
    dest.write(_build_start(size, data_size, layout.frames) if large else _build_start(size))
    for chunk in head:
        dest.write(_encode_chunk(*chunk))
    dest.write(struct.pack("<4sI", b"data", _UNKNOWN_SIZE if large else data_size))
    source.seek(layout.data_offset)
    left = data_size
    while left and (block := source.read(min(left, _BLOCK))):
        dest.write(block)
        left -= len(block)
    dest.write(b"\0" * (data_size & 1))
    for chunk in tail:
        dest.write(_encode_chunk(*chunk))


def _build_start(size: int, data_size: int | None = None, frames: int = 0) -> bytes:
    """Return the first 48 bytes, as RF64 where the size of the samples is given."""
    if data_size is None:
        return struct.pack("<4sI4s4sI28x", b"RIFF", size, b"WAVE", b"JUNK", 28)
    sizes = struct.pack("<QQQI", size, data_size, frames, 0)
    return struct.pack("<4sI4s4sI", b"RF64", _UNKNOWN_SIZE, b"WAVE", b"ds64", len(sizes)) + sizes


def build_bext(tags: Tags, coding_history: bytes = b"") -> bytes:
    """Return the body of a ``bext`` chunk.

    Description 256 bytes, originator 32, its reference 32, date 10, time 8, time reference 8, version 2, UMID 64, five
    levels of 2 in hundredths, reserved 180, coding history.
    """
    levels = tags.levels
    return (
        struct.pack(
            "<256s32s32s10s8sQH64s",
            _ascii(f"{tags.title}\n{tags.comment}", 256),
            _ascii(SOFTWARE, 32),
            _ascii(tags.oid, 32),
            _ascii(tags.date, 10),
            _ascii(tags.clock, 8),
            max(tags.time_reference, 0),
            2,
            b"",
        )
        + struct.pack("<5h", *_hundredths(levels))
        + bytes(180)
        + coding_history
    )


def _hundredths(levels: Levels) -> Iterator[int]:
    for value in (
        levels.loudness_lufs,
        levels.range_lu,
        levels.true_peak_dbtp,
        levels.momentary_lufs,
        levels.short_term_lufs,
    ):
        yield UNKNOWN if value is None else min(max(round(100 * value), -0x8000), UNKNOWN - 1)


def _coding_history(fmt: bytes) -> bytes:
    """Say how it was coded, in the words of EBU R 98."""
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == 0xFFFE and len(fmt) >= 26:
        tag = struct.unpack_from("<H", fmt, 24)[0]
    mode = {1: "mono", 2: "stereo"}.get(channels, "multitrack")
    return f"A={'PCM' if tag == 1 else 'FLOAT'},F={sample_rate},W={bits},M={mode},T={SOFTWARE}\r\n".encode()


def _build_cues(tags: Tags, cues: bytes, labels: bytes) -> Iterator[Chunk]:
    """Join our names with the ones that are there, behind them and with the numbers that follow."""
    count = min(int.from_bytes(cues[:4], "little"), max(len(cues) - 4, 0) // 24)
    points = cues[4 : 4 + 24 * count]
    last = max((struct.unpack_from("<I", points, at)[0] for at in range(0, len(points), 24)), default=0)
    labels = labels or b"adtl"
    # A number that is too large leaves no room behind it: such a file keeps its own names only.
    for number, cue in enumerate(tags.cues if last < _MAX_NUMBER else (), last + 1):
        frame = min(cue.frame, _UNKNOWN_SIZE)
        points += struct.pack("<II4sIII", number, frame, b"data", 0, 0, frame)
        labels += _encode_chunk(b"labl", struct.pack("<I", number) + clean(cue.name).encode() + b"\0")
    if points:
        yield b"cue ", struct.pack("<I", len(points) // 24) + points
    if len(labels) > 4:
        yield b"LIST", labels


def _build_info(tags: Tags, former: bytes) -> bytes:
    texts = {
        b"INAM": tags.title,
        b"IART": tags.artist,
        b"IPRD": tags.album or "",
        b"ICRD": tags.date,
        b"ICMT": tags.comment,
        b"ISFT": SOFTWARE,
    }
    body = b"INFO"
    for name, text in texts.items():
        if text:
            body += _encode_chunk(name, clean(text).encode() + b"\0")
    at = 4
    while at + 8 <= len(former):
        name, size = struct.unpack_from("<4sI", former, at)
        if name not in texts and at + 8 + size <= len(former):
            body += _encode_chunk(name, former[at + 8 : at + 8 + size])
        at += 8 + size + (size & 1)
    return body


def _read_chunks(source: BinaryIO, layout: WavLayout) -> _Former:
    """Return what stands before and behind the samples, up to `_MAX_KEPT` bytes of it."""
    length = source.seek(0, 2)
    former, kept = _Former(), 0
    for name, start, size in _iter_chunks(source, layout, length):
        if name in _LEFT_OUT or (name != b"fmt " and kept + size > _MAX_KEPT):
            continue
        source.seek(start)
        body = source.read(size)
        kept += size
        match name, body[:4]:
            case b"fmt ", _:
                former.fmt = former.fmt or body
            case b"bext", _:
                former.bext = body
            case b"cue ", _:
                former.cues = body
            case ((b"id3 " | b"ID3 "), _):
                former.tag = body
            case b"LIST", b"adtl":
                former.labels = body + b"\0" * (len(body) & 1)
            case b"LIST", b"INFO":
                former.info = body
            case _:
                (former.before if start < layout.data_offset else former.after).append((name, body))
    return former


def _iter_chunks(source: BinaryIO, layout: WavLayout, length: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and size of the chunks, those behind samples of unknown length left out."""
    position = 12
    while position + 8 <= length:
        source.seek(position)
        name, size = struct.unpack("<4sI", source.read(8))
        start = position + 8
        if start == layout.data_offset:
            if size >= 0x7FFFF000 or not size or layout.truncated:
                return
        elif start + size > length:
            return
        else:
            yield name, start, size
        position = start + size + (size & 1)


def _size_of(chunk: Chunk) -> int:
    return 8 + len(chunk[1]) + (len(chunk[1]) & 1)


def _encode_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1)


def _ascii(text: str, size: int) -> bytes:
    return clean(text).encode("ascii", "replace")[:size]
