"""Doing what single commits did once more elsewhere (cherry-pick), or the opposite of it (revert).

Both are three-way merges: over a commit's parent towards the commit, or over the commit towards its parent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.history import NothingToCommitError, advance_head, read_content, write_commit
from beatflow.merge.merge import stage_outcome
from beatflow.merge.merging import Merger, Outcome
from beatflow.objects.git.value import Commit
from beatflow.repository import Repository
from beatflow.revision.revision import list_commits
from beatflow.scratch import Scratch
from beatflow.transaction import Transaction

CHERRY_PICK, REVERT = "cherry-pick", "revert"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """Which commits, in the order given; ``mainline`` says which parent of a merge counts, from 1 on."""

    kind: str
    revisions: Sequence[str]
    message: str | None = None
    mainline: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """One commit that was done again, and the one that does it; ``commit`` is None where it changed nothing."""

    source: str
    title: str
    commit: str | None
    outcome: Outcome


@dataclass(slots=True)
class Picks:
    """What was done; ``left`` are the commits that wait for a conflict before them to be resolved."""

    picked: list[Picked] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def troubled(self) -> bool:
        """Whether it ended with conflicts."""
        return bool(self.picked and self.picked[-1].outcome.troubles)


def pick(repository: Repository, request: Request, tell: Tell) -> Picks:
    """Make a commit for each of some commits, all in one operation. The first one with conflicts is the last one.

    Raises
    ------
    ConflictError
        Uncommitted work is in the way.
    NotFoundError
        There is no commit yet, or no such one.
    NothingToCommitError
        None of them changes anything here.
    UsageError
        A merge without a mainline, or a mainline that it has not.
    """
    with (
        Transaction(repository, request.kind, " ".join(request.revisions)) as transaction,
        Scratch(repository.scratch) as scratch,
    ):
        if repository.head is None:
            raise NotFoundError("there is no commit yet", hint='bf commit -m "first take"')
        commits = _list_commits(repository, request)
        if request.message is not None and len(commits) > 1:
            raise UsageError("-m is for one commit", hint="leave it out: each has a message of its own")
        result = Picks(left=[commit.oid for commit in commits])
        merger = Merger(repository, scratch.new_file, tell)
        head, tree = repository.head, read_content(repository, repository.head)
        for commit in commits:
            outcome = _merge_one(repository, merger, head, commit, request)
            new = None
            if outcome.tree != tree:
                new = _write(repository, merger, outcome, head, commit, request)
                head, tree = new, outcome.tree
            result.picked.append(Picked(commit.oid, commit.title, new, outcome))
            result.left.pop(0)
            if outcome.troubles:
                break
        if head == repository.head:
            raise NothingToCommitError(f"nothing to {request.kind}: HEAD has it already", hint="bf log")
        # What a later commit changes once more is in history only, not in the worktree.
        for file in merger.made.values():
            repository.worktree.keep_file(file, transaction.batch)
        stage_outcome(transaction, tree, merger.made, scratch)
        advance_head(transaction, head)
        transaction.check_places()
        if not request.dry_run:
            transaction.publish()
        return result


def _list_commits(repository: Repository, request: Request) -> list[Commit]:
    """Return the commits in the order in which they are done: of a range, the oldest is picked first, the newest
    reverted first.
    """
    result = []
    for text in request.revisions:
        found = list_commits(repository, text)
        if not found:
            raise NotFoundError(f"no commit in {text}", hint="bf log --oneline")
        result += found if request.kind == REVERT else found[::-1]
    return [repository.git.read_commit(oid) for oid in result]


def _merge_one(
    repository: Repository, merger: Merger, head: str, commit: Commit, request: Request
) -> Outcome:
    parent = _find_parent(commit, request.mainline)
    before, after = read_content(repository, parent), read_content(repository, commit.oid)
    if request.kind == REVERT:
        before, after = after, before
    try:
        return merger.merge_trees(before, read_content(repository, head), after)
    except ConflictError as error:
        raise ConflictError(f"{commit.oid[:7]}: {error.message}", error.hint) from error


def _find_parent(commit: Commit, mainline: int | None) -> str | None:
    count = len(commit.parents)
    if count > 1 and mainline is None:
        raise UsageError(
            f"{commit.oid[:7]} is a merge, and which of its {count} parents counts is not said",
            hint="--mainline 1 counts the branch that was merged into",
        )
    number = 1 if mainline is None else mainline
    if mainline is not None and not 1 <= number <= max(1, count):
        raise UsageError(f"{commit.oid[:7]} has no parent {number}", hint=f"--mainline 1 to {count}")
    return commit.parents[number - 1] if commit.parents else None


def _write(
    repository: Repository, merger: Merger, outcome: Outcome, head: str, commit: Commit, request: Request
) -> str:
    parent = _find_parent(commit, request.mainline)
    sources = [commit.oid, *([parent] if parent else [])]
    if request.kind == REVERT:
        message = request.message or f'Revert "{commit.title}"\n\nThis reverts commit {commit.oid}.'
        return write_commit(repository, outcome.tree, [head], message, merger.records, sources)
    message = request.message or commit.message
    return write_commit(repository, outcome.tree, [head], message, merger.records, sources, commit.author)
