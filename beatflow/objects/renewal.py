"""Writes the sounds of a store anew, into packs that lie beside the old ones until all of them is proved.

Knows packs, manifests and codecs; in which order to come, and what each may be predicted from, is said by the caller. A
chunk is only ever predicted from what was written before it, so that nothing leads round in a circle. Until `publish`
the store is as it was; then every new pack is durable before any old one goes.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.care import copy_of
from beatflow.objects.collection import MAX_PACK_BYTES, MAX_PACK_RECORDS, remove_packs
from beatflow.objects.durable import publish_file, temporary_name
from beatflow.objects.ids import parse_oid
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.pack import MUST_KNOW, PACK_SUFFIX, REBUILT, Codec, Flag, Kind, Record
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.reach import ALONE, LOST, MAX_DEPTH, Reach
from beatflow.objects.reading import ChunkReader, iter_verified, open_manifest
from beatflow.objects.threads import Threads

if TYPE_CHECKING:
    from beatflow.objects.prediction import Advisor, Guide
    from beatflow.objects.sources import SourceFile

# FLAC's level 8.
_LEVEL = 1.0
_RUN_CHUNKS = 8
# A sound is predicted from its former version and a dozen others: what is at hand of them need not be decoded again.
_CACHE_BYTES = 32 * 1024 * 1024

Progress = Callable[[int], None]


class _Run(NamedTuple):
    """Chunks that follow each other in one region, and the frame of it at which they begin."""

    layout: Layout | None
    frame: int
    refs: tuple[ChunkRef, ...]


class Renewal:
    """Sounds being written anew, to be used as a context; leaving it without `publish` changes nothing.

    Parameters
    ----------
    packs : PackSet
        The store's.
    temporary : Path
        Folder for unfinished files, beside that of the packs. Nobody else may put packs there meanwhile.
    workers : int
        Threads to code on.
    """

    def __init__(self, packs: PackSet, temporary: Path, workers: int) -> None:
        self._packs = packs
        self._reader = ChunkReader(packs, _CACHE_BYTES)
        self._temporary = temporary
        self._workers = workers
        self._writer: PackWriter | None = None
        self._written: dict[str, int] = {}
        self._reaches: dict[bytes, Reach] = {}
        # The few reaches that there are, each once.
        self._known_reaches: dict[Reach, Reach] = {}
        self._manifests: dict[bytes, Manifest] = {}
        self._whole: dict[str, None] = {}
        self._partial: set[bytes] = set()
        self._pool = Threads(workers, "beatflow-renew")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def __contains__(self, oid: str) -> bool:
        """Whether all of a file has been written anew."""
        return oid in self._whole

    @property
    def size(self) -> int:
        """Bytes of what has been written so far."""
        return sum(self._written.values()) + (self._writer.position if self._writer else 0)

    def source(self, oid: str, path: Path | None = None) -> "SourceFile | None":
        """Return a file that was written anew, to predict others from; None for any other."""
        from beatflow.objects.sources import SourceFile

        if oid not in self._whole:
            return None
        return SourceFile(self._manifest(parse_oid(oid)), self._reader, self._reach_of, path)

    def add(self, oid: str, advisor: "Advisor | None" = None, progress: Progress | None = None) -> None:
        """Write what is new of one stored file, and its manifest; what cannot be read is passed over.

        Parameters
        ----------
        oid : str
        advisor : Advisor, optional
            Knows what it may be predicted from.
        progress : callable, optional
            Called with the bytes of chunks coded since the last call, those that were written before left out.

        Raises
        ------
        DamagedError
            Its manifest cannot be read.
        """
        if oid in self._whole or self._packs.find(Kind.MANIFEST, parse_oid(oid)) is None:
            return
        manifest = self._manifest(parse_oid(oid))
        with closing(self._code(_runs(manifest), advisor)) as coded:
            for ref, record in coded:
                if ref.id in self._reaches:
                    continue
                if record is not None:
                    self._write(record)
                if progress:
                    progress(ref.length)
        if all(ref.id in self._reaches for ref in manifest.chunks):
            self._write(self._packs.read(Kind.MANIFEST, parse_oid(oid), copy_of))
            self._whole[oid] = None
        else:
            self._partial.update(ref.id for ref in manifest.chunks)

    def prove(self, progress: Progress | None = None) -> None:
        """Put every file together from the new packs alone and compare it with its oid.

        Parameters
        ----------
        progress : callable, optional
            Called with the bytes put together since the last call.

        Raises
        ------
        DamagedError
            One is not what it was; a bug, or memory or disk that cannot be relied on.
        """
        self._finish()
        # What is at hand of the old packs is not needed any more.
        self._reader = ChunkReader(self._packs, 0)
        packs = PackSet(self._temporary)
        reader = ChunkReader(packs, _CACHE_BYTES)
        for oid in self._whole:
            for data in iter_verified(packs, oid, self._workers, reader):
                if progress:
                    progress(len(data))
        for id in sorted(self._partial & self._reaches.keys()):
            entry = packs.find(Kind.CHUNK, id)
            if entry is None:
                raise DamagedError(f"{id.hex()} is missing from the new packs")
            reader.read(ChunkRef(id, entry.raw_length))

    def count_after(self, keep: Iterable[str]) -> int:
        """Return how many bytes the store will have, with the old packs that have to stay."""
        self._finish()
        stay = self._find_staying(keep)
        old = {pack.name: pack.size for pack in self._packs.current() if pack.name in stay}
        return sum((old | self._written).values())

    def publish(self, keep: Iterable[str]) -> None:
        """Put the new packs in the place of the old ones.

        What this version cannot read (kinds and codecs that it does not know, damage) stays exactly where it is, with
        all packs that it needs.
        """
        self._finish()
        stay = self._find_staying(keep) | self._written.keys()
        gone = [pack for pack in self._packs.packs if pack.name not in stay]
        # In the order of writing: each depends on those before it alone.
        for name in self._written:
            path = self._path_of(name)
            publish_file(path, self._packs.folder / path.name)
        self._written.clear()
        remove_packs(self._packs, gone)
        self._packs.write_index(self._temporary)

    def discard(self) -> None:
        """Remove all that was not published."""
        self._pool.shutdown(cancel=True)
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        for name in self._written:
            self._path_of(name).unlink(missing_ok=True)
        self._written.clear()

    # Coding ---------------------------------------------------------------------------------------------

    def _code(
        self, runs: Iterator[_Run], advisor: "Advisor | None"
    ) -> Generator[tuple[ChunkRef, NewRecord | None], None, None]:
        """Code runs on the threads; give the records of what is new back in order, few runs at a time."""
        new = (run for run in runs if not all(ref.id in self._reaches for ref in run.refs))
        coded = work_ahead(self._pool, 2 * self._workers, lambda run: self._code_run(run, advisor), new)
        with closing(coded):
            for _, records in coded:
                yield from records

    def _code_run(self, run: _Run, advisor: "Advisor | None") -> list[tuple[ChunkRef, NewRecord | None]]:
        from beatflow.objects.coding import RunCoder

        guide: Guide | None = advisor.guide(run.layout) if advisor and run.layout else None
        renderer = advisor.renderer(run.layout) if advisor and run.layout else None
        coder = RunCoder(run.layout, guide, _LEVEL, renderer)
        coded: list[tuple[ChunkRef, NewRecord | None]] = []
        passed = []
        frame = run.frame
        for ref in run.refs:
            if ref.id in self._reaches:
                passed.append((frame, ref))
            else:
                try:
                    raw = self._reader.read(ref, keep=True)
                except BeatFlowError:
                    coded.append((ref, None))
                else:
                    record = coder.code(frame, ref, raw, passed)
                    coded.append((ref, self._choose(ref, record)))
            frame += ref.length // run.layout.frame_bytes if run.layout else 0
        return coded

    def _choose(self, ref: ChunkRef, record: NewRecord) -> NewRecord:
        """Return what is smaller: a new record, or the one that is there."""
        try:
            former = self._packs.read(Kind.CHUNK, ref.id, self._keep)
        except BeatFlowError:
            return record
        return former if len(former.payload) <= len(record.payload) else record

    def _keep(self, record: Record) -> NewRecord:
        """Return a record that is there, its reach brought up to date, if all that it needs has been written anew."""
        entry, copy = record.entry, copy_of(record)
        if entry.flags & MUST_KNOW or entry.codec not in Codec.__members__.values():
            raise DamagedError("it cannot be read")
        if entry.codec not in REBUILT:
            if entry.flags & Flag.DEPENDS:
                raise DamagedError("it cannot be read")
            return copy
        reaches = [self._reaches.get(id, LOST) for id in record.dependencies]
        depth = 1 + max(reach.depth for reach in reaches)
        cost = 1 + max(reach.cost for reach in reaches)
        if depth > MAX_DEPTH or cost > 255:
            raise DamagedError("what it needs is not there")
        form, channels, _, former_cost = record.parameters
        return copy._replace(parameters=bytes((form, channels, depth, max(cost, former_cost))))

    def _write(self, record: NewRecord) -> None:
        if self._writer is None:
            self._writer = PackWriter(temporary_name(self._temporary, PACK_SUFFIX))
        self._writer.add(record)
        if record.kind == Kind.CHUNK:
            predicted = record.codec in REBUILT
            reach = Reach(*record.parameters[2:4]) if predicted else ALONE
            self._reaches[record.id] = self._known_reaches.setdefault(reach, reach)
        if self._writer.position > MAX_PACK_BYTES or len(self._writer) > MAX_PACK_RECORDS:
            self._finish()

    def _finish(self) -> None:
        """Bring the pack being written to its end, under its name, in the folder for unfinished files."""
        if self._writer is None:
            return
        name = self._writer.finish()
        self._written[name] = self._writer.position
        self._writer.path.replace(self._path_of(name))
        self._writer = None

    def _path_of(self, name: str) -> Path:
        return self._temporary / f"{name}{PACK_SUFFIX}"

    def _reach_of(self, ref: ChunkRef) -> Reach:
        return self._reaches.get(ref.id, LOST)

    def _manifest(self, id: bytes) -> Manifest:
        return self._packs.read(Kind.MANIFEST, id, open_manifest)

    # What stays -----------------------------------------------------------------------------------------

    def _find_staying(self, keep: Iterable[str]) -> set[str]:
        """Return the names of the old packs that hold something needed that was not written anew."""
        packs = self._packs.current()
        stay = {pack.name for pack in packs if pack.rebuilt}
        waiting: list[bytes] = []
        for oid in keep:
            id = parse_oid(oid)
            if oid in self._whole or self._packs.find(Kind.MANIFEST, id) is None:
                continue
            stay |= {pack.name for pack, _ in self._packs.locations(Kind.MANIFEST, id)}
            waiting += [ref.id for ref in self._manifest(id).chunks if ref.id not in self._reaches]
        for pack in packs:
            found = list(_iter_unknown(pack))
            if found:
                stay.add(pack.name)
                waiting += found
        return stay | self._find_needed(waiting)

    def _find_needed(self, ids: Iterable[bytes]) -> set[str]:
        """Return the names of all packs with some chunks, or with what those are predicted from, in turn."""
        names = set()
        waiting, seen = list(ids), set()
        while waiting:
            id = waiting.pop()
            if id in seen:
                continue
            seen.add(id)
            for pack, entry in self._packs.locations(Kind.CHUNK, id):
                names.add(pack.name)
                if entry.flags & Flag.DEPENDS:
                    with suppress(DamagedError):
                        waiting += pack.read(entry).dependencies
        return names


def _iter_unknown(pack: Pack) -> Iterator[bytes]:
    """Yield the chunks on which records of unknown kinds depend; an empty id for such a record that needs none."""
    for entry in pack.directory:
        if entry.kind not in Kind.__members__.values():
            found = pack.read(entry).dependencies if entry.flags & Flag.DEPENDS else ()
            yield from found or (b"",)


def _runs(manifest: Manifest) -> Iterator[_Run]:
    for region in manifest.regions:
        frame = 0
        for at in range(0, len(region.chunks), _RUN_CHUNKS):
            refs = region.chunks[at : at + _RUN_CHUNKS]
            yield _Run(region.layout, frame, refs)
            if region.layout:
                frame += sum(ref.length for ref in refs) // region.layout.frame_bytes
