"""Turning a folder of versions into a history: reading it, keeping every version, publishing all of it at once.

What becomes of which file `importplan` decides, and `importtext` what a commit says. The originals are only read.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.errors import AudioError, ConflictError, UsageError
from beatflow.explaining import Explainer, explain_sounds
from beatflow.filename import is_private
from beatflow.history import advance_head, read_content, write_commit
from beatflow.ignore import read_ignore
from beatflow.importing.order import Candidate
from beatflow.importing.plan import Placed, Plan, Step, is_named_as_sound, make_plan
from beatflow.importing.text import Heard, format_message
from beatflow.objects.git.value import FILE, Entry, Signature, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository, Signer, make_absolute
from beatflow.scratch import Scratch, sweep
from beatflow.sound.explanation import Explanation
from beatflow.transaction import Transaction
from beatflow.wording import plural
from beatflow.worktree import REPOSITORY

if TYPE_CHECKING:
    from beatflow.objects.sources import SourceFile

Progress = Callable[[float, str], None]

MOST_EXPLAINED = 100
"""How many changes of sounds an import listens to; each takes seconds."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that stays outside, and why; ``failed`` where it should have gone in."""

    path: str
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds; ``damaged`` says which of its sounds cannot be decoded, and why."""

    directory: Path
    files: list[Candidate]
    skipped: list[Skipped]
    damaged: list[str]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a history goes: a track that is there, or the place of a new one."""

    root: Path
    repository: Repository | None


# Reading the folder --------------------------------------------------------------------------------------


def read_folder(directory: Path, advance: Callable[[int], None] = lambda count: None) -> Found:
    """Find out what a folder holds; files of one size are read, to see which are the same.

    Raises
    ------
    UsageError
        It is no folder, or nothing in it can go in.
    """
    if not directory.is_dir():
        what = "a file" if directory.exists() else "not there"
        raise UsageError(f"{directory} is {what}", hint="bf import FOLDER")
    skipped: list[Skipped] = []
    found = sorted(_scan(directory, skipped))
    sizes: dict[int, int] = {}
    for _, status in found:
        sizes[status.st_size] = sizes.get(status.st_size, 0) + 1
    files, damaged = [], []
    for path, status in found:
        try:
            head, digest = _read(directory / path, sizes[status.st_size] > 1, advance)
        except OSError as error:
            skipped.append(Skipped(path, (error.strerror or "cannot be read").lower(), failed=True))
            continue
        mtime_s = int(status.st_mtime)
        files.append(Candidate(path, status.st_size, mtime_s, is_sound(head), digest))
        if is_sound(head) or is_named_as_sound(path):
            damaged += _complain(directory, path)
    if not files:
        raise UsageError(
            f"nothing to import in {directory}", hint="bf import wants a folder with sounds in it"
        )
    return Found(directory, files, skipped, damaged)


def _scan(directory: Path, skipped: list[Skipped]) -> Iterator[tuple[str, os.stat_result]]:
    ignored = read_ignore(directory)
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            entries = list(os.scandir(directory / prefix))
        except OSError as error:
            skipped.append(Skipped(prefix, (error.strerror or "cannot be read").lower(), failed=True))
            continue
        for entry in entries:
            path = prefix + entry.name
            if is_private(entry.name) or ignored(path + "/" * entry.is_dir(follow_symlinks=False)):
                continue
            if entry.is_symlink():
                skipped.append(Skipped(path, "a link"))
            elif entry.is_dir():
                if os.path.lexists(Path(entry.path, REPOSITORY)):
                    skipped.append(Skipped(path, "a track of its own"))
                else:
                    waiting.append(path + "/")
            elif entry.is_file():
                yield path, entry.stat()
            else:
                skipped.append(Skipped(path, "no ordinary file"))


def _read(path: Path, whole: bool, advance: Callable[[int], None]) -> tuple[bytes, str | None]:
    """Return a file's first bytes and, if wanted, the hash of all of it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not whole:
            return head, None
        digest = sha256(head)
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return head, digest.hexdigest()


def _complain(directory: Path, path: str) -> list[str]:
    """Say what is wrong with a sound, as far as its beginning tells."""
    from beatflow.sound.files import read_info

    try:
        read_info(directory / path, path)
    except AudioError as error:
        return [error.message]
    return []


class Ear:
    """Compares files of a folder, each pair once."""

    def __init__(self, directory: Path, progress: Progress) -> None:
        self._directory = directory
        self._progress = progress
        self._heard: dict[tuple[str, str], Explanation | None] = {}

    def explain(self, before: str, after: str) -> Explanation | None:
        """Say how one file became another; None where one of them cannot be decoded."""
        pair = before, after
        if pair not in self._heard:
            self._progress(0.0, f"listening to {after}")
            try:
                self._heard[pair] = explain_sounds(self._directory / before, self._directory / after)
            except AudioError:
                self._heard[pair] = None
        return self._heard[pair]

    def is_same_take(self, one: Candidate, two: Candidate) -> bool:
        """Say whether one sound was made of the other."""
        if one.digest and one.digest == two.digest:
            return True
        found = self.explain(one.path, two.path)
        return found is not None and not found.new_take


def plan_import(found: Found, ear: Ear, now: Signature) -> Plan:
    """Decide what becomes of what a folder holds."""
    title = make_absolute(found.directory).name or "everything"
    return make_plan(found.files, ear.is_same_take, now.time_s, now.offset_min, title)


# Making the history --------------------------------------------------------------------------------------


def find_target(directory: Path, to: Path | None, here: Repository | None, signer: Signer) -> Target:
    """Return where a folder's history goes: ``to``, else the track that one is in, else a new one beside the folder.

    Raises
    ------
    ConflictError
        Something else is there already, or the folder lies inside the track itself.
    UsageError
        The new track would lie inside another one, or among the originals.
    """
    source = make_absolute(directory)
    place = make_absolute(to) if to else source.with_name(f"{source.name or 'import'}.track")
    if to and (place / REPOSITORY / "HEAD").is_file():
        here = Repository(place, signer)
    elif to:
        here = None
    if here:
        if source.resolve().is_relative_to(here.root.resolve()):
            raise ConflictError(
                f"{directory} lies inside the track {here.root}", hint=f"bf import {directory} --to ../NEW"
            )
        return Target(here.root, here)
    if place == source or place.is_relative_to(source):
        raise UsageError(f"{place} lies among the originals", hint=f"bf import {directory} --to ../NEW")
    if os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir())):
        raise ConflictError(f"{place} is there already", hint=f"bf import {directory} --to ANOTHER")
    outer = Repository.find(place.parent, signer)
    if outer:
        raise UsageError(f"{place} lies inside the track {outer.root}", hint="--to a place outside it")
    return Target(place, None)


def run_import(
    target: Target, signer: Signer, found: Found, plan: Plan, ear: Ear | None, progress: Progress
) -> list[tuple[str, Step]]:
    """Make a plan's commits in a track that is there, or in a new one, and return them; see `import_plan`."""
    if target.repository:
        return import_plan(target.repository, found, plan, ear, progress)
    with _new_track(target.root, signer) as repository:
        return import_plan(repository, found, plan, ear, progress)


@contextmanager
def _new_track(place: Path, signer: Signer) -> Iterator[Repository]:
    """Give a repository that appears at a place when the block ends, and never half-made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place.parent)
    with Scratch(place.parent) as scratch:
        unfinished = scratch.new_file()
        unfinished.mkdir()
        yield Repository.create(unfinished, signer)
        if place.is_dir():
            place.rmdir()
        unfinished.rename(place)


def import_plan(
    repository: Repository, found: Found, plan: Plan, ear: Ear | None, progress: Progress
) -> list[tuple[str, Step]]:
    """Add a plan's commits to the current branch, in one operation, and return them.

    Parameters
    ----------
    ear : Ear or None
        Finds out what became of each sound, for the messages; None to tell names and dates only.

    Raises
    ------
    ConflictError
        A file with uncommitted changes would be overwritten, or an original changes meanwhile. Nothing has happened.
    """
    name = make_absolute(found.directory).name
    description = f"{name}: {plural(len(plan.steps), 'commit')}"
    with (
        Transaction(repository, "import", description) as transaction,
        Scratch(repository.scratch) as scratch,
    ):
        work = _Work(transaction, found.directory, plan, ear, progress)
        commits = work.record()
        work.place(scratch)
        transaction.publish()
    work.remember()
    return commits


@dataclass(slots=True)
class _Work:
    transaction: Transaction
    directory: Path
    plan: Plan
    ear: Ear | None
    progress: Progress
    tree: Tree = field(default_factory=dict)
    former: Tree = field(default_factory=dict)
    current: dict[str, Placed] = field(default_factory=dict)
    explained: list[tuple[str, str, Explanation]] = field(default_factory=list)

    def record(self) -> list[tuple[str, Step]]:
        """Write the commits."""
        repository = self.transaction.repository
        head = repository.head
        self.former = read_content(repository, head)
        self.tree = dict(self.former)
        now = repository.signer()
        total = sum(placed.version.file.size for step in self.plan.steps for placed in step.files) or 1
        done = 0
        commits = []
        for step in self.plan.steps:
            heard: list[Heard] = []
            for placed in step.files:
                self.progress(done / total, placed.source)
                heard.append(self._take_in(placed, step.files))
                done += placed.version.file.size
            for path in step.removed:
                self.tree.pop(path, None)
                self.current.pop(path, None)
            message = format_message(step, heard, self.directory.name, now.offset_min)
            signature = Signature(now.name, now.email, step.time_s, now.offset_min)
            parents = [head] if head else []
            head = write_commit(
                repository, self.tree, parents, message, {}, author=signature, committer=signature
            )
            commits.append((head, step))
        if head:
            advance_head(self.transaction, head)
        return commits

    def _take_in(self, placed: Placed, beside: Sequence[Placed]) -> Heard:
        before = self.current.get(placed.gone or placed.path)
        entry = self._keep(placed, before, beside)
        old = self.tree.get(placed.gone or placed.path)
        if placed.gone:
            self.tree.pop(placed.gone, None)
            self.current.pop(placed.gone, None)
        self.tree[placed.path] = entry
        self.current[placed.path] = placed
        if not before:
            return Heard(placed, None, old is not None)
        explanation = self._explain(before, placed)
        if explanation and old:
            one, two = (read_pointer(self.transaction.repository.git, side) for side in (old, entry))
            if one and two:
                self.explained.append((one.oid, two.oid, explanation))
        return Heard(placed, explanation, True)

    def _explain(self, before: Placed, placed: Placed) -> Explanation | None:
        sounds = before.version.file.sound and placed.version.file.sound
        if self.ear is None or not sounds or len(self.explained) >= MOST_EXPLAINED:
            return None
        return self.ear.explain(before.source, placed.source)

    def _keep(self, placed: Placed, before: Placed | None, beside: Sequence[Placed]) -> Entry:
        """Store one original, predicted from its former version and from what came in beside it."""
        from beatflow.predicting.prediction import SoundAdvisor

        batch, git = self.transaction.batch, self.transaction.repository.git
        path = self.directory / placed.source

        def open_all(others: Sequence[Placed]) -> "list[SourceFile]":
            entries = [(one, self.tree.get(one.path)) for one in others]
            pointers = [(one, read_pointer(git, entry)) for one, entry in entries if entry]
            sources = [
                batch.source(pointer.oid, self.directory / one.source) for one, pointer in pointers if pointer
            ]
            return [source for source in sources if source]

        near = [one for one in beside if self.current.get(one.path) is one and one is not before]
        advisor = SoundAdvisor(open_all([before] if before else []), open_all(near))
        entry = self.transaction.repository.worktree.keep_file(path, batch, None, advisor)
        # Disks that know no permissions call every file executable.
        return Entry(FILE, entry.oid) if placed.version.file.sound else entry

    def place(self, scratch: Scratch) -> None:
        """Have the worktree get the newest version of each file."""
        transaction, worktree = self.transaction, self.transaction.repository.worktree
        steps = self.plan.steps
        gone = {placed.gone for step in steps for placed in step.files if placed.gone}
        gone = (gone | {path for step in steps for path in step.removed}) - self.tree.keys()
        for path in (*self.current, *gone):
            now = worktree.identify(path)
            if now not in (None, self.former.get(path), self.tree.get(path)):
                raise ConflictError(
                    f"uncommitted changes would be overwritten: {path}", hint='bf commit -m "..." first'
                )
        transaction.put_entries(dict.fromkeys(gone & self.former.keys()))
        for number, (path, placed) in enumerate(sorted(self.current.items())):
            self.progress(number / len(self.current), f"writing {path}")
            copy = scratch.new_file()
            shutil.copy2(self.directory / placed.source, copy)
            mode = stat.S_IMODE(copy.stat().st_mode) | 0o600
            copy.chmod(mode & ~0o111 if placed.version.file.sound else mode)
            if transaction.put_file(path, copy) != self.tree[path]:
                raise ConflictError(f"{placed.source} changes while it is being read", hint="try again")

    def remember(self) -> None:
        """Keep what was found out, so that a log need not find it out again."""
        explainer = Explainer(self.transaction.repository)
        for before, after, explanation in self.explained:
            explainer.remember(before, after, explanation)
