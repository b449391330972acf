"""History on its way: which objects somebody lacks, as one git pack, and from one store straight into another.

Knows commits, trees and blobs, no refs and no remotes. A pack made here leans on nothing outside it.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Commit, Entry

SUBMODULE = 0o160000
"""Mode of an entry that names a commit of another repository; nothing of it is kept here."""
_COMMIT = 0
"""Stands for a commit itself, which has no mode."""

_Row = tuple[bytes, bytes]
"""Mode and id of an entry, as git writes them."""

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
    seen: set[_Row] = set()
    for commit in known:
        for _ in _iter_tree(git, git.read_commit(commit).tree, seen):
            pass
    for found in list_commits_between(git, tips, known):
        yield Entry(_COMMIT, found.oid)
        yield from _iter_tree(git, found.tree, seen)


def list_commits_between(git: GitStore, tips: Iterable[str], known: Iterable[str]) -> list[Commit]:
    """Return the commits behind ``tips`` and not behind ``known``, newest first, reading hardly any others.

    Where clocks went backwards some that are behind ``known`` may come as well.
    """
    commits: dict[str, Commit] = {}
    hidden: set[str] = set()
    waiting: list[tuple[int, str]] = []
    found: dict[str, Commit] = {}
    unread: set[str] = set()

    def reach(oid: str, is_hidden: bool) -> None:
        if oid in hidden or (oid in commits and not is_hidden):
            return
        if is_hidden:
            hidden.add(oid)
            unread.discard(oid)
        else:
            unread.add(oid)
        commits[oid] = git.read_commit(oid)
        heapq.heappush(waiting, (-commits[oid].time_s, oid))

    for oid in known:
        reach(oid, True)
    for oid in tips:
        reach(oid, False)
    oldest_s = 0
    # What is as old as the oldest that was found may yet hide it.
    while unread or (found and waiting and -waiting[0][0] >= oldest_s):
        time, oid = heapq.heappop(waiting)
        if oid in unread:
            unread.remove(oid)
            found[oid] = commits[oid]
            oldest_s = -time
        for parent in commits[oid].parents:
            reach(parent, oid in hidden)
    return [commit for oid, commit in found.items() if oid not in hidden]


def is_behind(git: GitStore, old: str, new: str) -> bool:
    """Say whether a commit is another one or behind it."""
    return is_surely_behind(git, old, new) or git.merge_base(old, new) == old


def is_surely_behind(git: GitStore, old: str, new: str) -> bool:
    """Say whether a commit is another one or behind it, as the clocks tell, reading only what lies between."""
    since_s = git.read_commit(old).time_s
    for commit in git.iter_history([new]):
        if commit.oid == old:
            return True
        if commit.time_s < since_s:
            break
    return False


def _iter_tree(git: GitStore, root: str, seen: set[_Row]) -> Iterator[Entry]:
    """Yield a tree and what lies in it, but for what was seen; equal rows of many trees are passed over unread."""
    waiting = [(b"%o" % TREE, bytes.fromhex(root))]
    if waiting[0] in seen:
        return
    seen.add(waiting[0])
    while waiting:
        mode, id = waiting.pop()
        entry = Entry(int(mode, 8), id.hex())
        # A submodule's commit is another repository's.
        if entry.mode == SUBMODULE:
            continue
        if entry.mode != TREE:
            # Before libgit2 packs it.
            git.check_own_file(entry.oid)
        yield entry
        if entry.mode == TREE:
            for row_mode, _, row_id in git.read_rows(entry.oid):
                row = row_mode, row_id
                if row not in seen:
                    seen.add(row)
                    waiting.append(row)


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
