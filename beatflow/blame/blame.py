"""Where each stretch of a sound comes from: the commit that brought it in, and those that worked on it since.

Walks from a commit back along its parents with the stretches that are still to be told, as ``git blame`` does with
lines. Samples are compared by whoever explains how one version became the next.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from beatflow.blame.lineage import UNREADABLE, Explain, Version, find_formers, find_version, get_version
from beatflow.blame.story import Stretch, Work, join
from beatflow.blame.tracing import Part, rate_ratio, trace
from beatflow.errors import DamagedError, UsageError
from beatflow.explaining import Explainer, read_clock
from beatflow.objects.git.value import Commit
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit
from beatflow.revision.span import clip_span, get_span, is_span, read_length, split_span
from beatflow.sound.explanation import Change, Explanation
from beatflow.timecode import Clock, Span

HINT = "bf blame PATH [START-END] [REV], like bf blame stems/bass.wav b33-b34 v1"

Progress = Callable[[float, str], None]

ADDED, RESTORED, UNKNOWN = "added", "restored", "unknown"


@dataclass(frozen=True, slots=True)
class Blame:
    """All stretches of a sound that were asked for, in order."""

    version: Version
    sample_rate: int
    frames: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """A stretch that is still to be told.

    ``at`` is its place in the version that is looked at, which has ``scale`` frames for each of its own.
    """

    start: int
    end: int
    at: float
    scale: float
    works: tuple[Work, ...] = ()

    @property
    def place(self) -> tuple[float, float]:
        """First frame and end in the version that is looked at."""
        return self.at, self.at + (self.end - self.start) * self.scale

    def cut(self, start: int, end: int) -> "_Open":
        """Return a part of it."""
        return replace(self, start=start, end=end, at=self.at + (start - self.start) * self.scale)


def _is_kept(part: Part) -> bool:
    return part.kept


def _is_untouched(part: Part) -> bool:
    return not part.touched


def _is_in_place(part: Part) -> bool:
    return not part.touched and part.source == part.start


def _trace_all(explanation: Explanation, stretches: Iterable[_Open]) -> Iterator[tuple[_Open, Part, _Open]]:
    """Yield stretches part by part: the stretch, the part, and what of the stretch that is, as it was before."""
    for stretch in stretches:
        last = stretch.start
        parts = trace(explanation, *stretch.place)
        for part in parts:
            start = last
            last = stretch.start + round((part.end - stretch.at) / stretch.scale)
            last = stretch.end if part is parts[-1] else last
            if start < last:
                yield (
                    stretch,
                    part,
                    _Open(start, last, part.source or 0.0, stretch.scale * part.scale, stretch.works),
                )


def read_blame(
    repository: Repository, text: str, words: Sequence[str], progress: Progress | None = None
) -> tuple[Blame, Clock]:
    """Tell where what a user names comes from: ``PATH`` or ``PATH:START-END``, then a stretch, a revision or both.

    Returns
    -------
    Blame, Clock
        The clock is the sound's, as that commit has it.

    Raises
    ------
    UsageError
        There are more words than these; or the file is no sound.
    NotFoundError
        No such revision, or no such file in it.
    """
    spans = [word for word in words if is_span(word)]
    revisions = [word for word in words if not is_span(word)]
    if len(spans) > 1 or len(revisions) > 1:
        raise UsageError("blame takes one path, one stretch and one revision", hint=HINT)
    commit = get_commit(repository, revisions[0] if revisions else "HEAD")
    path, asked = repository.worktree.relative(Path(text)), spans[0] if spans else None
    if asked is None and find_version(repository, commit, path) is None:
        name, asked = split_span(text)
        path = repository.worktree.relative(Path(name))
    span = get_span(repository, commit, path, asked) if asked else None
    found = blame(repository, commit, path, Explainer(repository).explain, span, progress)
    return found, read_clock(repository, commit, found.sample_rate)


def blame(
    repository: Repository,
    commit: str,
    path: str,
    explain: Explain,
    span: Span | None = None,
    progress: Progress | None = None,
) -> Blame:
    """Tell where a sound, or a stretch of it, comes from.

    Parameters
    ----------
    commit : str
        Whose file it is.
    explain : callable
        Explains how a version became the next; see `beatflow.explaining.Explainer`.
    span : Span, optional
        Which frames; what is beyond the sound's end is left out.
    progress : callable, optional
        Called with the fraction of the sound that is told, and what is being looked at.

    Raises
    ------
    NotFoundError
        The commit has no such file.
    UsageError
        It is no sound.
    AudioError, DamagedError
        The sound itself cannot be read.
    """
    version = get_version(repository, commit, path)
    sample_rate, frames = read_length(repository, version.oid, path)
    start, end = clip_span(span, frames)
    walk = _Walk(repository, explain, progress or (lambda fraction, what: None), end - start)
    if end > start:
        walk.push(version, [_Open(start, end, float(start), 1.0)], sample_rate)
    return Blame(version, sample_rate, frames, tuple(join(walk.run(), sample_rate)))


class _Walk:
    """The versions that are still to be looked at, the newest first, with the stretches that each is asked about."""

    def __init__(self, repository: Repository, explain: Explain, progress: Progress, total: int) -> None:
        self._repository = repository
        self._explain = explain
        self._progress = progress
        self._total = total
        # With the frame of the stretch's own file at which it ends.
        self._told: list[tuple[Stretch, float]] = []
        self._pushes = count()
        self._queue: list[tuple[int, int, Commit, Version]] = []
        self._open: dict[tuple[str, str], list[_Open]] = {}
        self._rates: dict[str, int] = {}

    def push(self, version: Version, stretches: Iterable[_Open], sample_rate: int) -> None:
        """Ask a version about stretches."""
        commit, version = self._descend(version)
        self._rates[version.oid] = sample_rate
        key = (version.commit, version.path)
        if key not in self._open:
            heapq.heappush(self._queue, (-commit.time_s, next(self._pushes), commit, version))
        self._open.setdefault(key, []).extend(stretches)

    def _descend(self, version: Version) -> tuple[Commit, Version]:
        """Pass over commits in a row that left a file alone."""
        git = self._repository.git
        commit = git.read_commit(version.commit)
        entry = git.find_entry(commit.tree, version.path)
        # A damaged parent is told when its child is looked at.
        with suppress(DamagedError):
            while len(commit.parents) == 1:
                parent = git.read_commit(commit.parents[0])
                if git.find_entry(parent.tree, version.path) != entry:
                    break
                commit = parent
        return commit, replace(version, commit=commit.oid)

    def run(self) -> list[tuple[Stretch, float]]:
        """Look at versions until every stretch is told; return each with where it ends in its own file."""
        while self._queue:
            _, _, commit, version = heapq.heappop(self._queue)
            told = sum(stretch.frames for stretch, _ in self._told)
            self._progress(told / self._total, f"{commit.oid[:7]} {commit.title}")
            self._look_at(commit, version, self._open.pop((version.commit, version.path)))
        return self._told

    def _look_at(self, commit: Commit, version: Version, stretches: list[_Open]) -> None:
        rate = self._rates[version.oid]
        formers, problem = find_formers(self._repository, commit, version, self._explain)
        for former in formers:
            if former.oid == version.oid:
                self.push(former, stretches, rate)
                return
        explained: list[tuple[Version, Explanation]] = []
        for former in formers:
            try:
                explained.append((former, self._explain(former.oid, version.oid)))
            except UNREADABLE as error:
                problem = error.message
        # What any parent has as it is comes first, then what was worked on: a merge's second parent before the merge.
        # In between what came back as it once was: nobody worked on that.
        if len(explained) > 1:
            # A copy of it elsewhere in the first parent is not where the second one's own comes from.
            stretches = self._pass_on(commit, explained, stretches, rate, _is_in_place)
        stretches = self._pass_on(commit, explained, stretches, rate, _is_untouched)
        stretches = self._pass_to_return(commit, version, stretches)
        for stretch in self._pass_on(commit, explained, stretches, rate, _is_kept):
            if explained:
                self._tell_parts(commit, version, stretch, explained[0][1], problem)
            else:
                whole = (stretch.start, stretch.end, UNKNOWN if problem else ADDED)
                self._tell(commit, version, stretch, whole, problem)

    def _pass_on(
        self,
        commit: Commit,
        formers: Iterable[tuple[Version, Explanation]],
        stretches: list[_Open],
        rate: int,
        wanted: Callable[[Part], bool],
    ) -> list[_Open]:
        """Hand on the parts that former versions have as wanted; return the others."""
        for former, explanation in formers:
            passed, left = [], []
            for stretch, part, older in _trace_all(explanation, stretches):
                if wanted(part):
                    work = (Work(commit, part.changes),) if part.changes else ()
                    passed.append(replace(older, works=(*work, *stretch.works)))
                else:
                    left.append(stretch.cut(older.start, older.end))
            if passed:
                self.push(former, passed, round(rate * rate_ratio(explanation)))
            stretches = left
        return stretches

    def _pass_to_return(self, commit: Commit, version: Version, stretches: list[_Open]) -> list[_Open]:
        """Hand on what came back: an older commit had the very same file."""
        if not stretches:
            return []
        git = self._repository.git
        entry = git.find_entry(commit.tree, version.path)
        # What is damaged back there is told where it matters; here it only ends the search.
        with suppress(DamagedError):
            for older in git.iter_history(commit.parents):
                if git.find_entry(older.tree, version.path) == entry:
                    work = Work(commit, (Change(RESTORED, {}),))
                    passed = [replace(stretch, works=(work, *stretch.works)) for stretch in stretches]
                    found = Version(older.oid, version.path, version.oid)
                    self.push(found, passed, self._rates[version.oid])
                    return []
        return stretches

    def _tell_parts(
        self, commit: Commit, version: Version, stretch: _Open, explanation: Explanation, problem: str | None
    ) -> None:
        """Settle a stretch that this commit brought in, part by part as the explanation names them."""
        for _, part, older in _trace_all(explanation, [stretch]):
            self._tell(commit, version, stretch, (older.start, older.end, part.kind or "replaced"), problem)

    def _tell(
        self,
        commit: Commit,
        version: Version,
        stretch: _Open,
        settled: tuple[int, int, str],
        problem: str | None,
    ) -> None:
        start, end, kind = settled
        first, last = (stretch.at + (at - stretch.start) * stretch.scale for at in (start, end))
        rate = self._rates[version.oid]
        told = Stretch(
            start, end - start, commit, kind, version.path, round(first), rate, stretch.works, problem
        )
        self._told.append((told, last))
