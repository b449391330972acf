"""Folders for unfinished files, which say whether their maker still lives, so that what dead ones left can be swept."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from beatflow.errors import LockedError
from beatflow.lock import Lock
from beatflow.objects.durable import temporary_name

_ALIVE = "alive"
_PREFIX = ".beatflow-"


class Scratch:
    """A fresh folder below ``parent`` for one ``with`` block, removed at its end.

    Its maker holds a lock in it; the system drops that when the maker dies, however it does.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def __enter__(self) -> "Scratch":
        while True:
            with ExitStack() as stack:
                self.folder = self._make()
                stack.callback(_remove, self.folder)
                stack.enter_context(Lock(self.folder / _ALIVE, "scratch"))
                # Somebody may have swept it before the lock was ours.
                if (self.folder / _ALIVE).exists():
                    self._stack = stack.pop_all()
                    return self

    def _make(self) -> Path:
        try:
            folder = self._parent / f"{_PREFIX}{os.urandom(8).hex()}"
            folder.mkdir(0o700)
        except OSError as error:
            # Who cannot write there wants to hear of the folder, not of a name drawn at random.
            error.filename = str(self._parent)
            raise
        return folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def new_file(self, suffix: str = "") -> Path:
        """Return a fresh path in the folder; nothing is there yet."""
        return temporary_name(self.folder, suffix)


def sweep(parent: Path) -> None:
    """Remove the folders below ``parent`` whose makers are dead; what only has such a name (a backup) stays."""
    try:
        folders = [path for path in parent.iterdir() if path.name.startswith(_PREFIX)]
    except OSError:
        return
    for folder in folders:
        try:
            # An empty one was left by a maker that died before it could say that it lives.
            if not (folder / _ALIVE).is_file() and any(folder.iterdir()):
                continue
            with Lock(folder / _ALIVE, "sweep", timeout_s=0):
                pass
        except LockedError:
            continue
        except OSError:
            # Gone this moment, or no scratch folder.
            continue
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, what tells that it is a scratch folder last, so that whoever dies in between leaves one."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                _remove_tree(path)
            elif path.name != _ALIVE:
                path.unlink(missing_ok=True)
        (folder / _ALIVE).unlink(missing_ok=True)
        folder.rmdir()
        return
    _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    import shutil  # most changes have no folder here, and need nothing of the archives that it can write

    shutil.rmtree(folder, ignore_errors=True)
