"""The end of a pack that lies elsewhere: its directory, its links, and its manifests where they lie there.

Knows packs and what a shelf is. A copy of it is kept, since a pack never changes: what its name and size say is there
is what it was. The copy is compared with its own checksum, and made again where that is wrong.
"""

from collections.abc import Iterator
from contextlib import suppress
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import DamagedError
from beatflow.objects.durable import write_cache
from beatflow.objects.exchange.links import Link, decode_links, may_be_links
from beatflow.objects.exchange.shelf import Listed, Shelf
from beatflow.objects.ids import ID_BYTES, sha256
from beatflow.objects.pack import (
    ENTRY_BYTES,
    MAX_STORED_BYTES,
    PACK_HEAD_BYTES,
    RECORD_HEAD_BYTES,
    TRAILER_BYTES,
    Directory,
    Entry,
    Flag,
    Kind,
    Record,
    check_head,
    make_directory,
    parse_directory,
    parse_record,
    parse_trailer,
)
from beatflow.objects.packscan import scan

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SUFFIX = ".tail"
# A commit's directory, manifests and links, in one request.
_FIRST_BYTES = 128 * 1024
# So much of manifests is read along with a directory.
_MOST_BYTES = 4 * 1024 * 1024
# Ten million records; nobody's pack has them, and whoever says so means to fill the memory.
_MOST_DIRECTORY_BYTES = 512 * 1024 * 1024
_ATTEMPTS = 3


class Tail:
    """What is known of a pack without reading it whole.

    Parameters
    ----------
    listed : Listed
        The pack.
    data : bytes
        Its last bytes.
    directory : Directory
        Of all its records.
    """

    def __init__(self, listed: Listed, data: bytes, directory: Directory) -> None:
        self.name, self.size = listed
        self.data = data
        self.start = listed.size - len(data)
        self.directory = directory

    def read(self, entry: Entry) -> Record | None:
        """Return a record, verified, if all of it is at hand."""
        if entry.offset < self.start:
            return None
        at = entry.offset - self.start
        return parse_record(self.data[at : at + RECORD_HEAD_BYTES + entry.stored_length], entry)

    def is_sound(self) -> bool:
        """Say whether all records at hand are what their checksums say."""
        try:
            for entry in self.directory:
                self.read(entry)
        except DamagedError:
            return False
        return True

    def dependents(self) -> Iterator[Entry]:
        """Yield the entries of chunks that are predicted from others."""
        return (entry for entry in self.directory if entry.kind == Kind.CHUNK and entry.flags & Flag.DEPENDS)

    def read_links(self) -> dict[bytes, Link] | None:
        """Return the pack's links, if they are at hand, or if there is nothing to link."""
        if not any(True for _ in self.dependents()):
            return {}
        last = max(self.directory, key=lambda entry: entry.offset)
        if not may_be_links(last):
            return None
        with suppress(DamagedError):
            record = self.read(last)
            return decode_links(record.payload) if record else None
        return None


def parse_tail(listed: Listed, data: bytes) -> Tail:
    """Open a pack's last bytes, with its directory at least.

    Raises
    ------
    DamagedError
        They are not what they should be.
    """
    trailer = parse_trailer(data[-TRAILER_BYTES:], listed.size)
    at = trailer.start - (listed.size - len(data))
    if at < 0:
        raise DamagedError("the end of a pack without all of its directory")
    directory = parse_directory(data[at : at + trailer.entries * ENTRY_BYTES], trailer)
    _check_order(directory, trailer.start)
    return Tail(listed, data, directory)


def rebuild_tail(shelf: Shelf, listed: Listed) -> Tail:
    """Make a damaged pack's directory anew from what its records say, those that are left.

    Raises
    ------
    DamagedError
        The pack cannot be read.
    """
    with BufferedReader(_PackFile(shelf, listed), max(shelf.gap, 1)) as file:
        return Tail(listed, b"", make_directory(scan(file, listed.size)))


class _PackFile(RawIOBase):
    """A pack on a shelf as a file."""

    def __init__(self, shelf: Shelf, listed: Listed) -> None:
        self._shelf = shelf
        self._listed = listed
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._listed.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        length = min(len(target), self._listed.size - self._at)
        if length <= 0:
            return 0
        data = self._shelf.read_range(self._listed.name, self._at, length)
        target[: len(data)] = data
        self._at += len(data)
        return len(data)


def read_tail(shelf: Shelf, listed: Listed) -> Tail:
    """Read the end of a pack.

    Raises
    ------
    DamagedError
        It is not a whole pack.
    BeatFlowError
        It is one of a later version, or cannot be read.
    """
    for _ in range(_ATTEMPTS - 1):
        # What a bad line spoils on the way is right the next time.
        with suppress(DamagedError):
            tail = _read_tail(shelf, listed)
            if tail.is_sound():
                return tail
    return _read_tail(shelf, listed)


def _read_tail(shelf: Shelf, listed: Listed) -> Tail:
    name, size = listed
    if size < PACK_HEAD_BYTES + TRAILER_BYTES:
        raise DamagedError(f"pack of {size} bytes is cut short")
    data = shelf.read_range(name, max(0, size - _FIRST_BYTES), min(size, _FIRST_BYTES))
    try:
        trailer = parse_trailer(data[-TRAILER_BYTES:], size)
    except DamagedError:
        # A later version may end otherwise; its first bytes say so.
        check_head(shelf.read_range(name, 0, PACK_HEAD_BYTES))
        raise
    if size - trailer.start > _MOST_DIRECTORY_BYTES:
        raise DamagedError(f"a pack with a directory of {size - trailer.start} bytes")
    if trailer.start < size - len(data):
        data = _extend(shelf, listed, data, trailer.start)
    tail = parse_tail(listed, data)
    first = _find_heads(tail.directory)
    if first < tail.start and trailer.start - first <= _MOST_BYTES:
        tail = Tail(listed, _extend(shelf, listed, data, first), tail.directory)
    return tail


def _extend(shelf: Shelf, listed: Listed, data: bytes, start: int) -> bytes:
    return shelf.read_range(listed.name, start, listed.size - len(data) - start) + data


def _find_heads(directory: Directory) -> int:
    """Return where the links and manifests begin that lie directly before the directory."""
    entries = sorted(directory, key=lambda entry: entry.offset, reverse=True)
    first = entries[0].end if entries else 0
    for number, entry in enumerate(entries):
        if entry.kind != Kind.MANIFEST and not (number == 0 and may_be_links(entry)):
            break
        first = entry.offset
    return first


def _check_order(directory: Directory, end: int) -> None:
    """Refuse a directory whose records do not follow each other from the pack's head to its directory."""
    expected = PACK_HEAD_BYTES
    for offset, length in sorted((entry.offset, entry.stored_length) for entry in directory):
        if offset != expected or length > MAX_STORED_BYTES:
            raise DamagedError("a pack's directory names records that do not follow each other")
        expected = offset + RECORD_HEAD_BYTES + length
    if expected != end:
        raise DamagedError("a pack's records do not end where its directory begins")


class TailCache:
    """Copies of the ends of packs.

    Parameters
    ----------
    folder : Path or None
        Where they lie; None to keep none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, listed: Listed) -> Tail | None:
        """Return a copy that is right."""
        if self._folder is None:
            return None
        with suppress(OSError, DamagedError):
            data = (self._folder / f"{listed.name}{_SUFFIX}").read_bytes()
            if sha256(data[ID_BYTES:]) == data[:ID_BYTES]:
                return parse_tail(listed, data[ID_BYTES:])
        return None

    def keep(self, tail: Tail) -> None:
        """Keep a copy, unless something in it is damaged or there is no room."""
        if self._folder is not None and tail.is_sound():
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                write_cache(self._folder / f"{tail.name}{_SUFFIX}", sha256(tail.data) + tail.data)

    def keep_only(self, names: set[str]) -> None:
        """Drop the copies of all other packs."""
        if self._folder is not None:
            with suppress(OSError):
                for path in self._folder.iterdir():
                    if path.suffix == _SUFFIX and path.stem not in names:
                        path.unlink()
