"""Checking that everything is readable, and collecting what nothing reaches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from beatflow.errors import DamagedError
from beatflow.objects.gitvalue import TREE, Entry
from beatflow.objects.store import Collected
from beatflow.repository import Repository
from beatflow.transaction import BAD_JOURNAL, JOURNAL, Transaction
from beatflow.worktree import read_pointer


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing or damaged, and where it hurts: a commit's id and a path, when known."""

    message: str
    oid: str | None = None
    commit: str | None = None
    path: str | None = None


def check(repository: Repository, data: bool, progress: Callable[[float, str], None]) -> Iterator[Problem]:
    """Yield what is wrong with a repository; nothing is changed.

    Parameters
    ----------
    data : bool
        Decode all sound and verify every checksum, instead of only the structure.
    progress : callable
        Called with the fraction done and what is being checked.
    """
    if (repository.state / JOURNAL).exists():
        yield Problem("a change was interrupted; the next command that writes finishes it")
    if (repository.state / BAD_JOURNAL).exists():
        yield Problem(
            f"an interrupted change could not be finished; remove {repository.state / BAD_JOURNAL} to forget it"
        )
    progress(0.0, "history")
    sounds: dict[str, tuple[str, str]] = {}
    yield from _check_history(repository, sounds, data)
    progress(0.1, "audio store")
    hurt = {oid for oid in sounds if oid not in repository.audio}
    for oid in sorted(hurt):
        yield Problem("its sound is missing from the store", oid, *sounds[oid])
    total = repository.audio.usage().raw_bytes or 1
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(min(1.0, 0.1 + 0.9 * done / total), "audio store")

    for problem in repository.audio.check(data=data, progress=advance):
        where = sounds.get(problem.oid or "", (None, None))
        yield Problem(problem.message, problem.oid, *where)
    progress(1.0, "done")


def collect(repository: Repository, dry_run: bool = False) -> Collected:
    """Drop the sound that no ref and no operation reaches, and what dead writers left behind."""
    with Transaction(repository, "gc", "collect garbage"):
        reached = {oid for oid, _, _ in _iter_sounds(repository)}
        collected = repository.audio.collect(reached, dry_run=dry_run)
        if not dry_run:
            for path in (repository.state / "provenance").glob("*.json"):
                if path.stem not in reached:
                    path.unlink(missing_ok=True)
    return collected


def _starts(repository: Repository) -> list[str]:
    """Return the commits from which everything is reached; a ref that cannot be read is an error, not a gap."""
    found = [repository.git.read_ref(name) for name in repository.git.list_refs()]
    return [oid for oid in (*found, repository.head) if oid]


def _iter_sounds(repository: Repository) -> Iterator[tuple[str, str, str]]:
    """Yield oid, commit and path of every sound in history, each tree entry once."""
    git = repository.git
    seen: set[str] = set()
    for commit in git.iter_history(_starts(repository)):
        waiting = [("", Entry(TREE, commit.tree))]
        while waiting:
            path, entry = waiting.pop()
            if entry.oid in seen:
                continue
            seen.add(entry.oid)
            if entry.mode == TREE:
                waiting += [
                    (f"{path}/{name}" if path else name, child) for name, child in git.iter_folder(entry.oid)
                ]
            elif pointer := read_pointer(git, entry):
                yield pointer.oid, commit.oid, path


def _check_history(
    repository: Repository, sounds: dict[str, tuple[str, str]], data: bool
) -> Iterator[Problem]:
    git = repository.git
    starts = []
    for name in git.list_refs():
        try:
            starts.append(git.read_ref(name) or "")
        except DamagedError as error:
            yield Problem(error.message)
    try:
        starts.append(repository.head or "")
    except DamagedError as error:
        yield Problem(error.message)
    seen: set[str] = set()
    waiting = [("", Entry(0, oid), oid) for oid in starts if oid]
    while waiting:
        path, entry, commit = waiting.pop()
        if entry.oid in seen:
            continue
        seen.add(entry.oid)
        try:
            if entry.mode == 0:
                found = git.read_commit(entry.oid)
                waiting.append(("", Entry(TREE, found.tree), commit))
                waiting += [("", Entry(0, parent), parent) for parent in found.parents]
            elif entry.mode == TREE:
                waiting += [
                    (f"{path}/{name}" if path else name, child, commit)
                    for name, child in git.iter_folder(entry.oid)
                ]
            elif pointer := read_pointer(git, entry):
                sounds.setdefault(pointer.oid, (commit, path))
            if data:
                git.check_object(entry.oid)
        except DamagedError as error:
            yield Problem(error.message, entry.oid, commit, path or None)
