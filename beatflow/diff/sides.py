"""The two sides of a diff, each a commit, the worktree or a folder: their files, ready to be opened, and what is
known of their sounds without listening.

Decodes no sound and says nothing.
"""

import filecmp
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError, UsageError
from beatflow.history import ADDED, DELETED, MODIFIED, FileChange, compare_trees
from beatflow.objects.git.value import SYMLINK, Entry, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import known_facts
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, Track, parse_track

Facts = dict[str, Any]
Opener = Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a side.

    Parameters
    ----------
    path : str
        As the side names it.
    open : callable
        Opens it for reading.
    place : Path or None
        Where it lies on a disk as it is.
    oid : str or None
        The sound's id, where it comes from the store.
    """

    path: str
    open: Opener
    place: Path | None = None
    oid: str | None = None


class Side(Protocol):
    """A state of some files."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    def find(self, path: str) -> File | None:
        """Return the file at a path."""
        ...

    def paths(self) -> Sequence[str]:
        """Return the paths of all files, sorted."""
        ...

    def known(self, oid: str) -> Facts:
        """Return what is known of a sound without reading it."""
        ...


@dataclass(frozen=True, slots=True)
class RepositorySide:
    """A commit, or the worktree where ``commit`` is None; ``tree`` has its files as the musician knows them."""

    repository: Repository
    name: str
    tree: Tree
    commit: str | None

    def find(self, path: str) -> File | None:
        """Return the file at a path."""
        entry = self.tree.get(path)
        if entry is None:
            return None
        if self.commit is None:
            return _find_in_worktree(self.repository, path, entry)
        return _find_in_history(self.repository, path, entry)

    def paths(self) -> Sequence[str]:
        """Return the paths of all files, sorted."""
        return sorted(self.tree)

    def known(self, oid: str) -> Facts:
        """Return what provenance and the analysis cache know of a sound."""
        return known_facts(self.repository, oid, self.commit)


@dataclass(frozen=True, slots=True)
class FolderSide:
    """A folder outside any repository; hidden files are left out."""

    root: Path
    _paths: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.root)

    def find(self, path: str) -> File | None:
        """Return the file at a path."""
        place = self.root / path
        return open_file(place, path) if place.is_file() else None

    def paths(self) -> Sequence[str]:
        """Return the paths of all files, sorted."""
        if not self._paths:
            self._paths.extend(sorted(_iter_files(self.root)))
        return self._paths

    def known(self, oid: str) -> Facts:
        """Return nothing: nobody has measured anything here."""
        return {}


def open_file(place: Path, path: str) -> File:
    """Return a file on a disk as one of a side."""
    return File(path, lambda: place.open("rb"), place)


def read_score(side: Side) -> Track:
    """Return the score on a side; an empty one where there is none, or where it cannot be read."""
    file = side.find(TRACK_FILE)
    if file:
        with suppress(UsageError), file.open() as opened:
            return parse_track(opened.read())
    return Track()


# Pairs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A file on both sides; ``kind`` and ``source`` as in `FileChange`, ``error`` where one cannot be found."""

    path: str
    kind: str
    before: File | None
    after: File | None
    source: str | None = None
    error: BeatFlowError | None = None


def pair_trees(old: RepositorySide, new: RepositorySide) -> list[Pair]:
    """Return what differs between two sides of a repository, by path."""
    return [_pair(change, old, new) for change in compare_trees(old.tree, new.tree)]


def _pair(change: FileChange, old: RepositorySide, new: RepositorySide) -> Pair:
    try:
        before = old.find(change.source or change.path) if change.before else None
        after = new.find(change.path) if change.after else None
    except (DamagedError, NotFoundError) as error:
        return Pair(change.path, change.kind, None, None, change.source, error)
    return Pair(change.path, change.kind, before, after, change.source)


def pair_folders(old: FolderSide, new: FolderSide) -> list[Pair]:
    """Return what differs between two folders, by path."""
    result = []
    for path in sorted({*old.paths(), *new.paths()}):
        before, after = old.find(path), new.find(path)
        if before and after and filecmp.cmp(old.root / path, new.root / path, shallow=False):
            continue
        kind = MODIFIED if before and after else ADDED if after else DELETED
        result.append(Pair(path, kind, before, after))
    return result


# Files ---------------------------------------------------------------------------------------------------


def _find_in_history(repository: Repository, path: str, entry: Entry) -> File:
    git = repository.git
    pointer = read_pointer(git, entry)
    if pointer is None:
        return File(path, lambda: BytesIO(git.read_blob(entry.oid)))
    oid = pointer.oid
    return File(path, lambda: repository.audio.open(oid), oid=oid)


def _find_in_worktree(repository: Repository, path: str, entry: Entry) -> File:
    if repository.worktree.find_absent(path):
        return _find_in_history(repository, path, entry)
    place = repository.root / path
    if entry.mode == SYMLINK:
        return File(path, lambda: BytesIO(os.fsencode(place.readlink())))
    return open_file(place, path)


def _iter_files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            place = Path(folder, name)
            if not name.startswith(".") and place.is_file():
                yield place.relative_to(root).as_posix()
