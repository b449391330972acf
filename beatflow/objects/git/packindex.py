"""The index of a git pack, made from the pack alone: git's format, version 2 (gitformat-pack).

Hashes every object anew, so that an index made here says what the pack really holds. Needs the bases of all deltas to
be in the pack itself. Knows nothing of where the pack came from.
"""

import hashlib
import mmap
import struct
import zlib
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.git.delta import DeltaError, Head, apply_delta, read_head, read_sizes

MAX_OBJECT = 512 << 20
"""Bytes of the largest object that is taken from elsewhere; of commits, tags and trees, less."""
MAX_OBJECTS = 20_000_000
MAX_TOTAL = 64 << 30
"""Bytes of all objects together, deltas put together: minutes of hashing."""
MAX_CHAIN = 4096

_HEAD = struct.Struct(">4sII")
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_LIMITS = {b"commit": 4 << 20, b"tree": 64 << 20, b"blob": MAX_OBJECT, b"tag": 4 << 20}
_DELTAS = (6, 7)
_TRAILER = 20
_BLOCK = 1 << 20


@dataclass(slots=True)
class _Entry:
    """One object as it lies in the pack, from ``offset`` to ``end``."""

    offset: int
    end: int
    head: Head


def write_index(pack: Path) -> Path:
    """Write the index of a pack beside it and return its path.

    Raises
    ------
    DamagedError
        The pack is cut short or damaged, leans on objects outside it, or would unpack to what nobody needs.
    """
    with pack.open("rb") as file:
        try:
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise _damaged(pack, "it is empty") from error
        with view:
            reader = _Reader(pack, view)
            rows = reader.read_rows()
            checksum = bytes(view[-_TRAILER:])
    path = pack.with_suffix(".idx")
    path.write_bytes(_encode(rows, checksum))
    return path


class _Reader:
    """Reads the objects of one pack."""

    def __init__(self, pack: Path, view: mmap.mmap) -> None:
        self._pack = pack
        self._view = view
        self._ids: dict[int, bytes] = {}
        self._offsets: dict[bytes, int] = {}
        self._kinds: dict[int, bytes] = {}
        self._total = 0

    def read_rows(self) -> list[tuple[bytes, int, int]]:
        """Return id, CRC-32 and offset of every object, ordered by id."""
        entries = self._read_entries()
        by_offset = {entry.offset: entry for entry in entries}
        deltas_at: dict[int, list[_Entry]] = defaultdict(list)
        deltas_of: dict[bytes, list[_Entry]] = defaultdict(list)
        for entry in entries:
            if isinstance(entry.head.base, int):
                deltas_at[entry.head.base].append(entry)
            elif isinstance(entry.head.base, bytes):
                deltas_of[entry.head.base].append(entry)
        for entry in entries:
            if entry.head.base is None and (
                entry.offset in deltas_at or self._ids[entry.offset] in deltas_of
            ):
                self._resolve(entry, deltas_at, deltas_of)
        if len(self._ids) != len(by_offset):
            raise _damaged(self._pack, "it leans on objects that are not in it")
        rows = [
            (self._ids[entry.offset], zlib.crc32(self._view[entry.offset : entry.end]), entry.offset)
            for entry in entries
        ]
        rows.sort()
        return rows

    def _read_entries(self) -> list[_Entry]:
        view = self._view
        if len(view) < _HEAD.size + _TRAILER:
            raise _damaged(self._pack, "it is cut short")
        magic, version, count = _HEAD.unpack(view[: _HEAD.size])
        if magic != b"PACK" or version != 2:
            raise _damaged(self._pack, "it is no pack")
        digest = hashlib.sha1(usedforsecurity=False)
        for at in range(0, len(view) - _TRAILER, _BLOCK):
            digest.update(view[at : min(at + _BLOCK, len(view) - _TRAILER)])
        if digest.digest() != view[-_TRAILER:]:
            raise _damaged(self._pack, "it does not match its checksum")
        if count > min(MAX_OBJECTS, len(view)):
            raise _damaged(self._pack, "it names more objects than it can hold")
        entries = []
        at = _HEAD.size
        for _ in range(count):
            entry = self._read_entry(at)
            entries.append(entry)
            at = entry.end
        if at != len(view) - _TRAILER:
            raise _damaged(self._pack, "something follows its last object")
        return entries

    def _read_entry(self, offset: int) -> _Entry:
        """Read an object's head and find its end; hash it where it stands alone."""
        try:
            head = read_head(self._view, offset)
        except DeltaError as error:
            raise _damaged(self._pack, str(error)) from error
        kind = _KINDS.get(head.kind)
        if kind is None and head.kind not in _DELTAS:
            raise _damaged(self._pack, "it holds something that git has not")
        self._count(head.size, kind or b"blob")
        digest = None
        if kind:
            digest = hashlib.sha1(b"%s %d\0" % (kind, head.size), usedforsecurity=False)
        end = self._inflate(head.data_at, head.size, digest)
        if kind and digest:
            self._note(offset, digest.digest(), kind)
        return _Entry(offset, end, head)

    def _count(self, size: int, kind: bytes) -> None:
        """Refuse an object, or all of them together, for their size, before any of it is unpacked."""
        self._total += size
        if size > _LIMITS[kind]:
            raise _damaged(self._pack, f"a {kind.decode()} is larger than {_LIMITS[kind] >> 20} MiB")
        if self._total > MAX_TOTAL:
            raise _damaged(self._pack, f"it unpacks to more than {MAX_TOTAL >> 30} GiB")

    def _note(self, offset: int, oid: bytes, kind: bytes) -> None:
        self._ids[offset] = oid
        self._kinds[offset] = kind
        self._offsets[oid] = offset

    def _inflate(self, at: int, size: int, sink: "hashlib._Hash | bytearray | None") -> int:
        """Decompress from ``at`` on, into a hash or a buffer, and return where the stream ends."""
        stream = zlib.decompressobj()
        end = len(self._view) - _TRAILER
        left = size
        block = 4096
        data = b""
        try:
            while not stream.eof:
                if not data:
                    if at >= end:
                        raise _damaged(self._pack, "it is cut short")
                    data = self._view[at : min(at + block, end)]
                    at += len(data)
                    block = _BLOCK
                # One byte more than is left shows a stream that is longer than it says.
                piece = stream.decompress(data, min(left + 1, _BLOCK))
                data = stream.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise _damaged(self._pack, "an object is longer than it says")
                if isinstance(sink, bytearray):
                    sink += piece
                elif sink is not None:
                    sink.update(piece)
        except zlib.error as error:
            raise _damaged(self._pack, f"an object cannot be decompressed ({error})") from error
        if left:
            raise _damaged(self._pack, "an object is shorter than it says")
        return at - len(stream.unused_data)

    def _read_data(self, entry: _Entry) -> bytes:
        data = bytearray()
        self._inflate(entry.head.data_at, entry.head.size, data)
        return bytes(data)

    def _resolve(
        self, root: _Entry, deltas_at: dict[int, list[_Entry]], deltas_of: dict[bytes, list[_Entry]]
    ) -> None:
        """Put together and hash all that leans on an object, depth first."""
        waiting = [(root, self._read_data(root), 0)]
        kind = self._kinds[root.offset]
        while waiting:
            base, data, depth = waiting.pop()
            leaning = [*deltas_at.get(base.offset, ()), *deltas_of.get(self._ids[base.offset], ())]
            for entry in leaning:
                if entry.offset in self._ids:
                    continue
                if depth >= MAX_CHAIN:
                    raise _damaged(self._pack, "deltas lean on each other without end")
                result = self._apply(self._read_data(entry), data, kind)
                oid = hashlib.sha1(b"%s %d\0" % (kind, len(result)) + result, usedforsecurity=False).digest()
                self._note(entry.offset, oid, kind)
                if entry.offset in deltas_at or oid in deltas_of:
                    waiting.append((entry, result, depth + 1))

    def _apply(self, delta: bytes, base: bytes, kind: bytes) -> bytes:
        """Put an object together from its base and a delta."""
        try:
            self._count(read_sizes(delta)[1], kind)
            return apply_delta(delta, base, _LIMITS[kind])
        except DeltaError as error:
            raise _damaged(self._pack, str(error)) from error


def _encode(rows: list[tuple[bytes, int, int]], checksum: bytes) -> bytes:
    firsts = [oid[0] for oid, _, _ in rows]
    large = [offset for _, _, offset in rows if offset >= 1 << 31]
    places = {offset: place for place, offset in enumerate(large)}
    body = b"".join(
        [
            b"\xfftOc",
            struct.pack(">I", 2),
            struct.pack(">256I", *(bisect_right(firsts, first) for first in range(256))),
            *(oid for oid, _, _ in rows),
            struct.pack(f">{len(rows)}I", *(crc for _, crc, _ in rows)),
            struct.pack(
                f">{len(rows)}I",
                *((1 << 31 | places[offset]) if offset in places else offset for _, _, offset in rows),
            ),
            struct.pack(f">{len(large)}Q", *large),
            checksum,
        ]
    )
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _damaged(pack: Path, why: str) -> DamagedError:
    return DamagedError(f"the git pack {pack.name} cannot be used: {why}", "fetch it again")
