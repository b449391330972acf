"""Taking over the history of a git repository as it is: the same commits, under the same ids.

Branches, tags and remotes come along, and the sounds from where git-lfs keeps them, verified. The repository itself is
only read, but for the line that has git leave ``.beatflow`` alone. Its files stay what and where they are.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError, UsageError
from beatflow.history import read_content
from beatflow.importing.gitfolder import GitFolder
from beatflow.objects.git.history import copy_history
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer, read_pointer
from beatflow.repository import BRANCHES, DEFAULT_BRANCH, REMOTES, TAGS, Repository, Signer, make_absolute
from beatflow.sharing.configured import ORIGIN, Configured, stage_remote
from beatflow.sharing.inspection import NO_RULES, Rules, check_refs, check_room, inspect_history
from beatflow.sharing.partial.selection import Selection, write_selection
from beatflow.sharing.remote import RemoteRefs
from beatflow.sharing.sounds.intake import Intake
from beatflow.sharing.watch import Watch
from beatflow.transaction import Transaction
from beatflow.wording import plural
from beatflow.worktree import REPOSITORY

_EXCLUDE = f"/{REPOSITORY}/"


@dataclass(frozen=True, slots=True)
class GitPlan:
    """What a git repository has for a track.

    Parameters
    ----------
    source : GitFolder
    refs : dict
        Full name to commit, of branches, tags and what it knows of remotes.
    head : str
        A branch's full name or a commit.
    commits : int
    sounds : list of Pointer
        Kept by git-lfs.
    absent : list of Pointer
        Those of them whose files are not on this machine.
    unfilled : list of str
        Paths at which the pointer itself lies, since git-lfs has not brought the file.
    remotes : list of Configured
    """

    source: GitFolder
    refs: dict[str, str]
    head: str
    commits: int
    sounds: list[Pointer]
    absent: list[Pointer]
    unfilled: list[str]
    remotes: list[Configured]

    @property
    def branches(self) -> int:
        """How many branches there are."""
        return sum(name.startswith(BRANCHES) for name in self.refs)


def plan_git_import(source: GitFolder, watch: Watch, rules: Rules = NO_RULES) -> GitPlan:
    """Look over a git repository's history; nothing changes.

    Raises
    ------
    NotFoundError
        It has no commit yet, or sounds of its history are neither here nor at a remote.
    UnsafeError, DamagedError
        There is something in it that no track may have, or something is missing.
    """
    git = source.open()
    watch.begin("reading history")
    refs = {
        name: oid
        for name, oid in git.read_refs().items()
        if name.startswith((BRANCHES, TAGS, REMOTES)) and not name.endswith("/HEAD")
    }
    head = source.read_head()
    tips = sorted({*refs.values(), *([] if head.startswith("refs/") else [head])})
    if not tips:
        raise NotFoundError("that git repository has no commit yet", hint="bf init, then bf commit")
    check_refs(RemoteRefs({name: oid for name, oid in refs.items() if not name.startswith(REMOTES)}), rules)
    counted = [0]

    def count(number: int) -> None:
        counted[0] += number
        watch.advance(number)

    sounds = inspect_history(git, tips, rules=rules, progress=count)
    remotes = _read_remotes(source)
    checked_out, unfilled = _find_checked_out(source, git, refs.get(head) or head)
    absent = [one for one in sounds if not source.find_sound(one.oid) and one.oid not in checked_out]
    if absent and not remotes:
        raise NotFoundError(
            f"{plural(len(absent), 'sound')} of that history are not on this machine",
            hint="git lfs fetch --all there, then again",
        )
    return GitPlan(source, refs, head, counted[0], sounds, absent, unfilled, remotes)


def find_import_place(source: GitFolder, to: Path | None, signer: Signer) -> Path:
    """Return where the history goes: into the repository's own folder, or to ``to``.

    Raises
    ------
    UsageError
        It is a bare repository and ``to`` is missing, or the place lies inside a track.
    ConflictError
        A track with a history, or something else, is there already.
    """
    if to is None and source.root is None:
        raise UsageError(f"{source.directory} has no files beside it", hint="--to NEW makes a track of it")
    place = make_absolute(to) if to else source.root
    assert place is not None
    track = Repository.find(place, signer)
    if track and track.root == place:
        if track.git.read_refs(BRANCHES) or track.head:
            raise ConflictError(f"{place} is a track with a history already", hint=f"bf -C {place} log")
        return place
    if track:
        raise UsageError(f"{place} lies inside the track {track.root}", hint="--to a place outside it")
    if source.root and place != source.root and place.is_relative_to(source.root):
        raise UsageError(f"{place} lies among the files of that repository", hint="--to a place outside it")
    if place != source.root and place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ConflictError(f"{place} is there already", hint="--to a new folder")
    return place


def run_git_import(plan: GitPlan, place: Path, signer: Signer, watch: Watch) -> Repository:
    """Make a track of a plan; what breaks off leaves nothing behind, or what the same import goes on with.

    Raises
    ------
    DamagedError
        A file of git-lfs is not what its name says.
    UnsafeError
        The disk has no room for what is to be written.
    """
    existed, track = place.exists(), (place / REPOSITORY).exists()
    head = plan.head if plan.head.startswith(BRANCHES) else BRANCHES + DEFAULT_BRANCH
    try:
        repository = Repository.create(place, signer, head.removeprefix(BRANCHES))
        with repository.git.receiving():
            watch.begin("taking over history")
            copy_history(plan.source.open(), repository.git, plan.refs.values(), watch.advance)
        _take_sounds(plan, repository, watch)
        _publish(plan, repository, place, watch)
    except BaseException:
        if not track:
            shutil.rmtree(place / REPOSITORY, ignore_errors=True)
        if not existed:
            shutil.rmtree(place, ignore_errors=True)
        raise
    return repository


def _take_sounds(plan: GitPlan, repository: Repository, watch: Watch) -> None:
    known = {one.oid for one in plan.absent}
    wanted = [one for one in plan.sounds if one.oid not in known and one.oid not in repository.audio]
    watch.begin("taking over sounds", sum(one.size for one in wanted))
    git = plan.source.open()
    checked_out, _ = _find_checked_out(plan.source, git, plan.refs.get(plan.head) or plan.head)
    with Intake(repository) as intake:
        # The oldest first: what came later shares with what was there before.
        for one in reversed(wanted):
            path = plan.source.find_sound(one.oid) or checked_out.get(one.oid)
            if path is None:
                raise NotFoundError(f"the sound {one.oid[:12]} went away meanwhile", hint="try again")
            try:
                intake.add_file(one, path, watch.advance)
            except DamagedError as error:
                raise DamagedError(
                    f"{path} is not what git-lfs says of it: {error.message}",
                    hint="git lfs fsck there; then: git lfs fetch --all",
                ) from error


def _publish(plan: GitPlan, repository: Repository, place: Path, watch: Watch) -> None:
    if plan.absent:
        remote = next((one.name for one in plan.remotes if one.name == ORIGIN), plan.remotes[0].name)
        write_selection(repository.directory, Selection(pruned=True, remote=remote))
    name = plan.source.directory.parent.name if plan.source.root else plan.source.directory.name
    with Transaction(repository, "import", f"{name}: {plural(plan.commits, 'commit')} of git") as transaction:
        for remote_ in plan.remotes:
            stage_remote(transaction, remote_)
        for ref, oid in plan.refs.items():
            transaction.set_ref(ref, oid)
        transaction.set_head(plan.head)
        if place != plan.source.root:
            commit = plan.refs.get(plan.head) or (None if plan.head.startswith("refs/") else plan.head)
            _check_out(transaction, commit, watch)
        transaction.publish()
    if place == plan.source.root:
        _exclude(plan.source)


def _check_out(transaction: Transaction, commit: str | None, watch: Watch) -> None:
    repository = transaction.repository
    content = read_content(repository, commit)
    pointers = [read_pointer(repository.git, entry) for entry in content.values()]
    sizes = [pointer.size for pointer in pointers if pointer]
    check_room(sizes, repository.root)
    watch.begin("writing files", sum(sizes))
    transaction.put_entries(content, watch.advance)


def _find_checked_out(source: GitFolder, git: GitStore, commit: str) -> tuple[dict[str, Path], list[str]]:
    """Return the files that are as long as the sounds which they stand for, and the paths of bare pointers."""
    found: dict[str, Path] = {}
    unfilled: list[str] = []
    if source.root is None or commit.startswith("refs/"):
        return found, unfilled
    for path, entry in git.read_tree(git.read_commit(commit).tree).items():
        with suppress(OSError, BeatFlowError):
            pointer = read_pointer(git, entry)
            file = source.root / path
            if pointer is None or file.is_symlink():
                continue
            size = file.stat().st_size
            if size == pointer.size:
                found[pointer.oid] = file
            elif size == git.blob_size(entry.oid) and file.read_bytes() == git.read_blob(entry.oid):
                unfilled.append(path)
    return found, unfilled


def _read_remotes(source: GitFolder) -> list[Configured]:
    """Return the remotes that git knows, those whose addresses hold a password without it."""
    values = source.read_config()
    found = []
    for key, url in sorted(values.items()):
        if key.startswith("remote.") and key.endswith(".url") and url:
            name = key.removeprefix("remote.").removesuffix(".url")
            if GitStore.is_valid_ref(f"{REMOTES}{name}/main") and "/" not in name:
                found.append(Configured(name, _without_password(url)))
    return found


def _without_password(url: str) -> str:
    """Return an address without what opens doors: over https a user's name may be a token as well."""
    parts = urlsplit(url) if "://" in url else None
    if parts is None or "@" not in parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    kept = "" if parts.scheme in ("http", "https") else user.partition(":")[0] + "@"
    return parts._replace(netloc=kept + host).geturl()


def _exclude(source: GitFolder) -> None:
    """Have git leave our folder alone, in the file that is only for this copy of the repository."""
    path = source.directory / "info" / "exclude"
    with suppress(OSError):
        text = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
        if _EXCLUDE not in text.splitlines():
            path.parent.mkdir(exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(("\n" if text and not text.endswith("\n") else "") + _EXCLUDE + "\n")
