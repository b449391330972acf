"""Taking files out of the worktree, those too that a partial clone has left elsewhere and nobody else could delete."""

from collections.abc import Sequence

from beatflow.errors import NotFoundError
from beatflow.repository import Repository
from beatflow.transaction import Transaction


def remove_files(repository: Repository, wanted: Sequence[str], dry_run: bool = False) -> list[str]:
    """Remove files and folders from the worktree, as one operation; return the paths that go.

    What stands there is kept first, so that undo brings it back. Of a folder only goes what is not ignored; a file that
    is named goes in any case.

    Parameters
    ----------
    wanted : sequence of str
        Below the root; ``""`` for all of the folder.

    Raises
    ------
    NotFoundError
        Nothing is at a path, neither here nor left elsewhere.
    """
    worktree = repository.worktree
    known = {found.path for found in worktree.scan()} | worktree.list_absent().keys()
    going: set[str] = set()
    for name in wanted:
        below = {path for path in known if name in ("", path) or path.startswith(name + "/")}
        if not below and worktree.find(name):
            below = {name}
        if not below:
            raise NotFoundError(f"no file {name!r} here", hint="bf status")
        going |= below
    if going and not dry_run:
        with Transaction(repository, "rm", ", ".join(wanted) or ".") as transaction:
            transaction.put_entries(dict.fromkeys(going))
            transaction.publish()
    return sorted(going)
