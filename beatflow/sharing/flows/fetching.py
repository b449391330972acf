"""Bringing what a remote has into a track: history first, then sounds, then the refs that say where its branches are.

Nothing of ours moves until all of it is here, has been looked over and is verified; then it is one operation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.objects.git.history import is_behind
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.sharing.configured import Configured
from beatflow.sharing.inspection import NO_RULES, Rules, check_refs, inspect_history
from beatflow.sharing.parent import PARENT_REF
from beatflow.sharing.partial.choosing import find_chooser
from beatflow.sharing.partial.previews import refresh_previews
from beatflow.sharing.remote import Moved, Remote, RemoteRefs
from beatflow.sharing.sounds.intake import find_absent
from beatflow.sharing.watch import Watch
from beatflow.transaction import Transaction

NEW, FORWARD, FORCED, GONE, KEPT = "new", "forward", "forced", "gone", "kept"
"""What became of a ref: new here, gone forward, changed otherwise, deleted; or left, since ours is another."""


Choose = Callable[[GitStore, Sequence[str], Sequence[Pointer]], Sequence[Pointer]]
"""Given the commits that came and the sounds that they name, returns those that are wanted here now."""


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What is to be fetched, and how.

    Parameters
    ----------
    branches : tuple of str
        Short names at the remote; empty for all branches and tags.
    prune : bool
        Have branches that are gone over there be gone here.
    choose : callable, optional
        Which sounds are wanted; by default those that were when the track was cloned.
    rules : Rules
        What is taken although it could do harm elsewhere.
    dry_run : bool
        Fetch the history only, which is needed to say what would come, and move no ref.
    """

    branches: tuple[str, ...] = ()
    prune: bool = False
    choose: Choose | None = None
    rules: Rules = NO_RULES
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RefMove:
    """What a fetch or push did to a ref: its full name there, the commits, and one of the words above."""

    name: str
    before: str | None
    after: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came, or would come: where the remote's refs are, what moves here, and what travelled.

    ``head`` is the full name of its default branch, ``parent`` the commit that links to what it is a fork of.
    """

    remote: Configured
    head: str | None
    parent: str | None
    theirs: Mapping[str, str]
    moves: tuple[RefMove, ...]
    refs: Mapping[str, str | None]
    sounds: tuple[Pointer, ...]
    moved: Moved


def receive(
    repository: Repository, configured: Configured, remote: Remote, request: FetchRequest, watch: Watch
) -> Incoming:
    """Bring the history and the sounds of a remote's branches and tags into the stores; no ref moves.

    Raises
    ------
    NotFoundError
        Nothing is there, or no branch of that name.
    RemoteError
        What is there is refused: see `beatflow.sharing.inspection`.
    DamagedError
        What came is not what it should be.
    """
    git = repository.git
    watch.begin(f"asking {remote.address}")
    found = remote.read_refs()
    check_refs(found, request.rules)
    theirs = _select(found, request.branches, remote.address)
    ours = _name_here(configured.name, theirs)
    moves, refs = _compare(git, theirs, ours)
    if request.prune and not request.branches:
        gone = _find_gone(git, configured.name, ours)
        refs |= dict.fromkeys(gone)
        moves += [RefMove(name, oid, None, GONE) for name, oid in gone.items()]
    wanted = [move.name for move in moves if move.after and move.kind != KEPT and not git.has(move.after)]
    if wanted:
        watch.begin("fetching history")
        with git.receiving():
            remote.fetch_history(git, wanted, watch.advance)
    tips = [move.after for move in moves if move.after and move.kind != KEPT]
    watch.begin("looking over history")
    sounds = inspect_history(git, tips, find_known(git), request.rules, repository.audio) if tips else []
    moves = [_tell_forward(git, move) for move in moves]
    choose = request.choose or _find_choice(repository)
    sounds = list(choose(git, tips, sounds)) if choose else sounds
    moved = _fetch_sounds(repository, remote, sounds, watch, request.dry_run)
    parent = found.refs.get(PARENT_REF)
    return Incoming(configured, found.head, parent, theirs, tuple(moves), refs, tuple(sounds), moved)


def stage_incoming(transaction: Transaction, incoming: Incoming) -> None:
    """Have the refs that tell where the remote's branches are follow what came.

    Raises
    ------
    ConflictError
        Somebody has collected sounds that had come, since nothing reached them yet.
    """
    repository = transaction.repository
    if find_absent(repository.audio, incoming.sounds):
        raise ConflictError("sounds that had come were swept away meanwhile", hint="run the command again")
    for name, oid in incoming.refs.items():
        transaction.set_ref(name, oid)


def fetch(
    repository: Repository, configured: Configured, remote: Remote, request: FetchRequest, watch: Watch
) -> Incoming:
    """Bring what a remote has, as one operation; parameters and errors as for `receive`."""
    if not configured.name:
        raise UsageError("a fetch wants a remote with a name", hint=f"bf remote add NAME {configured.url}")
    incoming = receive(repository, configured, remote, request, watch)
    if not request.dry_run:
        with Transaction(repository, "fetch", configured.name) as transaction:
            stage_incoming(transaction, incoming)
            transaction.publish()
        refresh_previews(repository, remote, watch)
    return incoming


# Refs ----------------------------------------------------------------------------------------------------


def _select(found: RemoteRefs, branches: Sequence[str], address: str) -> dict[str, str]:
    if not branches:
        return {name: oid for name, oid in found.refs.items() if name.startswith((BRANCHES, TAGS))}
    names = [BRANCHES + branch for branch in branches]
    absent = next((name for name in names if name not in found.refs), None)
    if absent:
        raise NotFoundError(
            f"{address} has no branch {absent.removeprefix(BRANCHES)!r}", hint="bf ls-remote lists them"
        )
    return {name: found.refs[name] for name in names}


def _name_here(remote: str, theirs: Iterable[str]) -> dict[str, str]:
    """Return full name there to full name here: branches below the remote's name, tags as they are.

    Of a remote without a name nothing is remembered.
    """
    if not remote:
        return {}
    return {
        name: f"{REMOTES}{remote}/{name.removeprefix(BRANCHES)}" if name.startswith(BRANCHES) else name
        for name in theirs
    }


def _compare(
    git: GitStore, theirs: Mapping[str, str], ours: Mapping[str, str]
) -> tuple[list[RefMove], dict[str, str | None]]:
    moves: list[RefMove] = []
    refs: dict[str, str | None] = {}
    for name, after in sorted(theirs.items()):
        here = ours.get(name)
        if here is None:
            moves.append(RefMove(name, None, after, NEW))
            continue
        before = git.read_ref(here)
        if before == after:
            continue
        if name.startswith(TAGS) and before:
            # A tag is a promise: ours stays what it was.
            moves.append(RefMove(name, before, after, KEPT))
            continue
        moves.append(RefMove(name, before, after, FORCED if before else NEW))
        refs[here] = after
    return moves, refs


def _find_gone(git: GitStore, remote: str, ours: Mapping[str, str]) -> dict[str, str]:
    here = set(ours.values())
    return {name: oid for name, oid in git.read_refs(f"{REMOTES}{remote}/").items() if name not in here}


def _tell_forward(git: GitStore, move: RefMove) -> RefMove:
    if move.kind != FORCED or not move.before or not move.after:
        return move
    forward = is_behind(git, move.before, move.after)
    return RefMove(move.name, move.before, move.after, FORWARD if forward else FORCED)


# Content -------------------------------------------------------------------------------------------------


def find_known(git: GitStore) -> list[str]:
    """Return the commits that refs of the musician's name here: all behind them has been looked over before."""
    refs = git.read_refs()
    return sorted({oid for name, oid in refs.items() if name.startswith((BRANCHES, REMOTES, TAGS))})


def _find_choice(repository: Repository) -> Choose | None:
    """Return how the sounds were chosen that this track wants, None for all of them."""
    chooser = find_chooser(repository)
    return chooser.choose if chooser else None


def _fetch_sounds(
    repository: Repository, remote: Remote, sounds: Sequence[Pointer], watch: Watch, dry_run: bool
) -> Moved:
    absent = find_absent(repository.audio, sounds)
    if not absent:
        return Moved()
    watch.begin("looking for sounds")
    transfer = remote.plan_fetch(repository, absent)
    if dry_run:
        return Moved(transfer.sounds, transfer.bytes)
    watch.begin("fetching sounds", transfer.bytes)
    return transfer.run(watch.advance)
