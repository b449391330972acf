"""Objects in git's packs, read without libgit2, whose loading takes longer than all that most commands do.

Reads the index that lies beside a pack (gitformat-pack, version 2), follows deltas, and hashes what comes out. Where
anything is not as it should be, nothing is found here, and libgit2 has the word. Writes nothing.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha1
from pathlib import Path

from beatflow.objects.git.delta import DeltaError, Head, apply_delta, read_head, read_sizes

KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}

_MAGIC = b"\xfftOc\0\0\0\2"
_FAN_AT = len(_MAGIC)
_IDS_AT = _FAN_AT + 256 * 4
_ID_BYTES = 20
_CHAIN = 128
"""How many deltas may lean on each other; git makes 50, or 4095 when it is told to, which libgit2 then reads."""
_LARGEST = 64 << 20
"""Larger objects are libgit2's: it streams what this would hold several times over."""

_KEPT_BYTES = 8 << 20
"""Of objects that others may lean on, kept at hand, in each pack that is read."""


class GitPacks:
    """The packs of one object folder, found again whenever that changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs: dict[str, _Pack] = {}
        self._seen_mtime_ns = -1

    def read_object(self, oid: str) -> tuple[bytes, bytes] | None:
        """Return kind and bytes of an object, hashed; None where it is not here, or not as it should be."""
        return next(filter(None, (_read_from(pack, oid) for pack in self._listed())), None)

    def read_header(self, oid: str) -> tuple[bytes, int] | None:
        """Return kind and length of an object without unpacking it; None as for `read_object`."""
        for pack, offset in self._find(oid):
            try:
                return pack.read_header(offset)
            except (DeltaError, OSError):
                continue
        return None

    def has_object(self, oid: str) -> bool:
        """Say whether an index lists an object."""
        return next(self._find(oid), None) is not None

    def _find(self, oid: str) -> "Iterator[tuple[_Pack, int]]":
        id = bytes.fromhex(oid)
        for pack in self._listed():
            try:
                offset = pack.find(id)
            except (DeltaError, OSError):
                continue
            if offset is not None:
                yield pack, offset

    def _listed(self) -> "list[_Pack]":
        try:
            now = self._folder.stat().st_mtime_ns
            if now != self._seen_mtime_ns:
                names = {path.stem for path in self._folder.iterdir() if path.suffix == ".idx"}
                self._packs = {
                    name: self._packs.get(name) or _Pack(self._folder / name) for name in sorted(names)
                }
                self._seen_mtime_ns = now
        except OSError:
            return []
        return list(self._packs.values())


def read_small_pack(index: Path, most: int) -> list[tuple[bytes, bytes]] | None:
    """Return kind and bytes of all objects of the pack beside an index, hashed.

    None where there are more than ``most``, or anything is not as it should be.
    """
    pack = _Pack(index.with_suffix(""))
    try:
        oids = pack.list_ids(most)
    except (DeltaError, OSError):
        return None
    found = [_read_from(pack, oid) for oid in oids]
    whole = [item for item in found if item]
    return whole if whole and len(whole) == len(found) else None


def _read_from(pack: "_Pack", oid: str) -> tuple[bytes, bytes] | None:
    try:
        offset = pack.find(bytes.fromhex(oid))
        kind, data = pack.read(offset) if offset is not None else (b"", b"")
    except (DeltaError, OSError):
        return None
    whole = b"%s %d\0" % (kind, len(data)) + data
    return (kind, data) if sha1(whole, usedforsecurity=False).hexdigest() == oid else None


class _Pack:
    """One pack and its index, mapped when something is looked for."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._kept: dict[int, tuple[bytes, bytes]] = {}
        self._room = _KEPT_BYTES

    def find(self, id: bytes) -> int | None:
        """Return where in the pack an object begins; None where the index does not list it."""
        index = self._index
        (high,) = struct.unpack_from(">I", index, _FAN_AT + 4 * id[0])
        low = struct.unpack_from(">I", index, _FAN_AT + 4 * id[0] - 4)[0] if id[0] else 0
        while low < high:
            middle = (low + high) // 2
            at = _IDS_AT + middle * _ID_BYTES
            found = index[at : at + _ID_BYTES]
            if found == id:
                return self._offset_of(index, middle)
            if found < id:
                low = middle + 1
            else:
                high = middle
        return None

    def list_ids(self, most: int) -> list[str]:
        """Return the ids of all objects, none where there are more than that."""
        count = _count(self._index)
        if count > most:
            return []
        ids = self._index[_IDS_AT : _IDS_AT + count * _ID_BYTES]
        return [ids[at : at + _ID_BYTES].hex() for at in range(0, len(ids), _ID_BYTES)]

    def read(self, offset: int) -> tuple[bytes, bytes]:
        """Return kind and bytes of the object that begins there, put together from what it leans on."""
        deltas = []
        kept = self._kept.get(offset)
        while kept is None:
            head = read_head(self._pack, offset, _ID_BYTES)
            data = self._inflate(head, head.size)
            if head.kind in KINDS:
                kept = self._keep(offset, KINDS[head.kind], data)
                break
            deltas.append((offset, data))
            offset = self._find_base(head)
            kept = self._kept.get(offset)
            if len(deltas) > _CHAIN:
                raise DeltaError("it leans on too much")
        kind, data = kept
        for place, delta in reversed(deltas):
            data = apply_delta(delta, data, _LARGEST)
            self._keep(place, kind, data)
        return kind, data

    def _keep(self, offset: int, kind: bytes, data: bytes) -> tuple[bytes, bytes]:
        """Keep what others may lean on at hand, in place of what came first."""
        if len(data) <= _KEPT_BYTES // 16:
            self._kept[offset] = kind, data
            self._room -= len(data)
            while self._room < 0:
                _, dropped = self._kept.pop(next(iter(self._kept)))
                self._room += len(dropped)
        return kind, data

    def read_header(self, offset: int) -> tuple[bytes, int]:
        """Return kind and length of that object; of a delta only the first bytes are unpacked."""
        first = head = read_head(self._pack, offset, _ID_BYTES)
        for _ in range(_CHAIN):
            if head.kind in KINDS:
                break
            head = read_head(self._pack, self._find_base(head), _ID_BYTES)
        else:
            raise DeltaError("it leans on too much")
        size = first.size if first.base is None else read_sizes(self._inflate(first, min(first.size, 20)))[1]
        return KINDS[head.kind], size

    def _find_base(self, head: Head) -> int:
        base = self.find(head.base) if isinstance(head.base, bytes) else head.base
        if base is None:
            raise DeltaError("it leans on what is not here")
        return base

    @cached_property
    def _pack(self) -> mmap.mmap:
        return _map(self._stem.with_name(self._stem.name + ".pack"))

    @cached_property
    def _index(self) -> mmap.mmap:
        index = _map(self._stem.with_name(self._stem.name + ".idx"))
        if index[:_FAN_AT] != _MAGIC or len(index) < _IDS_AT + _count(index) * (_ID_BYTES + 8) + 40:
            raise DeltaError("an index of another kind")
        return index

    def _offset_of(self, index: mmap.mmap, row: int) -> int:
        offsets_at = _IDS_AT + _count(index) * (_ID_BYTES + 4)
        (offset,) = struct.unpack_from(">I", index, offsets_at + 4 * row)
        if not offset >> 31:
            return int(offset)
        at = offsets_at + 4 * _count(index) + 8 * (offset & 0x7FFFFFFF)
        if at + 8 > len(index):
            raise DeltaError("an index that is cut short")
        return int(struct.unpack_from(">Q", index, at)[0])

    def _inflate(self, head: Head, wanted: int) -> bytes:
        """Unpack the first ``wanted`` bytes of what lies behind a head."""
        if head.size > _LARGEST:
            raise DeltaError("it is large")
        stream = zlib.decompressobj()
        at, result = head.data_at, b""
        try:
            while not stream.eof and len(result) < wanted and at < len(self._pack):
                # Almost always enough in one piece.
                block = self._pack[at : at + wanted + 1024]
                result += stream.decompress(block, wanted - len(result))
                at += len(block)
        except zlib.error as error:
            raise DeltaError(str(error)) from error
        if len(result) != wanted:
            raise DeltaError("it is not as long as it says")
        return result


def _count(index: mmap.mmap) -> int:
    return int.from_bytes(index[_IDS_AT - 4 : _IDS_AT], "big")


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise DeltaError("it is empty") from error
