"""Which commits touched a stretch of a sound, through moves, renames and merges: the log of ``PATH:START-END``."""

from collections.abc import Callable, Iterable, Iterator

from beatflow.blame.lineage import UNREADABLE, Explain, Version, find_formers, find_version
from beatflow.blame.tracing import trace, widen
from beatflow.errors import NotFoundError
from beatflow.history import iter_commits
from beatflow.objects.git.value import Commit
from beatflow.repository import Repository
from beatflow.revision.span import clip_span, read_length
from beatflow.timecode import Span

_Place = tuple[float, float]


def iter_touching(
    repository: Repository,
    include: Iterable[str],
    exclude: Iterable[str],
    path: str,
    span: Span,
    explain: Explain,
    topological: bool = False,
    keep: Callable[[Commit], bool] | None = None,
) -> Iterator[Commit]:
    """Yield the commits that touched a stretch of a sound, children before their parents.

    A stretch that was only moved, by something that came in or went out before it, was not touched. What took its place
    in a new version is followed to what stood there, so that the takes before it are found as well.

    Parameters
    ----------
    include, exclude : iterable of str
        Commits to begin at, and commits that are left out with all their ancestors. The span is meant in the file
        as each of the former has it.
    topological, keep : bool, callable
        As for `beatflow.history.iter_commits`.

    Raises
    ------
    NotFoundError
        No commit to begin at has the file.
    """
    include, exclude = list(include), list(exclude)
    search = _Search(repository, explain)
    if not search.start(include, path, span):
        raise NotFoundError(f"no sound {path!r} in {include[0][:7]}", hint=f"bf ls {include[0][:7]}")
    commits = repository.git.iter_topological(include, exclude)
    touching = (commit for commit in commits if search.touches(commit) and (keep is None or keep(commit)))
    if topological:
        found = {commit.oid for commit in touching}
        yield from iter_commits(
            repository, include, exclude, topological=True, keep=lambda commit: commit.oid in found
        )
    else:
        yield from touching


class _Search:
    """Which stretches of which files each commit that is still to come is asked about."""

    def __init__(self, repository: Repository, explain: Explain) -> None:
        self._repository = repository
        self._explain = explain
        self._wanted: dict[str, dict[Version, list[_Place]]] = {}

    def start(self, commits: Iterable[str], path: str, span: Span) -> bool:
        """Ask commits about a span of a path; say whether any has it."""
        for oid in commits:
            version = find_version(self._repository, oid, path)
            if version:
                _, frames = read_length(self._repository, version.oid, path)
                start, end = clip_span(span, frames)
                self._ask(version, [(float(start), float(end))])
        return bool(self._wanted)

    def _ask(self, version: Version, places: Iterable[_Place]) -> None:
        stretches = self._wanted.setdefault(version.commit, {}).setdefault(version, [])
        stretches += [place for place in places if place[0] < place[1]]

    def touches(self, commit: Commit) -> bool:
        """Say whether a commit touched what it is asked about, and hand the question on to its parents."""
        asked = self._wanted.pop(commit.oid, {})
        touched = False
        for version, places in asked.items():
            touched |= self._look_at(commit, version, places)
        return touched

    def _look_at(self, commit: Commit, version: Version, places: list[_Place]) -> bool:
        formers, _ = find_formers(self._repository, commit, version, self._explain)
        touched = bool(places) and not formers
        for place in dict.fromkeys(places):
            touched |= bool(formers) and self._follow(version, formers, place)
        return touched

    def _follow(self, version: Version, formers: list[Version], place: _Place) -> bool:
        """Hand one stretch on to the parent that has it as it is, else to all of them; say whether it was touched."""
        for former in formers:
            if former.oid == version.oid:
                self._ask(former, [place])
                return False
        changed = [place]
        reached: list[tuple[Version, list[_Place]]] = []
        for former in formers:
            try:
                explanation = self._explain(former.oid, version.oid)
            except UNREADABLE:
                # Nobody can tell what was done; the stretch is looked for where it is now.
                reached.append((former, [place]))
                continue
            touched, places = widen(explanation, *place)
            if not touched:
                self._ask(former, places)
                return False
            reached.append((former, places))
            changed = [
                (part.start, part.end)
                for start, end in changed
                for part in trace(explanation, start, end)
                if part.touched
            ]
        for former, places in reached:
            self._ask(former, places)
        # A merge did nothing itself where each part of the stretch is as one of its parents has it.
        return len(formers) < 2 or bool(changed)
