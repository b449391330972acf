"""Giving a remote what is here: sounds, then history, then its refs, all of them or none.

A ref over there goes forward only, unless it is still where this track last saw it and that was asked for. Whoever
comes second is told so, and nothing of anybody's is overwritten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.objects.git.history import is_behind
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.sharing.configured import Configured
from beatflow.sharing.flows.fetching import FORCED, FORWARD, GONE, NEW, RefMove
from beatflow.sharing.inspection import Rules, check_refs
from beatflow.sharing.parent import PARENT_REF
from beatflow.sharing.remote import (
    Mending,
    Moved,
    MovedError,
    RefUpdate,
    Remote,
    RemoteRefs,
)
from beatflow.sharing.sounds.intake import find_absent
from beatflow.sharing.sounds.listing import list_sounds
from beatflow.sharing.upstream import Upstream, find_upstream, stage_upstream
from beatflow.sharing.watch import Watch
from beatflow.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What is to be pushed, and how.

    Parameters
    ----------
    branches : tuple of str
        Branches or tags, ``HERE:THERE`` for another name over there; empty for the current branch.
    all, tags : bool
        All branches; all tags as well.
    delete : tuple of str
        Branches or tags to delete over there.
    force : bool
        Change what is over there even where that is no step forward, if it is still where it was last seen.
    dry_run : bool
    verify : bool
        Read what is over there through, and send anew what is missing or damaged.
    """

    branches: tuple[str, ...] = ()
    all: bool = False
    tags: bool = False
    delete: tuple[str, ...] = ()
    force: bool = False
    dry_run: bool = False
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did, or would do: refs at the remote, what travelled, and what the current branch follows now.

    Attributes
    ----------
    damaged : tuple of Pointer
        Found missing or damaged over there.
    lost : tuple of Pointer
        Those of them that are so still.
    history_damaged : int
        Files of history that were missing or damaged over there, and have been written anew.
    """

    remote: Configured
    moves: tuple[RefMove, ...]
    moved: Moved
    upstream: Upstream | None = None
    damaged: tuple[Pointer, ...] = ()
    lost: tuple[Pointer, ...] = ()
    history_damaged: int = 0


Check = Callable[[Remote, Sequence[str], Sequence[str]], None]
"""Called with the remote, the commits that shall go there and those known there; raises where they must not."""


def push(
    repository: Repository,
    configured: Configured,
    remote: Remote,
    request: PushRequest,
    watch: Watch,
    check: Check | None = None,
) -> Pushed:
    """Push, and remember where the remote's branches are now, as one operation here.

    Raises
    ------
    MovedError
        Somebody else has pushed: a ref over there has commits that are not here, or not behind ours.
    ConflictError
        A tag over there is another one, or the remote refuses.
    NotFoundError
        Nothing of a name to push is here.
    """
    git = repository.git
    watch.begin(f"asking {remote.address}")
    there = _read_refs(remote)
    moves = _plan(repository, configured, request, there)
    tips = [move.after for move in moves if move.after]
    known = sorted({oid for oid in there.refs.values() if git.has(oid)})
    if check and moves:
        check(remote, tips, known)
    sounds = list_sounds(git, tips, known) if tips else []
    damaged = _find_damaged(repository, remote, known, watch) if request.verify else []
    lost = find_absent(repository.audio, damaged)
    again = [sound for sound in damaged if sound not in lost]
    sounds = list(dict.fromkeys([*sounds, *again]))
    moved = _send_sounds(repository, remote, sounds, watch, request.dry_run)
    if again and not request.dry_run:
        still = remote.find_damaged(again, watch.advance)
        lost += [sound for sound in again if sound.oid in still]
    history_damaged = _mend_history(repository, remote, request, watch) if known else 0
    upstream = _choose_upstream(repository, configured, moves, there)
    if moves and not request.dry_run:
        watch.begin("sending history")
        updates = [RefUpdate(move.name, move.before, move.after) for move in moves]
        remote.publish(repository, updates, watch.advance)
    if not request.dry_run:
        _record(repository, configured, moves, there, upstream)
    return Pushed(configured, tuple(moves), moved, upstream, tuple(damaged), tuple(lost), history_damaged)


def _mend_history(repository: Repository, remote: Remote, request: PushRequest, watch: Watch) -> int:
    """Have what a remote keeps of history read through and written anew where it must; return how many files."""
    if not request.verify or not isinstance(remote, Mending):
        return 0
    watch.begin("reading the history that is there")
    return remote.mend_history(repository, watch.advance, request.dry_run)


def _read_refs(remote: Remote) -> RemoteRefs:
    try:
        there = remote.read_refs()
    except NotFoundError:
        # The first push makes something of it.
        return RemoteRefs({})
    check_refs(there, Rules(clashes=True))
    return there


# What moves ----------------------------------------------------------------------------------------------


def _plan(
    repository: Repository, configured: Configured, request: PushRequest, there: RemoteRefs
) -> list[RefMove]:
    git = repository.git
    moves = []
    pairs = _list_pairs(repository, configured, request, there)
    targets = [target for _, target in pairs] + [_find_there(name, there) for name in request.delete]
    twice = next((name for name in targets if targets.count(name) > 1), None)
    if twice:
        raise UsageError(f"{_shorten(twice)} over there is named twice")
    for source, target in pairs:
        after = git.read_ref(source)
        if after is None:
            raise NotFoundError(
                f"no branch or tag {_shorten(source)!r} here", hint="bf branch and bf tag list them"
            )
        before = there.refs.get(target)
        if before != after:
            kind = _judge(git, configured, target, before, after, request.force)
            moves.append(RefMove(target, before, after, kind))
    moves += [_delete(git, configured, name, there, request.force) for name in request.delete]
    return sorted(moves, key=lambda move: move.name)


def _list_pairs(
    repository: Repository, configured: Configured, request: PushRequest, there: RemoteRefs
) -> list[tuple[str, str]]:
    """Return (full name here, full name there) of what shall be pushed."""
    refs = repository.git.read_refs()
    pairs = [_read_pair(text, refs) for text in request.branches]
    if request.all:
        pairs += [(name, name) for name in sorted(refs) if name.startswith(BRANCHES)]
    if request.tags:
        pairs += [(name, name) for name in sorted(refs) if name.startswith(TAGS)]
    if not (pairs or request.delete or request.all or request.tags):
        pairs.append(_find_default(repository, configured))
    if PARENT_REF in refs and PARENT_REF not in there.refs and any(name != PARENT_REF for name, _ in pairs):
        pairs.append((PARENT_REF, PARENT_REF))
    return list(dict.fromkeys(pairs))


def _find_default(repository: Repository, configured: Configured) -> tuple[str, str]:
    branch = repository.branch
    if branch is None:
        raise UsageError(
            "HEAD is on no branch that could be pushed", hint="bf switch -c NAME, then push again"
        )
    if repository.head is None:
        raise NotFoundError("there is no commit to push yet", hint='bf commit -m "first take"')
    upstream = find_upstream(repository, branch)
    followed = upstream.ref if upstream and upstream.remote == configured.name else BRANCHES + branch
    return BRANCHES + branch, followed


def _read_pair(text: str, refs: dict[str, str]) -> tuple[str, str]:
    here, _, there = text.partition(":")
    if not here:
        raise UsageError(f"{text!r} names nothing here", hint=f"bf push --delete {there or 'NAME'}")
    source = next((full for full in (here, BRANCHES + here, TAGS + here) if full in refs), BRANCHES + here)
    kind = TAGS if source.startswith(TAGS) else BRANCHES
    target = there if there.startswith("refs/") else kind + there if there else source
    if not GitStore.is_valid_ref(target) or not target.startswith((BRANCHES, TAGS)):
        raise UsageError(f"{there or here!r} cannot be a branch's name", hint="bf push REMOTE HERE:THERE")
    return source, target


def _judge(
    git: GitStore, configured: Configured, name: str, before: str | None, after: str, force: bool
) -> str:
    """Say what kind of move this is, unless it must not be."""
    where = configured.name or configured.url
    if before is None:
        return NEW
    if name.startswith(TAGS) and not force:
        raise ConflictError(
            f"the tag {_shorten(name)} is at another commit at {where}",
            hint="choose another name for yours, or bf push --force-with-lease",
        )
    if git.has(before) and is_behind(git, before, after):
        return FORWARD
    if not force:
        raise MovedError(
            f"{_shorten(name)} at {where} has commits that are not in yours: somebody else has pushed",
            hint=f"bf pull {configured.name}".rstrip() + ", then push again",
        )
    _check_lease(git, configured, name, before)
    return FORCED


def _check_lease(git: GitStore, configured: Configured, name: str, before: str) -> None:
    if name.startswith(TAGS):
        return
    seen = git.read_ref(f"{REMOTES}{configured.name}/{_shorten(name)}") if configured.name else None
    if seen != before:
        raise MovedError(
            f"{_shorten(name)} at {configured.name or configured.url} is not where it was last seen here",
            hint=f"bf fetch {configured.name}".rstrip() + ", look at what is there, then push again",
        )


def _delete(git: GitStore, configured: Configured, text: str, there: RemoteRefs, force: bool) -> RefMove:
    name = _find_there(text, there)
    if name not in there.refs:
        raise NotFoundError(
            f"{configured.name or configured.url} has no branch or tag {text!r}", hint="bf ls-remote"
        )
    before = there.refs[name]
    if configured.name and name.startswith(BRANCHES) and not force:
        _check_lease(git, configured, name, before)
    return RefMove(name, before, None, GONE)


def _find_there(text: str, there: RemoteRefs) -> str:
    return next((full for full in (text, BRANCHES + text, TAGS + text) if full in there.refs), text)


def _shorten(name: str) -> str:
    return name.removeprefix(BRANCHES).removeprefix(TAGS)


# What travels --------------------------------------------------------------------------------------------


def _send_sounds(
    repository: Repository, remote: Remote, sounds: Sequence[Pointer], watch: Watch, dry_run: bool
) -> Moved:
    if not sounds:
        return Moved()
    watch.begin("looking for sounds")
    elsewhere = _find_elsewhere(repository, remote, sounds)
    if dry_run:
        here = [sound for sound in sounds if sound not in elsewhere]
        transfer = remote.plan_send(repository, here)
        size = sum(sound.size for sound in elsewhere)
        return Moved(transfer.sounds + len(elsewhere), transfer.bytes + size)
    if elsewhere and repository.supply:
        repository.supply([sound.oid for sound in elsewhere])
    transfer = remote.plan_send(repository, sounds)
    if not transfer.sounds:
        return Moved()
    watch.begin("sending sounds", transfer.bytes)
    return transfer.run(watch.advance)


def _find_damaged(repository: Repository, remote: Remote, tips: Sequence[str], watch: Watch) -> list[Pointer]:
    """Return the sounds of commits that are over there which are not, or not as they should be."""
    watch.begin(f"reading {remote.address}")
    sounds = list_sounds(repository.git, tips)
    damaged = remote.find_damaged(sounds, watch.advance) if sounds else set()
    return [sound for sound in sounds if sound.oid in damaged]


def _find_elsewhere(repository: Repository, remote: Remote, sounds: Sequence[Pointer]) -> list[Pointer]:
    """Return what this track, a partial clone, has left elsewhere and the remote lacks."""
    absent = find_absent(repository.audio, sounds)
    missing = remote.find_missing(absent) if absent else set()
    return [sound for sound in absent if sound.oid in missing]


def _choose_upstream(
    repository: Repository, configured: Configured, moves: Sequence[RefMove], there: RemoteRefs
) -> Upstream | None:
    """Return what the current branch follows from now on, None where that stays as it is."""
    branch = repository.branch
    if not configured.name or branch is None or find_upstream(repository, branch):
        return None
    ref = BRANCHES + branch
    pushed = any(move.name == ref and move.after for move in moves) or ref in there.refs
    return Upstream(configured.name, ref) if pushed else None


def _record(
    repository: Repository,
    configured: Configured,
    moves: Sequence[RefMove],
    there: RemoteRefs,
    upstream: Upstream | None,
) -> None:
    """Remember where the remote's branches are: those that moved, and those that were seen to be as ours are."""
    git = repository.git
    if not configured.name:
        return
    names = ", ".join(_shorten(move.name) for move in moves[:3]) + (" …" if len(moves) > 3 else "")
    # What the remote has is not taken back by taking this back.
    with Transaction(repository, "push", f"{names or 'nothing'} to {configured.name}") as transaction:
        # Of what did not move only that which is as it is here: a lease is about what somebody has looked at.
        seen = {name: oid for name, oid in there.refs.items() if git.read_ref(name) == oid}
        seen |= {move.name: move.after for move in moves if move.after}
        for name, oid in seen.items():
            if name.startswith(BRANCHES):
                transaction.set_ref(f"{REMOTES}{configured.name}/{_shorten(name)}", oid)
        for move in moves:
            if move.after is None and move.name.startswith(BRANCHES):
                transaction.set_ref(f"{REMOTES}{configured.name}/{_shorten(move.name)}", None)
        if upstream and repository.branch:
            stage_upstream(transaction, repository.branch, upstream)
        transaction.publish()
