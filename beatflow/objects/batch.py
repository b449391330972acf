"""Adds files to a store: cut, look up, encode what is new on threads, write one pack, publish it whole.

Knows packs and manifests. Nothing is visible to anybody until `publish`; until then all of it is one file in the
store's ``tmp``. Codecs are imported when the first file is added.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from beatflow.errors import AudioError, BeatFlowError, ConflictError, DamagedError
from beatflow.objects.durable import publish_file, temporary_name
from beatflow.objects.ids import parse_oid, sha256
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef, Manifest, build_manifest
from beatflow.objects.manifest import encode as encode_manifest
from beatflow.objects.pack import (
    PACK_SUFFIX,
    REBUILT,
    Codec,
    Flag,
    Kind,
    Mark,
    NewRecord,
    PackWriter,
    Record,
    read_dependencies,
)
from beatflow.objects.packset import PackSet
from beatflow.objects.reach import ALONE, LOST, MAX_DEPTH, Reach
from beatflow.objects.reading import ChunkReader, read_manifest, read_reach

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from beatflow.objects.coding import RunCoder
    from beatflow.objects.prediction import Advisor
    from beatflow.objects.sources import SourceFile
    from beatflow.objects.split import Piece

# Chunks that one thread codes after each other, so that it may learn from each for the next.
_RUN_PIECES = 8
_FEW_PIECES = 2

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
    ctime_ns: int
    inode: int
    device: int


def _signature(status: os.stat_result) -> _Signature:
    return _Signature(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


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
    manifests: int


class _Run(NamedTuple):
    """Pieces that follow each other and are read alike, and the byte of their region at which they begin."""

    layout: Layout | None
    start: int
    pieces: list[bytes]


class _Coded(NamedTuple):
    """What the threads make of one piece; no record where the store has the chunk already."""

    layout: Layout | None
    ref: ChunkRef
    record: NewRecord | None


class Batch:
    """Files being added together; they become readable at once, by `publish`, or not at all.

    Leaving the ``with`` block without `publish` discards everything. One thread may use a batch at a time.
    """

    def __init__(self, packs: PackSet, reader: ChunkReader, temporary: Path, workers: int) -> None:
        self._packs = packs
        self._reader = reader
        self._temporary = temporary
        self._workers = workers
        self._writer: PackWriter | None = None
        # In the order of writing, so that a roll-back can take the last ones off.
        self._new: dict[tuple[int, bytes], None] = {}
        self._reused: set[bytes] = set()
        self._manifests: dict[str, Manifest] = {}
        self._reaches: dict[bytes, Reach] = {}

    @cached_property
    def _pool(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self._workers, "beatflow-encode")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def __contains__(self, oid: str) -> bool:
        """Whether a file was added to this batch and was new to the store."""
        return (Kind.MANIFEST, parse_oid(oid)) in self._new

    def source(self, oid: str, path: Path | None = None) -> "SourceFile | None":
        """Return a stored file, or one of this batch, to predict others from; None where neither has it.

        Parameters
        ----------
        oid : str
        path : Path, optional
            Where the same file lies. Without it nothing can be predicted from what this batch has added.
        """
        from beatflow.objects.sources import SourceFile

        manifest = self._manifests.get(oid)
        try:
            manifest = manifest or read_manifest(self._packs, parse_oid(oid))
        except DamagedError:
            return None
        return SourceFile(manifest, self._reader, self._reach_of, path)

    def _reach_of(self, ref: ChunkRef, limit: int = MAX_DEPTH + 1) -> Reach:
        """Return how far a chunk's predictions reach; beyond all limits where it, or one that it needs, is lost.

        Nothing may be predicted from such a chunk, even if its bytes are at hand: what is lost may be the very chunk
        that is to be predicted. A chunk that stands on `limit` predictions or more counts as lost as well, so that
        none is followed round in a circle.
        """
        known = self._reaches.get(ref.id)
        # What `_write` has noted meanwhile is truer than what was found before it.
        return known or self._reaches.setdefault(ref.id, self._find_reach(ref.id, limit))

    def _find_reach(self, id: bytes, limit: int) -> Reach:
        if self._packs.find(Kind.CHUNK, id) is None:
            return LOST
        try:
            # Read, not only looked up: it may be damaged here while the file that it came from lies there sound.
            return self._packs.read(Kind.CHUNK, id, lambda record: self._reach_of_record(record, limit))
        except BeatFlowError:
            return LOST

    def _reach_of_record(self, record: Record, limit: int) -> Reach:
        if record.entry.codec not in REBUILT:
            return LOST if record.entry.flags & Flag.DEPENDS else ALONE
        reach = read_reach(record)
        if reach.depth >= limit or any(
            self._reach_of(ChunkRef(id, 0), reach.depth).depth >= reach.depth for id in record.dependencies
        ):
            raise DamagedError("what it is predicted from is lost")
        return reach

    def add_path(
        self, path: Path, progress: Progress | None = None, advisor: "Advisor | None" = None
    ) -> Stored:
        """Add one file as it stands now.

        Parameters
        ----------
        path : Path
        progress : callable, optional
            Called with the bytes read since the last call.
        advisor : Advisor, optional
            Knows what the file may be predicted from.

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
                stored = self._add(_Bounded(file, before.size), progress, advisor)
                after = _signature(os.fstat(file.fileno()))
            if before == after == _signature(path.stat()) and stored.size == before.size:
                return stored
            self._rollback(mark)
        raise ConflictError(f"{path} changes while it is being read", "stop what is writing it and try again")

    def add_stream(self, stream: Readable, progress: Progress | None = None) -> Stored:
        """Add all that a binary stream gives."""
        return self._add(stream, progress, None)

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
        self._packs.write_index(self._temporary)
        self.discard()
        return name

    def discard(self) -> None:
        """Forget everything added since the last `publish`."""
        if "_pool" in self.__dict__:
            self._pool.shutdown(cancel_futures=True)
            del self._pool
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        self._new.clear()
        self._reused.clear()
        self._manifests.clear()
        self._reaches.clear()

    def _add(self, stream: Readable, progress: Progress | None, advisor: "Advisor | None") -> Stored:
        mark = self._mark()
        try:
            return self._store(stream, progress, advisor, mark)
        except BaseException:
            self._rollback(mark)
            raise

    def _store(
        self, stream: Readable, progress: Progress | None, advisor: "Advisor | None", mark: _Mark
    ) -> Stored:
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
        with closing(self._code(_runs(pieces(read), _RUN_PIECES if advisor else 1), advisor)) as coded:
            for item in coded:
                self._keep(item)
                refs.append((item.layout, item.ref))
        healed = len(self._new) > mark.new
        manifest = build_manifest(refs)
        self._manifests[whole.hexdigest()] = manifest
        if self._keep_manifest(whole.digest(), manifest) or healed:
            return Stored(whole.hexdigest(), size, self._position - start)
        self._rollback(mark)
        return Stored(whole.hexdigest(), size, 0)

    def _code(self, runs: Iterator[_Run], advisor: "Advisor | None") -> Generator[_Coded, None, None]:
        """Hash, look up and encode runs on the threads; give their chunks back in order, few runs at a time."""
        from beatflow.objects.ahead import work_ahead

        coded = work_ahead(self._pool, 2 * self._workers, lambda run: self._encode(run, advisor), runs)
        with closing(coded):
            for _, chunks in coded:
                yield from chunks

    def _encode(self, run: _Run, advisor: "Advisor | None") -> list[_Coded]:
        refs = [ChunkRef(sha256(data), len(data)) for data in run.pieces]
        known = [self._packs.find(Kind.CHUNK, ref.id) is not None for ref in refs]
        stored = [
            (Kind.CHUNK, ref.id) in self._new or (there and self._is_sound(ref.id))
            for ref, there in zip(refs, known, strict=True)
        ]
        new = stored.count(False)
        # Where little of a run is new, as around a cut, looking for what explains it costs more than it saves.
        few = new <= _FEW_PIECES and 2 * new < len(refs)
        coder = _open_coder(run.layout, advisor, few) if new and run.layout else None
        coded = []
        passed = []
        at = run.start
        for ref, data, there, is_stored in zip(refs, run.pieces, known, stored, strict=True):
            frame = at // run.layout.frame_bytes if run.layout else 0
            record = None
            if is_stored:
                passed.append((frame, ref))
            elif coder is None:
                record = _code_bytes(ref, data)
            else:
                # What heals a damaged chunk must stand alone: others may be predicted from it.
                record = coder.code(frame, ref, data, passed, plainly=there)
            coded.append(_Coded(run.layout, ref, record))
            at += len(data)
        return coded

    def _is_sound(self, id: bytes) -> bool:
        """Say whether a chunk can be read as far as checksums tell; one that is damaged, or lost with what it is
        predicted from, is written again.
        """
        return self._reach_of(ChunkRef(id, 0)) != LOST

    def _keep(self, item: _Coded) -> None:
        if item.record is not None:
            needed = read_dependencies(item.record.flags, item.record.payload)
            self._reused.update(id for id in needed if (Kind.CHUNK, id) not in self._new)
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
        if record.kind == Kind.CHUNK:
            predicted = record.codec in REBUILT
            self._reaches[record.id] = Reach(*record.parameters[2:4]) if predicted else ALONE
        self._new[key] = None

    @property
    def _position(self) -> int:
        return self._writer.position if self._writer else 0

    def _mark(self) -> _Mark:
        writer = self._writer.mark() if self._writer else None
        return _Mark(writer, len(self._new), len(self._manifests))

    def _rollback(self, mark: _Mark) -> None:
        while len(self._new) > mark.new:
            (kind, id), _ = self._new.popitem()
            if kind == Kind.CHUNK:
                self._reaches.pop(id, None)
        while len(self._manifests) > mark.manifests:
            self._manifests.popitem()
        if self._writer is None:
            return
        if mark.writer is None:
            self._writer.discard()
            self._writer = None
        else:
            self._writer.rollback(mark.writer)


def _open_coder(layout: Layout, advisor: "Advisor | None", few: bool) -> "RunCoder":
    """Begin to code a run; not before something in it is new, since this loads numpy and the codecs."""
    from beatflow.objects.coding import RunCoder

    guide = advisor.guide(layout) if advisor and not few else None
    return RunCoder(layout, guide, renderer=advisor.renderer(layout) if advisor else None)


def _code_bytes(ref: ChunkRef, data: bytes) -> NewRecord:
    from beatflow.objects.plain import encode_bytes

    found = encode_bytes(data)
    return NewRecord(Kind.CHUNK, ref.id, found.codec, 0, found.parameters, len(data), found.payload)


def _runs(found: Iterator["Piece"], longest: int) -> Iterator[_Run]:
    """Join pieces of the same layout into runs."""
    run: _Run | None = None
    at = 0
    for piece in found:
        same = run is not None and piece.layout == run.layout
        if run is not None and (not same or len(run.pieces) == longest):
            yield run
            run = None
        at = at if same else 0
        if run is None:
            run = _Run(piece.layout, at, [])
        run.pieces.append(piece.data)
        at += len(piece.data)
    if run is not None:
        yield run


def _manifest_record(id: bytes, raw: bytes) -> NewRecord:
    """Return a manifest's record: as it is, for quick commands to read, unless it repeats itself a lot."""
    from beatflow.objects.plain import NO_PARAMETERS, Encoded, encode_bytes

    found = encode_bytes(raw)
    if len(found.payload) > len(raw) // 2:
        found = Encoded(Codec.NONE, NO_PARAMETERS, raw)
    return NewRecord(Kind.MANIFEST, id, found.codec, 0, found.parameters, len(raw), found.payload)
