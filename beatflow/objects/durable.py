"""The one place that makes bytes survive a crash: write, fsync, rename, fsync the folder.

Knows nothing of what the files mean. After any function here returns, the file is on the disk under its final
name, whole; when it raises or the machine stops half-way, the final name is as it was before.
"""

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

# sync_file_range(2)
_FICLONE = 0x40049409
_COPY_BLOCK = 1 << 20
_WAIT_BEFORE, _WRITE, _WAIT_AFTER = 1, 2, 4


def fsync_file(descriptor: int) -> None:
    """Push one open file through to the disk itself."""
    if sys.platform == "darwin":
        # fsync on macOS stops at the drive's cache; only F_FULLFSYNC goes on, and network volumes refuse it.
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def fsync_directory(path: Path) -> None:
    """Make the names in a folder durable; Windows has no such call and needs none after a rename."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_all(files: Iterable[Path], root: Path) -> None:
    """Push files below a folder, and their names, through to the disk: all of them as one step.

    Like git's ``core.fsyncMethod=batch``: each file is only handed to the disk, and one flush at the end makes that,
    and the journal of the file system with all the names, durable. A file that is not there was removed.
    """
    last = None
    for path in files:
        try:
            descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        except (FileNotFoundError, PermissionError):
            continue  # removed, or, on Windows, one of git's read-only objects
        try:
            _write_out(descriptor)
        finally:
            os.close(descriptor)
        last = path
    if last and sys.platform == "darwin":
        with last.open("rb") as file:
            fsync_file(file.fileno())
    fsync_directory(root)


def _write_out(descriptor: int) -> None:
    """Hand a file's bytes to the disk, which may still hold them in its cache."""
    if sys.platform != "linux" or not _sync_file_range(descriptor):
        os.fsync(descriptor)


def _sync_file_range(descriptor: int) -> bool:
    function = _find_sync_file_range()
    return function is not None and function(descriptor, 0, 0, _WAIT_BEFORE | _WRITE | _WAIT_AFTER) == 0


@cache
def _find_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Return the system's function, None where it has none: descriptor, offset, length (0 is all), flags."""
    import ctypes

    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


def temporary_name(folder: Path, suffix: str) -> Path:
    """Return a name in `folder` that nothing else uses; the process id in it is for people, not for code."""
    return folder / f"{os.getpid()}-{os.urandom(8).hex()}{suffix}"


def free_name(folder: Path, name: str, suffix: str = "") -> Path:
    """Return the first of ``name.0``, ``name.1``, … with which nothing in `folder` is called."""
    number = 0
    while (path := folder / f"{name}.{number}{suffix}").exists():
        number += 1
    return path


def publish_file(temporary: Path, final: Path) -> None:
    """Give a finished file its final name, durably.

    `temporary` must lie on the same file system as `final` and must not be written to any more. An existing
    `final` is replaced in one step.
    """
    with temporary.open("r+b") as file:
        fsync_file(file.fileno())
    temporary.replace(final)
    fsync_directory(final.parent)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a small file so that its name holds either the old bytes or all of the new ones."""
    temporary = temporary_name(path.parent, f".{path.name}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        publish_file(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_cache(path: Path, data: bytes) -> None:
    """Write a small file in one step, but not durably: after a power cut it may hold anything."""
    temporary = temporary_name(path.parent, f".{path.name}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_directory(path: Path) -> None:
    """Create a folder, its parents included, and make its name durable."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    fsync_directory(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Give an immutable file a second name, by a hard link where the file system has them; durable after.

    A `target` that is there already is left as it is.
    """
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return
    except OSError:
        import shutil

        temporary = temporary_name(target.parent, ".copy.tmp")
        try:
            shutil.copyfile(source, temporary)
            publish_file(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return
    fsync_directory(target.parent)


def copy_verified(source: Path, target: Path, oid: str) -> None:
    """Copy a file to a new path, sharing its blocks where the file system can, and verify the copy's SHA-256.

    Raises
    ------
    OSError
        The copy cannot be written, or what was read back is not what was asked for (EIO).
    """
    import shutil

    with source.open("rb") as original, target.open("x+b") as copy:
        if not _clone(original.fileno(), copy.fileno()):
            shutil.copyfileobj(original, copy, _COPY_BLOCK)
            copy.flush()
            copy.seek(0)
        if hashlib.file_digest(copy, "sha256").hexdigest() != oid:
            raise OSError(errno.EIO, "the copy is not like the original", str(target))


def _clone(source: int, target: int) -> bool:
    """Let a file share another's blocks (btrfs, XFS, bcachefs); changing one later does not change the other."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
