"""Files that appear only when all of them are whole, anywhere on this machine.

Each is written into a scratch folder on the disk of its destination; then all are renamed, in the order in which they
were asked for, so that a project file can come after what it refers to. A failure in between puts back what was there.
Knows nothing of what is in them.
"""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from beatflow.delivery import check_new
from beatflow.errors import ConflictError, UsageError
from beatflow.filename import is_private
from beatflow.history import read_content
from beatflow.repository import Repository
from beatflow.scratch import Scratch, sweep


class Outputs:
    """Collects finished files and puts them in place at once, to be used as a context.

    Parameters
    ----------
    repository : Repository
        The track: unfinished files for destinations inside it lie in its own scratch folder.
    force : bool
        Replace what is there, but nothing that a commit could not bring back.
    """

    def __init__(self, repository: Repository, force: bool = False) -> None:
        self._repository = repository
        self._force = force
        self._scratches: dict[Path, Scratch] = {}
        self._files: dict[Path, Path] = {}
        self._claimed: set[Path] = set()

    def __enter__(self) -> "Outputs":
        self._stack = ExitStack().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def check_free(self, target: Path) -> None:
        """Refuse a destination before the work.

        Raises
        ------
        ConflictError
            Something is there and is not to be replaced, or is a file of the track with changes that are not committed,
            or what should be a folder on the way to it is none.
        UsageError
            It belongs to BeatFlow or git.
        """
        root = self._repository.root.resolve()
        resolved = target.parent.resolve() / target.name
        inside = resolved.relative_to(root) if resolved.is_relative_to(root) else None
        if inside and any(map(is_private, inside.parts)):
            raise UsageError(f"{target} belongs to BeatFlow or git", hint="choose another place")
        check_new(target, self._force)
        if inside and os.path.lexists(target) and self._has_changes(inside.as_posix()):
            raise ConflictError(
                f"{target} has changes that are not committed", hint="bf commit, or choose another place"
            )
        nearest = _find_nearest(target.parent)
        if not nearest.is_dir():
            raise ConflictError(f"{nearest} is no folder", hint="choose another place")

    def claim(self, target: Path) -> None:
        """Take a destination for one file.

        Raises
        ------
        ConflictError, UsageError
            See `check_free`; or another file of these goes there.
        """
        self.check_free(target)
        if target in self._claimed:
            raise UsageError(f"{target} would be written twice", hint="give each its own name or folder")
        self._claimed.add(target)

    def new_file(self, target: Path) -> Path:
        """Return a fresh path for an unfinished file, on the disk of its destination; `publish` puts it there."""
        self.claim(target)
        parent = self._choose_scratch(_find_nearest(target.parent))
        if parent not in self._scratches:
            if parent != self._repository.scratch:
                sweep(parent)
            self._scratches[parent] = self._stack.enter_context(Scratch(parent))
        self._files[target] = self._scratches[parent].new_file()
        return self._files[target]

    def drop(self, target: Path) -> None:
        """Forget a file that could not be written."""
        self._files.pop(target).unlink(missing_ok=True)

    def publish(self) -> None:
        """Put everything in place; where that fails, everything is as it was.

        Raises
        ------
        ConflictError
            A destination was taken in the meantime.
        """
        for target, source in self._files.items():
            self.check_free(target)
            _flush(source)
        with ExitStack() as undo:
            for target, source in self._files.items():
                _make_folders(target.parent, undo)
                if os.path.lexists(target):
                    backup = source.with_name(source.name + ".before")
                    target.replace(backup)
                    undo.callback(backup.replace, target)
                source.replace(target)
                undo.callback(_remove, target)
            undo.pop_all()

    def _has_changes(self, path: str) -> bool:
        entry = read_content(self._repository, self._repository.head).get(path)
        return entry is not None and self._repository.worktree.identify(path) != entry

    def _choose_scratch(self, nearest: Path) -> Path:
        """The track's own folder where that is on the same disk, so that nobody sees unfinished files."""
        own = self._repository.scratch
        inside = nearest.resolve().is_relative_to(self._repository.root.resolve())
        return own if inside and nearest.stat().st_dev == own.stat().st_dev else nearest


def _find_nearest(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))


def _make_folders(folder: Path, undo: ExitStack) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent, undo)
    folder.mkdir(exist_ok=True)
    undo.callback(_remove_folder, folder)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _flush(path: Path) -> None:
    """Have a file on the disk before it gets its name."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
