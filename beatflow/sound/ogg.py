"""Ogg pages with a fixed stream number, because libsndfile draws one from the clock.

Knows the page layout of RFC 3533 and nothing of what is in the pages.
"""

import struct
import zlib
from typing import BinaryIO

SERIAL = 0x42464C57  # "WLFB" read backwards; any constant would do
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def fix_serial(file: BinaryIO, serial: int = SERIAL) -> None:
    """Give every page of an Ogg file with one logical stream this serial number, in place.

    Without it the same samples give other bytes each time.
    """
    position = 0
    while True:
        file.seek(position)
        head = file.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        segments = file.read(head[26])
        body = file.read(sum(segments))
        page = bytearray(head + segments + body)
        struct.pack_into("<II", page, 14, serial, int.from_bytes(page[18:22], "little"))
        page[22:26] = bytes(4)
        struct.pack_into("<I", page, 22, checksum(bytes(page)))
        file.seek(position)
        file.write(page)
        position += len(page)


def checksum(page: bytes) -> int:
    """CRC-32 with polynomial 0x04C11DB7, from 0, most significant bit first, not inverted (RFC 3533, section 6).

    zlib computes the same polynomial with bits reversed and inverted at both ends; undoing that is faster than a
    loop in Python.
    """
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
