"""Pulling: what a remote has comes here, and what it did is merged into the current branch, as one operation."""

from dataclasses import dataclass, field
from typing import Literal

from beatflow.errors import BeatFlowError, NotFoundError, UsageError
from beatflow.merge.merge import (
    FAST_FORWARD,
    MERGED,
    UP_TO_DATE,
    Merge,
    Request,
    Tell,
    find_bases,
    stage_merge,
)
from beatflow.repository import BRANCHES, Repository
from beatflow.scratch import Scratch
from beatflow.sharing.configured import PARENT, Configured
from beatflow.sharing.flows.fetching import FetchRequest, Incoming, receive, stage_incoming
from beatflow.sharing.partial.previews import refresh_previews
from beatflow.sharing.remote import Remote
from beatflow.sharing.upstream import Upstream, find_upstream, stage_upstream
from beatflow.sharing.watch import Watch
from beatflow.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What is to be pulled, and how it is merged; ``branch`` is a short name there, None for the one followed."""

    fetch: FetchRequest = field(default_factory=FetchRequest)
    branch: str | None = None
    message: str | None = None
    fast_forward: Literal["auto", "never", "only"] = "auto"
    allow_unrelated: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came, what it was called, and what the merge made of it."""

    incoming: Incoming
    label: str
    merge: Merge


def pull(
    repository: Repository,
    configured: Configured,
    remote: Remote,
    request: PullRequest,
    watch: Watch,
    tell: Tell,
) -> Pulled:
    """Fetch all of a remote and merge the branch that is followed, as one operation.

    What has come stays when the merge cannot be done: then the operation is a fetch.

    Raises
    ------
    ConflictError
        Uncommitted work is in the way, histories are unrelated, or only going forward was asked for.
    NotFoundError
        The remote has no such branch.
    UsageError
        HEAD is on no branch.
    """
    here = repository.branch
    if here is None:
        raise UsageError("HEAD is on no branch that could go on", hint="bf switch -c NAME")
    incoming = receive(repository, configured, remote, request.fetch, watch)
    ref = _choose_branch(repository, here, incoming, request)
    label = f"{configured.name or remote.address}/{ref.removeprefix(BRANCHES)}"
    commit = incoming.theirs[ref]
    wanted = Request(
        label,
        request.message,
        request.fast_forward,
        request.allow_unrelated,
        request.fetch.dry_run,
    )
    if request.fetch.dry_run:
        return Pulled(incoming, label, _foresee(repository, commit))
    watch.begin("merging")
    try:
        merged = _publish(repository, incoming, here, ref, commit, wanted, tell)
    except BeatFlowError:
        with Transaction(repository, "fetch", configured.name or remote.address) as transaction:
            stage_incoming(transaction, incoming)
            transaction.publish()
        raise
    refresh_previews(repository, remote, watch)
    return Pulled(incoming, label, merged)


def _publish(
    repository: Repository, incoming: Incoming, here: str, ref: str, commit: str, request: Request, tell: Tell
) -> Merge:
    name = incoming.remote.name
    with (
        Transaction(repository, "pull", request.revision) as transaction,
        Scratch(repository.scratch) as scratch,
    ):
        stage_incoming(transaction, incoming)
        merged = stage_merge(transaction, commit, request, scratch, tell)
        if merged.kind == UP_TO_DATE:
            transaction.kind = "fetch"
            transaction.description = name or request.revision
        if name not in ("", PARENT) and find_upstream(repository, here) is None:
            stage_upstream(transaction, here, Upstream(name, ref))
        transaction.publish()
        return merged


def _choose_branch(repository: Repository, here: str, incoming: Incoming, request: PullRequest) -> str:
    upstream = find_upstream(repository, here)
    follows = upstream is not None and upstream.remote == incoming.remote.name
    followed = upstream.ref if upstream and follows else BRANCHES + here
    wanted = BRANCHES + request.branch if request.branch is not None else followed
    if wanted in incoming.theirs:
        return wanted
    # A fork's branch may have another name than its parent's.
    if request.branch is None and not follows and incoming.head in incoming.theirs:
        return str(incoming.head)
    where = incoming.remote.name or incoming.remote.url
    if not any(name.startswith(BRANCHES) for name in incoming.theirs):
        raise NotFoundError(f"{where} has no commit yet", hint=f"bf push {where} gives it what is here")
    raise NotFoundError(
        f"{where} has no branch {wanted.removeprefix(BRANCHES)!r}",
        hint="bf ls-remote lists its branches; name one: bf pull REMOTE BRANCH",
    )


def _foresee(repository: Repository, commit: str) -> Merge:
    """Say what a merge would come to, as far as that can be said without the sounds."""
    head = repository.head
    bases = find_bases(repository, head, commit)
    if head and commit in bases:
        return Merge(UP_TO_DATE, head, commit, bases)
    if head is None or head in bases:
        return Merge(FAST_FORWARD, commit, commit, bases)
    return Merge(MERGED, head, commit, bases)
