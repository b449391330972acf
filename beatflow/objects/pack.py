"""Packs: immutable files of checksummed records with a sorted directory at the end.

Knows the byte tables in docs/format.md; not what a payload means. A pack is written once, by `packwriter`, and
published under the SHA-256 of all its bytes. A damaged directory can always be made again by `packscan`.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ids import ID_BYTES

PACK_VERSION = 1
PACK_SUFFIX = ".pack"
MAX_PACK_BYTES = 1 << 48
MAX_STORED_BYTES = 128 * 1024 * 1024

_PACK_MAGIC = b"\x89BFP\r\n\x1a\n"
_PACK_HEAD = struct.Struct("<8sHHI")
RECORD_MAGIC = b"BFr\x01"
_RECORD = struct.Struct("<4sBBHII4sI32sII")
_ENTRY = struct.Struct("<B32sBHIIQ")
_TRAILER = struct.Struct("<QQIIII8s")
_TRAILER_MAGIC = b"BFPend\r\n"
_COUNT = struct.Struct("<H")
_PREFIX = struct.Struct(f"<xQ{_ENTRY.size - 9}x")

PACK_HEAD_BYTES = _PACK_HEAD.size
RECORD_HEAD_BYTES = _RECORD.size
ENTRY_BYTES = _ENTRY.size
TRAILER_BYTES = _TRAILER.size
_KEY_BYTES = 1 + ID_BYTES


class Kind(IntEnum):
    """What a record is; a reader passes over, and `collect` keeps, the kinds that it does not know."""

    CHUNK = 1
    MANIFEST = 2


class Codec(IntEnum):
    """How a payload gives its bytes back; 64 to 127 predict a chunk from others."""

    NONE = 0
    ZSTD = 1
    FLAC = 2
    PLANES = 3
    PREDICTION = 64
    RENDITION = 65


REBUILT = (Codec.PREDICTION, Codec.RENDITION)
"""Codecs that rebuild a chunk from others: they say on what, and have the same parameters."""


class Flag(IntEnum):
    """Bits of a record's flags: the low byte must be understood to decode a payload, the high byte may be ignored."""

    DEPENDS = 1


# The flags that this version does not know and must not pass over.
MUST_KNOW = 0x00FE


class Entry(NamedTuple):
    """One line of a directory; `offset` is where the record's header begins."""

    kind: int
    id: bytes
    codec: int
    flags: int
    raw_length: int
    stored_length: int
    offset: int

    @property
    def end(self) -> int:
        """First byte after the record."""
        return self.offset + RECORD_HEAD_BYTES + self.stored_length


class Record(NamedTuple):
    """One stored object: its header's fields and its payload, checksums already compared."""

    entry: Entry
    parameters: bytes
    payload: bytes

    @property
    def dependencies(self) -> tuple[bytes, ...]:
        """Ids of the chunks without which this one cannot be decoded."""
        return read_dependencies(self.entry.flags, self.payload)


def measure_table(flags: int, payload: bytes | memoryview) -> int:
    """Return how many bytes of a payload its table of dependencies should have; 0 where there is none."""
    if not flags & Flag.DEPENDS or len(payload) < _COUNT.size:
        return 0
    (count,) = _COUNT.unpack_from(payload)
    return int(_COUNT.size + count * ID_BYTES)


def read_dependencies(flags: int, payload: bytes) -> tuple[bytes, ...]:
    """Return the ids of the chunks without which a payload cannot be decoded.

    Raises
    ------
    DamagedError
        Their table is broken.
    """
    if not flags & Flag.DEPENDS:
        return ()
    end = measure_table(flags, payload)
    if not end:
        raise DamagedError("record without its table of dependencies")
    table = payload[_COUNT.size : end]
    if not table or len(payload) < end:
        raise DamagedError("record with a broken table of dependencies")
    return tuple(table[at : at + ID_BYTES] for at in range(0, len(table), ID_BYTES))


def encode_head() -> bytes:
    """Return the first `PACK_HEAD_BYTES` of a pack."""
    return _seal(_PACK_HEAD.pack(_PACK_MAGIC, PACK_VERSION, 0, 0)[:-4])


def encode_record_head(entry: Entry, parameters: bytes, payload: bytes) -> bytes:
    """Return the `RECORD_HEAD_BYTES` before a payload."""
    fields = (entry.kind, entry.codec, entry.flags, entry.raw_length, entry.stored_length)
    return _seal(_RECORD.pack(RECORD_MAGIC, *fields, parameters, zlib.crc32(payload), entry.id, 0, 0)[:-4])


def encode_trailer(start: int, directory: bytes) -> bytes:
    """Return what follows the directory that begins at `start`: the last `TRAILER_BYTES` of a pack."""
    length = start + len(directory) + _TRAILER.size
    fields = (start, length, len(directory) // ENTRY_BYTES, zlib.crc32(directory), 0, 0)
    return _seal(_TRAILER.pack(*fields, _TRAILER_MAGIC)[:-12]) + _TRAILER_MAGIC


def _seal(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def prefix_of(id: bytes) -> int:
    """Return the first 8 bytes of an id as a number."""
    return int.from_bytes(id[:8], "little")


class Directory:
    """A pack's table of records, sorted by kind and id, searched where it lies.

    Parameters
    ----------
    data : bytes-like
        Entries as on disk; bytes or a memory map.
    """

    def __init__(self, data: "bytes | memoryview") -> None:
        self._data = data
        self._count = len(data) // ENTRY_BYTES

    @property
    def raw(self) -> "bytes | memoryview":
        """The entries as on disk."""
        return self._data

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Entry:
        return Entry(*_ENTRY.unpack_from(self._data, index * ENTRY_BYTES))

    def __iter__(self) -> Iterator[Entry]:
        return (Entry(*fields) for fields in _ENTRY.iter_unpack(self._data))

    def find(self, kind: int, id: bytes) -> Entry | None:
        """Return the entry of one record."""
        key = bytes((kind,)) + id
        at = self._bisect(key)
        if at < self._count and self._key(at) == key:
            return self[at]
        return None

    def between(self, kind: int, low: bytes, high: bytes) -> Iterator[Entry]:
        """Yield the entries of one kind whose ids lie in [low, high], in order."""
        key, last = bytes((kind,)) + low, bytes((kind,)) + high
        for at in range(self._bisect(key), self._count):
            if self._key(at) > last:
                return
            yield self[at]

    def of_kind(self, kind: int) -> Iterator[Entry]:
        """Yield the entries of one kind, ordered by id."""
        return self.between(kind, bytes(ID_BYTES), b"\xff" * ID_BYTES)

    def prefixes(self, kind: int) -> Iterator[tuple[int]]:
        """Yield the first 8 bytes, as `prefix_of` makes them a number, of each id of one kind."""
        first, last = (self._bisect(bytes((number,))) for number in (kind, kind + 1))
        return _PREFIX.iter_unpack(self._data[first * ENTRY_BYTES : last * ENTRY_BYTES])

    def _key(self, index: int) -> bytes:
        at = index * ENTRY_BYTES
        return bytes(self._data[at : at + _KEY_BYTES])

    def _bisect(self, key: bytes) -> int:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low


class Trailer(NamedTuple):
    """Where a pack's directory is, how many entries it has, and its checksum."""

    start: int
    entries: int
    checksum: int


def read_trailer(file: BinaryIO, size: int) -> Trailer:
    """Check a pack's first and last bytes and return where its directory lies.

    Raises
    ------
    DamagedError
        Not a whole pack.
    BeatFlowError
        A pack of a later version.
    """
    check_head(read_at(file, 0, _PACK_HEAD.size))
    return parse_trailer(read_at(file, max(0, size - _TRAILER.size), min(size, _TRAILER.size)), size)


def parse_trailer(data: bytes, size: int) -> Trailer:
    """Return what the last `TRAILER_BYTES` of a pack of `size` bytes say.

    Raises
    ------
    DamagedError
        They are no pack's, or not of one of that size.
    """
    if size < _PACK_HEAD.size + _TRAILER.size:
        raise DamagedError(f"pack of {size} bytes is cut short")
    start, length, count, checksum, _, own, magic = _TRAILER.unpack(data)
    if magic != _TRAILER_MAGIC or own != zlib.crc32(data[:-12]):
        raise DamagedError("pack's trailer is damaged")
    if length != size or start + count * ENTRY_BYTES + _TRAILER.size != size or start < _PACK_HEAD.size:
        raise DamagedError(f"pack of {size} bytes should have {length}")
    return Trailer(start, count, checksum)


def read_directory(file: BinaryIO, trailer: Trailer) -> Directory:
    """Read and verify a pack's directory."""
    return parse_directory(read_at(file, trailer.start, trailer.entries * ENTRY_BYTES), trailer)


def parse_directory(data: bytes, trailer: Trailer) -> Directory:
    """Verify the bytes of a pack's directory.

    Raises
    ------
    DamagedError
        They are not what the trailer says.
    """
    if zlib.crc32(data) != trailer.checksum:
        raise DamagedError("pack's directory is damaged")
    return Directory(data)


def make_directory(entries: Iterable[Entry]) -> Directory:
    """Build a directory from entries in any order."""
    return Directory(b"".join(sorted(map(encode_entry, entries))))


def encode_entry(entry: Entry) -> bytes:
    """Return one line of a directory."""
    return _ENTRY.pack(*entry)


def read_record(file: BinaryIO, entry: Entry) -> Record:
    """Read one record and verify its checksums.

    Raises
    ------
    DamagedError
        The record is not there, or not as the entry says, or its bytes are damaged.
    """
    if entry.stored_length > MAX_STORED_BYTES:
        raise DamagedError(f"the directory names a record of {entry.stored_length} bytes")
    # Two reads in place of one and a copy of the payload.
    head = read_at(file, entry.offset, RECORD_HEAD_BYTES)
    payload = read_at(file, entry.offset + RECORD_HEAD_BYTES, entry.stored_length)
    return Record(entry, verify_record(head, payload, entry), payload)


def parse_record(data: bytes, entry: Entry) -> Record:
    """Verify the bytes of a record, from its header's first to its payload's last.

    Raises
    ------
    DamagedError
        They are not as the entry or the checksums say.
    """
    payload = data[RECORD_HEAD_BYTES:]
    return Record(entry, verify_record(data, payload, entry), payload)


def verify_record(head: bytes | memoryview, payload: bytes | memoryview, entry: Entry) -> bytes:
    """Compare what was read with its checksums and its entry; return the codec's parameters."""
    found, parameters, checksum = parse_record_head(head, entry.offset)
    if found != entry:
        raise DamagedError("the record is not the one that the directory names")
    if len(payload) != entry.stored_length or zlib.crc32(payload) != checksum:
        raise DamagedError("the payload's checksum does not match")
    return parameters


def parse_record_head(data: bytes | memoryview, offset: int) -> tuple[Entry, bytes, int]:
    """Return a header's entry, codec parameters and payload checksum."""
    if len(data) < RECORD_HEAD_BYTES:
        raise DamagedError("the record's header is cut short")
    magic, kind, codec, flags, raw, stored, parameters, checksum, id, _, own = _RECORD.unpack_from(data)
    if magic != RECORD_MAGIC or own != zlib.crc32(data[: RECORD_HEAD_BYTES - 4]) or stored > MAX_STORED_BYTES:
        raise DamagedError("the record's header is damaged")
    return Entry(kind, id, codec, flags, raw, stored, offset), parameters, checksum


def check_head(data: bytes) -> None:
    """Verify the first `PACK_HEAD_BYTES` of a pack.

    Raises
    ------
    DamagedError
        They are no pack's.
    BeatFlowError
        It is of a later version.
    """
    magic, version, _, own = _PACK_HEAD.unpack(data)
    if magic != _PACK_MAGIC or own != zlib.crc32(data[:-4]):
        raise DamagedError("pack's first bytes are damaged")
    if version != PACK_VERSION:
        raise BeatFlowError(f"pack version {version} is newer than this BeatFlow", "upgrade BeatFlow")


def read_some(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return what there is of so many bytes from a place in a file."""
    if offset > MAX_PACK_BYTES:
        return b""
    file.seek(offset)
    parts = []
    while count > 0 and (part := file.read(count)):
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return so many bytes from a place in a file.

    Raises
    ------
    DamagedError
        There are fewer.
    """
    data = read_some(file, offset, count)
    if len(data) != count:
        raise DamagedError(f"{len(data)} bytes in place of {count} at {offset}")
    return data
