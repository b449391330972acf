"""The links of a pack: which chunks its predicted chunks are made from, all in one record, to be read instead of them.

A depot's pack has them, where it has predicted chunks, as its last record: a chunk that no file has (docs/format.md,
depot). They only say what to ask for; each record's own table says what it needs.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from beatflow.errors import DamagedError
from beatflow.objects.ids import ID_BYTES, sha256
from beatflow.objects.manifest import MAX_CHUNK_BYTES
from beatflow.objects.pack import REBUILT, RECORD_HEAD_BYTES, Codec, Entry, Kind, Record, parse_record_head
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.reach import ALONE, Reach

_MAGIC = b"\x89BFlinks\x01\r\n\x1a\n"
_HEAD = struct.Struct(f"<{len(_MAGIC)}sII")
_ROW = struct.Struct("<IBBH")
_NO_PARAMETERS = bytes(4)
_FEW = 16

TABLE_BYTES = RECORD_HEAD_BYTES + 2 + _FEW * ID_BYTES
"""So much of a predicted record has its head and, mostly, all of its table of dependencies."""


class Link(NamedTuple):
    """How far a chunk's predictions reach, and the chunks that it is predicted from."""

    reach: Reach
    sources: tuple[bytes, ...]


NO_LINK = Link(ALONE, ())


def encode_links(links: Mapping[bytes, Link]) -> NewRecord | None:
    """Return the record of a pack's links; None where there are none, or too many for a chunk."""
    ids: dict[bytes, int] = {}
    for id, link in links.items():
        for each in (id, *link.sources):
            ids.setdefault(each, len(ids))
    rows = [
        _ROW.pack(ids[id], *link.reach, len(link.sources))
        + struct.pack(f"<{len(link.sources)}I", *map(ids.__getitem__, link.sources))
        for id, link in links.items()
    ]
    raw = b"".join((_HEAD.pack(_MAGIC, len(ids), len(rows)), *ids, *rows))
    if not rows or len(raw) > MAX_CHUNK_BYTES:
        return None
    return NewRecord(Kind.CHUNK, sha256(raw), Codec.NONE, 0, _NO_PARAMETERS, len(raw), raw)


def decode_links(raw: bytes) -> dict[bytes, Link] | None:
    """Read a pack's links; None when these are anything else.

    Raises
    ------
    DamagedError
        They are cut short or do not add up.
    """
    if not raw.startswith(_MAGIC):
        return None
    try:
        _, count, rows = _HEAD.unpack_from(raw)
        at = _HEAD.size + count * ID_BYTES
        if at > len(raw):
            raise DamagedError("a pack's links are cut short")
        ids = [raw[start : start + ID_BYTES] for start in range(_HEAD.size, at, ID_BYTES)]
        links = {}
        for _ in range(rows):
            number, depth, cost, sources = _ROW.unpack_from(raw, at)
            at += _ROW.size
            numbers = struct.unpack_from(f"<{sources}I", raw, at)
            at += 4 * sources
            links[ids[number]] = Link(Reach(depth, cost), tuple(ids[source] for source in numbers))
    except (struct.error, IndexError) as error:
        raise DamagedError("a pack's links do not add up") from error
    return links


def may_be_links(entry: Entry) -> bool:
    """Say whether a pack's last record could be its links."""
    return entry.kind == Kind.CHUNK and entry.codec == Codec.NONE and not entry.flags


def link_of(record: Record) -> Link:
    """Return what a record itself says of its predictions."""
    if record.entry.codec not in REBUILT:
        return Link(ALONE, record.dependencies)
    return Link(Reach(*record.parameters[2:4]), record.dependencies)


def read_link(data: bytes, entry: Entry) -> Link | int:
    """Read a record's link from its first bytes; or return how many of them that takes.

    Raises
    ------
    DamagedError
        They are not those of the record.
    """
    found, parameters, _ = parse_record_head(data, entry.offset)
    if found != entry:
        raise DamagedError("the record is not the one that the directory names")
    table = data[RECORD_HEAD_BYTES:]
    needed = 2 + ID_BYTES * int.from_bytes(table[:2], "little")
    if len(table) < needed <= entry.stored_length:
        return RECORD_HEAD_BYTES + needed
    return link_of(Record(entry, parameters, table))
