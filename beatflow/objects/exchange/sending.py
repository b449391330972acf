"""Makes packs of just what a catalogue lacks of some files, and hands them over.

Knows packs and manifests; not where the packs go. What a chunk is predicted from goes before it or with it, and
manifests go last of all, so that whoever finds a file's manifest finds all of the file.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from beatflow.errors import DamagedError, NotFoundError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.care import copy_of
from beatflow.objects.durable import temporary_name
from beatflow.objects.exchange.catalogue import Catalogue
from beatflow.objects.exchange.links import NO_LINK, Link, encode_links, link_of
from beatflow.objects.exchange.need import Closure
from beatflow.objects.exchange.proving import fit_reach, stand_alone
from beatflow.objects.exchange.wholeness import Wholeness
from beatflow.objects.ids import parse_oid
from beatflow.objects.pack import (
    ENTRY_BYTES,
    PACK_HEAD_BYTES,
    PACK_SUFFIX,
    RECORD_HEAD_BYTES,
    TRAILER_BYTES,
    Flag,
    Kind,
    Record,
)
from beatflow.objects.packset import PackSet
from beatflow.objects.packwriter import PackWriter
from beatflow.objects.pointer import Pointer
from beatflow.objects.pool import Pool
from beatflow.objects.reach import ALONE, MAX_DEPTH, Reach
from beatflow.objects.reading import ChunkReader, read_manifest, read_reach

PARCEL_BYTES = 64 * 1024 * 1024
"""Of records in one pack: what a broken push has to send again, and what lies on the disk meanwhile, times three."""
_UPLOADS = 2

Progress = Callable[[int], None]
Put = Callable[[str, Path, Progress], object]
"""Hands over a pack, given its name and where it lies; returns once the other side surely has it."""


@dataclass
class _Parcel:
    """What goes into one pack, and how long its record is."""

    chunks: list[bytes] = field(default_factory=list)
    manifests: list[bytes] = field(default_factory=list)
    links: dict[bytes, Link] = field(default_factory=dict)
    bytes: int = PACK_HEAD_BYTES + TRAILER_BYTES

    def size(self) -> int:
        """Bytes of the pack."""
        links = encode_links(self.links)
        return self.bytes + (_cost(len(links.payload)) if links else 0)


class Sending:
    """What has to go so that a catalogue's shelf has some files: planned, and then done by `run`.

    Parameters
    ----------
    packs : PackSet
        The store that has them.
    catalogue : Catalogue
        Of where they go; refreshed.
    sounds : sequence of Pointer

    Attributes
    ----------
    sounds, bytes : int
        How many files are not there whole, and how many bytes `run` will hand over.

    Raises
    ------
    NotFoundError
        A file is neither there nor here.
    DamagedError
        One cannot be read here.
    """

    def __init__(self, packs: PackSet, catalogue: Catalogue, sounds: Sequence[Pointer]) -> None:
        self._packs = packs
        self._catalogue = catalogue
        self._whole = Wholeness(catalogue)
        self._depths: dict[bytes, int] = {}
        self._reaches: dict[bytes, Reach] = {}
        self._parcels: list[_Parcel] = []
        self._built: list[Path] = []
        missing = self._whole.find_missing(sounds)
        self.sounds = len(missing)
        self._plan([oid for oid in dict.fromkeys(pointer.oid for pointer in sounds) if oid in missing])
        self.bytes = sum(parcel.size() for parcel in self._parcels)

    # Planning -------------------------------------------------------------------------------------------

    def _plan(self, oids: Sequence[str]) -> None:
        closure = Closure(self._whole.has_chunk, self._sources_of)
        manifests = []
        for oid in oids:
            id = parse_oid(oid)
            entry = self._packs.find(Kind.MANIFEST, id)
            if entry is None:
                raise NotFoundError(
                    f"sound {oid} is neither here nor at {self._catalogue.shelf.address}",
                    "fetch it from where it is, then push",
                )
            for ref in read_manifest(self._packs, id).chunks:
                for chunk in closure.add(ref.id):
                    self._put_chunk(chunk)
            manifests.append((id, entry.stored_length))
        for id, length in manifests:
            parcel = self._open_parcel(length)
            parcel.manifests.append(id)
            parcel.bytes += _cost(length)

    def _put_chunk(self, id: bytes) -> None:
        entry = self._packs.find(Kind.CHUNK, id)
        link = NO_LINK
        if entry is None or entry.flags & Flag.DEPENDS:
            record = self._fit(self._read(id))
            entry, link = record.entry, link_of(record)
        parcel = self._open_parcel(entry.stored_length)
        parcel.chunks.append(id)
        parcel.bytes += _cost(entry.stored_length)
        if link.sources:
            parcel.links[id] = link
        self._reaches[id] = link.reach

    def _open_parcel(self, length: int) -> _Parcel:
        if not self._parcels or self._parcels[-1].bytes + length > PARCEL_BYTES:
            self._parcels.append(_Parcel())
        return self._parcels[-1]

    def _sources_of(self, id: bytes) -> Sequence[bytes]:
        """Return what the copy that is going to be sent is predicted from."""
        entry = self._packs.find(Kind.CHUNK, id)
        if entry and not entry.flags & Flag.DEPENDS:
            return ()
        return self._read(id).dependencies

    # Records --------------------------------------------------------------------------------------------

    def _read(self, id: bytes, limit: int = MAX_DEPTH + 1) -> Record:
        """Return the first copy of a chunk that is in order and whose sources are, in turn."""
        return self._packs.read(Kind.CHUNK, id, lambda record: self._check(record, limit))

    def _check(self, record: Record, limit: int) -> Record:
        depth = read_reach(record).depth
        if depth >= limit:
            raise DamagedError("it is predicted from itself")
        for id in record.dependencies:
            if self._depths.get(id, limit) >= depth:
                self._depths[id] = read_reach(self._read(id, depth or limit - 1)).depth
        return record

    def _fit(self, record: Record) -> Record:
        """Bring a record's reach in line with the sources that it will find there."""
        return fit_reach(record, self._reach_there) or stand_alone(record, ChunkReader(self._packs))

    def _reach_there(self, id: bytes) -> Reach:
        if id not in self._reaches:
            spot = self._catalogue.find(Kind.CHUNK, id)
            self._reaches[id] = self._catalogue.link(spot).reach if spot else ALONE
        return self._reaches[id]

    # Doing ----------------------------------------------------------------------------------------------

    def run(self, temporary: Path, put: Put, progress: Progress | None = None) -> int:
        """Hand the packs over, a few at once; return how many bytes that were.

        Parameters
        ----------
        temporary : Path
            An empty folder for unfinished packs.
        put : callable
            Called on several threads. What it reports of its progress is passed on.
        progress : callable, optional
            Called with the bytes handed over since the last call, on one thread at a time.
        """
        meter = _Meter(progress)
        # Manifests wait until all chunks are there.
        first = next((number for number, parcel in enumerate(self._parcels) if parcel.manifests), 0)
        try:
            with Pool(_UPLOADS, "beatflow-send") as pool:
                for group in (self._parcels[:first], *([parcel] for parcel in self._parcels[first:])):
                    built = (self._build(temporary, parcel) for parcel in group)
                    with meter, closing(work_ahead(pool, 1, partial(_hand_over, put, meter), built)) as done:
                        for _ in done:
                            pass
        finally:
            # Of packs that were built and never handed over.
            for path in self._built:
                path.unlink(missing_ok=True)
        return self.bytes

    def _build(self, temporary: Path, parcel: _Parcel) -> tuple[str, Path]:
        """Write one pack; return its name and where it lies."""
        writer = PackWriter(temporary_name(temporary, PACK_SUFFIX))
        try:
            for id in parcel.chunks:
                writer.add(copy_of(self._fit(self._read(id))))
            for id in parcel.manifests:
                writer.add(self._packs.read(Kind.MANIFEST, id, copy_of))
            links = encode_links(parcel.links)
            if links:
                writer.add(links)
            self._built.append(writer.path)
            return writer.finish(), writer.path
        except BaseException:
            writer.discard()
            raise


class _Meter:
    """Passes progress on from several threads, and stops what these do when the ``with`` block ends in an error."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind:
            self._stopped.set()

    def add(self, count: int) -> None:
        """Note bytes handed over."""
        if self._stopped.is_set():
            raise _StoppedError
        if self._progress:
            with self._lock:
                self._progress(count)


class _StoppedError(Exception):
    """Something else has failed or was interrupted; nobody gets to see this."""


def _hand_over(put: Put, meter: _Meter, pack: tuple[str, Path]) -> None:
    name, path = pack
    try:
        put(name, path, meter.add)
    finally:
        path.unlink(missing_ok=True)


def _cost(length: int) -> int:
    return RECORD_HEAD_BYTES + length + ENTRY_BYTES
