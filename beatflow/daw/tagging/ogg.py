"""Tags of Ogg files: the comment packet of Vorbis and Opus streams (RFC 3533, RFC 7845). Packets of sound stay.

The packets of the head are laid on pages anew; all pages behind them get their numbers, and so their checksums, again.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from beatflow.daw.tagging.comments import merge_comments
from beatflow.daw.tagging.tags import Tags
from beatflow.errors import AudioError
from beatflow.sound.ogg import checksum

_MAX_HEAD = 32 << 20
_SEGMENTS = 255


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: its flags, position in time, stream, number, table of segments, and body."""

    flags: int
    position: bytes
    serial: int
    number: int
    table: bytes
    body: bytes

    def encode(self, number: int) -> bytes:
        """Return its bytes, with a number of its own."""
        head = struct.pack(
            "<4sBB8sIIIB", b"OggS", 0, self.flags, self.position, self.serial, number, 0, len(self.table)
        )
        page = head + self.table + self.body
        return page[:22] + struct.pack("<I", checksum(page)) + page[26:]


def write_tagged(source: BinaryIO, dest: BinaryIO, tags: Tags, sample_rate: int) -> None:
    """Copy an Ogg file of one Vorbis or Opus stream with comments put in; those of the same names are replaced.

    Raises
    ------
    AudioError
        It is not such a file, or breaks off inside its head.
    """
    source.seek(0)
    pages = _iter_pages(source)
    first = next(pages, None)
    if first is None:
        raise AudioError("no Ogg file: it does not begin as one")
    opus = first.body.startswith(b"OpusHead")
    if not opus and not first.body.startswith(b"\x01vorbis"):
        raise AudioError("an Ogg file of neither Vorbis nor Opus")
    packets = _read_head(pages, 1 if opus else 2)
    mark = b"OpusTags" if opus else b"\x03vorbis"
    if not packets[0].startswith(mark):
        raise AudioError("the Ogg file has no comments where they should be")
    # Vorbis ends its comments with a bit that is set.
    packets[0] = (
        mark + merge_comments(packets[0][len(mark) :], tags, sample_rate) + (b"" if opus else b"\x01")
    )
    dest.write(first.encode(0))
    number = 1
    for page in _lay_out(packets, first.serial):
        dest.write(page.encode(number))
        number += 1
    for page in pages:
        if page.serial == first.serial:
            dest.write(page.encode(number))
            number += 1
        else:
            dest.write(page.encode(page.number))


def _iter_pages(source: BinaryIO) -> Iterator[_Page]:
    while True:
        head = source.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        flags, position, serial, number = struct.unpack_from("<B8sII", head, 5)
        table = source.read(head[26])
        body = source.read(sum(table))
        if len(table) < head[26] or len(body) < sum(table):
            return
        yield _Page(flags, position, serial, number, table, body)


def _read_head(pages: Iterator[_Page], count: int) -> list[bytes]:
    """Return so many packets; the last one must end with its page, as both formats want."""
    packets, part, size = [], b"", 0
    for page in pages:
        at = 0
        for length in page.table:
            part += page.body[at : at + length]
            at += length
            if length < _SEGMENTS:
                packets.append(part)
                part = b""
        size += len(page.body)
        if len(packets) >= count or size > _MAX_HEAD:
            break
    if len(packets) != count or part:
        raise AudioError("the Ogg file breaks off inside its head, or is laid out in a way that is not known")
    return packets


def _lay_out(packets: list[bytes], serial: int) -> Iterator[_Page]:
    """Yield pages for packets that no sound is in."""
    body = b"".join(packets)
    table = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    at, continued = 0, False
    for start in range(0, len(table), _SEGMENTS):
        part = table[start : start + _SEGMENTS]
        size = sum(part)
        ends = any(length < 255 for length in part)
        # A page in which no packet ends has no position.
        position = bytes(8) if ends else b"\xff" * 8
        yield _Page(int(continued), position, serial, 0, part, body[at : at + size])
        continued = part[-1] == 255
        at += size
