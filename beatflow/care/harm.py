"""Whom damage hurts: the commits and paths that have what is missing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from beatflow.care.problem import Findings
from beatflow.care.survey import Survey
from beatflow.errors import DamagedError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Commit, Entry
from beatflow.repository import Repository

OURS = "refs/beatflow/"
"""Below this are refs of BeatFlow's own: operations, not the musician's commits."""


@dataclass(slots=True)
class _Uses:
    """The commits that have something, oldest first, and its paths there."""

    commits: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    undo: bool = False


def tell_whom(repository: Repository, survey: Survey, commits: Sequence[str], findings: Findings) -> None:
    """Add to each problem the commits and paths that it hurts."""
    hurt = {problem.oid for problem in findings.problems if problem.oid}
    names = {blob: oid for blob, oid in survey.pointers.items() if oid in hurt}
    names |= {oid: oid for oid in findings.objects}
    if not names:
        return
    git = repository.git
    if commits:
        scopes = [list(commits)]
    else:
        tips: dict[bool, list[str]] = {False: [], True: []}
        for name in (*git.list_refs(), "HEAD"):
            with suppress(DamagedError):
                if oid := repository.head if name == "HEAD" else git.read_ref(name):
                    tips[name.startswith(OURS)].append(oid)
        scopes = [tips[False], tips[True]]
    uses: dict[str, _Uses] = {}
    seen: set[str] = set()
    places = _Places(git, names)
    for number, starts in enumerate(scopes):
        found = sorted(
            _iter_readable(git, starts, seen, follow=not commits), key=lambda commit: commit.time_s
        )
        for commit in found:
            for path, name in places.find(commit.tree):
                use = uses.setdefault(name, _Uses(undo=bool(number)))
                if use.undo == bool(number):
                    use.paths.add(path.removeprefix("before/").removeprefix("after/") if number else path)
                    if commit.oid not in use.commits[-1:]:
                        use.commits.append(commit.oid)
    for at, problem in enumerate(findings.problems):
        if problem.oid in uses:
            use = uses[problem.oid]
            findings.problems[at] = replace(
                problem, commits=tuple(use.commits), paths=tuple(sorted(use.paths)), undo=use.undo
            )
        elif problem.kind == "commit" and problem.oid:
            findings.problems[at] = replace(problem, commits=(problem.oid,))


def _iter_readable(git: GitStore, starts: Iterable[str], seen: set[str], follow: bool) -> Iterator[Commit]:
    """Yield commits and their ancestors, parents before children, passing over what cannot be read."""
    waiting = list(starts)
    found = []
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        try:
            commit = git.read_commit(oid)
        except DamagedError:
            continue
        found.append(commit)
        waiting += commit.parents if follow else ()
    return iter(reversed(found))


class _Places:
    """Where in trees given objects stand; each tree is looked into once.

    Parameters
    ----------
    names : dict
        Git's id of what is looked for, to the name under which it is reported.
    """

    def __init__(self, git: GitStore, names: dict[str, str]) -> None:
        self._git = git
        self._names = names
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def find(self, tree: str) -> tuple[tuple[str, str], ...]:
        """Return path and name of each thing in a tree that is looked for."""
        if tree in self._names:
            return (("", self._names[tree]),)
        stack = [tree]
        while stack:
            oid = stack[-1]
            rows = self._rows(oid)
            below = [
                entry.oid
                for _, entry in rows
                if entry.mode == TREE and entry.oid not in self._known and entry.oid not in self._names
            ]
            if oid in self._known or not below:
                self._known.setdefault(oid, tuple(self._collect(rows)))
                stack.pop()
            else:
                stack += below
        return self._known[tree]

    def _rows(self, oid: str) -> list[tuple[str, Entry]]:
        try:
            return list(self._git.iter_folder(oid))
        except DamagedError:
            return []

    def _collect(self, rows: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, str]]:
        for name, entry in rows:
            if entry.oid in self._names:
                yield name, self._names[entry.oid]
            elif entry.mode == TREE:
                yield from ((f"{name}/{path}", found) for path, found in self._known[entry.oid])
