"""Adds files to a store: cut, look up, encode what is new on threads, write one pack, publish it whole.

Knows packs and manifests. Nothing is visible to anybody until `publish`; until then all of it is one file in the
store's ``tmp``. What cuts and codes is imported when the first file is added: most changes are of no sound.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from beatflow.errors import ConflictError, DamagedError
from beatflow.objects.durable import publish_file, temporary_name
from beatflow.objects.ids import parse_oid
from beatflow.objects.pack import PACK_SUFFIX, REBUILT, Codec, Kind, read_dependencies
from beatflow.objects.packset import PackSet

if TYPE_CHECKING:
    from beatflow.objects.intake import Buffers, FileReading, Progress, Readable
    from beatflow.objects.manifest import Manifest
    from beatflow.objects.packwriter import Mark, NewRecord, PackWriter
    from beatflow.objects.prediction import Advisor
    from beatflow.objects.reading import ChunkReader
    from beatflow.objects.runs import Coded, LookUps
    from beatflow.objects.sources import SourceFile
    from beatflow.objects.standing import Standings
    from beatflow.objects.threads import Threads


class Stored(NamedTuple):
    """One file that was added: `new_bytes` is what it adds to the store on disk."""

    oid: str
    size: int
    new_bytes: int


class _Mark:
    """A point in a batch to go back to."""

    # For a named tuple typing would compile the annotation, and Python takes 2 ms to be ready for that.
    def __init__(self, writer: "Mark | None", new: int, manifests: int) -> None:
        self.writer = writer
        self.new = new
        self.manifests = manifests


class _Opened:
    """A file that is being read."""

    def __init__(self, reading: "FileReading", lookups: "LookUps") -> None:
        self.reading = reading
        self.lookups = lookups

    def close(self) -> None:
        self.lookups.close()
        self.reading.close()


class Batch:
    """Files being added together; they become readable at once, by `publish`, or not at all.

    Leaving the ``with`` block without `publish` discards everything. One thread may use a batch at a time.
    """

    def __init__(
        self, packs: PackSet, open_reader: "Callable[[], ChunkReader]", temporary: Path, workers: int
    ) -> None:
        self._packs = packs
        self._open_reader = open_reader
        self._temporary = temporary
        self._workers = workers
        self._writer: PackWriter | None = None
        # In the order of writing, so that a roll-back can take the last ones off.
        self._new: dict[tuple[int, bytes], None] = {}
        # Records of the store that what is added needs there.
        self._reused: set[tuple[int, bytes]] = set()
        self._losses = packs.losses
        self._manifests: dict[str, Manifest] = {}
        # What `add_path` was told to read next.
        self._following: _Opened | None = None

    @cached_property
    def _buffers(self) -> "Buffers":
        from beatflow.objects.intake import Buffers

        return Buffers()

    @cached_property
    def _standings(self) -> "Standings":
        from beatflow.objects.standing import Standings

        return Standings(self._packs, self._buffers)

    @cached_property
    def _pool(self) -> "Threads":
        from beatflow.objects.threads import Threads

        return Threads(self._workers, "beatflow-encode")

    @cached_property
    def _reader_pool(self) -> "Threads":
        from beatflow.objects.threads import Threads

        return Threads(1, "beatflow-read")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def __contains__(self, oid: str) -> bool:
        """Whether a file was added to this batch and was new to the store."""
        return (Kind.MANIFEST, parse_oid(oid)) in self._new

    def holds(self, oid: str) -> bool:
        """Say whether the store has all of a file, as far as checksums tell: then there is nothing to add."""
        id = parse_oid(oid)
        manifest = self._known_manifest(id)
        if manifest is None:
            return False
        ids = [ref.id for ref in manifest.chunks]
        if not all(standing.is_sound for standing in self._standings.judge(ids)):
            return False
        self._reused.add((Kind.MANIFEST, id))
        self._reused.update((Kind.CHUNK, id) for id in ids)
        return True

    def source(self, oid: str, path: Path | None = None) -> "SourceFile | None":
        """Return a stored file, or one of this batch, to predict others from; None where neither has it.

        Parameters
        ----------
        oid : str
        path : Path, optional
            Where the same file lies. Without it nothing can be predicted from what this batch has added.
        """
        from beatflow.objects.reading import read_manifest
        from beatflow.objects.sources import SourceFile

        manifest = self._manifests.get(oid)
        try:
            manifest = manifest or read_manifest(self._packs, parse_oid(oid))
        except DamagedError:
            return None
        return SourceFile(manifest, self._open_reader(), self._standings.along(manifest.chunks), path)

    def add_path(
        self,
        path: Path,
        progress: "Progress | None" = None,
        advisor: "Advisor | None" = None,
        following: Path | None = None,
    ) -> Stored:
        """Add one file as it stands now.

        Parameters
        ----------
        path : Path
        progress : callable, optional
            Called with the bytes read since the last call.
        advisor : Advisor, optional
            Knows what the file may be predicted from.
        following : Path, optional
            The file that is likely to be added next: it is read while the last of this one are coded.

        Raises
        ------
        ConflictError
            The file changed while it was read, twice in a row.
        OSError
            It cannot be read, or the store cannot be written.
        """
        for _ in range(2):
            mark = self._mark()
            with self._read(path, following) as opened:
                opened.lookups.intake.tell(progress)
                stored = self._add(opened.lookups, advisor)
                if opened.reading.is_what_it_was():
                    return stored
            self._rollback(mark)
        raise ConflictError(f"{path} changes while it is being read", "stop what is writing it and try again")

    def add_stream(self, stream: "Readable", progress: "Progress | None" = None) -> Stored:
        """Add all that a binary stream gives."""
        from beatflow.objects.intake import Intake, StreamReading
        from beatflow.objects.runs import LookUps

        intake = Intake(StreamReading(stream, self._buffers))
        intake.tell(progress)
        return self._add(LookUps(intake, self._pool, self._standings.judge), None)

    @contextmanager
    def _read(self, path: Path, following: Path | None) -> "Iterator[_Opened]":
        """Begin to read a file, and after it another, unless that was begun before."""
        opened, self._following = self._following, None
        if opened is not None and opened.reading.path != path:
            opened.close()
            opened = None
        opened = opened or self._open(path)
        if following:
            self._following = self._open(following)
        try:
            yield opened
        finally:
            opened.close()

    def _open(self, path: Path) -> _Opened:
        from beatflow.objects.intake import FileReading, Intake
        from beatflow.objects.runs import LookUps

        reading = FileReading(path, self._reader_pool, self._buffers)
        return _Opened(reading, LookUps(Intake(reading), self._pool, self._standings.judge))

    def _begin_following(self) -> None:
        if self._following is not None:
            self._following.lookups.begin()

    def _drop_following(self) -> None:
        if self._following is not None:
            self._following.close()
            self._following = None

    def publish(self) -> str | None:
        """Make everything added durable and readable; return the pack's name, None where nothing was new.

        Raises
        ------
        ConflictError
            The store was collected meanwhile and what this batch relies on is gone.
        """
        self._packs.rescan()
        # Looking something up may have listed the packs since one went.
        if self._packs.losses != self._losses and not all(self._packs.find(*key) for key in self._reused):
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
        self._drop_following()
        if "_reader_pool" in self.__dict__:
            self._reader_pool.shutdown(wait=False)
            del self._reader_pool
        if "_pool" in self.__dict__:
            self._pool.shutdown(cancel=True)
            del self._pool
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        self._new.clear()
        self._reused.clear()
        self._losses = self._packs.losses
        self._manifests.clear()
        self.__dict__.pop("_standings", None)

    def _add(self, lookups: "LookUps", advisor: "Advisor | None") -> Stored:
        mark = self._mark()
        try:
            return self._store(lookups, advisor, mark)
        except BaseException:
            self._rollback(mark)
            raise

    def _store(self, lookups: "LookUps", advisor: "Advisor | None", mark: _Mark) -> Stored:
        """Write what is new of one file: its chunks in the order of the file, then its manifest."""
        from beatflow.objects.manifest import build_manifest
        from beatflow.objects.runs import ChunkCoder

        start = self._position
        refs = []
        coder = ChunkCoder(self._pool, 2 * self._workers, self._is_written, advisor)
        with closing(coder.code(lookups, self._begin_following)) as coded:
            for item in coded:
                self._keep(item)
                refs.append((item.layout, item.ref))
        healed = len(self._new) > mark.new
        manifest = build_manifest(refs)
        intake = lookups.intake
        id = intake.digest()
        self._manifests[id.hex()] = manifest
        if self._keep_manifest(id, manifest) or healed:
            return Stored(id.hex(), intake.size, self._position - start)
        self._rollback(mark)
        return Stored(id.hex(), intake.size, 0)

    def _is_written(self, id: bytes) -> bool:
        return (Kind.CHUNK, id) in self._new

    def _keep(self, item: "Coded") -> None:
        if item.record is not None:
            needed = read_dependencies(item.record.flags, item.record.payload)
            self._reused.update(key for id in needed if (key := (Kind.CHUNK, id)) not in self._new)
            self._write(item.record)
        elif (key := (Kind.CHUNK, item.ref.id)) not in self._new:
            self._reused.add(key)

    def _keep_manifest(self, id: bytes, manifest: "Manifest") -> bool:
        """Write the manifest unless it is there; return whether this file added anything of use."""
        if (Kind.MANIFEST, id) in self._new:
            return True
        known = self._known_manifest(id)
        is_whole = known is not None and all(self._packs.find(Kind.CHUNK, ref.id) for ref in known.chunks)
        if is_whole or known == manifest:
            self._reused.add((Kind.MANIFEST, id))
            return not is_whole
        from beatflow.objects.manifest import encode

        self._write(_manifest_record(id, encode(manifest)))
        return True

    def _known_manifest(self, id: bytes) -> "Manifest | None":
        from beatflow.objects.reading import read_manifest

        if self._packs.find(Kind.MANIFEST, id) is None:
            return None
        try:
            return read_manifest(self._packs, id)
        except DamagedError:
            # Adding the file again is how a damaged manifest is healed.
            return None

    def _write(self, record: "NewRecord") -> None:
        from beatflow.objects.reach import ALONE, Reach

        key = (record.kind, record.id)
        if key in self._new:
            return
        if self._writer is None:
            from beatflow.objects.packwriter import PackWriter

            self._writer = PackWriter(temporary_name(self._temporary, PACK_SUFFIX))
        self._writer.add(record)
        if record.kind == Kind.CHUNK:
            predicted = record.codec in REBUILT
            self._standings.note(record.id, Reach(*record.parameters[2:4]) if predicted else ALONE)
        self._new[key] = None

    @property
    def _position(self) -> int:
        return self._writer.position if self._writer else 0

    def _mark(self) -> _Mark:
        writer = self._writer.mark() if self._writer else None
        return _Mark(writer, len(self._new), len(self._manifests))

    def _rollback(self, mark: _Mark) -> None:
        if len(self._new) > mark.new:
            # Its look-up may have found sound what is mended by what is taken back.
            self._drop_following()
        while len(self._new) > mark.new:
            (kind, id), _ = self._new.popitem()
            if kind == Kind.CHUNK:
                self._standings.forget(id)
        while len(self._manifests) > mark.manifests:
            self._manifests.popitem()
        if self._writer is None:
            return
        if mark.writer is None:
            self._writer.discard()
            self._writer = None
        else:
            self._writer.rollback(mark.writer)


def _manifest_record(id: bytes, raw: bytes) -> "NewRecord":
    """Return a manifest's record: as it is, for quick commands to read, unless it repeats itself a lot."""
    from beatflow.objects.packwriter import NewRecord
    from beatflow.objects.plain import NO_PARAMETERS, Encoded, encode_bytes

    found = encode_bytes(raw)
    if len(found.payload) > len(raw) // 2:
        found = Encoded(Codec.NONE, NO_PARAMETERS, raw)
    return NewRecord(Kind.MANIFEST, id, found.codec, 0, found.parameters, len(raw), found.payload)
