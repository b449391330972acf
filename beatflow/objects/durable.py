"""The one place that makes bytes survive a crash: write, fsync, rename, fsync the folder.

Knows nothing of what the files mean. After any function here returns, the file is on the disk under its final
name, whole; when it raises or the machine stops half-way, the final name is as it was before.
"""

import contextlib
import os
import secrets
import shutil
import sys
from pathlib import Path


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


def temporary_name(folder: Path, suffix: str) -> Path:
    """Return a name in `folder` that nothing else uses; the process id in it is for people, not for code."""
    return folder / f"{os.getpid()}-{secrets.token_hex(8)}{suffix}"


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
        temporary = temporary_name(target.parent, ".copy.tmp")
        try:
            shutil.copyfile(source, temporary)
            publish_file(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return
    fsync_directory(target.parent)
