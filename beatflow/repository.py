"""A repository: the folder ``.beatflow`` in a track, with git's history, the audio store and our own state.

Finding, making and reading one. The only way to change one is a transaction (``transaction.py``).
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import ConflictError, NotFoundError
from beatflow.measurement import FactCache
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Entry, Signature, Tree
from beatflow.worktree import ABSENT, REPOSITORY, Worktree

if TYPE_CHECKING:
    from beatflow.objects.store import AudioStore, Supply

DEFAULT_BRANCH = "main"
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
REMOTES = "refs/remotes/"

Signer = Callable[[], Signature]
"""Gives the author and the time of a change when one is made."""


def make_absolute(path: Path) -> Path:
    """Return a path without ``..``, whose parents are the folders around it; links are not followed."""
    return Path(os.path.normpath(Path.cwd() / path))


class Repository:
    """An opened repository.

    Parameters
    ----------
    root : Path
        The track's folder, the one that holds ``.beatflow``.
    signer : callable
        Who makes changes, asked anew for each.

    Attributes
    ----------
    supply : callable or None
        Brings sounds that a partial clone has left elsewhere, when one is needed.
    announce : callable or None
        Told after each change that was published.
    is_locked : bool
        A change is being made through this very object: its process holds the lock.

    Raises
    ------
    NotFoundError
        ``root`` holds no repository.
    """

    def __init__(self, root: Path, signer: Signer) -> None:
        self.root = root
        self.directory = root / REPOSITORY
        self.signer = signer
        self.supply: Supply | None = None
        self.announce: Callable[[], None] | None = None
        self.is_locked = False
        self._asking = threading.RLock()
        self._tree_at_head = "", ""
        if not (self.directory / "HEAD").is_file():
            raise NotFoundError(f"{root} is not a BeatFlow track", hint="bf init")

    @classmethod
    def create(cls, root: Path, signer: Signer, branch: str = DEFAULT_BRANCH) -> "Repository":
        """Make a repository in a folder, which may have files in it already; an existing one is opened.

        Raises
        ------
        ConflictError
            The folder lies inside another track.
        """
        from beatflow.objects.store import AudioStore

        root = make_absolute(root)
        outer = cls.find(root, signer)
        if outer and outer.root == root:
            return outer
        if outer:
            raise ConflictError(
                f"{root} lies inside the track {outer.root}", hint=f"bf -C {outer.root} status"
            )
        directory = root / REPOSITORY
        directory.mkdir(parents=True, exist_ok=True)
        AudioStore.create(directory / "audio")
        for name in ("state", "tmp"):
            (directory / name).mkdir(exist_ok=True)
        # HEAD comes last: a folder without one is no repository, and `create` can finish it.
        GitStore.create(directory, branch)
        return cls(root, signer)

    @classmethod
    def find(cls, start: Path, signer: Signer) -> "Repository | None":
        """Open the repository around a folder, or return None."""
        start = make_absolute(start)
        for folder in (start, *start.parents):
            if (folder / REPOSITORY / "HEAD").is_file():
                return cls(folder, signer)
        return None

    @classmethod
    def get(cls, start: Path, signer: Signer) -> "Repository":
        """Open the repository around a folder.

        Raises
        ------
        NotFoundError
            There is none.
        """
        found = cls.find(start, signer)
        if found is None:
            raise NotFoundError(f"{start} is not in a BeatFlow track", hint="bf init")
        return found

    @cached_property
    def git(self) -> GitStore:
        """History."""
        return GitStore(self.directory)

    @cached_property
    def audio(self) -> "AudioStore":
        """Sound."""
        from beatflow.objects.store import AudioStore

        store = AudioStore(self.directory / "audio")
        store.supply = self._ask_for
        return store

    def _ask_for(self, oids: list[str]) -> None:
        if self.supply:
            # Sounds are read on threads: one asks at a time, and what it brought is not asked for again.
            with self._asking:
                missing = [oid for oid in oids if oid not in self.audio]
                if missing:
                    self.supply(missing)

    @contextmanager
    def locked(self, holder: str, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold the writers' lock, for what adds sound outside a transaction; inside one it is held already.

        Raises
        ------
        LockedError
            Another process is changing the repository.
        """
        from beatflow.lock import Lock

        if self.is_locked:
            yield
            return
        with Lock(self.directory / "lock", holder, timeout_s):
            self.is_locked = True
            try:
                yield
            finally:
                self.is_locked = False

    @cached_property
    def worktree(self) -> Worktree:
        """The files that the musician sees."""
        return Worktree(self.root, self.git, lambda: self.audio, self.directory, self._find_at_head)

    def _find_at_head(self, path: str) -> Entry | None:
        head = self.head
        if head is None:
            return None
        if head != self._tree_at_head[0]:
            self._tree_at_head = head, self.git.read_commit(head).tree
        return self.git.find_entry(self._tree_at_head[1], path)

    @cached_property
    def analysis_cache(self) -> FactCache:
        """What was measured of sounds before."""
        return FactCache(self.state / "analysis")

    @property
    def state(self) -> Path:
        """Folder of what is ours alone: caches, the journal, provenance that waits for its commit."""
        return self.directory / "state"

    @property
    def has_absent(self) -> bool:
        """This partial clone may have left files of the worktree elsewhere."""
        return (self.state / ABSENT).exists()

    @property
    def scratch(self) -> Path:
        """Folder for unfinished files, on the worktree's own disk."""
        return self.directory / "tmp"

    # HEAD ------------------------------------------------------------------------------------------------

    @property
    def branch(self) -> str | None:
        """The current branch's short name, None when HEAD is detached."""
        head = self.git.read_head()
        return head.removeprefix(BRANCHES) if head.startswith(BRANCHES) else None

    @property
    def head(self) -> str | None:
        """The current commit, None before the first."""
        head = self.git.read_head()
        return self.git.read_ref(head) if head.startswith("refs/") else head

    def tree_of(self, commit: str | None) -> Tree:
        """Return the whole tree of a commit, BeatFlow's own entries included; None is the empty tree."""
        return self.git.read_tree(self.git.read_commit(commit).tree) if commit else {}
