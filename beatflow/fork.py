"""Forking: a new track that starts at exactly one commit of another, sharing its sound on the same disk."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from beatflow.errors import ConflictError, UsageError
from beatflow.history import read_content
from beatflow.objects.gitvalue import Entry
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, REMOTES, TAGS, Repository, make_absolute
from beatflow.worktree import REPOSITORY

PARENT = "parent"


def split_source(text: str) -> tuple[Path, str]:
    """Split ``SRC@REV`` into a folder and a revision, HEAD by default; ``@REV`` alone means this track."""
    if not Path(text).exists() and "@" in text:
        folder, _, revision = text.rpartition("@")
        return Path(folder or "."), revision or "HEAD"
    return Path(text), "HEAD"


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
    destination = make_absolute(destination)
    if os.path.lexists(destination) and not (destination.is_dir() and not any(destination.iterdir())):
        raise ConflictError(f"{destination} is there already", hint="fork into a new folder")
    outer = Repository.find(destination.parent, source.signer)
    if outer:
        raise UsageError(
            f"{destination} lies inside the track {outer.root}", hint="fork to a place outside it"
        )
    if dry_run:
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{destination.name[:100]}.", dir=destination.parent))
    try:
        unfinished.chmod(0o777 & ~_umask())
        _build(source, commit, unfinished)
        if destination.is_dir():
            destination.rmdir()
        unfinished.rename(destination)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return destination


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
    git.write_config(f"remote.{PARENT}.url", str(source.root.resolve()))
    git.write_config(f"remote.{PARENT}.fetch", f"+{BRANCHES}*:{REMOTES}{PARENT}/*")
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
