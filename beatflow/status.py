"""How the worktree differs from the last commit."""

from typing import TYPE_CHECKING

from beatflow.history import FileChange, compare_trees, content_tree, read_content
from beatflow.merge.conflict import Conflict, find_conflicts
from beatflow.repository import Repository
from beatflow.trackconfig import read_settings
from beatflow.worktree import Advance

if TYPE_CHECKING:
    from beatflow.sharing.locks.known import Held
    from beatflow.sharing.upstream import Distance


class Status:
    """Where HEAD is, and what changed since.

    Parameters
    ----------
    branch : str or None
        The current branch; None when HEAD is detached.
    commit : str or None
        The last commit; None before the first.
    changes : list of FileChange
        Worktree against that commit.
    conflicts : list of Conflict
        What a merge left open, in the worktree, committed or not.
    locks : list of Held
        Who has locked which files, as far as remotes last told.
    distance : Distance or None
        How far the branch is from the one that it follows; None where it follows none that was seen.
    """

    # For a named tuple typing would compile the annotations, and Python takes 2 ms to be ready for that.
    def __init__(
        self,
        branch: str | None,
        commit: str | None,
        changes: list[FileChange],
        conflicts: list[Conflict],
        locks: "list[Held]",
        distance: "Distance | None" = None,
    ) -> None:
        self.branch = branch
        self.commit = commit
        self.changes = changes
        self.conflicts = conflicts
        self.locks = locks
        self.distance = distance


def read_status(repository: Repository, now_s: float, advance: Advance | None = None) -> Status:
    """Compare the worktree with HEAD; only files whose size, time or inode changed are read.

    ``now_s`` is Unix time: locks that are over are not told of.
    """
    head = repository.head
    tree = repository.worktree.look(advance)
    repository.worktree.save_cache()
    return Status(
        repository.branch,
        head,
        compare_trees(read_content(repository, head), content_tree(repository.git, tree)),
        find_conflicts(tree),
        _list_locks(repository, now_s),
        _find_distance(repository, head),
    )


def _find_distance(repository: Repository, head: str | None) -> "Distance | None":
    branch = repository.branch
    if f"branch.{branch}.remote" not in read_settings(repository.directory):
        return None
    from beatflow.sharing.upstream import find_distance

    return find_distance(repository, branch, head)


def _list_locks(repository: Repository, now_s: float) -> "list[Held]":
    # Hardly any track has one, and what knows them takes milliseconds to load.
    if next(repository.state.glob("remotes/*/locks.json"), None) is None:
        return []
    from beatflow.sharing.locks.known import list_known

    return list_known(repository.state, now_s)
