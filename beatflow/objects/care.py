"""Looks after a store: how much is in it, and getting a damaged pack out of the way.

`quarantine` moves and never deletes; what is damaged is found by `checking`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import DamagedError, NotFoundError, UsageError
from beatflow.objects.durable import free_name, fsync_directory, link_or_copy, publish_file, temporary_name
from beatflow.objects.pack import PACK_SUFFIX, Codec, Entry, Kind, Record, read_record
from beatflow.objects.packproof import has_its_name
from beatflow.objects.packscan import scan
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.reading import open_chunk, open_manifest


@dataclass(frozen=True)
class Salvaged:
    """What became of a damaged pack: where it lies now, and the pack its sound records went to, if any."""

    moved_to: Path
    pack: str | None
    records: int
    lost: int


@dataclass(frozen=True)
class Usage:
    """What a store holds: `raw_bytes` of chunks, each counted once, in `stored_bytes` of packs."""

    packs: int
    stored_bytes: int
    raw_bytes: int
    chunks: int
    manifests: int


def usage(packs: PackSet) -> Usage:
    """Return the figures of a store."""
    lengths: dict[bytes, int] = {}
    manifests: set[bytes] = set()
    listed = packs.current()
    for pack in listed:
        lengths.update((entry.id, entry.raw_length) for entry in pack.directory.of_kind(Kind.CHUNK))
        manifests.update(entry.id for entry in pack.directory.of_kind(Kind.MANIFEST))
    stored = sum(pack.size for pack in listed)
    return Usage(len(listed), stored, sum(lengths.values()), len(lengths), len(manifests))


def quarantine(packs: PackSet, name: str, temporary: Path, refuge: Path) -> Salvaged:
    """Copy what is sound in a damaged pack to a new pack, then move the damaged one to `refuge`.

    The damaged file has its second name in `refuge` before anything else happens, and loses the first one only
    when the new pack is durable.

    Raises
    ------
    NotFoundError
        There is no such pack.
    UsageError
        It is not damaged.
    """
    pack = next((pack for pack in packs.current() if pack.name == name), None)
    if pack is None:
        raise NotFoundError(f"no pack {name} in this store")
    if has_its_name(pack):
        raise UsageError(f"pack {name} is not damaged")
    moved_to = free_name(refuge, name, PACK_SUFFIX)
    link_or_copy(pack.path, moved_to)
    writer = PackWriter(temporary_name(temporary, PACK_SUFFIX))
    try:
        lost = _salvage(pack, writer)
        records = len(writer)
        saved = writer.finish() if records else None
        if saved:
            publish_file(writer.path, packs.folder / f"{saved}{PACK_SUFFIX}")
    finally:
        writer.discard()
    if saved != name:
        pack.path.unlink()
        fsync_directory(packs.folder)
    packs.forget()
    packs.write_index(temporary)
    return Salvaged(moved_to, saved, records, lost)


def count_sound(pack: Pack) -> int:
    """Return how many records `quarantine` would keep of a damaged pack."""
    return sum(isinstance(record, Record) for record in _iter_salvage(pack))


def _salvage(pack: Pack, writer: PackWriter) -> int:
    """Copy every record that proves sound, in the pack's order; return how many did not."""
    lost = 0
    for record in _iter_salvage(pack):
        if record is None:
            lost += 1
        else:
            writer.add(copy_of(record))
    return lost


def _iter_salvage(pack: Pack) -> Iterator[Record | None]:
    """Yield each sound record of a pack once, in its order, and None for one that is not."""
    placed = set()
    with pack.path.open("rb") as file:
        found = {entry.offset: entry for entry in (*pack.directory, *scan(file, pack.size))}
        for offset in sorted(found):
            entry = found[offset]
            try:
                record = read_record(file, entry)
                _prove(record)
            except DamagedError:
                yield None
            else:
                # A damaged head can bring up the records of a pack that lies inside this one, a second time.
                if (entry.kind, entry.id) not in placed:
                    placed.add((entry.kind, entry.id))
                    yield record


def _prove(record: Record) -> None:
    """Raise DamagedError if a record does not decode; let pass what this version cannot decode."""
    entry = record.entry
    if entry.codec not in Codec.__members__.values() or entry.flags:
        return
    if entry.kind == Kind.CHUNK:
        open_chunk(record, entry.raw_length)
    elif entry.kind == Kind.MANIFEST:
        open_manifest(record)


def copy_of(record: Record) -> NewRecord:
    """Return a record as it stands, to be written into another pack."""
    entry: Entry = record.entry
    return NewRecord(
        entry.kind, entry.id, entry.codec, entry.flags, record.parameters, entry.raw_length, record.payload
    )
