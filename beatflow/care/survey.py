"""Reads all of history that commits lead to, for looking at it and for keeping what it names."""

from collections.abc import Iterable

from beatflow.errors import DamagedError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Entry
from beatflow.objects.pointer import read_pointer


class Survey:
    """A walk over git's objects that goes on where something is damaged, unless it is strict.

    Attributes
    ----------
    pointers : dict
        Git's id of each pointer met, to the sound that it stands for.
    sizes : dict
        Oid of each sound met to its bytes.
    size : int
        Of all of them.
    broken : dict
        Git's id of each object that is missing or damaged, to its kind and what is wrong.
    """

    def __init__(self, git: GitStore, data: bool, strict: bool = False) -> None:
        self._git = git
        self._data = data
        self._strict = strict
        self.pointers: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.size = 0
        self.broken: dict[str, tuple[str, str]] = {}

    def walk(self, starts: Iterable[str], follow: bool) -> None:
        """Look at commits and all that they lead to; with `follow` also at their ancestors."""
        seen: set[str] = set()
        waiting = [Entry(0, oid) for oid in starts]
        while waiting:
            entry = waiting.pop()
            if entry.oid in seen:
                continue
            seen.add(entry.oid)
            try:
                waiting += self._look_at(entry, follow)
            except DamagedError as error:
                if self._strict:
                    raise
                kind = {0: "commit", TREE: "tree"}.get(entry.mode, "blob")
                self.broken[entry.oid] = kind, error.message

    def _look_at(self, entry: Entry, follow: bool) -> list[Entry]:
        git = self._git
        if self._data:
            git.check_object(entry.oid)
        if entry.mode == 0:
            found = git.read_commit(entry.oid)
            return [Entry(TREE, found.tree), *(Entry(0, oid) for oid in found.parents if follow)]
        if entry.mode == TREE:
            return [child for _, child in git.iter_folder(entry.oid)]
        if pointer := read_pointer(git, entry):
            self.pointers[entry.oid] = pointer.oid
            self.sizes[pointer.oid] = pointer.size
            self.size += pointer.size
        return []
