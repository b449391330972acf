"""Adds files to a store: cut, look up, encode what is new on threads, write one pack, publish it whole.

Knows packs and manifests. Nothing is visible to anybody until `publish`; until then all of it is one file in the
store's ``tmp``. Codecs are imported when the first file is added.
"""

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from beatflow.errors import AudioError, ConflictError, DamagedError
from beatflow.objects.durable import publish_file, temporary_name
from beatflow.objects.ids import parse_oid, sha256
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef, Manifest, build_manifest
from beatflow.objects.manifest import encode as encode_manifest
from beatflow.objects.pack import PACK_SUFFIX, Codec, Kind, Mark, NewRecord, PackWriter
from beatflow.objects.packset import PackSet
from beatflow.objects.reading import read_manifest

if TYPE_CHECKING:
    from beatflow.objects.split import Piece

Progress = Callable[[int], None]
"""Called with the bytes read since the last call; an exception raised in it undoes the file being added."""


@dataclass(frozen=True)
class Stored:
    """One file that was added: `new_bytes` is what it adds to the store on disk."""

    oid: str
    size: int
    new_bytes: int


class Readable(Protocol):
    """Anything with bytes to read; an empty answer is the end."""

    def read(self, count: int, /) -> bytes: ...


class _Signature(NamedTuple):
    """What changes when somebody writes a file or puts another in its place."""

    size: int
    mtime_ns: int
    inode: int
    device: int


def _signature(status: os.stat_result) -> _Signature:
    return _Signature(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


class _Bounded:
    """The first bytes of a file: one that grows as fast as it is read must still come to an end."""

    def __init__(self, file: Readable, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, count: int) -> bytes:
        data = self._file.read(min(count, self._left))
        self._left -= len(data)
        return data


class _Mark(NamedTuple):
    """A point in a batch to go back to."""

    writer: Mark | None
    new: int


class _Coded(NamedTuple):
    """What the threads make of one piece; no record where the store has the chunk already."""

    layout: Layout | None
    ref: ChunkRef
    record: NewRecord | None


class Batch:
    """Files being added together; they become readable at once, by `publish`, or not at all.

    Leaving the ``with`` block without `publish` discards everything. One thread may use a batch at a time.
    """

    def __init__(self, packs: PackSet, temporary: Path, workers: int) -> None:
        self._packs = packs
        self._temporary = temporary
        self._workers = workers
        self._writer: PackWriter | None = None
        # In the order of writing, so that a roll-back can take the last ones off.
        self._new: dict[tuple[int, bytes], None] = {}
        self._reused: set[bytes] = set()
        self._pool = ThreadPoolExecutor(workers, "beatflow-encode")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def __contains__(self, oid: str) -> bool:
        """Whether a file was added to this batch and was new to the store."""
        return (Kind.MANIFEST, parse_oid(oid)) in self._new

    def add_path(self, path: Path, progress: Progress | None = None) -> Stored:
        """Add one file as it stands now.

        Raises
        ------
        ConflictError
            The file changed while it was read, twice in a row.
        OSError
            It cannot be read, or the store cannot be written.
        """
        if not stat.S_ISREG(path.stat().st_mode):
            raise AudioError(f"{path} is not a regular file")
        for _ in range(2):
            with path.open("rb", buffering=0) as file:
                before = _signature(os.fstat(file.fileno()))
                mark = self._mark()
                stored = self._add(_Bounded(file, before.size), progress)
                after = _signature(os.fstat(file.fileno()))
            if before == after == _signature(path.stat()) and stored.size == before.size:
                return stored
            self._rollback(mark)
        raise ConflictError(f"{path} changes while it is being read", "stop what is writing it and try again")

    def add_stream(self, stream: Readable, progress: Progress | None = None) -> Stored:
        """Add all that a binary stream gives."""
        return self._add(stream, progress)

    def publish(self) -> str | None:
        """Make everything added durable and readable; return the pack's name, None where nothing was new.

        Raises
        ------
        ConflictError
            The store was collected meanwhile and chunks that this batch relies on are gone.
        """
        if self._packs.rescan() and not all(self._packs.find(Kind.CHUNK, id) for id in self._reused):
            raise ConflictError("the store was cleaned up in the middle of this", "run the command again")
        writer = self._writer
        if writer is None or not len(writer):
            self.discard()
            return None
        name = writer.finish()
        final = self._packs.folder / f"{name}{PACK_SUFFIX}"
        publish_file(writer.path, final)
        self._writer = None
        self._packs.rescan()
        self.discard()
        return name

    def discard(self) -> None:
        """Forget everything added since the last `publish`."""
        self._pool.shutdown(cancel_futures=True)
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        self._new.clear()
        self._reused.clear()

    def _add(self, stream: Readable, progress: Progress | None) -> Stored:
        mark = self._mark()
        try:
            return self._store(stream, progress, mark)
        except BaseException:
            self._rollback(mark)
            raise

    def _store(self, stream: Readable, progress: Progress | None, mark: _Mark) -> Stored:
        """Write what is new of one stream: its chunks in the order of the file, then its manifest."""
        from beatflow.objects.split import pieces

        whole = hashlib.sha256()
        size = 0

        def read(count: int) -> bytes:
            nonlocal size
            data = stream.read(count)
            whole.update(data)
            size += len(data)
            if progress and data:
                progress(len(data))
            return data

        start = self._position
        refs = []
        with closing(self._code(pieces(read))) as coded:
            for item in coded:
                self._keep(item)
                refs.append((item.layout, item.ref))
        healed = len(self._new) > mark.new
        if self._keep_manifest(whole.digest(), build_manifest(refs)) or healed:
            return Stored(whole.hexdigest(), size, self._position - start)
        self._rollback(mark)
        return Stored(whole.hexdigest(), size, 0)

    def _code(self, found: Iterator["Piece"]) -> Generator[_Coded, None, None]:
        """Hash, look up and encode pieces on the threads; give them back in order, few at a time."""
        ahead: deque[Future[_Coded]] = deque()
        try:
            for piece in found:
                ahead.append(self._pool.submit(self._encode, piece))
                if len(ahead) > 2 * self._workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _encode(self, piece: "Piece") -> _Coded:
        ref = ChunkRef(sha256(piece.data), len(piece.data))
        if (Kind.CHUNK, ref.id) in self._new or self._is_sound(ref.id):
            return _Coded(piece.layout, ref, None)
        return _Coded(piece.layout, ref, _chunk_record(ref.id, piece.data, piece.layout))

    def _is_sound(self, id: bytes) -> bool:
        """Say whether the store has a chunk whose stored bytes match their checksum; a damaged one is written again."""
        if self._packs.find(Kind.CHUNK, id) is None:
            return False
        try:
            self._packs.read(Kind.CHUNK, id, lambda record: None)
        except DamagedError:
            return False
        return True

    def _keep(self, item: _Coded) -> None:
        if item.record is not None:
            self._write(item.record)
        elif (Kind.CHUNK, item.ref.id) not in self._new:
            self._reused.add(item.ref.id)

    def _keep_manifest(self, id: bytes, manifest: Manifest) -> bool:
        """Write the manifest unless it is there; return whether this file added anything of use."""
        if (Kind.MANIFEST, id) in self._new:
            return True
        known = self._known_manifest(id)
        if known and all(self._packs.find(Kind.CHUNK, ref.id) for ref in known.chunks):
            return False
        if known != manifest:
            self._write(_manifest_record(id, encode_manifest(manifest)))
        return True

    def _known_manifest(self, id: bytes) -> Manifest | None:
        if self._packs.find(Kind.MANIFEST, id) is None:
            return None
        try:
            return read_manifest(self._packs, id)
        except DamagedError:
            # Adding the file again is how a damaged manifest is healed.
            return None

    def _write(self, record: NewRecord) -> None:
        key = (record.kind, record.id)
        if key in self._new:
            return
        if self._writer is None:
            self._writer = PackWriter(temporary_name(self._temporary, PACK_SUFFIX))
        self._writer.add(record)
        self._new[key] = None

    @property
    def _position(self) -> int:
        return self._writer.position if self._writer else 0

    def _mark(self) -> _Mark:
        return _Mark(self._writer.mark() if self._writer else None, len(self._new))

    def _rollback(self, mark: _Mark) -> None:
        while len(self._new) > mark.new:
            self._new.popitem()
        if self._writer is None:
            return
        if mark.writer is None:
            self._writer.discard()
            self._writer = None
        else:
            self._writer.rollback(mark.writer)


def _chunk_record(id: bytes, raw: bytes, layout: Layout | None) -> NewRecord:
    from beatflow.objects.codec import encode

    found = encode(raw, layout)
    return NewRecord(Kind.CHUNK, id, found.codec, 0, found.parameters, len(raw), found.payload)


def _manifest_record(id: bytes, raw: bytes) -> NewRecord:
    """Return a manifest's record: as it is, for quick commands to read, unless it repeats itself a lot."""
    from beatflow.objects.codec import NO_PARAMETERS, Encoded, encode

    found = encode(raw)
    if len(found.payload) > len(raw) // 2:
        found = Encoded(Codec.NONE, NO_PARAMETERS, raw)
    return NewRecord(Kind.MANIFEST, id, found.codec, 0, found.parameters, len(raw), found.payload)
