"""How the worktree differs from the last commit."""

from dataclasses import dataclass

from beatflow.history import FileChange, compare_trees, content_tree, read_content
from beatflow.repository import Repository
from beatflow.worktree import Advance


@dataclass(frozen=True, slots=True)
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
    """

    branch: str | None
    commit: str | None
    changes: list[FileChange]


def read_status(repository: Repository, advance: Advance | None = None) -> Status:
    """Compare the worktree with HEAD; only files whose size, time or inode changed are read."""
    head = repository.head
    tree = repository.worktree.look(advance)
    repository.worktree.save_cache()
    return Status(
        repository.branch,
        head,
        compare_trees(read_content(repository, head), content_tree(repository.git, tree)),
    )
