"""Checks a store: every pack against its own checksums, every file against the chunks that it needs.

Changes nothing, and knows no history: who is hurt by a lost sound is the caller's to say. A chunk or manifest is
*lost* when no copy of it can be read, or when what it is predicted from is lost. Memory is bounded by the number of
chunks; samples are held a few chunks at a time.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.ids import parse_oid
from beatflow.objects.loss import Problem, find_lost_ranges
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.pack import (
    MUST_KNOW,
    RECORD_HEAD_BYTES,
    Codec,
    Entry,
    Flag,
    Kind,
    read_directory,
    read_trailer,
)
from beatflow.objects.packproof import compare_heads, has_its_name, iter_sources_first, read_sources
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.reading import ChunkReader, open_chunk, open_manifest, read_manifest
from beatflow.objects.threads import Threads

_MAX_DEPTH = 64

Progress = Callable[[int], None]


class Verified(Protocol):
    """Remembers which packs were found to be in order."""

    def has(self, pack: Path) -> bool:
        """Say whether a pack was found in order already."""

    def add(self, pack: Path) -> None:
        """Note that a pack is in order."""


class Checkup:
    """One look over a store.

    Parameters
    ----------
    packs : PackSet
        Freshly opened, so that every directory is compared with its checksum.
    workers : int
        Threads for hashing and decoding.
    progress : callable, optional
        Called with the bytes of packs checked since the last call: twice the packs' sizes in all with data.

    Attributes
    ----------
    damaged : set of str
        Names of the packs whose bytes are not what they were.
    lost : dict
        Id of each chunk found lost, to why.
    """

    def __init__(self, packs: PackSet, workers: int, progress: Progress | None = None) -> None:
        self._packs = packs
        self._workers = workers
        self._progress = progress or (lambda count: None)
        self._reader = ChunkReader(packs)
        self.damaged: set[str] = set()
        self.lost: dict[bytes, str] = {}
        self._lost_manifests: dict[bytes, str] = {}
        self._good: dict[bytes, int] = {}
        self._needs: dict[bytes, tuple[bytes, ...]] | None = None
        for pack in packs.current():
            pack.verify_directory()

    # Packs -----------------------------------------------------------------------------------------------

    def check_packs(self, data: bool, verified: Verified | None = None) -> Iterator[Problem]:
        """Check each pack by itself; with `data`, hash all its bytes and decode each record.

        Parameters
        ----------
        verified : Verified, optional
            Packs whose data need not be read again.
        """
        suspects: dict[tuple[int, bytes], str] = {}
        for pack in self._packs.packs:
            try:
                if data and verified and verified.has(pack.path):
                    self._progress(2 * pack.size)
                    yield from self._check_structure(pack, suspects)
                    continue
                found = list(self._check_structure(pack, suspects))
                if data:
                    found += self._check_data(pack, suspects)
                    if not found and verified:
                        verified.add(pack.path)
                yield from found
            except FileNotFoundError:
                # Collected this moment; what is needed of it is in a newer pack.
                continue
        for (kind, id), why in suspects.items():
            self._judge(kind, id, why)

    def _judge(self, kind: int, id: bytes, why: str) -> None:
        """Note a record as lost unless another copy of it can be read."""
        try:
            if kind == Kind.MANIFEST:
                read_manifest(self._packs, id)
            elif kind == Kind.CHUNK and (entry := self._packs.find(kind, id)):
                self._reader.read(ChunkRef(id, entry.raw_length))
        except DamagedError:
            (self._lost_manifests if kind == Kind.MANIFEST else self.lost)[id] = why

    def _check_structure(self, pack: Pack, suspects: dict[tuple[int, bytes], str]) -> Iterator[Problem]:
        """Compare a pack's directory with its checksum and with the heads of its records."""
        try:
            with pack.path.open("rb") as file:
                trailer = read_trailer(file, pack.size)
                directory = read_directory(file, trailer)
                broken = list(compare_heads(pack.path, directory, trailer))
        except DamagedError as error:
            self.damaged.add(pack.name)
            yield Problem(
                f"{error.message}; {len(pack.directory)} records were found without it", pack=pack.name
            )
            return
        for entry, message in broken:
            self.damaged.add(pack.name)
            if entry is not None:
                suspects.setdefault((entry.kind, entry.id), message)
            yield Problem(message, pack=pack.name, offset=entry.offset if entry else None)

    def _check_data(self, pack: Pack, suspects: dict[tuple[int, bytes], str]) -> list[Problem]:
        """Compare a pack's bytes with its name, and decode what is in it."""
        found: list[Problem] = []
        stop = threading.Event()
        with Threads(self._workers, "beatflow-check") as pool:
            try:
                hashed = pool.submit(has_its_name, pack, stop)
                window = 2 * self._workers
                for (entry, _), failure in work_ahead(
                    pool, window, lambda item: self._prove(pack, *item), iter_sources_first(pack, window)
                ):
                    self._progress(RECORD_HEAD_BYTES + entry.stored_length)
                    if failure is None:
                        continue
                    error, inside = failure
                    suspects.setdefault((entry.kind, entry.id), error)
                    if inside:
                        found.append(Problem(error, pack=pack.name, offset=entry.offset))
                intact = hashed.result()
            finally:
                stop.set()
        self._progress(pack.size)
        found.sort(key=lambda problem: problem.offset or 0)
        if not intact:
            self.damaged.add(pack.name)
            found.insert(
                0, Problem("the pack's bytes do not match the SHA-256 that is its name", pack=pack.name)
            )
        return found

    def _prove(self, pack: Pack, entry: Entry, keep: bool) -> tuple[str, bool] | None:
        """Decode one record, and keep its bytes where others need them; return what is wrong, and whether that is in
        this record itself.
        """
        try:
            record = pack.read(entry)
        except DamagedError as error:
            return error.message, True
        known = entry.codec in Codec.__members__.values() and not entry.flags & MUST_KNOW
        try:
            if entry.kind == Kind.MANIFEST and known:
                open_manifest(record)
            elif entry.kind == Kind.CHUNK and known and not entry.flags & Flag.DEPENDS:
                raw = open_chunk(record, entry.raw_length)
                if keep:
                    self._reader.keep(entry.id, raw, 0)
            elif entry.kind == Kind.CHUNK and known:
                self._reader.read(ChunkRef(entry.id, entry.raw_length))
        except DamagedError as error:
            return error.message, not entry.flags & Flag.DEPENDS
        except BeatFlowError:
            # Of a later version: its checksum is all that this one can compare.
            pass
        return None

    # Files -----------------------------------------------------------------------------------------------

    def check_files(self, oids: Iterable[str]) -> Iterator[Problem]:
        """Check that files can be put together, as far as directories and what `check_packs` found tell."""
        for oid in oids:
            yield from self._check_file(oid, lambda manifest: None)

    def read_files(self, oids: Iterable[str], data: bool) -> Iterator[Problem]:
        """Read all that files need and compare checksums; with `data`, put them together and compare the oid."""
        read = self._decode_all if data else self._read_all
        with Threads(self._workers, "beatflow-check") as pool:
            for oid in oids:
                yield from self._check_file(oid, partial(read, pool, oid))

    def lost_of(self, manifest: Manifest) -> dict[bytes, str]:
        """Return the chunks of a file that are lost, and why each is."""
        found = {}
        for ref in manifest.chunks:
            why = self._why_lost(ref)
            if why:
                found[ref.id] = why
        return found

    def sources_of(self, id: bytes) -> tuple[bytes, ...]:
        """Return what a chunk is predicted from, nothing for one that stands alone."""
        if self._needs is None:
            # Read pack by pack and once: a chunk's own pack is slow to find again, and its payload long to read.
            self._needs = {}
            for pack in self._packs.packs:
                for entry in pack.directory:
                    if entry.kind == Kind.CHUNK and entry.flags & Flag.DEPENDS:
                        with suppress(DamagedError, FileNotFoundError):
                            self._needs[entry.id] = read_sources(pack, entry)
        return self._needs.get(id, ())

    def lost_sources(self, id: bytes) -> Iterator[bytes]:
        """Yield the lost chunks that a lost chunk is predicted from, directly or not."""
        waiting, seen = [id], {id}
        while waiting:
            for source in self.sources_of(waiting.pop()):
                if source in self.lost and source not in seen:
                    seen.add(source)
                    waiting.append(source)
                    yield source

    def _check_file(self, oid: str, read: Callable[[Manifest], str | None]) -> Iterator[Problem]:
        id = parse_oid(oid)
        if self._packs.find(Kind.MANIFEST, id) is None:
            yield Problem("is not in the store", oid)
            return
        try:
            if id in self._lost_manifests:
                raise DamagedError(self._lost_manifests[id])
            manifest = read_manifest(self._packs, id)
        except BeatFlowError as error:
            yield Problem("its manifest cannot be read", oid, cause=error.message)
            return
        whole = read(manifest)
        lost = self.lost_of(manifest)
        if lost:
            count = len(set(manifest.chunks))
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            yield Problem(
                f"{len(lost)} of {count} chunks cannot be read",
                oid,
                ranges=find_lost_ranges(manifest, lost),
                cause=next(iter(lost.values())) + more,
            )
        elif whole or (len(manifest.chunks) == 1 and manifest.chunks[0].id != id):
            yield Problem(
                whole or "its one chunk is that of another file: put together, it is not itself", oid
            )

    def _read_all(self, pool: Threads, oid: str, manifest: Manifest) -> None:
        """Compare the checksums of everything stored of a file."""
        todo = list(dict.fromkeys(ref.id for ref in manifest.chunks))
        seen = set(todo)
        while todo:
            following = []
            for id, outcome in work_ahead(pool, 2 * self._workers, self._read_stored, todo):
                if isinstance(outcome, DamagedError):
                    self.lost.setdefault(id, outcome.message)
                else:
                    following += [other for other in outcome if other not in seen]
                    seen.update(outcome)
            todo = following

    def _read_stored(self, id: bytes) -> tuple[bytes, ...] | DamagedError:
        try:
            dependencies, count = self._packs.read(
                Kind.CHUNK, id, lambda record: (record.dependencies, record.entry.stored_length)
            )
        except DamagedError as error:
            return error
        self._progress(count)
        return dependencies

    def _decode_all(self, pool: Threads, oid: str, manifest: Manifest) -> str | None:
        """Put a file together; return what is wrong with the whole when all its parts are right."""
        whole = hashlib.sha256()

        def read(ref: ChunkRef) -> bytes | DamagedError:
            try:
                return self._reader.read(ref)
            except DamagedError as error:
                return error

        sound = True
        for ref, outcome in work_ahead(pool, 2 * self._workers, read, manifest.chunks):
            if isinstance(outcome, DamagedError):
                sound = False
                self.lost.setdefault(ref.id, outcome.message)
            else:
                whole.update(outcome)
                self._progress(ref.length)
        if sound and whole.hexdigest() != oid:
            return f"put together, its parts have SHA-256 {whole.hexdigest()}"
        return None

    def _why_lost(self, ref: ChunkRef, depth: int = 0) -> str | None:
        if self._good.get(ref.id) == ref.length:
            return None
        if ref.id in self.lost:
            return self.lost[ref.id]
        entry = self._packs.find(Kind.CHUNK, ref.id)
        if entry is None:
            why = f"chunk {ref.id.hex()} is missing"
        elif entry.raw_length != ref.length:
            # Only this file is hurt by that, so it is not noted.
            return f"chunk {ref.id.hex()} has {entry.raw_length} bytes in place of {ref.length}"
        elif entry.flags & Flag.DEPENDS and (without := self._why_unpredictable(ref, depth)):
            why = without
        else:
            self._good[ref.id] = ref.length
            return None
        self.lost[ref.id] = why
        return why

    def _why_unpredictable(self, ref: ChunkRef, depth: int) -> str | None:
        """Say which source a predicted chunk is without, if no other copy of it stands alone."""
        why = None
        for id in self.sources_of(ref.id):
            entry = self._packs.find(Kind.CHUNK, id)
            if depth > _MAX_DEPTH or self._why_lost(
                ChunkRef(id, entry.raw_length if entry else 0), depth + 1
            ):
                why = f"chunk {id.hex()}, which chunk {ref.id.hex()} is predicted from, is lost"
                if entry is None:
                    why = f"chunk {id.hex()}, which chunk {ref.id.hex()} is predicted from, is missing"
                break
        if why is None:
            return None
        try:
            self._reader.read(ref)
        except BeatFlowError:
            return why
        return None
