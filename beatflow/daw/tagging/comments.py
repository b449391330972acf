"""Vorbis comments: a vendor's name, and ``NAME=value`` in UTF-8, each with its length in front (Xiph.Org)."""

import struct

from beatflow.daw.tagging.tags import SOFTWARE, Tags, chapter_fields, vorbis_fields


def merge_comments(former: bytes, tags: Tags, sample_rate: int) -> bytes:
    """Return comments with ours in them; former ones stay unless they have one of these names.

    Parameters
    ----------
    former : bytes
        Comments that were there; what cannot be read of them is dropped.
    """
    fields = [*vorbis_fields(tags), *chapter_fields(tags, sample_rate)]
    ours = {name for name, _ in fields}
    vendor, kept = read_comments(former)
    entries = [f"{name}={value}".encode() for name, value in fields]
    entries += [entry for entry in kept if not _is_replaced(entry, ours)]
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


def _is_replaced(entry: bytes, ours: set[str]) -> bool:
    name = entry.partition(b"=")[0].decode("ascii", "replace").upper()
    return name in ours or name.startswith("CHAPTER")


def _take(data: bytes, at: int) -> tuple[bytes | None, int]:
    if at + 4 > len(data):
        return None, at
    size = int(struct.unpack_from("<I", data, at)[0])
    if at + 4 + size > len(data):
        return None, at
    return data[at + 4 : at + 4 + size], at + 4 + size


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data
