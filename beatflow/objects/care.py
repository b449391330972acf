"""Looks after a store: what is in it, what is wrong with it, and getting a damaged pack out of the way.

`check_*` only report. `quarantine` moves and never deletes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError, UsageError
from beatflow.objects.durable import fsync_directory, link_or_copy, publish_file, temporary_name
from beatflow.objects.ids import parse_oid
from beatflow.objects.manifest import Manifest
from beatflow.objects.pack import (
    PACK_HEAD_BYTES,
    PACK_SUFFIX,
    RECORD_HEAD_BYTES,
    Codec,
    Entry,
    Flag,
    Kind,
    NewRecord,
    PackWriter,
    Record,
    parse_record_head,
    read_directory,
    read_record,
    read_trailer,
    scan,
)
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.reading import iter_verified, open_chunk, open_manifest, read_manifest

_BLOCK = 1024 * 1024

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in a sound (oid), at a place in a pack, or both."""

    message: str
    oid: str | None = None
    pack: str | None = None
    offset: int | None = None


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


def check_all(packs: PackSet, data: bool, workers: int, progress: Progress | None) -> Iterator[Problem]:
    """Check every pack, then every file."""
    for pack in packs.current():
        yield from _check_pack(pack, data, progress)
    oids = (id.hex() for id in packs.between(Kind.MANIFEST, bytes(32), b"\xff" * 32))
    yield from check_files(packs, oids, data, workers, progress)


def check_files(
    packs: PackSet, oids: Iterable[str], data: bool, workers: int, progress: Progress | None
) -> Iterator[Problem]:
    """Check that files can be put together; with `data`, put them together and hash them."""
    for oid in oids:
        id = parse_oid(oid)
        if packs.find(Kind.MANIFEST, id) is None:
            yield Problem("is not in the store", oid)
            continue
        try:
            missing = list(_missing(packs, read_manifest(packs, id)))
            yield from (Problem(message, oid) for message in missing)
            if data and not missing:
                for block in iter_verified(packs, oid, workers):
                    if progress:
                        progress(len(block))
        except BeatFlowError as error:
            yield Problem(error.message, oid)


def _missing(packs: PackSet, manifest: Manifest) -> Iterator[str]:
    """Yield what keeps a file from being put together, as far as the directories tell."""
    for ref in dict.fromkeys(manifest.chunks):
        entry = packs.find(Kind.CHUNK, ref.id)
        if entry is None:
            yield f"chunk {ref.id.hex()} is missing"
        elif entry.raw_length != ref.length:
            yield f"chunk {ref.id.hex()} has {entry.raw_length} bytes in place of {ref.length}"
        elif entry.flags & Flag.DEPENDS:
            needed = packs.read(Kind.CHUNK, ref.id, lambda record: record.dependencies)
            lost = [id.hex() for id in needed if packs.find(Kind.CHUNK, id) is None]
            yield from (
                f"chunk {id}, which chunk {ref.id.hex()} is predicted from, is missing" for id in lost
            )


def _check_pack(pack: Pack, data: bool, progress: Progress | None) -> Iterator[Problem]:
    """Check one pack's directory against its records; with `data`, all its bytes against its name."""
    try:
        with pack.path.open("rb") as file:
            trailer = read_trailer(file, pack.size)
            entries = sorted(read_directory(file, trailer), key=lambda entry: entry.offset)
            expected = PACK_HEAD_BYTES
            for entry in entries:
                file.seek(entry.offset)
                found, _, _ = parse_record_head(file.read(RECORD_HEAD_BYTES), entry.offset)
                if found != entry or entry.offset != expected:
                    raise DamagedError(
                        f"the record at {entry.offset} is not the one that the directory names"
                    )
                expected = entry.end
            if expected != trailer.start:
                raise DamagedError(f"records end at {expected} and the directory begins at {trailer.start}")
    except FileNotFoundError:
        return
    except BeatFlowError as error:
        yield Problem(error.message, pack=pack.name)
    if data and not _has_its_name(pack, progress):
        yield Problem("the pack's bytes do not match the SHA-256 that is its name", pack=pack.name)
        yield from _damaged_records(pack)


def _damaged_records(pack: Pack) -> Iterator[Problem]:
    for entry in sorted(pack.directory, key=lambda entry: entry.offset):
        try:
            pack.read(entry)
        except DamagedError as error:
            oid = entry.id.hex() if entry.kind == Kind.MANIFEST else None
            yield Problem(error.message, oid, pack.name, entry.offset)


def _has_its_name(pack: Pack, progress: Progress | None = None) -> bool:
    hashed = hashlib.sha256()
    with pack.path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
            if progress:
                progress(len(block))
    return hashed.hexdigest() == pack.name


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
    if _has_its_name(pack):
        raise UsageError(f"pack {name} is not damaged")
    moved_to = _free_name(refuge, name)
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
    return Salvaged(moved_to, saved, records, lost)


def _free_name(folder: Path, name: str) -> Path:
    number = 0
    while (path := folder / f"{name}.{number}{PACK_SUFFIX}").exists():
        number += 1
    return path


def _salvage(pack: Pack, writer: PackWriter) -> int:
    """Copy every record that proves sound, in the pack's order; return how many did not."""
    lost = 0
    with pack.path.open("rb") as file:
        found = {entry.offset: entry for entry in (*pack.directory, *scan(file, pack.size))}
        for offset in sorted(found):
            try:
                record = read_record(file, found[offset])
                _prove(record)
            except DamagedError:
                lost += 1
            else:
                writer.add(copy_of(record))
    return lost


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
