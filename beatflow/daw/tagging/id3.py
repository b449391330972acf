"""ID3v2 tags in front of MP3 files, and inside WAV files. The frames of sound stay as they are.

Version 2.3 with UTF-16 is what every player reads. Frames that a file has already stay unless they are replaced, in the
version that they are in (2.3 and 2.4); what an older export wrote, older tags, and ones with extensions, go. Source:
id3.org, ID3v2.3.0, ID3v2.4.0.
"""

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from beatflow.daw.tagging.tags import MARK, SOFTWARE, Tags, clean, format_key, format_tempo

_MAX_TAG = 32 << 20
_TEXT: dict[str, Callable[[Tags], str]] = {
    "TIT2": lambda tags: tags.title,
    "TPE1": lambda tags: tags.artist,
    "TALB": lambda tags: tags.album or "",
    "TBPM": lambda tags: format_tempo(tags.tempo),
    "TKEY": lambda tags: format_key(tags.key),
    "TENC": lambda tags: SOFTWARE,
}
_DATES, _CHAPTERS = {"TDRC", "TYER", "TDAT"}, {"CTOC", "CHAP"}


def write_tagged(source: BinaryIO, dest: BinaryIO, tags: Tags, sample_rate: int) -> None:
    """Copy an MP3 file with a tag of its own; one at its end (ID3v1) goes.

    Parameters
    ----------
    source : binary file
        Seekable.
    dest : binary file
    sample_rate : int
        Of the sound, for its chapters.
    """
    version, kept, start = read_tag(source, tags)
    end = source.seek(0, 2)
    if end - start >= 128:
        source.seek(end - 128)
        end -= 128 if source.read(3) == b"TAG" else 0
    dest.write(build_tag(tags, version, kept, sample_rate))
    source.seek(start)
    left = end - start
    while left and (block := source.read(min(left, 1 << 20))):
        dest.write(block)
        left -= len(block)


def build_tag(tags: Tags, version: int = 3, kept: bytes = b"", sample_rate: int | None = None) -> bytes:
    """Return a whole tag: 10 bytes of head, ours, and frames that are ``kept`` as they are.

    Parameters
    ----------
    version : int
        3 or 4.
    sample_rate : int, optional
        Writes the cues as chapters.
    """
    frames = [(name, _text(value(tags))) for name, value in _TEXT.items() if value(tags)]
    if version == 4:
        frames.append(("TDRC", _text(tags.date)))
    else:
        frames += [("TYER", _text(tags.date[:4])), ("TDAT", _text(tags.date[8:10] + tags.date[5:7]))]
    frames.append(("COMM", b"\x01eng" + _utf16("") + b"\0\0" + _utf16(tags.comment)))
    frames += [
        ("TXXX", b"\x01" + _utf16(name) + b"\0\0" + _utf16(value))
        for name, value in (
            (MARK, tags.commit),
            ("BEATFLOW_OID", tags.oid),
            ("TIME_REFERENCE", str(tags.time_reference)),
        )
        if value
    ]
    if sample_rate:
        frames += _build_chapters(tags, sample_rate, version)
    body = b"".join(_frame(name, data, version) for name, data in frames) + kept
    return b"ID3" + bytes((version, 0, 0)) + _synchsafe(len(body)) + body


def _build_chapters(tags: Tags, sample_rate: int, version: int) -> Iterator[tuple[str, bytes]]:
    """Each chapter goes up to where the next one begins, the last one to the end (ID3v2 Chapters 1.0)."""
    starts = [round(cue.frame / sample_rate * 1000) for cue in tags.cues[:255]]
    names = [f"c{number}\0".encode() for number in range(len(starts))]
    if not names:
        return
    yield "CTOC", b"toc\0" + bytes((3, len(names))) + b"".join(names)
    for name, cue, start, end in zip(
        names,
        tags.cues,
        starts,
        [*starts[1:], max(starts[-1], round(tags.frames / sample_rate * 1000))],
        strict=False,
    ):
        times = struct.pack(">4I", start, end, 0xFFFFFFFF, 0xFFFFFFFF)
        yield "CHAP", name + times + _frame("TIT2", _text(cue.name), version)


def read_tag(source: BinaryIO, tags: Tags) -> tuple[int, bytes, int]:
    """Return the version of the tag to write, the frames that stay beside ours, and where the tag ends."""
    source.seek(0)
    head = source.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 3, b"", 0
    version, flags = head[3], head[5]
    size = _read_synchsafe(head[6:10])
    start = 10 + size + (10 if flags & 0x10 else 0)
    if version not in (3, 4) or flags & ~0x10 or size > _MAX_TAG:
        return 3, b"", start
    return version, _keep_frames(source.read(size), version, tags), start


def _keep_frames(body: bytes, version: int, tags: Tags) -> bytes:
    replaced = {name for name, value in _TEXT.items() if value(tags)} | _DATES
    if MARK.encode("utf-16-le") in body:
        replaced |= {*_TEXT, *_CHAPTERS}
    if tags.cues:
        replaced |= _CHAPTERS
    kept, at = [], 0
    while at + 10 <= len(body) and body[at : at + 4].isalnum():
        name = body[at : at + 4].decode("ascii", "replace")
        sizes = body[at + 4 : at + 8]
        size = _read_synchsafe(sizes) if version == 4 else int.from_bytes(sizes, "big")
        if at + 10 + size > len(body):
            break
        frame = body[at : at + 10 + size]
        if name not in replaced and not _is_ours(name, frame[10:]):
            kept.append(frame)
        at += 10 + size
    return b"".join(kept)


def _is_ours(name: str, data: bytes) -> bool:
    """Tell texts that go by a description: our own, and the comment that has none."""
    if name == "TXXX":
        known = ("BEATFLOW_", "TIME_REFERENCE")
        return any(word.encode(code) in data for word in known for code in ("ascii", "utf-16-le"))
    end = b"\0\0" if data[:1] in (b"\1", b"\2") else b"\0"
    description = data[4:].removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return name == "COMM" and data[1:4] == b"eng" and description.startswith(end)


def _frame(name: str, data: bytes, version: int) -> bytes:
    size = _synchsafe(len(data)) if version == 4 else struct.pack(">I", len(data))
    return name.encode() + size + b"\0\0" + data


def _text(text: str) -> bytes:
    return b"\x01" + _utf16(text)


def _utf16(text: str) -> bytes:
    return b"\xff\xfe" + clean(text).encode("utf-16-le")


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _read_synchsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))
