"""What a sound without a record was edited from: former versions of its file, as far as the samples bear it out.

A stem that was turned down elsewhere and bounced is still what its engine made; a new take under the old name is not.
Walks history, and listens only where an earlier version has a record.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

from beatflow.blame.lineage import UNREADABLE, Version, find_former, find_version
from beatflow.errors import NotFoundError
from beatflow.explaining import Explainer
from beatflow.lineage.ancestry import FindRecords, Presumed
from beatflow.lineage.state import State
from beatflow.repository import Repository
from beatflow.sound.explanation import Explanation

MAX_COMMITS, MAX_VERSIONS = 2000, 50
"""How far back a file is followed."""

_NEW = ("region", "residual", "new_take")
"""Changes that bring in what was not there."""

Progress = Callable[[float, str], None]


class EditFinder:
    """Finds what sounds of a state were edited from; callable as `beatflow.lineage.ancestry.Presume`.

    Parameters
    ----------
    repository : Repository
    state : State
        In which the sounds lie, or which they came from.
    find_records : callable
        Gives the records that there are of some ids.
    progress : callable
        Called while listening; raising in it interrupts the work.
    """

    def __init__(
        self, repository: Repository, state: State, find_records: FindRecords, progress: Progress
    ) -> None:
        self._repository = repository
        self._state = state
        self._find_records = find_records
        self._progress = progress
        self._explainer = Explainer(repository)
        self._versions: dict[str, Version] = {}
        self._formers: dict[str, list[Version]] = {}

    def __call__(self, oid: str) -> Presumed | None:
        """Return what a sound was edited from, None where nothing is known of it."""
        formers = self._find_formers(oid)
        if not formers or not self._has_record(formers):
            return None
        parents, whole = dict[str, str](), True
        for former in formers:
            found = self._explain(former, oid)
            if found is None or found.new_take:
                continue
            parents[former.oid] = former.path
            whole = whole and not any(
                change.kind in _NEW and not _is_cut(change.figures) for change in found.changes
            )
        if not parents:
            return None
        return Presumed(parents, "an earlier version, edited", whole)

    def _explain(self, former: Version, oid: str) -> Explanation | None:
        if self._state.commit is None and oid not in self._repository.audio:
            # Not committed yet: what it is will be asked again once it is.
            return self._explain_file(former, oid)
        with suppress(*UNREADABLE):
            return self._explainer.explain(former.oid, oid, self._report(former.path))
        return None

    def _explain_file(self, former: Version, oid: str) -> Explanation | None:
        from beatflow.explaining import explain_sounds

        path = self._state.name(oid)
        with suppress(*UNREADABLE, OSError):
            if path is None:
                return None
            with self._repository.audio.open(former.oid) as old:
                return explain_sounds(old, self._repository.root / path, self._report(former.path))
        return None

    def _report(self, path: str) -> Progress:
        return lambda fraction, _: self._progress(fraction, path)

    def _has_record(self, formers: list[Version]) -> bool:
        """Say whether any earlier version has a record: only then is it worth listening."""
        oids: dict[str, None] = {}
        waiting = list(formers)
        while waiting and len(oids) < MAX_VERSIONS:
            version = waiting.pop(0)
            if version.oid not in oids:
                oids[version.oid] = None
                waiting += self._find_formers(version.oid)
        return bool(self._find_records(oids))

    def _find_formers(self, oid: str) -> list[Version]:
        """Return the versions of a sound's file right before it."""
        if oid not in self._formers:
            found = {version.oid: version for version in self._iter_formers(oid)}
            for version in found.values():
                self._versions.setdefault(version.oid, version)
            self._formers[oid] = list(found.values())
        return self._formers[oid]

    def _iter_formers(self, oid: str) -> Iterator[Version]:
        path, commit = self._state.name(oid), self._state.commit or self._repository.head
        start = self._versions.get(oid)
        if start is None:
            there = find_version(self._repository, commit, path) if path and commit else None
            if there is None or there.oid != oid:
                yield from [there] if there else []
                return
            start = there
        git = self._repository.git
        waiting, seen = [start], {start.commit}
        while waiting and len(seen) < MAX_COMMITS:
            version = waiting.pop()
            here = git.read_commit(version.commit)
            for parent in here.parents:
                former = find_former(self._repository, here, parent, version, _never)
                if former and former.oid != oid:
                    yield former
                elif former and parent not in seen:
                    seen.add(parent)
                    waiting.append(former)


def _never(before: str, after: str) -> Explanation:
    raise NotFoundError("nobody listens for what was renamed and changed at once")


def _is_cut(figures: object) -> bool:
    """Say whether a region is one that only took something away."""
    return isinstance(figures, dict) and figures.get("action") in ("deleted", "muted")
