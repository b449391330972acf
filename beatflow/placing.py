"""Where in a folder files may be put, putting them there and taking them away; never through a link.

Knows nothing of what files are, nor of what was there before.
"""

import errno
import os
import stat
from collections.abc import Iterator, Set
from contextlib import suppress
from pathlib import Path

from beatflow.errors import ConflictError
from beatflow.filename import check_path
from beatflow.objects.durable import temporary_name


def find_file(root: Path, path: str) -> os.stat_result | None:
    """Return what ``lstat`` says of the file or link at a path below `root`; None when there is none."""
    if not path or passes_link(root, path):
        return None
    try:
        status = os.lstat(root / path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode) else None


def check_free(root: Path, path: str, removed: Set[str] = frozenset()) -> None:
    """Refuse a path at which no file can be put, once the paths in ``removed`` are gone.

    Raises
    ------
    ConflictError
        A folder with something in it, a parent that is a file or a link, or a device is in the way.
    """
    check_path(path)
    parts = path.split("/")
    for depth in range(1, len(parts)):
        parent = "/".join(parts[:depth])
        if parent not in removed and os.path.lexists(root / parent) and not is_folder(root, parent):
            raise ConflictError(f"{parent} is no folder here", hint=f"move it away: mv {parent} {parent}.old")
    if is_folder(root, path):
        if any(inside not in removed for inside in _iter_inside(root, path)):
            raise ConflictError(f"{path} is a folder here", hint=f"move it away: mv {path} {path}.old")
    elif os.path.lexists(root / path) and find_file(root, path) is None:
        raise ConflictError(f"{path} is no ordinary file here", hint=f"move it away: mv {path} {path}.old")


def check_writable(root: Path, path: str) -> None:
    """Refuse a path whose folder may not be changed.

    Raises
    ------
    PermissionError
        The folder, or the nearest one that is there, is read-only.
    """
    folder = next(parent for parent in (root / path).parents if parent.is_dir() or parent == root)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def prepare(root: Path, path: str) -> Path:
    """Make the folders that a path needs and remove an empty one in its place; return where it is."""
    check_path(path)
    make_parents(root, path)
    target = root / path
    if is_folder(root, path):
        for folder, _, _ in os.walk(target, topdown=False):
            Path(folder).rmdir()
    return target


def remove(root: Path, path: str) -> None:
    """Take away what is at a path, and the folders that are empty then."""
    check_path(path)
    if passes_link(root, path):
        return
    target = root / path
    try:
        target.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
    for parent in target.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()


def make_parents(root: Path, path: str) -> None:
    """Make the folders of a path below ``root``, passing through no link.

    Raises
    ------
    ConflictError
        A parent is a file or a link.
    """
    folder = root
    for part in path.split("/")[:-1]:
        folder /= part
        with suppress(FileExistsError):
            folder.mkdir()
        if folder.is_symlink() or not folder.is_dir():
            raise ConflictError(f"{folder} is no folder", hint=f"move it away: mv {folder} {folder}.old")


def move(source: Path, target: Path) -> None:
    """Rename a finished file, by way of a copy where a folder of the track lies on another disk."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        import shutil

        beside = temporary_name(target.parent, ".part")
        try:
            shutil.copy2(source, beside, follow_symlinks=False)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def passes_link(root: Path, path: str) -> bool:
    """Say whether a parent of a path below `root` is a link."""
    parts = path.split("/")[:-1]
    return any((root / "/".join(parts[: i + 1])).is_symlink() for i in range(len(parts)))


def _iter_inside(root: Path, path: str) -> Iterator[str]:
    """Yield everything below a folder that is no folder itself; links to folders are not followed."""
    for folder, names, files in os.walk(root / path):
        links = [name for name in names if Path(folder, name).is_symlink()]
        for name in files + links:
            yield Path(folder, name).relative_to(root).as_posix()


def is_folder(root: Path, path: str) -> bool:
    """Say whether a path is a folder of this one and no link to another."""
    return (root / path).is_dir() and not (root / path).is_symlink()
