"""Forking: a new track that starts at exactly one commit of another and knows its parent.

On the same disk the sound is shared; from a remote a fork is a clone (`cloning`) on a branch of its own; at a remote it
is a first push that says where it comes from.
"""

import errno
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.history import read_content
from beatflow.objects.git.value import Entry
from beatflow.places.address import Address, AddressKind
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, REMOTES, TAGS, Repository
from beatflow.revision.revision import get_commit
from beatflow.sharing.access import Access
from beatflow.sharing.configured import ORIGIN, PARENT, Configured, find_remote, write_remote
from beatflow.sharing.flows.cloning import CloneRequest, clone
from beatflow.sharing.flows.destination import check_destination, settle
from beatflow.sharing.opening import open_configured, open_remote, read_address
from beatflow.sharing.parent import PARENT_REF, Parent, write_parent
from beatflow.sharing.partial.selection import read_selection
from beatflow.sharing.partial.supply import Elsewhere, supply
from beatflow.sharing.remote import Moved, RefUpdate, Remote
from beatflow.sharing.sounds.intake import find_absent
from beatflow.sharing.sounds.listing import list_sounds
from beatflow.sharing.track.track import find_track
from beatflow.sharing.watch import Watch
from beatflow.worktree import REPOSITORY


def split_source(text: str) -> tuple[str, str | None]:
    """Split ``SRC@REV`` into a track and a revision; ``@REV`` alone means this track.

    What exists under the whole name is taken as it is, and an ``@`` before a host's name is the host's.
    """
    if os.path.lexists(text):
        return text, None
    head, slashes, rest = text.rpartition("://")
    if slashes:
        host, slash, path = rest.partition("/")
        front, path = f"{head}://{host}{slash}", path
    else:
        # user@host:path
        scp = re.match(r"[^@/\\:]+@[^/\\:]+:", text)
        front, path = (scp[0], text[scp.end() :]) if scp else ("", text)
    track, at, revision = path.rpartition("@")
    if not at:
        return text, None
    return front + track or ".", revision or None


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """What is to be forked: ``SRC[@REV]`` and ``DEST`` as they were given."""

    source: str
    destination: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Forked:
    """A new track: its folder or its address, where its parent is, and the commit that it begins at, if known yet."""

    name: str
    parent: str
    commit: str | None
    path: Path | None = None
    address: str | None = None


def fork_track(request: ForkRequest, access: Access, watch: Watch) -> Forked:
    """Fork a track, here or at a remote, into a new folder or to a remote where nothing is yet.

    A destination with a scheme (``file://`` too) is a remote; any other path becomes a track in a folder.

    Raises
    ------
    ConflictError
        Something is at the destination already.
    NotFoundError
        There is no such track or revision.
    UsageError
        The destination lies inside a track; an address is none.
    """
    text, revision = split_source(request.source)
    where = read_address(text, access)
    target = read_address(request.destination, access)
    local = target.kind is AddressKind.FOLDER and "://" not in request.destination
    folder = target.path if local else None
    if where.kind is AddressKind.FOLDER and where.path and not where.path.exists():
        raise UsageError(f"no folder {text!r}", hint="bf fork TRACK[@REV] NEW-FOLDER")
    source = _find_track(where, access)
    if source:
        commit = get_commit(source, revision or "HEAD")
        if not request.dry_run:
            _make_whole(source, commit, access, watch)
        if folder:
            made = fork(source, commit, folder, request.dry_run)
            return Forked(source.root.name, str(source.root), commit, made)
        parent = _find_public_parent(source, commit, access)
        publish_fork(source, commit, parent, open_remote(target, access), watch, request.dry_run)
        return Forked(source.root.name, str(source.root), commit, address=target.text)
    cloning = CloneRequest(revision, PARENT, fork=True, checkout=folder is not None)
    if folder:
        check_destination(folder, access.signer)
    if request.dry_run:
        open_remote(where, access).read_refs()
        return Forked(where.text, where.text, None, folder, None if folder else target.text)
    if folder:
        made_clone = clone(text, folder, cloning, access, watch)
        return Forked(where.text, where.text, made_clone.commit, made_clone.root)
    with tempfile.TemporaryDirectory(prefix="beatflow-fork-") as between:
        made_clone = clone(text, Path(between, "track"), cloning, access, watch)
        if made_clone.commit is None:
            raise NotFoundError(f"{where.text} has no commit yet", hint="bf ls-remote lists what is there")
        copy = Repository(made_clone.root, access.signer)
        parent = Parent(where.text, made_clone.commit)
        publish_fork(copy, made_clone.commit, parent, open_remote(target, access), watch)
        return Forked(where.text, where.text, made_clone.commit, address=target.text)


def _find_track(where: Address, access: Access) -> Repository | None:
    if where.path is None:
        return None
    return Repository.find(find_track(where.path) or where.path, access.signer)


def _make_whole(source: Repository, commit: str, access: Access, watch: Watch) -> None:
    """Bring what a partial clone has left elsewhere: a fork of it would not know where that is."""
    if read_selection(source.directory).is_whole:
        return
    refs = source.git.read_refs()
    tips = {commit, *(oid for name, oid in refs.items() if name.startswith((BRANCHES, TAGS)))}
    absent = find_absent(source.audio, list_sounds(source.git, tips))
    elsewhere = Elsewhere(lambda remote: open_configured(source, remote, access))
    supply(source, [sound.oid for sound in absent], elsewhere, watch)


def _find_public_parent(source: Repository, commit: str, access: Access) -> Parent | None:
    """Return the link to a track's own remote, which others can reach; a folder of this machine is nothing to them."""
    origin = find_remote(source, ORIGIN)
    if origin is None or read_address(origin.url, access).kind is AddressKind.FOLDER:
        return None
    return Parent(origin.url, commit)


def fork(source: Repository, commit: str, destination: Path, dry_run: bool = False) -> Path:
    """Make a new track whose only branch stands at ``commit``, with all of the history behind it; return its folder.

    The source's branches stay visible as ``parent/…``. Packs never change, so they are hard-linked where the file
    system allows and copied otherwise. The new track appears under its name only when it is whole.

    Raises
    ------
    ConflictError
        Something is at the destination already.
    UsageError
        The destination lies inside a track.
    """
    destination = check_destination(destination, source.signer)
    if dry_run:
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{destination.name[:100]}.", dir=destination.parent))
    try:
        _build(source, commit, unfinished)
        settle(unfinished, destination)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return destination


def publish_fork(
    source: Repository,
    commit: str,
    parent: Parent | None,
    remote: Remote,
    watch: Watch,
    dry_run: bool = False,
) -> Moved:
    """Make a remote, where nothing is yet, a fork of a track: one branch at ``commit``, its tags, a link to ``parent``.

    Raises
    ------
    ConflictError
        Something is there already.
    """
    git = source.git
    watch.begin(f"asking {remote.address}")
    try:
        there = remote.read_refs().refs
    except NotFoundError:
        there = {}
    if there:
        raise ConflictError(f"{remote.address} has a track already", hint="fork to a place of its own")
    branch = BRANCHES + (source.branch or DEFAULT_BRANCH)
    behind = {found.oid for found in git.iter_history([commit])}
    tags = {name: oid for name, oid in git.read_refs(TAGS).items() if oid in behind}
    refs = {branch: commit} | tags
    sounds = list_sounds(git, [commit])
    watch.begin("looking for sounds")
    transfer = remote.plan_send(source, sounds)
    if dry_run:
        return Moved(transfer.sounds, transfer.bytes)
    watch.begin("sending sounds", transfer.bytes)
    moved = transfer.run(watch.advance)
    if parent:
        refs[PARENT_REF] = write_parent(git, parent, source.signer())
    watch.begin("sending history")
    remote.publish(source, [RefUpdate(name, None, oid) for name, oid in refs.items()], watch.advance)
    return moved


def _build(source: Repository, commit: str, root: Path) -> None:
    branch = source.branch or DEFAULT_BRANCH
    # Read before the objects are linked: whatever these name is there then, even if somebody commits meanwhile.
    refs = source.git.read_refs()
    target = Repository.create(root, source.signer, branch)
    _link_tree(source.directory / "objects", target.directory / "objects")
    source.audio.clone_packs(target.audio)
    git = target.git
    for name, oid in refs.items():
        if name.startswith(TAGS):
            git.write_ref(name, oid)
        elif name.startswith(BRANCHES):
            git.write_ref(f"{REMOTES}{PARENT}/{name.removeprefix(BRANCHES)}", oid)
    git.write_ref(f"{BRANCHES}{branch}", commit)
    write_remote(target, Configured(PARENT, str(source.root.resolve())))
    git.write_config("beatflow.forkedFrom", commit)
    git.flush()
    placed: dict[str, tuple[Path, Entry]] = {}
    for number, (path, entry) in enumerate(read_content(target, commit).items()):
        file = root / REPOSITORY / "tmp" / str(number)
        placed[path] = (file, entry)
    target.worktree.materialize([(entry, file) for file, entry in placed.values()])
    target.worktree.place(placed)


def _link_tree(source: Path, destination: Path) -> None:
    """Hard-link every file of git's object store, which never changes a file in place; copy across disks."""
    for folder, _, names in os.walk(source):
        into = destination / Path(folder).relative_to(source)
        into.mkdir(exist_ok=True)
        for name in names:
            if name.startswith("tmp_") or (into / name).exists():
                continue
            try:
                os.link(Path(folder, name), into / name)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                shutil.copyfile(Path(folder, name), into / name)
