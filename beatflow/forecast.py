"""Which sounds stand beside each other in a change, so that each may be predicted from the others.

Knows paths and entries: what a file was before, what is around it now, and in which order to take them.
"""

from collections.abc import Iterator, Set
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from beatflow.objects.git import GitStore
from beatflow.objects.gitvalue import Entry, Tree
from beatflow.objects.store import Batch
from beatflow.worktree import read_pointer

if TYPE_CHECKING:
    from beatflow.objects.sources import SourceFile
    from beatflow.prediction import SoundAdvisor

_MIXES = ("mix", "master", "bounce", "main")
_MOST_VERSIONS = 3
_MOST_SIBLINGS = 14
_MOST_LOOKED_AT = 40


class Forecast:
    """Gathers the sounds of one change as they are stored.

    Parameters
    ----------
    git : GitStore
    batch : Batch
        What the change is stored with.
    former : Tree
        What stood where before the change.
    """

    def __init__(self, git: GitStore, batch: Batch, former: Tree) -> None:
        self._git = git
        self._batch = batch
        self._former = former
        self._gone: list[str] = []
        # By folder, in the order in which they came: a change may bring ten thousand.
        self._here: dict[str, list[tuple[Entry, Path]]] = {}
        self._sources: dict[tuple[str, Path | None], SourceFile | None] = {}

    def order(self, path: str) -> tuple[bool, int, str]:
        """Return what to sort paths by: mixes come last, deeper folders first."""
        pure = PurePosixPath(path)
        return any(word in pure.name.lower() for word in _MIXES), -len(pure.parts), path

    def expect(self, paths: Set[str]) -> None:
        """Say which paths there will be: what is gone may be what new ones were."""
        self._gone = sorted(self._former.keys() - paths)

    def note(self, path: str, entry: Entry, place: Path) -> None:
        """Take note that a file is stored, and where it lies."""
        self._here.setdefault(_folder_of(path), []).append((entry, place))

    def advise(self, path: str) -> "SoundAdvisor | None":
        """Return what the file at a path may be predicted from, None where there is nothing."""
        from beatflow.prediction import SoundAdvisor

        before = [path] if path in self._former else self._gone[:_MOST_VERSIONS]
        versions = [source for one in before if (source := self._open(self._former[one], None))]
        around = (self._open(entry, place) for entry, place in islice(self._around(path), _MOST_LOOKED_AT))
        siblings = list(islice((source for source in around if source), _MOST_SIBLINGS))
        return SoundAdvisor(versions, siblings) if versions or siblings else None

    def _around(self, path: str) -> Iterator[tuple[Entry, Path]]:
        """Yield what was noted: the newest of the same folder, then of those below, then of the one above."""
        folder = _folder_of(path)
        below = [name for name in self._here if name != folder and PurePosixPath(name).is_relative_to(folder)]
        for name in dict.fromkeys((folder, *below, _folder_of(folder))):
            yield from reversed(self._here.get(name, []))

    def _open(self, entry: Entry, place: Path | None) -> "SourceFile | None":
        key = entry.oid, place
        if key not in self._sources:
            pointer = read_pointer(self._git, entry)
            self._sources[key] = self._batch.source(pointer.oid, place) if pointer else None
        return self._sources[key]


def _folder_of(path: str) -> str:
    return str(PurePosixPath(path).parent)
