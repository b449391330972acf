"""Vorbis comments: a vendor's name, and ``NAME=value`` in UTF-8, each with its length in front (Xiph.Org)."""

import re
import struct

from beatflow.daw.tagging.tags import MARK, SOFTWARE, VORBIS_FIELDS, Tags, chapter_fields, clean


def merge_comments(former: bytes, tags: Tags, sample_rate: int) -> bytes:
    """Return comments with ours in them; former ones stay unless they have one of these names.

    Chapters are replaced together. What an older export wrote goes as a whole.

    Parameters
    ----------
    former : bytes
        Comments that were there; what cannot be read of them is dropped.
    """
    chapters = chapter_fields(tags, sample_rate)
    named = [(name, clean(value(tags))) for name, value in VORBIS_FIELDS.items() if value(tags)]
    fields = [*named, *chapters]
    replaced = {name for name, _ in fields} | ({"CHAPTER"} if chapters else set())
    vendor, kept = read_comments(former)
    if any(_name_of(entry) == MARK for entry in kept):
        replaced |= {*VORBIS_FIELDS, "CHAPTER"}
    entries = [f"{name}={value}".encode() for name, value in fields]
    entries += [entry for entry in kept if _name_of(entry) not in replaced]
    vendor = vendor or SOFTWARE.encode()
    return b"".join(
        [
            _sized(vendor),
            struct.pack("<I", len(entries)),
            *map(_sized, entries),
        ]
    )


def read_comments(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the vendor and the entries, as far as they can be read."""
    vendor, at = _take(data, 0)
    entries: list[bytes] = []
    if vendor is None or at + 4 > len(data):
        return b"", []
    count = int(struct.unpack_from("<I", data, at)[0])
    at += 4
    for _ in range(count):
        entry, at = _take(data, at)
        if entry is None:
            break
        entries.append(entry)
    return vendor, entries


def _name_of(entry: bytes) -> str:
    """Return a comment's name, ``CHAPTER`` for what belongs to any chapter."""
    name = entry.partition(b"=")[0].decode("ascii", "replace").upper()
    return "CHAPTER" if re.fullmatch(r"CHAPTER\d+[A-Z]*", name) else name


def _take(data: bytes, at: int) -> tuple[bytes | None, int]:
    if at + 4 > len(data):
        return None, at
    size = int(struct.unpack_from("<I", data, at)[0])
    if at + 4 + size > len(data):
        return None, at
    return data[at + 4 : at + 4 + size], at + 4 + size


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data
