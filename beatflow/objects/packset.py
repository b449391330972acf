"""All the packs of one store as one place to look things up.

Knows where packs lie and how to find a record in them; not what records mean. Packs are opened when something
is looked for, never kept open, and listed anew when the folder changes, so that a reader lives on while a writer
adds, rewrites and removes them. Most packs are found through the index (`packindex.py`); those that it does not
cover are searched one by one.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from beatflow.errors import DamagedError
from beatflow.objects.ids import is_oid
from beatflow.objects.pack import (
    ENTRY_BYTES,
    PACK_SUFFIX,
    Directory,
    Entry,
    Record,
    Trailer,
    make_directory,
    prefix_of,
    read_directory,
    read_record,
    read_trailer,
)
from beatflow.objects.packindex import FEW_PACKS, Index

if TYPE_CHECKING:
    from mmap import mmap

# Small directories are read and verified at once. A larger one is mapped, and verified when something is amiss:
# reading 50 MB to look up one id would be the slowest thing that `bf status` does.
_MAPPED_BYTES = 1024 * 1024
_ATTEMPTS = 3
_FEW_QUESTIONS = 64

T = TypeVar("T")


class RecordSource(Protocol):
    """Whatever records can be read from, by kind and id."""

    def read(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        """Find a record, read it, decode it; as `PackSet.read` does."""
        ...


class Pack:
    """One published pack.

    Attributes
    ----------
    name : str
        The SHA-256 of the file, in hexadecimal.
    rebuilt : bool
        Whether the directory on disk was damaged and the one in use was made from the records.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name
        self.rebuilt = False
        self.mapped = False
        self._directory: Directory | None = None

    @cached_property
    def path(self) -> Path:
        """Where it lies."""
        return self._folder / f"{self.name}{PACK_SUFFIX}"

    @property
    def directory(self) -> Directory:
        """The pack's table of records, made again from the records themselves where it is damaged."""
        if self._directory is None:
            self._directory = self._load(verify=False)
        return self._directory

    def verify_directory(self) -> None:
        """Compare the checksum of a directory that was only mapped."""
        if self.mapped:
            self._directory = self._load(verify=True)

    def sound_directory(self) -> Directory | None:
        """Read and verify the directory, and hold on to nothing; None where it is damaged."""
        with self.path.open("rb") as file:
            try:
                return read_directory(file, read_trailer(file, self.size))
            except DamagedError:
                return None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    def read(self, entry: Entry) -> Record:
        """Read one record, checksums verified."""
        with self.path.open("rb", buffering=0) as file:
            return read_record(file, entry)

    def skim(self, entries: Sequence[Entry], scratch: "bytearray | mmap") -> list[Record]:
        """Return those records that are sound, with no more of their payloads than the table of what they depend on."""
        from beatflow.objects.packscan import skim_records

        with self.path.open("rb", buffering=0) as file:
            return skim_records(file, entries, scratch)

    def _load(self, verify: bool) -> Directory:
        with self.path.open("rb") as file:
            try:
                trailer = read_trailer(file, self.size)
                self.mapped = not verify and trailer.entries * ENTRY_BYTES > _MAPPED_BYTES
                return (
                    _map_directory(file.fileno(), trailer) if self.mapped else read_directory(file, trailer)
                )
            except DamagedError:
                from beatflow.objects.packscan import scan

                self.rebuilt = True
                return make_directory(scan(file, self.size))


def _map_directory(descriptor: int, trailer: Trailer) -> Directory:
    from mmap import ACCESS_READ, mmap

    mapped = memoryview(mmap(descriptor, 0, access=ACCESS_READ))
    return Directory(mapped[trailer.start : trailer.start + trailer.entries * ENTRY_BYTES])


class PackSet:
    """The packs in one folder, found again whenever they change; safe to use from several threads.

    Parameters
    ----------
    folder : Path
        Holds files named ``<sha256>.pack``; others are left alone. The index lies in ``index`` beside it.

    Attributes
    ----------
    losses : int
        How often a pack that had been there was found gone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.losses = 0
        self._lock = threading.RLock()
        self._packs: dict[str, Pack] | None = None
        self._seen_mtime_ns = -1
        self._index = Index(folder.parent / "index")
        self._outside: _Searched | None = None

    @property
    def packs(self) -> tuple[Pack, ...]:
        """All packs, ordered by name."""
        with self._lock:
            return tuple(self._listed().values())

    def current(self) -> tuple[Pack, ...]:
        """All packs as the folder lists them now."""
        self.rescan()
        return self.packs

    def rescan(self) -> None:
        """List the folder again."""
        with self._lock:
            before = self._packs or {}
            self._seen_mtime_ns = self.folder.stat().st_mtime_ns
            with os.scandir(self.folder) as files:
                names = sorted(file.name[: -len(PACK_SUFFIX)] for file in files if _is_pack(file.name))
            self._packs = {name: before.get(name) or Pack(self.folder, name) for name in names}
            if self._packs.keys() != before.keys():
                self._index.load()
                self._outside = None
            self.losses += not before.keys() <= self._packs.keys()

    def forget(self) -> None:
        """Look at everything afresh: files were replaced or removed under their names."""
        with self._lock:
            self.losses += 1
            self._packs = None
            self._outside = None

    def write_index(self, temporary: Path) -> None:
        """List the folder again and bring the index up to date. Only for a writer, after it has published.

        Parameters
        ----------
        temporary : Path
            Folder for unfinished files.
        """
        with self._lock:
            self.rescan()
            self._index.load()
            packs = {pack.name: pack.sound_directory for pack in self.packs}
            # What was published stands, whether or not there is room for an index.
            with suppress(OSError):
                self._index.update(packs, temporary)

    def find(self, kind: int, id: bytes) -> Entry | None:
        """Return the entry of one record, or None; notices packs published meanwhile."""
        found = self._first(kind, id)
        if found is None and self._is_stale():
            self.rescan()
            found = self._first(kind, id)
        return found[1] if found else None

    def find_all(self, kind: int, ids: Sequence[bytes]) -> list[tuple[Pack, Entry] | None]:
        """Return where several records are, or None for each that is not there; quicker than one by one."""
        found = [self._first(kind, id) for id in ids]
        if None in found and self._is_stale():
            self.rescan()
            found = [self._first(kind, id) for id in ids]
        return found

    def read(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        """Find a record, read it, decode it; where that fails go on to any other copy.

        Raises
        ------
        DamagedError
            No copy is there, or none that `decode` takes without raising this error itself.
        """
        found = self._first(kind, id)
        if found is not None:
            try:
                return _decode_in(*found, decode)
            except (DamagedError, FileNotFoundError):
                pass
        return self._read_any(kind, id, decode)

    def locations(self, kind: int, id: bytes) -> list[tuple[Pack, Entry]]:
        """Return every pack that holds a record."""
        return self._retry(
            lambda: [(pack, entry) for pack in self.packs if (entry := pack.directory.find(kind, id))]
        )

    def between(self, kind: int, low: bytes, high: bytes) -> Iterator[bytes]:
        """Yield the ids of one kind in [low, high], in order, each once."""
        found = self._retry(
            lambda: {
                entry.id
                for pack in self._that_may_hold(kind, low, high)
                for entry in pack.directory.between(kind, low, high)
            }
        )
        return iter(sorted(found))

    def _read_any(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        """Read the slow way: list again, trust no directory, try every copy."""
        first: DamagedError | None = None
        for _ in range(_ATTEMPTS):
            self.rescan()
            self._retry(self._verify_directories)
            try:
                for found in self.locations(kind, id):
                    try:
                        return _decode_in(*found, decode)
                    except DamagedError as error:
                        first = first or error
                break
            except FileNotFoundError:
                continue
        raise first or DamagedError(f"{id.hex()} is missing from the store")

    def _verify_directories(self) -> None:
        for pack in self.packs:
            pack.verify_directory()
        with self._lock:
            self._outside = None

    def _first(self, kind: int, id: bytes) -> tuple[Pack, Entry] | None:
        return self._retry(lambda: self._look_up(kind, id))

    def _look_up(self, kind: int, id: bytes) -> tuple[Pack, Entry] | None:
        with self._lock:
            listed = self._listed()
            inside = [listed[name] for name in self._index.find(kind, id) if name in listed]
            outside = self._not_covered()
        for pack in inside:
            if entry := pack.directory.find(kind, id):
                return pack, entry
        return outside.find(kind, id)

    def _that_may_hold(self, kind: int, low: bytes, high: bytes) -> list[Pack]:
        """Return the packs to search for ids in [low, high]."""
        with self._lock:
            listed = self._listed()
            # A wide range is in most packs anyhow.
            if low[0] != high[0]:
                return list(listed.values())
            inside = self._index.between(kind, low, high)
            return [*(listed[name] for name in inside if name in listed), *self._not_covered().packs]

    def _listed(self) -> dict[str, Pack]:
        if self._packs is None:
            self.rescan()
        return self._packs or {}

    def _not_covered(self) -> "_Searched":
        """Return the packs that the index does not answer for; ask it first, it finds its damage by being asked."""
        covered = self._index.covered
        if self._outside is None or self._outside.covered is not covered:
            packs = [pack for name, pack in self._listed().items() if name not in covered]
            self._outside = _Searched(packs, covered)
        return self._outside

    def _is_stale(self) -> bool:
        return self.folder.stat().st_mtime_ns != self._seen_mtime_ns

    def _retry(self, search: Callable[[], T]) -> T:
        """Search again when a pack was removed in the middle; what it held is in another one by then."""
        for _ in range(_ATTEMPTS):
            try:
                return search()
            except FileNotFoundError:
                self.rescan()
        return search()


class _Searched:
    """Packs that are searched themselves, since the index, which has `covered`, does not have them."""

    def __init__(self, packs: list[Pack], covered: frozenset[str]) -> None:
        self.packs = packs
        self.covered = covered
        self._lock = threading.Lock()
        self._tables: dict[int, dict[int, Pack]] = {}
        self._asked = 0

    def find(self, kind: int, id: bytes) -> tuple[Pack, Entry] | None:
        # From some packs or some questions on, a table in memory beats one search in each (4 µs).
        self._asked += 1
        many = len(self.packs) >= FEW_PACKS or self._asked > _FEW_QUESTIONS
        likely = self._table(kind).get(prefix_of(id)) if many else None
        if likely and (entry := likely.directory.find(kind, id)):
            return likely, entry
        for pack in self.packs:
            # An id whose first bytes the table does not know is in no pack that it covers.
            if (likely or pack.mapped or not many) and (entry := pack.directory.find(kind, id)):
                return pack, entry
        return None

    def _table(self, kind: int) -> dict[int, Pack]:
        with self._lock:
            if kind not in self._tables:
                self._tables[kind] = {
                    prefix: pack
                    for pack in self.packs
                    for directory in (pack.directory,)
                    if not pack.mapped
                    for (prefix,) in directory.prefixes(kind)
                }
            return self._tables[kind]


def _decode_in(pack: Pack, entry: Entry, decode: Callable[[Record], T]) -> T:
    try:
        return decode(pack.read(entry))
    except DamagedError as error:
        where = f"pack {pack.name}, offset {entry.offset}"
        raise DamagedError(f"{entry.id.hex()}: {error.message} ({where})", error.hint) from error


def _is_pack(name: str) -> bool:
    return name.endswith(PACK_SUFFIX) and is_oid(name[: -len(PACK_SUFFIX)])
