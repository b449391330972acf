"""History on its way: which objects somebody lacks, as one git pack, and from one store straight into another.

Knows commits, trees and blobs, no refs and no remotes. A pack made here leans on nothing outside it.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from beatflow.objects.git import GitStore
from beatflow.objects.gitvalue import TREE, Entry

SUBMODULE = 0o160000
"""Mode of an entry that names a commit of another repository; nothing of it is kept here."""
_COMMIT = 0
"""Stands for a commit itself, which has no mode."""

Tell = Callable[[int], None]
"""Called with the objects looked at since the last call; raising in it interrupts the work."""


def iter_new_objects(git: GitStore, tips: Iterable[str], haves: Iterable[str]) -> Iterator[str]:
    """Yield the commits behind ``tips`` that are not behind ``haves``, and their trees and blobs, each once.

    What lies in the trees of ``haves`` themselves is left out; what only older commits behind them have may come twice.
    """
    for entry in _iter_new(git, tips, haves):
        yield entry.oid


def iter_new_files(git: GitStore, tips: Iterable[str], haves: Iterable[str]) -> Iterator[Entry]:
    """Yield what stands for files in those commits, each once, as for their objects."""
    for entry in _iter_new(git, tips, haves):
        if entry.mode not in (TREE, _COMMIT):
            yield entry


def _iter_new(git: GitStore, tips: Iterable[str], haves: Iterable[str]) -> Iterator[Entry]:
    known = list(haves)
    seen: set[Entry] = set()
    for commit in known:
        for _ in _iter_tree(git, git.read_commit(commit).tree, seen):
            pass
    for found in git.iter_history(tips, known):
        yield Entry(_COMMIT, found.oid)
        yield from _iter_tree(git, found.tree, seen)


def _iter_tree(git: GitStore, root: str, seen: set[Entry]) -> Iterator[Entry]:
    waiting = [Entry(TREE, root)]
    while waiting:
        entry = waiting.pop()
        # A submodule's commit is another repository's.
        if entry in seen or entry.mode == SUBMODULE:
            continue
        seen.add(entry)
        yield entry
        if entry.mode == TREE:
            waiting += [child for _, child in git.iter_folder(entry.oid)]


def write_pack(
    git: GitStore, tips: Iterable[str], haves: Iterable[str], folder: Path, tell: Tell | None = None
) -> Path | None:
    """Write one self-contained pack, and its index beside it, of what who has ``haves`` lacks of ``tips``.

    Parameters
    ----------
    git : GitStore
        Has everything behind both.
    folder : Path
        Gets ``pack-<digest>.pack`` and ``pack-<digest>.idx``.
    tell : callable, optional

    Returns
    -------
    Path or None
        The pack; None when nothing is lacking.

    Raises
    ------
    DamagedError
        An object is missing or damaged.
    """
    oids: dict[str, None] = {}
    for oid in iter_new_objects(git, tips, haves):
        oids[oid] = None
        if tell:
            tell(1)
    return git.write_pack(oids, folder) if oids else None


def copy_history(source: GitStore, target: GitStore, tips: Iterable[str], tell: Tell | None = None) -> None:
    """Give ``target`` the commits ``tips`` of another store on this machine, and all behind them; no ref moves.

    Raises
    ------
    DamagedError
        An object is missing or damaged.
    """
    haves = sorted({oid for oid in target.read_refs().values() if source.has(oid)})
    with target.receiving():
        write_pack(source, tips, haves, target.path / "objects" / "pack", tell)
