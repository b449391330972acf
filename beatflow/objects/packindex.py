"""An index over packs: which of thousands holds a record, in one look-up each.

Knows the byte tables in docs/format.md, and neither pack files nor records. It is a cache and never trusted: whoever
asks looks into the pack's own directory, packs that it does not cover are to be searched themselves, and every part
of it is compared with its checksum whenever it is read. A file that is missing or damaged makes look-ups slower,
never wrong.

The index is a few files, each over some of the packs. Files of similar size are joined when packs are added, so that
there are few of them and each record is copied a few times only, however many commits there are.
"""

import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.durable import temporary_name
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.pack import ENTRY_BYTES, Directory

INDEX_SUFFIX = ".index"
INDEX_VERSION = 1
# So few packs are searched one by one: cheaper than a new index file for each commit.
FEW_PACKS = 8

_MAGIC = b"\x89BFI\r\n\x1a\n"
_HEAD = struct.Struct("<8sHHIIII")
_BUCKET = struct.Struct("<II")
_ROW = struct.Struct("<8sBI")
_ID_PART = 8
# A row's key and its pack, and what of a directory's entry that key is made of.
_KEYED = struct.Struct("<9sI")
_ENTRY_KEY = struct.Struct(f"<c{_ID_PART}s{ENTRY_BYTES - 1 - _ID_PART}x")
_BUCKET_ROWS = 64
# A file is joined with new rows unless it has more than this many times as many: 5 files for a million rows.
_GROWTH = 4


class IndexFile:
    """One published file of the index.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DamagedError
        It is not a whole index file of this version.
    """

    def __init__(self, path: Path) -> None:
        from mmap import ACCESS_READ, mmap  # a track with few commits has no index

        self.path = path
        with path.open("rb") as file:
            try:
                self._map = mmap(file.fileno(), 0, access=ACCESS_READ)
            except ValueError as error:
                raise DamagedError(f"{path.name} is empty") from error
        if len(self._map) < _HEAD.size:
            raise DamagedError(f"{path.name} is cut short")
        self.count: int
        self._bits: int
        magic, version, self._bits, packs, self.count, checksum, own = _HEAD.unpack_from(self._map)
        if magic != _MAGIC or version != INDEX_VERSION or own != zlib.crc32(self._map[: _HEAD.size - 4]):
            raise DamagedError(f"{path.name} is not an index of this version")
        self._buckets = _HEAD.size + ID_BYTES * packs
        self._rows = self._buckets + (_BUCKET.size << self._bits)
        if len(self._map) != self._rows + _ROW.size * self.count:
            raise DamagedError(f"{path.name} has not the length that it should have")
        tables = self._map[_HEAD.size : self._rows]
        if zlib.crc32(tables) != checksum:
            raise DamagedError(f"{path.name} is damaged")
        names = tables[: ID_BYTES * packs].hex()
        width = 2 * ID_BYTES
        self.packs = tuple(names[at : at + width] for at in range(0, len(names), width))

    def find(self, kind: int, id: bytes) -> list[str]:
        """Return the names of the packs that may hold a record; no other pack of this file does."""
        key = id[:_ID_PART] + bytes((kind,))
        rows = self._bucket(self._number(id))
        found = []
        at = rows.find(key)
        while at >= 0:
            if at % _ROW.size == 0:
                found.append(self._name(_ROW.unpack_from(rows, at)[2]))
            at = rows.find(key, at + 1)
        return found

    def between(self, kind: int, low: bytes, high: bytes) -> set[str]:
        """Return the names of the packs that may hold a record of one kind whose id lies in [low, high]."""
        first, last = low[:_ID_PART], high[:_ID_PART]
        return {
            self._name(pack)
            for number in range(self._number(low), self._number(high) + 1)
            for part, found, pack in _ROW.iter_unpack(self._bucket(number))
            if found == kind and first <= part <= last
        }

    def rows(self) -> list[tuple[bytes, str]]:
        """Return all rows, each its key and the name of its pack, checksums compared."""
        return [
            (key, self._name(pack))
            for number in range(1 << self._bits)
            for key, pack in _KEYED.iter_unpack(self._bucket(number))
        ]

    def _number(self, id: bytes) -> int:
        """Return which bucket an id belongs to: its leading bits."""
        return int.from_bytes(id[:4], "big") >> (32 - self._bits)

    def _bucket(self, number: int) -> bytes:
        at = self._buckets + _BUCKET.size * number
        end, checksum = _BUCKET.unpack_from(self._map, at)
        start = _BUCKET.unpack_from(self._map, at - _BUCKET.size)[0] if number else 0
        rows = self._map[self._rows + _ROW.size * start : self._rows + _ROW.size * end]
        if zlib.crc32(rows) != checksum:
            raise DamagedError(f"{self.path.name} is damaged")
        return rows

    def _name(self, pack: int) -> str:
        if pack >= len(self.packs):
            raise DamagedError(f"{self.path.name} names a pack that it does not list")
        return self.packs[pack]


class Index:
    """All index files of one store.

    Parameters
    ----------
    folder : Path
        Where they lie; need not exist.

    Attributes
    ----------
    covered : frozenset of str
        Names of the packs for which the index's answers hold; a new object whenever that changes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: tuple[IndexFile, ...] = ()
        self.covered: frozenset[str] = frozenset()

    def load(self) -> None:
        """Open the files as they are now; those that cannot be used are passed over."""
        found = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix == INDEX_SUFFIX:
                    with suppress(OSError, DamagedError):
                        found.append(IndexFile(path))
        self._use(sorted(found, key=lambda file: file.count, reverse=True))

    def find(self, kind: int, id: bytes) -> Iterator[str]:
        """Yield the names of covered packs that may hold a record; look at `covered` after, damage shrinks it."""
        for file in self._files:
            try:
                yield from file.find(kind, id)
            except DamagedError:
                self._drop(file)

    def between(self, kind: int, low: bytes, high: bytes) -> set[str]:
        """Return the names of covered packs that may hold a record with its id in [low, high]; see `find`."""
        found: set[str] = set()
        for file in self._files:
            try:
                found |= file.between(kind, low, high)
            except DamagedError:
                self._drop(file)
        return found

    def update(self, packs: Mapping[str, Callable[[], Directory | None]], temporary: Path) -> None:
        """Cover new packs, forget those that are gone. Only for a writer.

        Parameters
        ----------
        packs : mapping
            Name to what gives the verified directory, or None where that is damaged.
        temporary : Path
            Folder for unfinished files, on the same disk.
        """
        fresh = {name: made for name in packs if name not in self.covered and (made := packs[name]())}
        joined = self._choose(fresh, packs)
        if joined or len(fresh) >= FEW_PACKS:
            try:
                rows = [row for file in joined for row in file.rows()]
            except DamagedError:
                for file in joined:
                    self._drop(file)
                self.update(packs, temporary)
                return
            self._write(fresh, joined, rows, packs, temporary)
        self._tidy()

    def _choose(self, fresh: Mapping[str, Directory], packs: Collection[str]) -> list[IndexFile]:
        """Return the files to write anew: those with packs that are gone, and those that new packs outgrow."""
        joined = [file for file in self._files if not all(name in packs for name in file.packs)]
        if joined or len(fresh) >= FEW_PACKS:
            count = sum(map(len, fresh.values())) + sum(file.count for file in joined)
            for file in reversed(self._files):
                if file not in joined and file.count <= _GROWTH * count:
                    joined.append(file)
                    count += file.count
        return joined

    def _write(
        self,
        fresh: Mapping[str, Directory],
        joined: Sequence[IndexFile],
        rows: Iterable[tuple[bytes, str]],
        packs: Collection[str],
        temporary: Path,
    ) -> None:
        """Write one file in place of `joined`, with the fresh packs and without those that are gone."""
        names = sorted({*fresh, *(name for file in joined for name in file.packs if name in packs)})
        numbers = {name: number.to_bytes(4, "little") for number, name in enumerate(names)}
        written = [key + numbers[name] for key, name in rows if name in numbers]
        for name, directory in fresh.items():
            number = numbers[name]
            written += [part + kind + number for kind, part in _ENTRY_KEY.iter_unpack(directory.raw)]
        kept = [file for file in self._files if file not in joined]
        if len(names) >= FEW_PACKS:
            self._folder.mkdir(exist_ok=True)
            unfinished = temporary_name(temporary, INDEX_SUFFIX)
            # Not synced: should a power cut spoil it, the checksums say so, and the next writer makes it again.
            unfinished.write_bytes(_encode(names, written))
            final = self._folder / unfinished.name
            unfinished.replace(final)
            kept.append(IndexFile(final))
        self._use(sorted(kept, key=lambda file: file.count, reverse=True))

    def _use(self, files: Iterable[IndexFile]) -> None:
        """Answer from these files, largest first, but for those that the ones before cover."""
        used: list[IndexFile] = []
        covered: set[str] = set()
        for file in files:
            if not covered.issuperset(file.packs):
                used.append(file)
                covered.update(file.packs)
        self._files, self.covered = tuple(used), frozenset(covered)

    def _drop(self, damaged: IndexFile) -> None:
        self._use([file for file in self._files if file is not damaged])

    def _tidy(self) -> None:
        """Remove the files that are not in use: joined into others, damaged, or of nothing that is here."""
        used = {file.path.name for file in self._files}
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix == INDEX_SUFFIX and path.name not in used:
                    path.unlink()


def _encode(names: Sequence[str], rows: list[bytes]) -> bytes:
    """Return the bytes of an index file; sorts the rows."""
    from bisect import bisect_left

    rows.sort()
    bits = max(0, (len(rows) // _BUCKET_ROWS).bit_length() - 1)
    firsts = [(number << 64 - bits).to_bytes(_ID_PART, "big") for number in range(1, 1 << bits)]
    ends = [*(bisect_left(rows, first) for first in firsts), len(rows)]
    data = b"".join(rows)
    buckets = b"".join(
        _BUCKET.pack(end, zlib.crc32(data[_ROW.size * start : _ROW.size * end]))
        for start, end in zip([0, *ends], ends, strict=False)
    )
    tables = bytes.fromhex("".join(names)) + buckets
    head = _HEAD.pack(_MAGIC, INDEX_VERSION, bits, len(names), len(rows), zlib.crc32(tables), 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head)) + tables + data
