"""Finding the first bad commit by a script, and what both ways of finding it share: history, checking out, telling.

Tests run in a folder of their own; neither the worktree nor HEAD moves.
"""

import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from beatflow.bisect.bisection import History, Step, find_step
from beatflow.blame.lineage import UNREADABLE, Explain
from beatflow.changetext import tell_briefly
from beatflow.errors import AbsentError, BeatFlowError, ConflictError, DamagedError, NotFoundError, UsageError
from beatflow.explaining import read_clock
from beatflow.filename import check_path
from beatflow.history import MODIFIED, FileChange, changes_of, read_content
from beatflow.objects.git.value import Entry
from beatflow.objects.pointer import read_pointer
from beatflow.placing import make_parents
from beatflow.repository import Repository
from beatflow.wording import short_name

GOOD, BAD, SKIP = "good", "bad", "skip"
_SKIP_CODE = 125
_ABORT_CODE = 128

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One commit that was tested: ``verdict`` is good, bad or skip; ``problem`` says why it could not be tested."""

    commit: str
    verdict: str
    exit_code: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: one suspect is the first bad commit; with several, those between could not be tested."""

    suspects: tuple[str, ...]
    trials: tuple[Trial, ...]


Test = Callable[[str], Trial]
Tell = Callable[[Step, Trial], None]


def read_history(repository: Repository, starts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return everything behind commits; one that is damaged is there, without parents."""
    history: dict[str, tuple[str, ...]] = {}
    waiting = list(starts)
    while waiting:
        oid = waiting.pop()
        if oid in history:
            continue
        try:
            history[oid] = repository.git.read_commit(oid).parents
        except DamagedError:
            history[oid] = ()
        waiting.extend(history[oid])
    return history


def find_counted(repository: Repository, history: History, path: str | None) -> set[str] | None:
    """Return the commits that changed a path or something below it; None, for all, without a path."""
    if path is None:
        return None
    git = repository.git
    entries: dict[str, Entry | None] = {}

    def entry_of(oid: str) -> Entry | None:
        if oid not in entries:
            try:
                entries[oid] = git.find_entry(git.read_commit(oid).tree, path)
            except DamagedError:
                entries[oid] = None
        return entries[oid]

    return {
        oid
        for oid, parents in history.items()
        if all(entry_of(parent) != entry_of(oid) for parent in parents) and (parents or entry_of(oid))
    }


def search(
    repository: Repository, bad: str, good: Collection[str], test: Test, tell: Tell, path: str | None = None
) -> Found:
    """Find the first bad commit by testing.

    Parameters
    ----------
    bad, good : str, collection of str
        Both ends, which are tested first; without a good one everything behind the bad one is suspected.
    test : callable
        Tests one commit.
    tell : callable
        Called after each test, with the step that asked for it.
    path : str, optional
        Only commits that changed it are suspected.

    Raises
    ------
    ConflictError
        The ends are not what they were said to be, or no commit between them changed the path.
    """
    history = read_history(repository, [bad, *good])
    counted = find_counted(repository, history, path)
    trials: list[Trial] = []

    def tested(step: Step, oid: str) -> str:
        trials.append(test(oid))
        tell(step, trials[-1])
        return trials[-1].verdict

    goods, skipped = set(good), set[str]()
    first = find_step(history, bad, goods, counted=counted)
    if not first.suspects:
        raise ConflictError(f"no commit there changed {path}", hint=f"bf log {path}")
    _check_end(bad, BAD, tested(first, bad))
    for oid in good:
        _check_end(oid, GOOD, tested(first, oid))
    while (step := find_step(history, bad, goods, skipped, counted)).candidate:
        verdict = tested(step, step.candidate)
        if verdict == BAD:
            bad = step.candidate
        else:
            (goods if verdict == GOOD else skipped).add(step.candidate)
    return Found(step.suspects, tuple(trials))


def _check_end(oid: str, wanted: str, verdict: str) -> None:
    if verdict == SKIP:
        raise ConflictError(f"{oid[:7]} cannot be tested", hint="name another commit with --bad or --good")
    if verdict != wanted:
        hint = "name a commit that fails with --bad" if wanted == BAD else "name one that passes with --good"
        raise ConflictError(
            f"the test says that {oid[:7]} is {verdict}, so there is nothing to find", hint=hint
        )


# Testing by a script -------------------------------------------------------------------------------------


def make_script_test(
    repository: Repository,
    command: Sequence[str],
    path: str | None,
    hear: Callable[[str], None],
    progress: Progress,
) -> Test:
    """Return a test that runs a command in a fresh folder with a commit's files.

    As for git, 0 is good, 125 is skip, 1 to 127 are bad, and anything else stops the search.

    Parameters
    ----------
    path : str, optional
        Check out only this.
    hear : callable
        Called with each line that the command prints.
    """

    def test(oid: str) -> Trial:
        with tempfile.TemporaryDirectory(prefix="beatflow-bisect-") as name:
            folder = Path(name, repository.root.name or "track")
            folder.mkdir()
            try:
                check_out(repository, oid, path, folder, progress)
            except AbsentError:
                # Nothing is wrong with the commit: once its sounds can be had, it can be tested.
                raise
            except (DamagedError, NotFoundError, ConflictError) as error:
                return Trial(oid, SKIP, problem=error.message)
            code = _run(command, folder, hear)
        if code == _SKIP_CODE:
            return Trial(oid, SKIP, code)
        if not 0 <= code < _ABORT_CODE:
            ended = f"ended with {code}" if code >= 0 else f"was killed by signal {-code}"
            raise BeatFlowError(
                f"{command[0]} {ended} at {oid[:7]}: the search stops",
                hint="0 is good, 1 to 127 bad, 125 skip",
            )
        return Trial(oid, BAD if code else GOOD, code)

    return test


def _run(command: Sequence[str], folder: Path, hear: Callable[[str], None]) -> int:
    """Run a command in a folder; return its exit code, negative for a signal."""
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{command[0]} cannot be run: {reason}", hint="bf bisect run sh -c '…'") from error
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                hear(line.decode("utf-8", "replace").rstrip("\r\n"))
        except BaseException:
            process.kill()
            raise
    return process.returncode


def check_out(
    repository: Repository, commit: str, path: str | None, folder: Path, progress: Progress
) -> list[str]:
    """Write a commit's files, or those of a path, into an empty folder; return their paths.

    Raises
    ------
    NotFoundError
        The commit has nothing at the path.
    DamagedError
        A file cannot be read whole.
    """
    tree = read_content(repository, commit)
    if path is not None:
        tree = {name: entry for name, entry in tree.items() if name == path or name.startswith(path + "/")}
        if not tree:
            raise NotFoundError(f"no file {path!r} in {commit[:7]}", hint=f"bf ls {commit[:7]}")
    pointers = [read_pointer(repository.git, entry) for entry in tree.values()]
    total = sum(pointer.size for pointer in pointers if pointer) or 1
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(min(1.0, done / total), f"checking out {commit[:7]}")

    for name in tree:
        check_path(name)
        make_parents(folder, name)
    repository.worktree.materialize([(entry, folder / name) for name, entry in tree.items()], advance)
    return sorted(tree)


# Telling -------------------------------------------------------------------------------------------------


def tell_changes(
    repository: Repository, commit: str, explain: Explain
) -> list[tuple[FileChange, str | None]]:
    """Return what a commit changed, and of each sound, in a phrase, what became of it; None where that is not known."""
    return [
        (change, _tell(repository, commit, change, explain))
        for change in changes_of(repository.git, repository.git.read_commit(commit))
    ]


def _tell(repository: Repository, commit: str, change: FileChange, explain: Explain) -> str | None:
    before, after = (
        read_pointer(repository.git, entry) if entry else None for entry in (change.before, change.after)
    )
    if change.kind != MODIFIED or not before or not after:
        return None
    try:
        explanation = explain(before.oid, after.oid)
    except UNREADABLE:
        return None
    clock = read_clock(repository, commit, explanation.sample_rate)
    return tell_briefly(short_name(change.path), explanation, clock)
