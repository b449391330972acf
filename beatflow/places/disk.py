"""A place that is a folder: on this disk, on a USB stick, on a network drive.

Needs neither hard links nor a file system that tells ``A`` from ``a``. Nothing has its final name before it is whole,
read back and on the disk itself. Unfinished files lie in ``.incoming``, each locked by who writes it.
"""

import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, BufferedReader, FileIO
from pathlib import Path

from beatflow.errors import LockedError
from beatflow.filelock import try_lock
from beatflow.objects.durable import fsync_directory, fsync_file, temporary_name
from beatflow.places.key import check_key, check_prefix, is_key
from beatflow.places.place import ChangedError, Content, Item, PlaceError, Progress

_BLOCK = 1 << 20
_INCOMING = ".incoming"
_LOCK = ".lock"
_LOCK_S = 30.0
_RETRY_S = 0.02
MAX_READ_BYTES = 64 << 20
"""What `read` gives at most."""

_LEFT_BEHIND = re.compile(
    r"system volume information|\$recycle\.bin|recycler|lost\+found|desktop\.ini|thumbs\.db"
    r"|\.(incoming|lock|ds_store|trashes|trash-\d+|spotlight-v100|fseventsd|temporaryitems|apdisk|_.*)"
)
"""What operating systems, and a push that came to nothing, leave in an otherwise empty folder."""

_MEANING = {
    errno.ENOSPC: ("the disk is full", "make room there, then run it again; what has arrived need not again"),
    errno.EDQUOT: ("your share of the disk is full", "make room there, then run it again"),
    errno.EROFS: ("the disk is read-only", "unlock it, or mount it for writing"),
    errno.EACCES: ("you may not", "see who owns the folder"),
    errno.EPERM: ("you may not", "see who owns the folder"),
    errno.ENOTDIR: ("a file is in its place", "see how it is spelt, or choose another folder"),
    errno.EFBIG: ("the disk cannot hold files that large", "format it as exFAT instead of FAT"),
    errno.EIO: (
        "the disk does not answer as it should",
        "plug it in again; copy what is on it while it can be read",
    ),
    errno.ENODEV: ("the disk is gone", "plug it in again, then run it again"),
    errno.ENXIO: ("the disk is gone", "plug it in again, then run it again"),
    errno.ESTALE: ("the network drive is gone", "connect it again, then run it again"),
    errno.ENOTCONN: ("the network drive is gone", "connect it again, then run it again"),
    errno.EHOSTDOWN: ("the network drive does not answer", "connect it again, then run it again"),
}


class DiskPlace:
    """A folder, which need not be there before something is put into it; only then is it made.

    Parameters
    ----------
    root : Path
        Absolute. The folder around it must be there: a disk that is not plugged in is not to be written beside.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def address(self) -> str:
        """The folder's path."""
        return str(self._root)

    def is_empty(self) -> bool:
        """Say whether nothing lies there but what operating systems leave behind."""
        with self._failing("read"):
            try:
                names = [path.name.lower() for path in self._root.iterdir()]
            except FileNotFoundError:
                return True
        return all(_LEFT_BEHIND.fullmatch(name) for name in names)

    def list(self, prefix: str = "") -> Iterator[Item]:
        """Yield what lies under keys with a prefix, ordered by key."""
        check_prefix(prefix)
        with self._failing("read"):
            yield from sorted(self._walk(prefix.rstrip("/")), key=lambda item: item.key)

    def _walk(self, folder: str) -> Iterator[Item]:
        try:
            entries = list(os.scandir(self._root / folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if not is_key(key):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(key)
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield _item(key, entry.stat())

    def find(self, key: str) -> Item | None:
        """Return what lies under a key without reading it; None when nothing does."""
        path = self._path(key)
        with self._failing("read"):
            try:
                return _item(key, path.stat()) if path.is_file() else None
            except FileNotFoundError:
                return None

    def read(self, key: str) -> Content | None:
        """Return what lies under a key, at most 64 MiB."""
        path = self._path(key)
        with self._failing("read"):
            try:
                with _open(path) as file:
                    data = _read_exactly(file, MAX_READ_BYTES + 1)
            except (FileNotFoundError, NotADirectoryError):
                return None
        if len(data) > MAX_READ_BYTES:
            raise PlaceError(f"{path} is larger than it can be", "see what has been put there")
        return Content(data, _tag(data))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``start`` on."""
        path = self._path(key)
        with self._failing("read"):
            try:
                with _open(path) as file:
                    file.seek(start)
                    data = _read_exactly(file, length)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _gone(path) from error
        if len(data) < length:
            raise PlaceError(f"{path} is shorter than it should be", _CHECK)
        return data

    def fetch(self, key: str, target: Path, progress: Progress | None = None) -> None:
        """Copy what lies under a key to a new file."""
        path = self._path(key)
        with self._failing("read"):
            try:
                source = _open(path)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _gone(path) from error
        with source, target.open("xb") as copy:
            while True:
                with self._failing("read"):
                    block = source.read(_BLOCK)
                if not block:
                    return
                copy.write(block)
                if progress:
                    progress(len(block))

    def store(self, key: str, source: Path, progress: Progress | None = None) -> Item:
        """Copy a file to a key, and read it back. What lies there already is compared."""
        path = self._path(key)
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            there = self.find(key)
            if there and there.size == size and self._is_same(path, file):
                if progress:
                    progress(size)
                return there
            with self._incoming() as (temporary, copy):
                digest = hashlib.sha256()
                file.seek(0)
                while block := file.read(_BLOCK):
                    digest.update(block)
                    with self._failing("write to"):
                        copy.write(block)
                    if progress:
                        progress(len(block))
                self._settle(copy, digest.hexdigest())
                self._publish(temporary, copy, path)
        with self._failing("read"):
            return _item(key, path.stat())

    def swap(self, key: str, data: bytes, tag: str | None) -> str:
        """Put small content in place of what had ``tag``, under the folder's lock."""
        path = self._path(key)
        with self._failing("write to"), self._locked():
            there = self.read(key)
            if (there.tag if there else None) != tag:
                raise _changed(path)
            with self._incoming() as (temporary, copy):
                copy.write(data)
                self._settle(copy, _tag(data))
                self._publish(temporary, copy, path)
        return _tag(data)

    def remove(self, key: str) -> None:
        """Remove what lies under a key; nothing there is fine."""
        path = self._path(key)
        with self._failing("write to"), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()

    # Writing ---------------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    @staticmethod
    def _is_same(path: Path, file: BufferedReader) -> bool:
        """Compare what lies there with a file."""
        try:
            with path.open("rb") as other:
                there = hashlib.file_digest(other, "sha256").digest()
        except OSError:
            return False
        file.seek(0)
        return there == hashlib.file_digest(file, "sha256").digest()

    @contextmanager
    def _incoming(self) -> Iterator[tuple[Path, BufferedRandom]]:
        """Give a new file beside the keys; it is gone afterwards unless it was given a name."""
        with self._failing("write to"):
            folder = self._root / _INCOMING
            self._make(folder)
            self._sweep(folder)
            temporary, copy = self._create(folder)
        try:
            yield temporary, copy
        finally:
            # A full disk may refuse even to be told that nothing more comes.
            with suppress(OSError):
                copy.close()
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        """Make a folder below the root, and the root itself if what it is to lie in is there."""
        if folder.is_dir():
            return
        if not self._root.is_dir():
            if not self._root.parent.is_dir():
                raise PlaceError(
                    f"there is no folder {self._root.parent}", "plug the disk in, or make the folder first"
                )
            self._root.mkdir(exist_ok=True)
            _settle_names(self._root.parent)
        missing = [
            path for path in (folder, *folder.parents) if self._root in path.parents and not path.is_dir()
        ]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            _settle_names(path.parent)

    @staticmethod
    def _create(folder: Path) -> tuple[Path, BufferedRandom]:
        """Create a file of one's own and lock it, as a sign that its writer lives."""
        while True:
            path = temporary_name(folder, ".part")
            file = path.open("x+b")
            try:
                locked = try_lock(file.fileno())
            except OSError:
                locked = True  # where nobody can lock, nobody sweeps
            # Somebody may be sweeping it, or have swept it, before the lock was ours.
            if locked and path.exists():
                return path, file
            file.close()

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove what writers left that have died: whose lock nobody holds."""
        for path in folder.glob("*.part"):
            with suppress(OSError), path.open("rb") as file:
                if try_lock(file.fileno()):
                    path.unlink()

    def _settle(self, copy: BufferedRandom, digest: str) -> None:
        """Push a file through to the disk and read it back from there."""
        with self._failing("write to"):
            copy.flush()
            fsync_file(copy.fileno())
            if hasattr(os, "posix_fadvise"):
                # What the kernel remembers says nothing of what the disk holds.
                with suppress(OSError):
                    os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            copy.seek(0)
            if hashlib.file_digest(copy, "sha256").hexdigest() != digest:
                raise PlaceError(
                    f"{self.address} does not hold what was written to it", "the disk is failing; use another"
                )

    def _publish(self, temporary: Path, copy: BufferedRandom, path: Path) -> None:
        with self._failing("write to"):
            self._make(path.parent)
            if os.name == "nt":
                copy.close()  # Windows renames no open file
            temporary.replace(path)
            _settle_names(path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock, which the system drops when its holder dies."""
        self._make(self._root / _INCOMING)
        descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            deadline = time.monotonic() + _LOCK_S
            while not self._try_lock(descriptor):
                if time.monotonic() >= deadline:
                    raise LockedError(f"{self.address} is being changed by somebody else", "try again later")
                time.sleep(_RETRY_S)
            yield
        finally:
            os.close(descriptor)

    def _try_lock(self, descriptor: int) -> bool:
        try:
            return try_lock(descriptor)
        except OSError as error:
            raise PlaceError(
                f"{self.address} is on a disk that cannot lock files, so two could push at once",
                "mount it with locks, or use another disk or a bucket",
            ) from error

    @contextmanager
    def _failing(self, doing: str) -> Iterator[None]:
        """Turn the system's complaints into an error with a way out."""
        try:
            yield
        except OSError as error:
            why, hint = _MEANING.get(
                error.errno or 0, (error.strerror or str(error), "see whether the disk is there")
            )
            raise PlaceError(f"cannot {doing} {self.address}: {why}", hint) from error


_CHECK = "bf fetch again; if it stays so, bf push --verify from where it is whole"


def _item(key: str, stat: os.stat_result) -> Item:
    return Item(key, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _gone(path: Path) -> PlaceError:
    return PlaceError(f"there is no {path}", _CHECK)


def _changed(path: Path) -> ChangedError:
    return ChangedError(f"{path} has been changed by somebody else", "try again")


def _open(path: Path) -> FileIO:
    """Open a file for reading, unbuffered; a pipe or a device in its place, which might never end, is none."""
    if path.exists() and not path.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.open("rb", buffering=0)


def _read_exactly(file: FileIO, length: int) -> bytes:
    """Read as much as was asked for, or up to the end; unbuffered files give less at a time."""
    pieces = []
    while length > 0 and (piece := file.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _settle_names(folder: Path) -> None:
    """Make the names in a folder durable where its file system can: some of networks and sticks cannot."""
    with suppress(OSError):
        fsync_directory(folder)
