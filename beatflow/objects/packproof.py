"""Proves one pack by itself: its name by its bytes, its directory by the heads of its records.

Knows no other packs and no codecs.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.pack import (
    PACK_HEAD_BYTES,
    RECORD_HEAD_BYTES,
    Directory,
    Entry,
    Flag,
    Kind,
    Record,
    Trailer,
    parse_record_head,
)
from beatflow.objects.packset import Pack

_BLOCK = 1024 * 1024


def read_sources(pack: Pack, entry: Entry) -> tuple[bytes, ...]:
    """Return the chunks that a record of `pack` depends on, without reading the rest of its payload.

    Raises
    ------
    DamagedError
        The table is cut short.
    """
    if not entry.flags & Flag.DEPENDS:
        return ()
    with pack.path.open("rb", buffering=4096) as file:
        file.seek(entry.offset + RECORD_HEAD_BYTES)
        count = int.from_bytes(head := file.read(2), "little")
        return Record(entry, b"", head + file.read(count * ID_BYTES)).dependencies


def iter_sources_first(pack: Pack, delay: int) -> Iterator[tuple[Entry, bool]]:
    """Yield a pack's records, each predicted one soon after its sources, and whether others are predicted from it.

    So each chunk is decoded once, whatever lies between. `delay` predicted ones later, its sources are decoded.
    """
    entries = sorted(pack.directory, key=lambda entry: entry.offset)
    alone = {
        entry.id: entry for entry in entries if entry.kind == Kind.CHUNK and not entry.flags & Flag.DEPENDS
    }
    predicted: deque[Entry] = deque()
    for entry in entries:
        if entry.kind == Kind.CHUNK and entry.flags & Flag.DEPENDS:
            with suppress(DamagedError):
                for id in read_sources(pack, entry):
                    if source := alone.pop(id, None):
                        yield source, True
            predicted.append(entry)
            if len(predicted) > delay:
                yield predicted.popleft(), False
    for entry in predicted:
        yield entry, False
    for entry in entries:
        if entry.kind != Kind.CHUNK or entry.id in alone:
            yield entry, False


def compare_heads(path: Path, directory: Directory, trailer: Trailer) -> Iterator[tuple[Entry | None, str]]:
    """Yield the records that are not where the directory has them."""
    expected = PACK_HEAD_BYTES
    with path.open("rb") as file:
        for entry in sorted(directory, key=lambda entry: entry.offset):
            file.seek(entry.offset)
            try:
                found, _, _ = parse_record_head(file.read(RECORD_HEAD_BYTES), entry.offset)
            except DamagedError as error:
                yield entry, error.message
            else:
                if found != entry or entry.offset != expected:
                    yield entry, "the record is not the one that the directory names"
            expected = entry.end
    if expected != trailer.start:
        yield None, f"records end at {expected} and the directory begins at {trailer.start}"


def has_its_name(pack: Pack, stop: threading.Event | None = None) -> bool:
    """Compare a pack's bytes with the SHA-256 that is its name."""
    hashed = hashlib.sha256()
    with pack.path.open("rb") as file:
        while not (stop and stop.is_set()) and (block := file.read(_BLOCK)):
            hashed.update(block)
    return hashed.hexdigest() == pack.name
