"""Finding the first bad commit by ear: what was heard so far, kept beside the repository, and the sound to hear next.

The state is no part of history. It is one small file, replaced in one step, so that a crash leaves the former one.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from beatflow.bisect.bisect import BAD, GOOD, SKIP, Progress, check_out, find_counted, read_history
from beatflow.bisect.bisection import Step, find_step
from beatflow.errors import AbsentError, ConflictError, DamagedError, NotFoundError, UsageError
from beatflow.lock import Lock
from beatflow.objects.durable import write_atomic
from beatflow.repository import Repository
from beatflow.soundword import find_mix_path

VERSION = 1
_FOLDER, _STATE, _LOCK, _SOUNDS = "bisect", "state.json", "lock", "listen"
_START = "bf bisect start BAD GOOD"


@dataclass(frozen=True, slots=True)
class Mark:
    """What was said of a commit: good, bad or skip; ``problem`` where it could not be listened to."""

    verdict: str
    commit: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A search by ear.

    Parameters
    ----------
    marks : tuple of Mark
        In the order in which they were made; the last bad one counts.
    path : str or None
        What to listen to, and the only path whose changes are suspected; None for the mix and all commits.
    candidate : str or None
        The commit to be listened to now.
    """

    marks: tuple[Mark, ...]
    path: str | None = None
    candidate: str | None = None

    @property
    def bad(self) -> str:
        """The newest commit that is known to be bad."""
        return [mark.commit for mark in self.marks if mark.verdict == BAD][-1]

    def marked(self, verdict: str) -> set[str]:
        """Return the commits of which that was said."""
        return {mark.commit for mark in self.marks if mark.verdict == verdict}


@dataclass(frozen=True, slots=True)
class Hearing:
    """Where a search stands: the next step, and the file to listen to where there is one.

    ``file`` is a folder where a commit has no mix; ``unheard`` are commits that were passed over, being damaged.
    """

    state: State
    step: Step
    file: Path | None
    unheard: tuple[Mark, ...] = ()


def start(
    repository: Repository, bad: str, good: Sequence[str], path: str | None, progress: Progress
) -> Hearing:
    """Begin a search; one that is under way is forgotten.

    Raises
    ------
    ConflictError
        A good commit has the bad one behind it, or no commit between them changed the path.
    """
    state = State((Mark(BAD, bad), *(Mark(GOOD, oid) for oid in good)), path)
    step = _find_step(repository, state)
    if not step.suspects:
        raise ConflictError(f"no commit there changed {path}", hint=f"bf log {path}")
    with _locked(repository):
        return _advance(repository, state, progress)


def mark(repository: Repository, verdict: str, commits: Sequence[str], progress: Progress) -> Hearing:
    """Note what was heard of commits, the candidate when none is named, and go on to the next.

    Raises
    ------
    UsageError
        No search is under way, or it is at its end.
    ConflictError
        That contradicts what was said before; it is not noted.
    """
    with _locked(repository):
        state = read_state(repository)
        if not commits and state.candidate is None:
            raise UsageError("nothing is left to be listened to", hint="bf bisect log, or bf bisect reset")
        names = commits or [state.candidate or ""]
        marks = (*state.marks, *(Mark(verdict, oid) for oid in names))
        return _advance(repository, replace(state, marks=marks), progress)


def resume(repository: Repository, progress: Progress) -> Hearing:
    """Return where a search stands, with its sound there again."""
    with _locked(repository):
        return _advance(repository, read_state(repository), progress)


def reset(repository: Repository) -> bool:
    """Forget the search; say whether there was one."""
    folder = repository.state / _FOLDER
    if not (folder / _STATE).exists():
        return False
    with _locked(repository):
        (folder / _STATE).unlink(missing_ok=True)
        shutil.rmtree(folder / _SOUNDS, ignore_errors=True)
    return True


def read_state(repository: Repository) -> State:
    """Return the search that is under way.

    Raises
    ------
    UsageError
        There is none.
    DamagedError
        Its file cannot be read.
    """
    file = repository.state / _FOLDER / _STATE
    try:
        document = json.loads(file.read_bytes())
        if document.pop("version") != VERSION:
            raise ValueError("version")
        marks = tuple(Mark(**row) for row in document.pop("marks"))
        state = State(marks, **document)
        if not state.marked(BAD):
            raise ValueError("marks")
    except FileNotFoundError:
        raise UsageError("no search is under way", hint=_START) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("the search's state cannot be read", hint="bf bisect reset") from error
    return state


@contextmanager
def _locked(repository: Repository) -> Iterator[None]:
    folder = repository.state / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with Lock(folder / _LOCK, "bf bisect"):
        yield


def _find_step(repository: Repository, state: State) -> Step:
    history = read_history(repository, {mark.commit for mark in state.marks})
    counted = find_counted(repository, history, state.path)
    return find_step(history, state.bad, state.marked(GOOD), state.marked(SKIP), counted)


def _advance(repository: Repository, state: State, progress: Progress) -> Hearing:
    """Find the next commit that can be listened to, write its sound, then the state."""
    folder = repository.state / _FOLDER
    unheard: list[Mark] = []
    while True:
        step = _find_step(repository, state)
        shutil.rmtree(folder / _SOUNDS, ignore_errors=True)
        file = None
        if step.candidate:
            try:
                file = _write_sound(repository, state, step.candidate, folder / _SOUNDS, progress)
            except AbsentError:
                # Nothing is wrong with the commit: once its sounds can be had, it can be heard.
                raise
            except (DamagedError, NotFoundError, ConflictError) as error:
                unheard.append(Mark(SKIP, step.candidate, error.message))
                state = replace(state, marks=(*state.marks, unheard[-1]))
                continue
        state = replace(state, candidate=step.candidate)
        document = {"version": VERSION, **asdict(state)}
        write_atomic(folder / _STATE, json.dumps(document, indent=1).encode())
        return Hearing(state, step, file, tuple(unheard))


def _write_sound(repository: Repository, state: State, commit: str, folder: Path, progress: Progress) -> Path:
    """Write what is to be listened to; return its file, or the folder of all files where there is no mix."""
    wanted = state.path or find_mix_path(repository, commit)
    place = folder / commit[:7]
    place.mkdir(parents=True)
    names = check_out(repository, commit, wanted, place, progress)
    return place / PurePosixPath(names[0]) if wanted and names == [wanted] else place


def format_log(state: State, titles: Sequence[str]) -> Iterator[str]:
    """Write a search as commands that do it again; ``titles`` are those of the marked commits."""
    count = 1 + next(
        (at for at, mark in enumerate(state.marks[1:]) if mark.verdict != GOOD), len(state.marks) - 1
    )
    path = f" --path {state.path}" if state.path else ""
    for mark, title in zip(state.marks, titles, strict=True):
        yield f"# {mark.verdict}: {mark.commit[:7]} {title}" + (f" ({mark.problem})" if mark.problem else "")
    yield "bf bisect start" + path + "".join(f" {mark.commit}" for mark in state.marks[:count])
    for mark in state.marks[count:]:
        yield f"bf bisect {mark.verdict} {mark.commit}"
