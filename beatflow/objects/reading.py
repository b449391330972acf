"""Reads files out of a store: whole, as a stream, or anywhere in the middle; every byte is verified.

Knows packs and manifests. Codecs, which bring numpy and libsndfile, are imported when the first chunk is decoded,
so that opening a store and reading manifests stays cheap.
"""

import hashlib
import io
import os
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ids import sha256
from beatflow.objects.manifest import MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES, ChunkRef, Manifest
from beatflow.objects.manifest import decode as decode_manifest
from beatflow.objects.pack import MUST_KNOW, Codec, Flag, Kind, Record
from beatflow.objects.packset import PackSet

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CACHED_CHUNKS = 4
_MAX_WORKERS = 8


def default_workers() -> int:
    """Return how many threads to code with: the compressors let go of the interpreter, so one per core."""
    return min(_MAX_WORKERS, max(2, os.cpu_count() or 2))


def read_manifest(packs: PackSet, id: bytes) -> Manifest:
    """Return the manifest of one file."""
    return packs.read(Kind.MANIFEST, id, open_manifest)


def open_manifest(record: Record) -> Manifest:
    """Decode a manifest's record."""
    if record.entry.raw_length > MAX_MANIFEST_BYTES:
        raise DamagedError(f"manifest of {record.entry.raw_length} bytes")
    return decode_manifest(decode_payload(record))


def read_chunk(packs: PackSet, ref: ChunkRef) -> bytes:
    """Return one chunk's bytes, verified against its id."""
    return packs.read(Kind.CHUNK, ref.id, lambda record: open_chunk(record, ref.length))


def open_chunk(record: Record, length: int) -> bytes:
    """Decode a chunk's record and compare the bytes with its id."""
    if record.entry.raw_length != length or length > MAX_CHUNK_BYTES:
        raise DamagedError(f"chunk of {record.entry.raw_length} bytes in place of {length}")
    raw = decode_payload(record)
    if sha256(raw) != record.entry.id:
        raise DamagedError("the bytes do not match their SHA-256")
    return raw


def decode_payload(record: Record) -> bytes:
    """Undo a record's codec."""
    entry = record.entry
    if entry.flags & (MUST_KNOW | Flag.DEPENDS):
        raise BeatFlowError(
            f"a record's flags {entry.flags:#06x} are newer than this BeatFlow", "upgrade BeatFlow"
        )
    if entry.codec == Codec.NONE:
        if len(record.payload) != entry.raw_length:
            raise DamagedError(f"{len(record.payload)} bytes in place of {entry.raw_length}")
        return record.payload
    from beatflow.objects.codec import decode

    return decode(entry.codec, record.parameters, record.payload, entry.raw_length)


def iter_chunks(packs: PackSet, refs: tuple[ChunkRef, ...], workers: int) -> Iterator[bytes]:
    """Yield the chunks in order, decoding a few ahead on `workers` threads."""
    if len(refs) < 2:
        for ref in refs:
            yield read_chunk(packs, ref)
        return
    with ThreadPoolExecutor(workers, "beatflow-decode") as pool:
        ahead: deque[Future[bytes]] = deque()
        try:
            for ref in refs:
                ahead.append(pool.submit(read_chunk, packs, ref))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def iter_verified(packs: PackSet, oid: str, workers: int) -> Iterator[bytes]:
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
        for data in iter_chunks(packs, manifest.chunks, workers):
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

    def __init__(self, packs: PackSet, manifest: Manifest) -> None:
        self._packs = packs
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
            self._cache[index] = read_chunk(self._packs, self._refs[index])
            if len(self._cache) > _CACHED_CHUNKS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(index)
        return self._cache[index]
