"""Garbage collection: writes what is still needed into new packs, then removes the packs it came from.

Knows packs, manifests and dependencies; who needs what is said by the caller. Every new pack is durable before any
old one goes, and a pack that cannot be read in full is left alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.care import copy_of
from beatflow.objects.copies import Copies
from beatflow.objects.durable import fsync_directory, publish_file, temporary_name
from beatflow.objects.ids import parse_oid
from beatflow.objects.pack import (
    ENTRY_BYTES,
    PACK_SUFFIX,
    RECORD_HEAD_BYTES,
    Entry,
    Flag,
    Kind,
    prefix_of,
    read_record,
)
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.packwriter import PackWriter
from beatflow.objects.reading import read_manifest

# Packs below this are joined; a pack of a commit is a few megabytes.
SMALL_PACK_BYTES = 64 * 1024 * 1024
MAX_PACK_BYTES = 1024 * 1024 * 1024
# Keeps the directory of a pack being written small in memory, whatever the size of its chunks.
MAX_PACK_RECORDS = 100_000

Key = bytes
"""A record's kind and id, as they begin its directory entry."""


@dataclass(frozen=True)
class Collected:
    """What a collection did, or, in a dry run, would do.

    Attributes
    ----------
    packs_before, packs_after : int
    objects : int
        Records dropped, second copies included.
    bytes_before, bytes_after : int
        Bytes of all packs; in a dry run the latter is an estimate.
    damaged : tuple of str
        Names of packs that were left alone since they could not be read in full.
    """

    packs_before: int
    packs_after: int
    objects: int
    bytes_before: int
    bytes_after: int
    damaged: tuple[str, ...] = ()


def collect(packs: PackSet, temporary: Path, keep: Iterable[str], dry_run: bool) -> Collected:
    """Drop every record that no file of `keep` needs; join small packs."""
    if dry_run:
        return _collect(packs, temporary, keep, dry_run)
    # Before, so that there is no need for a table of all records in memory; after, when all else has left it.
    packs.write_index(temporary)
    collected = _collect(packs, temporary, keep, dry_run)
    packs.write_index(temporary)
    return collected


def _collect(packs: PackSet, temporary: Path, keep: Iterable[str], dry_run: bool) -> Collected:
    listed = packs.current()
    for pack in listed:
        pack.verify_directory()
    repeated = _repeated(listed)
    live = _Live(packs, repeated)
    for oid in keep:
        live.add_file(oid)
    for pack in packs.packs:
        live.add_unknown(pack)
    chosen = _choose(listed, live)
    sizes = {pack.name: pack.size for pack in listed}
    if dry_run:
        return _estimate(listed, sizes, chosen, live)
    rewriting = _Rewriting(packs.folder, temporary, live, repeated)
    try:
        for pack in chosen:
            rewriting.take(pack)
        rewriting.finish()
    finally:
        rewriting.discard()
    remove_packs(packs, [pack for pack in rewriting.emptied if pack.name not in rewriting.published])
    after = packs.packs
    damaged = tuple(
        pack.name for pack in (*listed, *chosen) if pack.rebuilt or pack.name in rewriting.damaged
    )
    return Collected(
        len(listed),
        len(after),
        rewriting.dropped,
        sum(sizes.values()),
        sum(pack.size for pack in after),
        tuple(dict.fromkeys(damaged)),
    )


def remove_packs(packs: PackSet, gone: Iterable[Pack]) -> None:
    """Remove packs, durably; all that is needed of them is in other packs by now."""
    for pack in gone:
        pack.path.unlink()
    fsync_directory(packs.folder)
    packs.forget()


class _Live:
    """Which records are needed.

    Ids are told apart by their first 8 bytes: two that begin alike (1e-7 among a million) are kept both, and a
    million take a third of the memory.
    """

    def __init__(self, packs: PackSet, repeated: set[int]) -> None:
        self._packs = packs
        self._repeated = repeated
        self._copies = Copies(packs)
        self._prefixes: dict[int, set[int]] = {Kind.CHUNK: set(), Kind.MANIFEST: set()}
        self._dependent = {
            entry.id for pack in packs.packs for entry in pack.directory if entry.flags & Flag.DEPENDS
        }

    def __contains__(self, entry: Entry) -> bool:
        """Records of kinds that this version does not know are always needed."""
        known = self._prefixes.get(entry.kind)
        return known is None or prefix_of(entry.id) in known

    def has_better(self, pack: Pack, entry: Entry) -> bool:
        """Say whether another copy of a chunk is to be kept in place of this one."""
        if entry.kind != Kind.CHUNK or not self._may_differ(entry.id):
            return False
        best = self._copies.choose(entry.id)
        return best is not None and (best.pack, best.offset) != (pack.name, entry.offset)

    def _may_differ(self, id: bytes) -> bool:
        return id in self._dependent and prefix_of(id) in self._repeated

    def add_file(self, oid: str) -> None:
        """Mark a file and all that it needs; one that the store does not have needs nothing."""
        id = parse_oid(oid)
        if self._packs.find(Kind.MANIFEST, id) is None:
            return
        self._prefixes[Kind.MANIFEST].add(prefix_of(id))
        self._add_chunks(ref.id for ref in read_manifest(self._packs, id).chunks)

    def add_unknown(self, pack: Pack) -> None:
        """Mark what records of unknown kinds depend on."""
        for entry in pack.directory:
            if entry.kind not in self._prefixes and entry.flags & Flag.DEPENDS:
                self._add_chunks(pack.read(entry).dependencies)

    def _add_chunks(self, ids: Iterable[bytes]) -> None:
        waiting = list(ids)
        chunks = self._prefixes[Kind.CHUNK]
        while waiting:
            id = waiting.pop()
            if prefix_of(id) in chunks:
                continue
            chunks.add(prefix_of(id))
            best = self._copies.choose(id) if self._may_differ(id) else None
            if best:
                waiting.extend(best.dependencies)
            elif id in self._dependent and self._packs.find(Kind.CHUNK, id):
                waiting.extend(self._packs.read(Kind.CHUNK, id, lambda record: record.dependencies))


def _choose(listed: Iterable[Pack], live: _Live) -> list[Pack]:
    """Return the packs to rewrite: those with something to drop, and small ones if there are several."""
    sound = [pack for pack in listed if not pack.rebuilt]
    wasteful = [pack for pack in sound if not all(_is_needed(pack, entry, live) for entry in pack.directory)]
    small = [pack for pack in sound if pack.size < SMALL_PACK_BYTES]
    chosen = {pack.name for pack in wasteful}
    if len({pack.name for pack in (*wasteful, *small)}) > 1:
        chosen |= {pack.name for pack in small}
    return [pack for pack in sound if pack.name in chosen]


def _estimate(listed: tuple[Pack, ...], sizes: dict[str, int], chosen: list[Pack], live: _Live) -> Collected:
    kept: dict[Key, int] = {}
    records = 0
    for pack in chosen:
        records += len(pack.directory)
        for entry in _needed(pack, live):
            kept[_key(entry)] = RECORD_HEAD_BYTES + entry.stored_length + ENTRY_BYTES
    before = sum(sizes.values())
    rewritten = sum(sizes[pack.name] for pack in chosen)
    new = -(-sum(kept.values()) // MAX_PACK_BYTES)
    after = len(listed) - len(chosen) + new
    damaged = tuple(pack.name for pack in listed if pack.rebuilt)
    return Collected(
        len(listed), after, records - len(kept), before, before - rewritten + sum(kept.values()), damaged
    )


def _needed(pack: Pack, live: _Live) -> Iterator[Entry]:
    in_order = sorted(pack.directory, key=lambda entry: entry.offset)
    return (entry for entry in in_order if _is_needed(pack, entry, live))


def _is_needed(pack: Pack, entry: Entry, live: _Live) -> bool:
    return entry in live and not live.has_better(pack, entry)


def _repeated(packs: Iterable[Pack]) -> set[int]:
    """Return how the ids begin that several records may share; a set of all ids would be most of the memory."""
    import numpy as np

    entry = np.dtype({"names": ["prefix"], "formats": ["<u8"], "offsets": [1], "itemsize": ENTRY_BYTES})
    prefixes = np.concatenate(
        [np.zeros(0, "<u8"), *(np.frombuffer(pack.directory.raw, entry)["prefix"] for pack in packs)]
    )
    prefixes.sort()
    return set(prefixes[1:][prefixes[1:] == prefixes[:-1]].tolist())


def _key(entry: Entry) -> Key:
    return bytes((entry.kind,)) + entry.id


class _Rewriting:
    """New packs being filled from old ones."""

    def __init__(self, folder: Path, temporary: Path, live: _Live, repeated: set[int]) -> None:
        self._folder = folder
        self._temporary = temporary
        self._live = live
        self._repeated = repeated
        self._writer: PackWriter | None = None
        # Of those that there may be several of. Only records that this run has read and verified count as another
        # copy of themselves.
        self._placed: set[Key] = set()
        self.published: set[str] = set()
        self.emptied: list[Pack] = []
        self.damaged: set[str] = set()
        self.dropped = 0

    def take(self, pack: Pack) -> None:
        """Copy what is needed of one pack; take nothing of it if any of that is damaged."""
        writer = self._open()
        mark, before, placed = writer.mark(), len(writer), []
        try:
            with pack.path.open("rb") as file:
                for entry in _needed(pack, self._live):
                    key = _key(entry)
                    if key in self._placed:
                        continue
                    writer.add(copy_of(read_record(file, entry)))
                    if prefix_of(entry.id) in self._repeated:
                        self._placed.add(key)
                        placed.append(key)
        except DamagedError:
            writer.rollback(mark)
            self._placed.difference_update(placed)
            self.damaged.add(pack.name)
            return
        self.emptied.append(pack)
        self.dropped += len(pack.directory) - (len(writer) - before)
        if writer.position > MAX_PACK_BYTES or len(writer) > MAX_PACK_RECORDS:
            self.finish()

    def finish(self) -> None:
        """Publish the pack being written, if anything is in it."""
        if self._writer is not None and len(self._writer):
            name = self._writer.finish()
            publish_file(self._writer.path, self._folder / f"{name}{PACK_SUFFIX}")
            self.published.add(name)
            self._writer = None

    def discard(self) -> None:
        """Remove a pack that was not published."""
        if self._writer is not None:
            self._writer.discard()

    def _open(self) -> PackWriter:
        if self._writer is None:
            self._writer = PackWriter(temporary_name(self._temporary, PACK_SUFFIX))
        return self._writer
