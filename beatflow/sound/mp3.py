"""MP3 files that do not tell their length: count their frames and tell it.

libsndfile estimates the length of such a file from its first bit rate and stops there, which cuts files of variable
bit rate short (measured: 24 of 60 s lost). Here "frame" means MP3's own, of 1152 or 576 samples per channel.
Source: ISO/IEC 11172-3, 2.4.2.3, and the Xing tag as its authors published it.
"""

import shutil
from dataclasses import dataclass
from typing import BinaryIO

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SEARCH_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class _Header:
    """Length of a frame in bytes, and of the part before its samples' codes."""

    length: int
    side_bytes: int


def has_length_tag(file: BinaryIO) -> bool:
    """Whether the first frame is a Xing or Info tag."""
    start = _find_start(file)
    file.seek(start)
    head = file.read(200)
    header = parse_header(head)
    return header is not None and head[4 + header.side_bytes :][:4] in (b"Xing", b"Info")


def add_length_tag(file: BinaryIO, dest: BinaryIO) -> None:
    """Copy an MP3 without such a tag to an empty file, with one in front."""
    start = _find_start(file)
    file.seek(start)
    first = file.read(4)
    header = parse_header(first)
    if header is not None:
        tag = first + bytes(header.side_bytes) + b"Xing" + (1).to_bytes(4, "big")
        tag += _count_frames(file, start).to_bytes(4, "big")
        dest.write(tag.ljust(header.length, b"\0"))
    file.seek(start)
    shutil.copyfileobj(file, dest, 1 << 20)


def parse_header(data: bytes) -> _Header | None:
    """Read the header of a layer III frame; None when these bytes are none."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return None
    version = data[1] >> 3 & 3
    kbits, rate = data[2] >> 4, data[2] >> 2 & 3
    if version not in _RATES or rate == 3 or kbits in (0, 15):
        return None
    mono = data[3] >> 6 == 3
    padding = data[2] >> 1 & 1
    if version == 3:
        return _Header(144_000 * _KBITS_1[kbits] // _RATES[3][rate] + padding, 17 if mono else 32)
    return _Header(72_000 * _KBITS_2[kbits] // _RATES[version][rate] + padding, 9 if mono else 17)


def _count_frames(file: BinaryIO, position: int) -> int:
    """Frames from here to the end, whatever lies between them skipped."""
    count = 0
    while True:
        file.seek(position)
        header = parse_header(file.read(4))
        if header is not None:
            count += 1
            position += header.length
            continue
        found = _find_frame(file, position + 1)
        if found is None:
            return count
        position = found


def _find_start(file: BinaryIO) -> int:
    """Where the first frame is, after an ID3v2 tag if there is one."""
    file.seek(0)
    head = file.read(10)
    position = 0
    if head[:3] == b"ID3" and len(head) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        position = 10 + size + (10 if head[5] & 0x10 else 0)
    found = _find_frame(file, position)
    return position if found is None else found


def _find_frame(file: BinaryIO, position: int) -> int | None:
    """The next place with a header and, a frame later, another one or the end."""
    file.seek(position)
    data = file.read(_SEARCH_BYTES)
    at = data.find(b"\xff")
    while at >= 0:
        header = parse_header(data[at : at + 4])
        if header is not None:
            file.seek(position + at + header.length)
            after = file.read(4)
            if not after or parse_header(after) is not None:
                return position + at
        at = data.find(b"\xff", at + 1)
    return None
