"""Putting two lines of history together in one commit, what is in conflict included, as one operation."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beatflow.errors import ConflictError
from beatflow.history import advance_head, list_changing, stage_files, stage_switch, write_commit
from beatflow.merge.ancestry import find_merge_bases
from beatflow.merge.merging import Merger, Outcome
from beatflow.objects.git.history import is_surely_behind
from beatflow.objects.git.value import EXECUTABLE, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit
from beatflow.scratch import Scratch
from beatflow.transaction import Transaction

MERGED, FAST_FORWARD, UP_TO_DATE = "merged", "fast_forward", "up_to_date"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be merged, and how.

    ``fast_forward``: ``auto`` goes forward where that is all there is to do, ``never`` makes a commit all the same,
    ``only`` refuses anything else.
    """

    revision: str
    message: str | None = None
    fast_forward: Literal["auto", "never", "only"] = "auto"
    allow_unrelated: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """What came of it: ``kind``, the commit where HEAD is (or would be) now, what it was merged from, the details."""

    kind: str
    commit: str
    other: str
    bases: tuple[str, ...]
    outcome: Outcome | None = None


def merge(repository: Repository, request: Request, tell: Tell) -> Merge:
    """Merge a revision into the current branch.

    Raises
    ------
    ConflictError
        Uncommitted work is in the way, histories are unrelated, or only going forward was asked for.
    DamagedError
        A side cannot be read; nothing was changed.
    """
    with (
        Transaction(repository, "merge", request.revision) as transaction,
        Scratch(repository.scratch) as scratch,
    ):
        other = get_commit(repository, request.revision)
        found = stage_merge(transaction, other, request, scratch, tell)
        if not request.dry_run and found.kind != UP_TO_DATE:
            transaction.publish()
        return found


def stage_merge(
    transaction: Transaction, other: str, request: Request, scratch: Scratch, tell: Tell
) -> Merge:
    """Have the current branch and the worktree become what merging a commit makes of them.

    Parameters
    ----------
    other : str
        The commit; ``request.revision`` is what people know it as.
    scratch : Scratch
        Where new files lie until the change is published.

    Raises
    ------
    ConflictError, DamagedError
        As for `merge`.
    """
    repository = transaction.repository
    head = repository.head
    bases = find_bases(repository, head, other)
    if head and other in bases:
        return Merge(UP_TO_DATE, head, other, bases)
    if head is None or (head in bases and request.fast_forward != "never"):
        transaction.description = f"{request.revision}, fast-forward"
        advance_head(transaction, other)
        stage_switch(transaction, other)
        transaction.check_places()
        return Merge(FAST_FORWARD, other, other, bases)
    _refuse(repository, request, bases)
    return _merge(transaction, head, other, bases, request, scratch, tell)


def find_bases(repository: Repository, head: str | None, other: str) -> tuple[str, ...]:
    """Return the best common ancestors of two commits; where one is behind the other that is quick."""
    git = repository.git
    if head is None:
        return ()
    for old, new in ((head, other), (other, head)):
        if is_surely_behind(git, old, new):
            return (old,)
    return tuple(find_merge_bases(git, [head], [other]))


def _refuse(repository: Repository, request: Request, bases: tuple[str, ...]) -> None:
    here = repository.branch or "HEAD"
    if request.fast_forward == "only":
        raise ConflictError(
            f"{here} and {request.revision} have both gone on, so that one cannot just follow the other",
            hint=f"bf merge {request.revision}",
        )
    if not bases and not request.allow_unrelated:
        raise ConflictError(
            f"{here} and {request.revision} have no commit in common",
            hint=f"bf merge --allow-unrelated {request.revision}",
        )


def _merge(
    transaction: Transaction,
    head: str,
    other: str,
    bases: tuple[str, ...],
    request: Request,
    scratch: Scratch,
    tell: Tell,
) -> Merge:
    repository = transaction.repository
    merger = Merger(repository, scratch.new_file, tell)
    outcome = merger.merge_commits(head, other, bases)
    where = repository.branch
    message = request.message or f"Merge {request.revision}" + (f" into {where}" if where else "")
    stage_outcome(transaction, outcome.tree, merger.made, scratch)
    commit = write_commit(repository, outcome.tree, [head, other], message, merger.records)
    transaction.description = message.strip().split("\n", 1)[0]
    advance_head(transaction, commit)
    transaction.check_places()
    return Merge(MERGED, commit, other, bases, outcome)


def stage_outcome(
    transaction: Transaction, tree: Tree, made: Mapping[str, Path], scratch: Scratch
) -> list[str]:
    """Have the worktree become a merged tree, new sounds kept; returns the paths that change.

    Raises
    ------
    ConflictError
        Uncommitted work is in the way.
    """
    repository = transaction.repository
    changing = list_changing(repository, tree)
    plain = []
    for path in sorted(changing):
        entry = tree.get(path)
        pointer = read_pointer(repository.git, entry) if entry else None
        if entry and pointer and pointer.oid in made:
            # A file of its own for each path: publishing moves it away.
            file = scratch.new_file()
            shutil.copyfile(made[pointer.oid], file)
            if entry.mode == EXECUTABLE:
                file.chmod(file.stat().st_mode | 0o111)
            transaction.put_file(path, file)
        else:
            plain.append(path)
    stage_files(transaction, tree, plain)
    return sorted(changing)
