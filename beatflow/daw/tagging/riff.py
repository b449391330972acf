"""Tags of WAV files: ``bext`` (EBU Tech 3285, version 2), ``cue ``, ``LIST``, ``id3 ``. The samples stay as they are.

Written in this order: ``RIFF`` or ``RF64``; 28 bytes of ``JUNK``, or ``ds64`` (EBU Tech 3306); ``bext``; ``fmt ``; what
else stood before the samples; ``data``; what else stood behind them; ``cue `` and ``LIST`` of ``adtl``, which name
frames; ``LIST`` of ``INFO``; ``id3 ``, which has tempo and key.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from beatflow.daw.tagging.id3 import build_tag
from beatflow.daw.tagging.tags import SOFTWARE, UNKNOWN, Levels, Tags, clean
from beatflow.sound.wav import WavLayout

_UNKNOWN_SIZE = 0xFFFFFFFF
_BLOCK = 1 << 20
_MAX_KEPT = 16 << 20
_OURS = {b"bext", b"JUNK", b"junk", b"PAD ", b"ds64", b"id3 ", b"ID3 ", b"data", b"FLLR"}


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
    fmt, before, after = _read_chunks(source, layout)
    frame_bytes = struct.unpack_from("<H", fmt, 12)[0]
    data_size = layout.frames * frame_bytes
    coding = _coding_history(fmt)
    head = [(b"bext", build_bext(tags, coding)), (b"fmt ", fmt), *before]
    tail = [*after, *_build_cues(tags), (b"LIST", _build_info(tags)), (b"id3 ", build_tag(tags))]
    size = 4 + 36 + sum(map(_size_of, [*head, *tail])) + 8 + data_size + (data_size & 1)
    if size >= _UNKNOWN_SIZE:
        dest.write(
            struct.pack(
                "<4sI4s4sIQQQI",
                b"RF64",
                _UNKNOWN_SIZE,
                b"WAVE",
                b"ds64",
                28,
                size,
                data_size,
                layout.frames,
                0,
            )
        )
    else:
        dest.write(struct.pack("<4sI4s4sI28x", b"RIFF", size, b"WAVE", b"JUNK", 28))
    for chunk in head:
        _write_chunk(dest, *chunk)
    dest.write(
        struct.pack("<4sI", b"data", min(data_size, _UNKNOWN_SIZE) if size < _UNKNOWN_SIZE else _UNKNOWN_SIZE)
    )
    source.seek(layout.data_offset)
    left = data_size
    while left and (block := source.read(min(left, _BLOCK))):
        dest.write(block)
        left -= len(block)
    dest.write(b"\0" * (data_size & 1))
    for chunk in tail:
        _write_chunk(dest, *chunk)


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


def _build_cues(tags: Tags) -> list[tuple[bytes, bytes]]:
    if not tags.cues:
        return []
    points, labels = b"", b"adtl"
    for number, cue in enumerate(tags.cues, 1):
        frame = min(cue.frame, _UNKNOWN_SIZE)
        points += struct.pack("<II4sIII", number, frame, b"data", 0, 0, frame)
        label = struct.pack("<I", number) + clean(cue.name).encode() + b"\0"
        labels += struct.pack("<4sI", b"labl", len(label)) + label + b"\0" * (len(label) & 1)
    return [(b"cue ", struct.pack("<I", len(tags.cues)) + points), (b"LIST", labels)]


def _build_info(tags: Tags) -> bytes:
    body = b"INFO"
    for name, text in (
        (b"INAM", tags.title),
        (b"IART", tags.artist),
        (b"IPRD", tags.album or ""),
        (b"ICRD", tags.date),
        (b"ICMT", tags.comment),
        (b"ISFT", SOFTWARE),
    ):
        if text:
            data = clean(text).encode() + b"\0"
            body += struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) & 1)
    return body


def _read_chunks(
    source: BinaryIO, layout: WavLayout
) -> tuple[bytes, list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Return the ``fmt `` chunk, and what else is to be kept of what stands before and behind the samples."""
    length = source.seek(0, 2)
    fmt = b""
    before: list[tuple[bytes, bytes]] = []
    after: list[tuple[bytes, bytes]] = []
    kept = 0
    for name, start, size in _iter_chunks(source, layout, length):
        if name in _OURS or kept + size > _MAX_KEPT:
            continue
        source.seek(start)
        body = source.read(size)
        if name == b"fmt ":
            fmt = fmt or body
        elif name not in (b"cue ", b"LIST") or not _is_replaced(name, body):
            kept += size
            (before if start < layout.data_offset else after).append((name, body))
    return fmt, before, after


def _is_replaced(name: bytes, body: bytes) -> bool:
    return name == b"cue " or body[:4] in (b"INFO", b"adtl")


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


def _size_of(chunk: tuple[bytes, bytes]) -> int:
    return 8 + len(chunk[1]) + (len(chunk[1]) & 1)


def _write_chunk(dest: BinaryIO, name: bytes, body: bytes) -> None:
    dest.write(struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1))


def _ascii(text: str, size: int) -> bytes:
    return clean(text).encode("ascii", "replace")[:size]
