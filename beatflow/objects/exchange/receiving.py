"""Brings the sounds that a store lacks over from a shelf: only missing chunks, in groups that are whole by themselves.

Knows packs, manifests and shelves; who holds the store's lock, and where unfinished files lie, it is told. Nothing of
a group is in the store before all of it is proved; then it stays, whatever becomes of the rest.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.care import copy_of
from beatflow.objects.durable import make_directory, publish_file, temporary_name
from beatflow.objects.exchange.assembly import Proof, verify_parts
from beatflow.objects.exchange.catalogue import STREAMS, Catalogue, Spot
from beatflow.objects.exchange.links import Link
from beatflow.objects.exchange.need import Closure, Presence
from beatflow.objects.exchange.proving import Arrivals, check_known, prove_chunks
from beatflow.objects.exchange.span import Span
from beatflow.objects.exchange.wholeness import Wholeness
from beatflow.objects.manifest import MAX_CHUNK_BYTES, ChunkRef, Manifest
from beatflow.objects.pack import PACK_SUFFIX, RECORD_HEAD_BYTES, Entry, Kind, Record
from beatflow.objects.packset import PackSet
from beatflow.objects.packwriter import PackWriter
from beatflow.objects.pointer import Pointer
from beatflow.objects.pool import Pool
from beatflow.objects.reading import ChunkReader
from beatflow.objects.threads import Threads

GROUP_BYTES = 32 * 1024 * 1024
"""Of records that are proved and published together: what is lost when a fetch is killed, and what lies in memory."""
# The first groups are smaller, so that something stays of a fetch that is killed soon, again and again.
_FIRST_BYTES = 2 * 1024 * 1024

Progress = Callable[[int], None]
Hold = Callable[[], AbstractContextManager[object]]
"""Holds the store's lock for a ``with`` block."""


@dataclass
class _Group:
    """Chunks that come together, sources first; the parts of files, and the files, that are whole with them."""

    spots: list[Spot] = field(default_factory=list)
    parts: list[tuple[str, Manifest]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    bytes: int = 0


class Receiving:
    """What has to come so that a store has some files: planned, and then done by `run`.

    Parameters
    ----------
    catalogue : Catalogue
        Of the shelf; refreshed.
    packs : PackSet
        The store's.
    sounds : sequence of Pointer
    workers : int
        Threads for proving.

    Attributes
    ----------
    sounds, bytes : int
        How many files are not here whole, and how many bytes `run` will read.

    Raises
    ------
    NotFoundError
        The shelf does not have one of them.
    DamagedError
        A manifest, or what history says of a file, is not as it should be.
    """

    def __init__(self, catalogue: Catalogue, packs: PackSet, sounds: Sequence[Pointer], workers: int) -> None:
        self._catalogue = catalogue
        self._workers = workers
        self._packs = packs
        self._closure = Closure(self._is_here, self._sources_of)
        self._spots: dict[bytes, Spot] = {}
        self._here: set[bytes] = set()
        self._names = {pack.name for pack in packs.current()}
        self._groups = [_Group()]
        self._manifests: dict[str, Record] = {}
        # Of files whose chunks are in several groups, what was proved already.
        self._proofs: dict[str, Proof] = {}
        absent = list(Presence(packs).find_absent(sounds))
        if catalogue.damaged and Wholeness(catalogue).find_missing(absent):
            catalogue.salvage()
        self._plan(absent)
        spans = [span for group in self._groups for span in catalogue.spans(group.spots)]
        self.bytes = sum(span.length for span in spans)
        self.sounds = sum(len(group.files) for group in self._groups)

    # Planning -------------------------------------------------------------------------------------------

    def _plan(self, absent: Sequence[Pointer]) -> None:
        found = self._catalogue.find_manifests(absent)
        presence = Presence(self._packs)
        for pointer in absent:
            mine = presence.find_manifest(pointer.oid)
            if mine and self._can_fill(mine):
                # Its chunks are lost, not how they are put together.
                manifest = mine
            elif pointer.oid in found:
                manifest, self._manifests[pointer.oid] = found[pointer.oid]
            else:
                raise _missing(pointer.oid, self._catalogue)
            if manifest.size != pointer.size:
                raise DamagedError(
                    f"history says that sound {pointer.oid} has {pointer.size} bytes, and it has {manifest.size}"
                )
            self._plan_file(pointer.oid, manifest)

    def _can_fill(self, manifest: Manifest) -> bool:
        return all(
            self._packs.find(Kind.CHUNK, ref.id) or self._catalogue.find(Kind.CHUNK, ref.id)
            for ref in manifest.chunks
        )

    def _plan_file(self, oid: str, manifest: Manifest) -> None:
        group, start = self._groups[-1], 0
        for number, ref in enumerate(manifest.chunks):
            for id in self._closure.add(ref.id):
                self._put(self._spots[id])
            self._check_chunk(oid, ref)
            if group is not self._groups[-1]:
                group.parts.append((oid, manifest.part(start, number)))
                group, start = self._groups[-1], number
        group.parts.append((oid, manifest.part(start, len(manifest.chunks))))
        group.files.append(oid)

    def _check_chunk(self, oid: str, ref: ChunkRef) -> None:
        spot = self._spots.get(ref.id)
        entry = spot.entry if spot else self._packs.find(Kind.CHUNK, ref.id)
        if entry is None:
            raise _missing(oid, self._catalogue)
        if entry.raw_length != ref.length:
            raise DamagedError(f"sound {oid} names a chunk of {ref.length} bytes that has {entry.raw_length}")

    def _put(self, spot: Spot) -> None:
        _check_entry(spot.entry)
        length = RECORD_HEAD_BYTES + spot.entry.stored_length
        most = min(GROUP_BYTES, _FIRST_BYTES << len(self._groups))
        if self._groups[-1].bytes and self._groups[-1].bytes + length > most:
            self._groups.append(_Group())
        self._groups[-1].spots.append(spot)
        self._groups[-1].bytes += length

    def _is_here(self, id: bytes) -> bool:
        if self._packs.find(Kind.CHUNK, id) is None:
            return False
        self._here.add(id)
        return True

    def _sources_of(self, id: bytes) -> Sequence[bytes]:
        spot = self._catalogue.find(Kind.CHUNK, id)
        if spot is None:
            raise NotFoundError(
                f"{self._catalogue.shelf.address} lacks a part of a sound (chunk {id.hex()[:12]}…)",
                self._catalogue.shelf.remedy,
            )
        self._spots[id] = spot
        link: Link = self._catalogue.link(spot)
        return link.sources

    # Doing ----------------------------------------------------------------------------------------------

    def run(self, temporary: Path, hold: Hold, progress: Progress | None = None) -> int:
        """Bring them; return how many bytes were read.

        Parameters
        ----------
        temporary : Path
            An empty folder on the store's disk for unfinished files.
        hold : callable
            Called whenever something is published.
        progress : callable, optional
            Called with the bytes read since the last call, on this thread.

        Raises
        ------
        DamagedError
            Something is not what was asked for; it was not kept. Groups before it were.
        ConflictError
            The store was collected meanwhile.
        """
        read = 0
        with (
            Pool(STREAMS, "beatflow-fetch") as streams,
            Threads(self._workers, "beatflow-prove") as pool,
            closing(self._fetch(streams)) as fetched,
        ):
            store = _Store(self._packs, temporary, hold, pool, 2 * self._workers)
            for group in self._groups:
                arrivals = Arrivals(self._packs)
                try:
                    for span in self._catalogue.spans(group.spots):
                        for record in next(fetched):
                            check_known(record)
                            arrivals.add(record)
                        read += span.length
                        if progress:
                            progress(span.length)
                except BaseException:
                    with suppress(BeatFlowError, OSError):
                        self._rescue(store, group, arrivals)
                    raise
                try:
                    self._settle(store, group, arrivals)
                except DamagedError:
                    # What is wrong may be that something is gone from here.
                    self._check_here()
                    raise
        return read

    def _fetch(self, streams: Pool) -> Generator[list[Record], None, None]:
        """Yield the records of all groups, span by span, while those that follow are under way."""
        spans: Iterator[Span[Entry]] = (
            span for group in self._groups for span in self._catalogue.spans(group.spots)
        )
        ahead = work_ahead(streams, STREAMS, self._catalogue.read_span, spans)
        with closing(ahead):
            for _, records in ahead:
                yield records

    def _settle(self, store: "_Store", group: _Group, arrivals: Arrivals) -> None:
        """Prove a group and publish it."""
        order = [spot.entry.id for spot in group.spots]
        arrivals.fit(order, ChunkReader(arrivals))
        proved = self._prove_files(store, group, arrivals)
        rest = [ChunkRef(*_key(spot)) for spot in group.spots if spot.entry.id not in proved]
        for _, error in prove_chunks(ChunkReader(arrivals), rest, store.pool, store.window):
            if error:
                raise DamagedError(
                    f"a sound from {self._catalogue.shelf.address} is damaged: {error.message}",
                    self._catalogue.shelf.remedy,
                )
        manifests = [self._manifests[oid] for oid in group.files if oid in self._manifests]
        self._publish(store, arrivals, order, manifests)

    def _prove_files(self, store: "_Store", group: _Group, arrivals: Arrivals) -> set[bytes]:
        """Prove what there is of files by now; return the ids of the chunks in that."""
        parts = [(self._proofs.setdefault(oid, Proof(oid)), part) for oid, part in group.parts]
        verify_parts(arrivals, parts, store.pool, store.window)
        for oid in group.files:
            if not self._proofs.pop(oid).holds:
                raise DamagedError(f"sound {oid} is damaged: its parts do not make the whole")
        return {ref.id for _, part in group.parts for ref in part.chunks}

    def _rescue(self, store: "_Store", group: _Group, arrivals: Arrivals) -> None:
        """Keep what has come of a group and can be read by itself, so that it need not travel again."""
        order = [spot.entry.id for spot in group.spots if spot.entry.id in arrivals]
        for id in order:
            try:
                arrivals.fit([id], ChunkReader(arrivals))
            except BeatFlowError:
                arrivals.drop(id)
        refs = [ChunkRef(*_key(spot)) for spot in group.spots if spot.entry.id in arrivals]
        for ref, error in list(prove_chunks(ChunkReader(arrivals), refs, store.pool, store.window)):
            if error:
                arrivals.drop(ref.id)
        self._publish(store, arrivals, order, ())

    def _publish(
        self, store: "_Store", arrivals: Arrivals, order: Iterable[bytes], manifests: Sequence[Record]
    ) -> None:
        if not len(arrivals) and not manifests:
            return
        with PackFile(store.temporary) as pack:
            for record in arrivals.records(order):
                pack.writer.add(record)
            for manifest in manifests:
                pack.writer.add(copy_of(manifest))
            with store.hold():
                self._check_here()
                self._names.add(pack.publish(self._packs))
        self._here.update(id for id in order if id in arrivals)

    def _check_here(self) -> None:
        """Raise if the store was collected since, and what this relies on is gone."""
        names = {pack.name for pack in self._packs.current()}
        if not self._names <= names and not all(self._packs.find(Kind.CHUNK, id) for id in self._here):
            raise ConflictError("the store was cleaned up in the middle of this", "run the command again")


@dataclass(frozen=True)
class _Store:
    """Where things go to, and the threads to prove them on."""

    packs: PackSet
    temporary: Path
    hold: Hold
    pool: Threads
    window: int


class PackFile:
    """A pack being written in a folder of its own; gone at the end of the ``with`` block unless it was published."""

    def __init__(self, temporary: Path) -> None:
        self.writer = PackWriter(temporary_name(temporary, PACK_SUFFIX))

    def __enter__(self) -> "PackFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.writer.discard()

    def publish(self, packs: PackSet) -> str:
        """Give it its name among a store's packs, durably; only for who holds the lock. Return the name."""
        name = self.writer.finish()
        publish_file(self.writer.path, packs.folder / f"{name}{PACK_SUFFIX}")
        temporary = packs.folder.parent / "tmp"
        make_directory(temporary)
        packs.write_index(temporary)
        return name


def _key(spot: Spot) -> tuple[bytes, int]:
    return spot.entry.id, spot.entry.raw_length


def _check_entry(entry: Entry) -> None:
    if not 0 < entry.raw_length <= MAX_CHUNK_BYTES or entry.stored_length > 2 * MAX_CHUNK_BYTES:
        raise DamagedError(f"a chunk of {entry.raw_length} bytes in {entry.stored_length}")


def _missing(oid: str, catalogue: Catalogue) -> NotFoundError:
    why = ""
    if catalogue.damaged:
        why = f" ({len(catalogue.damaged)} damaged packs there, {next(iter(catalogue.damaged))[:12]}… the first)"
    return NotFoundError(
        f"{catalogue.shelf.address} does not have sound {oid}{why}",
        catalogue.shelf.remedy,
    )
