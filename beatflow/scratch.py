"""Folders for unfinished files, which say whether their maker still lives, so that what dead ones left can be swept."""

import shutil
import tempfile
from contextlib import ExitStack
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
                self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
                stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
                stack.enter_context(Lock(self.folder / _ALIVE, "scratch"))
                # Somebody may have swept it before the lock was ours.
                if (self.folder / _ALIVE).exists():
                    self._stack = stack.pop_all()
                    return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def new_file(self, suffix: str = "") -> Path:
        """Return a fresh path in the folder; nothing is there yet."""
        return temporary_name(self.folder, suffix)


def sweep(parent: Path) -> None:
    """Remove the folders below ``parent`` whose makers are dead; what only has such a name (a backup) stays."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if not (folder / _ALIVE).is_file():
            continue
        try:
            with Lock(folder / _ALIVE, "sweep", timeout_s=0):
                pass
        except LockedError:
            continue
        except OSError:
            # Gone this moment, or no scratch folder.
            continue
        shutil.rmtree(folder, ignore_errors=True)
