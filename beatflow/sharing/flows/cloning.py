"""Making a track of what a remote has.

It is built in a hidden folder beside its place and appears there when it is whole. What dies on the way leaves that
folder, and the same clone, asked for again, goes on in it.
"""

import re
import shutil
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from beatflow.errors import NotFoundError, UsageError
from beatflow.history import read_content
from beatflow.lock import Lock
from beatflow.objects.pointer import read_pointer
from beatflow.places.address import Address, AddressKind, parse_address
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, TAGS, Repository
from beatflow.sharing.access import Access
from beatflow.sharing.configured import ORIGIN, PARENT, Configured, check_name, write_remote
from beatflow.sharing.flows.destination import check_destination, settle
from beatflow.sharing.flows.fetching import FetchRequest, Incoming, receive, stage_incoming
from beatflow.sharing.inspection import check_room, inspect_history
from beatflow.sharing.opening import open_remote, read_address
from beatflow.sharing.parent import PARENT_REF, read_parent
from beatflow.sharing.partial.choosing import SoundChooser
from beatflow.sharing.partial.previews import refresh_previews
from beatflow.sharing.partial.selection import Selection, write_selection
from beatflow.sharing.remote import Moved, Remote, RemoteRefs
from beatflow.sharing.upstream import Upstream, stage_upstream
from beatflow.sharing.watch import Watch
from beatflow.trackconfig import find_cache
from beatflow.transaction import Transaction
from beatflow.worktree import REPOSITORY

_WORTH_KEEPING_BYTES = 1 << 20
"""Of history, which is seldom so much."""


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """What is to be cloned, and how.

    Parameters
    ----------
    revision : str or None
        What to be on, a branch best; None for the remote's default branch.
    name : str
        What the remote is called here.
    fetch : FetchRequest
    selection : Selection
        Which sounds are wanted; the rest stays where it is until it is needed.
    fork : bool
        Begin a line of its own: on a branch that follows none.
    checkout : bool
        Write the files.
    """

    revision: str | None = None
    name: str = ORIGIN
    fetch: FetchRequest = field(default_factory=FetchRequest)
    selection: Selection = field(default_factory=Selection)
    fork: bool = False
    checkout: bool = True


@dataclass(frozen=True, slots=True)
class Cloned:
    """A new track: its folder, the commit that it is at (None: there is none yet), its branch, what travelled."""

    root: Path
    commit: str | None
    branch: str | None
    moved: Moved


def name_folder(address: str) -> str:
    """Return the folder that a clone goes into when none is named: the last part of the address, without ``.git``.

    Raises
    ------
    NotFoundError
        The address has no part that could be a folder's name.
    """
    path = address.rstrip("/").replace("\\", "/")
    name = PurePosixPath(path.rpartition("://")[2].rpartition(":")[2]).name
    if name in (".git", ".beatflow"):
        name = PurePosixPath(path).parent.name
    name = name.removesuffix(".git")
    if not name or name in (".", ".."):
        raise NotFoundError(f"{address} says no name for the folder", hint="bf clone URL FOLDER")
    return name


def clone(address: str, destination: Path, request: CloneRequest, access: Access, watch: Watch) -> Cloned:
    """Make a track of what is at an address, and remember where it came from.

    Raises
    ------
    ConflictError
        Something is at the destination already.
    LockedError
        Another process clones to the same place.
    NotFoundError
        Nothing is at the address, or no such branch or tag.
    UsageError
        The destination lies inside a track; the address is none, or has a password in it.
    """
    where = read_address(address, access)
    check_name(request.name)
    destination = check_destination(destination, access.signer)
    # Before any folder is made: most mistakes are in the address.
    watch.begin(f"asking {where.text}")
    found = open_remote(where, access).read_refs()
    _check_named(found, request.revision)
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _name_unfinished(destination, where)
    unfinished.mkdir(exist_ok=True)
    branch = (found.head or BRANCHES + DEFAULT_BRANCH).removeprefix(BRANCHES)
    repository = Repository.create(unfinished, access.signer, branch)
    holder = repository.state / "cloning"
    with Lock(holder, "bf clone", 0):
        try:
            configured = Configured(request.name, where.text, access.endpoint)
            remote = open_remote(where, access, find_cache(repository, request.name))
            selection = replace(request.selection, remote=request.name)
            chooser = SoundChooser(repository, selection, found.refs)
            request = replace(request, fetch=replace(request.fetch, choose=chooser.choose))
            incoming = receive(repository, configured, remote, request.fetch, watch)
            write_selection(repository.directory, chooser.selection)
            start = _fill(repository, configured, remote, incoming, request, access, watch)
            refresh_previews(repository, remote, watch)
        except BaseException:
            _leave(unfinished, access)
            raise
    holder.unlink()
    settle(unfinished, destination)
    return Cloned(destination, start.commit, start.branch, incoming.moved)


def _check_named(found: RemoteRefs, revision: str | None) -> None:
    """Refuse a name that nothing has there while that costs nothing; an id may be any commit's."""
    base = re.split("[~^]", revision, maxsplit=1)[0] if revision else ""
    if base in ("", "HEAD", "@") or re.fullmatch("[0-9a-f]{4,40}", base):
        return
    if not {BRANCHES + base, TAGS + base, BRANCHES + str(revision), TAGS + str(revision)} & found.refs.keys():
        raise NotFoundError(f"no revision {revision!r} there", hint="bf ls-remote lists the names")


def _name_unfinished(destination: Path, where: Address) -> Path:
    digest = sha256(where.text.encode("utf-8", "surrogateescape")).hexdigest()
    return destination.with_name(f".{destination.name[:100]}.{digest[:12]}.unfinished")


def _leave(unfinished: Path, access: Access) -> None:
    """Remove a clone that has not come far; where much has come, say that it need not come again."""
    directory = unfinished / REPOSITORY
    history = (directory / "state" / "remotes").rglob("*.pack")
    if (
        any((directory / "audio" / "packs").glob("*.pack"))
        or any((directory / "tmp").rglob("*.part"))
        or sum(path.stat().st_size for path in history) >= _WORTH_KEEPING_BYTES
    ):
        access.tell(f"what has come is kept in {unfinished}: the same command goes on there")
    else:
        shutil.rmtree(unfinished, ignore_errors=True)


# Filling it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a new track begins: a commit, the branch that it is on, the branch over there that this one follows."""

    commit: str | None
    branch: str | None
    followed: str | None = None


def _fill(
    repository: Repository,
    configured: Configured,
    remote: Remote,
    incoming: Incoming,
    request: CloneRequest,
    access: Access,
    watch: Watch,
) -> _Start:
    start = _find_start(repository, incoming, request)
    kind = "fork" if request.fork else "clone"
    with Transaction(repository, kind, configured.url) as transaction:
        stage_incoming(transaction, incoming)
        _link_parent(transaction, incoming, remote, configured, access)
        if start.commit:
            if start.branch:
                transaction.set_ref(BRANCHES + start.branch, start.commit)
            transaction.set_head(BRANCHES + start.branch if start.branch else start.commit)
            if request.checkout:
                _stage_files(transaction, start.commit, watch)
        if start.branch and start.followed:
            stage_upstream(transaction, start.branch, Upstream(configured.name, start.followed))
        transaction.publish()
        write_remote(repository, configured)
        if request.fork and start.commit:
            repository.git.write_config("beatflow.forkedFrom", start.commit)
    return start


def _stage_files(transaction: Transaction, commit: str, watch: Watch) -> None:
    repository = transaction.repository
    tree = read_content(repository, commit)
    pointers = [pointer for entry in tree.values() if (pointer := read_pointer(repository.git, entry))]
    size = sum(pointer.size for pointer in pointers)
    check_room([pointer.size for pointer in pointers], repository.root)
    watch.begin("writing files", size)
    transaction.put_entries(tree, watch.advance)


def _find_start(repository: Repository, incoming: Incoming, request: CloneRequest) -> _Start:
    theirs = incoming.theirs
    if request.revision is None:
        head = incoming.head if incoming.head in theirs else _choose_head(incoming)
        if head is None:
            return _Start(None, repository.branch)
        return _begin(theirs[head], head, request)
    branch = BRANCHES + request.revision
    if branch in theirs:
        return _begin(theirs[branch], branch, request)
    base, suffix = re.fullmatch(r"([^~^]*)(.*)", request.revision, re.DOTALL).groups()  # type: ignore[union-attr]
    named = theirs.get(BRANCHES + base) or theirs.get(TAGS + base)
    if named is None and base in ("", "HEAD", "@") and incoming.head in theirs:
        named = theirs[str(incoming.head)]
    commit = repository.git.resolve((named or base) + suffix)
    if commit is None:
        raise NotFoundError(f"no revision {request.revision!r} there", hint="bf ls-remote lists the names")
    if not request.fork:
        return _Start(commit, None)
    return _Start(commit, (incoming.head or DEFAULT_BRANCH).removeprefix(BRANCHES))


def _begin(commit: str, ref: str, request: CloneRequest) -> _Start:
    return _Start(commit, ref.removeprefix(BRANCHES), None if request.fork else ref)


def _choose_head(incoming: Incoming) -> str | None:
    """Return the branch to be on where the remote does not say: main, master, the first."""
    branches = [name for name in sorted(incoming.theirs) if name.startswith(BRANCHES)]
    usual = (BRANCHES + DEFAULT_BRANCH, BRANCHES + "master")
    return next((name for name in usual if name in branches), branches[0] if branches else None)


def _link_parent(
    transaction: Transaction, incoming: Incoming, remote: Remote, configured: Configured, access: Access
) -> None:
    """Know the parent of a fork under its name, where what is cloned says which that is."""
    repository = transaction.repository
    git = repository.git
    if incoming.parent is None or configured.name == PARENT:
        return
    with git.receiving():
        remote.fetch_history(git, [PARENT_REF])
    inspect_history(git, [incoming.parent])
    parent = read_parent(git, incoming.parent)
    if parent is None:
        return
    transaction.set_ref(PARENT_REF, incoming.parent)
    try:
        where = parse_address(parent.url, access.directory)
    except UsageError:
        return
    # A stranger may name any place: a folder of this machine is none of his.
    if where.password is None and where.kind is not AddressKind.FOLDER:
        write_remote(repository, Configured(PARENT, where.text))
