"""Writing a track as a plain git repository with git-lfs, for those who have no BeatFlow.

All commits, branches and tags as they are, the sounds of all of them where git-lfs looks for them, the files of the
current commit beside, and git's settings such that it finds them in order. Nothing of the track changes.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import NotFoundError
from beatflow.filename import check_path
from beatflow.objects.durable import copy_verified
from beatflow.objects.git.history import copy_history, iter_new_files
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import EXECUTABLE, SYMLINK, Tree, decode_path
from beatflow.objects.pointer import Pointer, read_pointer
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, TAGS, Repository
from beatflow.sharing.flows.destination import check_destination, settle
from beatflow.sharing.inspection import check_room
from beatflow.sharing.watch import Watch

# What `git lfs install --local` has git do; its pre-push hook sends the sounds of what is pushed.
_SETTINGS = {
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "true",
    "lfs.repositoryformatversion": "0",
}
_HOOK = """#!/bin/sh
# Written by BeatFlow: sends the sounds of what is pushed.
if ! command -v git-lfs >/dev/null 2>&1; then
    echo "git-lfs is not installed, and this repository has sounds: https://git-lfs.com" >&2
    exit 2
fi
exec git lfs pre-push "$@"
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A git repository that was written, or would be: where, and what is in it; ``bytes`` of all sounds as files."""

    path: Path
    commits: int
    sounds: int
    bytes: int


def export_git(repository: Repository, folder: Path, watch: Watch, dry_run: bool = False) -> Exported:
    """Write all of a track's history into a new git repository.

    Parameters
    ----------
    repository : Repository
    folder : Path
        Where; new, or empty.
    watch : Watch
        Is told how far it is; raising in it interrupts the work.
    dry_run : bool

    Raises
    ------
    ConflictError
        Something is there already.
    NotFoundError
        The track has no commit.
    UsageError
        The folder lies inside a track.
    UnsafeError
        The disk has no room for all the sounds.
    """
    git = repository.git
    folder = check_destination(folder, repository.signer)
    refs = {name: oid for name, oid in git.read_refs().items() if name.startswith((BRANCHES, TAGS))}
    tips = sorted({*refs.values(), *([repository.head] if repository.head else [])})
    if not tips:
        raise NotFoundError("this track has no commit yet", hint='bf commit -m "..."')
    watch.begin("looking over history")
    commits = sum(1 for _ in git.iter_new_commits(tips))
    sounds = _list_sounds(git, tips)
    total = sum(sound.size for sound in sounds)
    if dry_run:
        return Exported(folder, commits, len(sounds), total)
    check_room([total], folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name[:100]}.", dir=folder.parent))
    try:
        _write(repository, unfinished, refs, sounds, watch)
        settle(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Exported(folder, commits, len(sounds), total)


def _list_sounds(git: GitStore, tips: list[str]) -> list[Pointer]:
    found = (read_pointer(git, entry) for entry in iter_new_files(git, tips, ()))
    return list({pointer.oid: pointer for pointer in found if pointer}.values())


def _write(
    repository: Repository, root: Path, refs: dict[str, str], sounds: list[Pointer], watch: Watch
) -> None:
    git = repository.git
    branch = repository.branch or DEFAULT_BRANCH
    target = GitStore.create_with_files(root, branch)
    watch.begin("copying history")
    tips = sorted({*refs.values(), *([repository.head] if repository.head else [])})
    copy_history(git, target, tips, watch.advance)
    for name, oid in refs.items():
        target.write_ref(name, oid)
    if repository.branch is None and repository.head:
        target.write_head(repository.head)
    for key, value in _SETTINGS.items():
        target.write_config(key, value)
    hook = target.path / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK, encoding="ascii", newline="\n")
    hook.chmod(0o755)
    watch.begin("writing sounds", sum(sound.size for sound in sounds))
    places = {sound.oid: _place(target, sound.oid) for sound in sounds}
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
    repository.audio.write_files(list(places.items()), watch.advance)
    if repository.head:
        tree = git.read_commit(repository.head).tree
        _check_out(git, git.read_tree(tree), places, root)
        target.write_index(tree)
    target.flush()


def _place(git: GitStore, oid: str) -> Path:
    """Return where git-lfs keeps the file of an oid."""
    return git.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


def _check_out(git: GitStore, tree: Tree, places: dict[str, Path], root: Path) -> None:
    """Write the files of a commit as git would, what only git sees of them included."""
    links = []
    for path, entry in sorted(tree.items()):
        if not path.startswith(".provenance/"):
            check_path(path)
        target = root / path
        if entry.mode == SYMLINK:
            links.append((target, decode_path(git.read_blob(entry.oid))))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        pointer = read_pointer(git, entry)
        if pointer:
            copy_verified(places[pointer.oid], target, pointer.oid)
        else:
            target.write_bytes(git.read_blob(entry.oid))
        if entry.mode == EXECUTABLE:
            target.chmod(target.stat().st_mode | 0o111)
    # Last, so that nothing is written through one.
    for target, text in links:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(text)
