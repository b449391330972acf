"""Forking: a new track that starts at exactly one commit of another and knows its parent.

On the same disk the sound is shared; from a remote a fork is a clone (`beatflow.sharing.cloning`) on a branch of its
own; at a remote it is a first push that says where it comes from.
"""

import errno
import os
import re
import shutil
import tempfile
from pathlib import Path

from beatflow.errors import ConflictError, NotFoundError
from beatflow.history import read_content
from beatflow.objects.gitvalue import Entry
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, REMOTES, TAGS, Repository
from beatflow.sharing.configured import PARENT, Configured, write_remote
from beatflow.sharing.destination import check_destination, settle
from beatflow.sharing.parent import PARENT_REF, Parent, write_parent
from beatflow.sharing.remote import Moved, RefUpdate, Remote
from beatflow.sharing.sounds import list_sounds
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
    source: Repository, commit: str, parent: Parent | None, remote: Remote, watch: Watch, dry_run: bool = False
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
