"""Reads files out of a store: whole, as a stream, or anywhere in the middle; every byte is verified.

Knows packs and manifests. Codecs, which bring numpy and libsndfile, are imported when the first chunk is decoded,
so that opening a store and reading manifests stays cheap.
"""

import hashlib
import io
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ids import sha256
from beatflow.objects.manifest import MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES, ChunkRef, Manifest
from beatflow.objects.manifest import decode as decode_manifest
from beatflow.objects.pack import MUST_KNOW, REBUILT, Codec, Flag, Kind, Record
from beatflow.objects.packset import RecordSource
from beatflow.objects.reach import ALONE, MAX_DEPTH, Reach

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CACHE_BYTES = 48 * 1024 * 1024
MAX_DECODED_CHUNKS = 4096
_CACHED_CHUNKS = 4
_PATIENCE_S = 5.0


def read_manifest(packs: RecordSource, id: bytes) -> Manifest:
    """Return the manifest of one file."""
    return packs.read(Kind.MANIFEST, id, open_manifest)


def open_manifest(record: Record) -> Manifest:
    """Decode a manifest's record."""
    if record.entry.raw_length > MAX_MANIFEST_BYTES:
        raise DamagedError(f"manifest of {record.entry.raw_length} bytes")
    return decode_manifest(decode_payload(record))


class ChunkReader:
    """Reads chunks, verified, and keeps those read lately: predictions need the same ones again and again.

    Safe to use from several threads.

    Parameters
    ----------
    packs : RecordSource
    capacity : int
        Bytes to keep.
    verify : bool
        Whether to compare each chunk with its id; not where the whole that they make is compared.
    """

    def __init__(self, packs: RecordSource, capacity: int = CACHE_BYTES, verify: bool = True) -> None:
        self._packs = packs
        self._room = capacity
        self._verify = verify
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, _Found] = OrderedDict()
        self._flights: dict[bytes, _Flight] = {}

    def read(self, ref: ChunkRef, keep: bool = False) -> bytes:
        """Return a chunk's bytes.

        Parameters
        ----------
        ref : ChunkRef
        keep : bool
            It will be asked for again; those that others are predicted from are kept anyway.

        Raises
        ------
        DamagedError
            It is missing, damaged, or a chunk that it is predicted from is.
        """
        return self._find(ref, MAX_DEPTH + 1, _Budget(), keep)

    def read_for(self, oid: str, ref: ChunkRef, keep: bool = False) -> bytes:
        """Return a chunk's bytes as `read` does; an error says of which file."""
        try:
            return self.read(ref, keep)
        except DamagedError as error:
            raise DamagedError(f"sound {oid} cannot be read: {error.message}", error.hint) from error

    def find_kept(self, ref: ChunkRef) -> bytes | None:
        """Return a chunk that is at hand, None for any other."""
        with self._lock:
            kept = self._kept.get(ref.id)
        if kept and len(kept.raw) == ref.length and self._is_right(ref.id, kept):
            return kept.raw
        return None

    def keep(self, id: bytes, raw: bytes, depth: int) -> None:
        """Keep a chunk's verified bytes at hand, in place of those not asked for the longest."""
        self._keep(id, _Found(raw, depth, is_proven=True))

    def _keep(self, id: bytes, found: "_Found") -> None:
        with self._lock:
            former = self._kept.get(id)
            if former and (former.is_proven or not found.is_proven):
                return
            self._kept[id] = found
            self._room += (len(former.raw) if former else 0) - len(found.raw)
            while self._room < 0:
                _, dropped = self._kept.popitem(last=False)
                self._room += len(dropped.raw)

    def _is_right(self, id: bytes, found: "_Found") -> bool:
        """Say whether bytes that were found by whoever needed no proof are those of the id."""
        if found.is_proven or not self._verify:
            return True
        if sha256(found.raw) != id:
            return False
        with self._lock:
            if self._kept.get(id) is found:
                self._kept[id] = found._replace(is_proven=True)
        return True

    def _find(
        self, ref: ChunkRef, limit: int, budget: "_Budget", keep: bool = True, proven: bool = True
    ) -> bytes:
        """Return a chunk that stands on fewer than `limit` predictions: no chain can bite its own tail.

        It need not be proven for whoever proves what is made of it.
        """
        flight = mine = None
        with self._lock:
            found = self._kept.get(ref.id)
            if found and found.depth < limit and len(found.raw) == ref.length:
                self._kept.move_to_end(ref.id)
            else:
                flight = self._flights.get(ref.id)
                mine = None if flight else self._flights.setdefault(ref.id, _Flight())
                found = None
        if flight:
            found = flight.wait_for()
            if found and (found.depth >= limit or len(found.raw) != ref.length):
                found = None
        if found and (not proven or self._is_right(ref.id, found)):
            return found.raw
        budget.spend()
        try:
            found = self._packs.read(
                Kind.CHUNK, ref.id, lambda record: self._open(record, ref.length, limit, budget, proven)
            )
            if mine:
                mine.found = found
            # Before it has landed: nobody is to find it neither here nor there.
            if keep:
                self._keep(ref.id, found)
        finally:
            if mine:
                with self._lock:
                    del self._flights[ref.id]
                mine.landed.set()
        return found.raw

    def _open(self, record: Record, length: int, limit: int, budget: "_Budget", proven: bool) -> "_Found":
        proven = proven and self._verify
        if record.entry.codec not in REBUILT:
            return _Found(open_chunk(record, length, proven), 0, proven)
        from beatflow.objects.rebuilding import rebuild

        depth = read_reach(record).depth
        _check_length(record, length)
        if not 1 <= depth < limit:
            raise DamagedError("it is predicted from itself")

        def rebuild_from(are_proven: bool) -> bytes:
            return rebuild(record, lambda ref: self._find(ref, depth, budget, proven=are_proven))

        if not proven:
            return _Found(rebuild_from(are_proven=False), depth, is_proven=False)
        # If the chunk is right, so is what it was made of; else some of that may be right in another pack.
        with suppress(DamagedError):
            return _Found(_prove(record, rebuild_from(are_proven=False), verify=True), depth, is_proven=True)
        return _Found(_prove(record, rebuild_from(are_proven=True), verify=True), depth, is_proven=True)


class _Found(NamedTuple):
    """A chunk's bytes, how many predictions it stands on, and whether the bytes were compared with its id."""

    raw: bytes
    depth: int
    is_proven: bool


class _Flight:
    """A chunk that one thread is decoding and others may wait for."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.found: _Found | None = None
        self._thread = threading.get_ident()

    def wait_for(self) -> _Found | None:
        """Return what was found; None where that failed, or where waiting could go on for ever.

        In chains that bite their tails, which only a hostile pack has, threads would wait for themselves or each other.
        """
        if self._thread != threading.get_ident():
            self.landed.wait(_PATIENCE_S)
        return self.found


class _Budget:
    """Bounds what one chunk may take to decode, whatever a hostile pack says."""

    def __init__(self) -> None:
        self._left = MAX_DECODED_CHUNKS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise DamagedError(f"it is predicted from more than {MAX_DECODED_CHUNKS} chunks")


def read_reach(record: Record) -> Reach:
    """Return how far the predictions of a chunk's record reach."""
    if record.entry.codec not in REBUILT:
        return ALONE
    _check_flags(record.entry.flags & MUST_KNOW)
    if not record.entry.flags & Flag.DEPENDS:
        raise DamagedError("a prediction that depends on nothing")
    return Reach(*record.parameters[2:4])


def open_chunk(record: Record, length: int, verify: bool = True) -> bytes:
    """Decode the record of a chunk that needs no other, and compare the bytes with its id."""
    _check_length(record, length)
    return _prove(record, decode_payload(record), verify)


def _check_length(record: Record, length: int) -> None:
    if record.entry.raw_length != length or length > MAX_CHUNK_BYTES:
        raise DamagedError(f"chunk of {record.entry.raw_length} bytes in place of {length}")


def _prove(record: Record, raw: bytes, verify: bool) -> bytes:
    if verify and sha256(raw) != record.entry.id:
        raise DamagedError("the bytes do not match their SHA-256")
    return raw


def decode_payload(record: Record) -> bytes:
    """Undo the codec of a record that needs no other."""
    entry = record.entry
    _check_flags(entry.flags)
    if entry.codec == Codec.NONE:
        if len(record.payload) != entry.raw_length:
            raise DamagedError(f"{len(record.payload)} bytes in place of {entry.raw_length}")
        return record.payload
    if entry.codec == Codec.ZSTD:
        from beatflow.objects.plain import decode_bytes

        return decode_bytes(record.payload, entry.raw_length)
    from beatflow.objects.codec import decode

    return decode(entry.codec, record.parameters, record.payload, entry.raw_length)


def _check_flags(flags: int) -> None:
    if flags & (MUST_KNOW | Flag.DEPENDS):
        raise BeatFlowError(f"a record's flags {flags:#06x} are newer than this BeatFlow", "upgrade BeatFlow")


def iter_chunks(reader: ChunkReader, refs: tuple[ChunkRef, ...], workers: int) -> Iterator[bytes]:
    """Yield the chunks in order, decoding a few ahead on `workers` threads."""
    if len(refs) < 2:
        for ref in refs:
            yield reader.read(ref)
        return
    from beatflow.objects.ahead import work_ahead
    from beatflow.objects.threads import Threads

    with Threads(workers, "beatflow-decode") as pool:
        for _, raw in work_ahead(pool, 2 * workers, reader.read, refs):
            yield raw


def iter_verified(
    packs: RecordSource, oid: str, workers: int, reader: ChunkReader | None = None
) -> Iterator[bytes]:
    """Yield the bytes of one file.

    Raises
    ------
    DamagedError
        A part is missing or damaged; raised before a wrong byte is yielded, or, where only the whole is wrong,
        after the last.
    """
    manifest = read_manifest(packs, bytes.fromhex(oid))
    whole = hashlib.sha256()
    try:
        for data in iter_chunks(reader or ChunkReader(packs), manifest.chunks, workers):
            whole.update(data)
            yield data
    except DamagedError as error:
        raise DamagedError(f"sound {oid} cannot be read: {error.message}", error.hint) from error
    if whole.hexdigest() != oid:
        raise DamagedError(
            f"sound {oid} is damaged: put together, its parts have SHA-256 {whole.hexdigest()}"
        )


class StoredFile(io.RawIOBase):
    """One stored file as a seekable, read-only file whose chunks are decoded as they are needed.

    Each chunk is verified; the file as a whole is not, since it is seldom read as a whole.
    """

    def __init__(self, reader: ChunkReader, manifest: Manifest) -> None:
        self._reader = reader
        self._refs = manifest.chunks
        self._ends = list(accumulate(ref.length for ref in self._refs))
        self._size = manifest.size
        self._position = 0
        self._cache: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        if self._position >= self._size or not target:
            return 0
        index = bisect_right(self._ends, self._position)
        chunk = self._chunk(index)
        start = self._position - (self._ends[index] - len(chunk))
        part = chunk[start : start + len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _chunk(self, index: int) -> bytes:
        if index not in self._cache:
            self._cache[index] = self._reader.read(self._refs[index])
            if len(self._cache) > _CACHED_CHUNKS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(index)
        return self._cache[index]
