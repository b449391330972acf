"""Which sounds commits mention, and at which paths; each folder is looked into once per path. Opens no sound."""

from collections.abc import Iterable, Iterator

from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Commit, Entry
from beatflow.objects.pointer import Pointer, read_pointer
from beatflow.provenance import FOLDER as PROVENANCE


class Mentions:
    """Goes through commits, telling of each sound once for each path."""

    def __init__(self, git: GitStore) -> None:
        self._git = git
        self._seen: set[tuple[str, str]] = set()
        self._pointers: dict[str, Pointer | None] = {}

    def iter_new(self, commits: Iterable[Commit]) -> Iterator[tuple[Commit, str, Pointer]]:
        """Yield commit, path and sound for what no commit before had at that path."""
        for commit in commits:
            for path, pointer in self._iter_tree(commit.tree, self._seen):
                yield commit, path, pointer

    def list_all(self, tree: str) -> list[tuple[str, Pointer]]:
        """Return the paths and sounds of a whole tree, whatever was told before."""
        return sorted(self._iter_tree(tree, set()), key=lambda pair: pair[0])

    def _iter_tree(self, tree: str, seen: set[tuple[str, str]]) -> Iterator[tuple[str, Pointer]]:
        waiting = [("", Entry(TREE, tree))]
        while waiting:
            path, entry = waiting.pop()
            if (path, entry.oid) in seen:
                continue
            seen.add((path, entry.oid))
            if entry.mode == TREE:
                waiting += self._list_children(path, entry)
            elif pointer := self._find_pointer(entry):
                yield path, pointer

    def _list_children(self, path: str, entry: Entry) -> list[tuple[str, Entry]]:
        return [
            (f"{path}/{name}" if path else name, child)
            for name, child in self._git.iter_folder(entry.oid)
            if path or f"{name}/" != PROVENANCE
        ]

    def _find_pointer(self, entry: Entry) -> Pointer | None:
        if entry.oid not in self._pointers:
            self._pointers[entry.oid] = read_pointer(self._git, entry)
        return self._pointers[entry.oid]
