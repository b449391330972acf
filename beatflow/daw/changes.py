"""What a version changed, as markers on the time line: replaced, inserted and muted stretches, new takes, new stems.

Joins history and the explainer. Faders move nothing in time and have no markers.
"""

from collections.abc import Callable, Sequence

from beatflow.changetext import tell_change
from beatflow.daw.session import Lane, Marker
from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.explaining import Explainer, make_clock
from beatflow.history import ADDED, MODIFIED, FileChange, changes_of, compare_trees, read_content
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.sound.explanation import Change, Explanation
from beatflow.timecode import Clock

FARTHEST = 200
"""How many commits back the last change of a sound is looked for."""
_TOLD = {"region", "fade"}

Progress = Callable[[float, str], None]


def find_markers(
    repository: Repository,
    commit: str,
    since: str | None,
    lanes: Sequence[Lane],
    clock: Clock,
    progress: Progress,
) -> tuple[list[Marker], list[str]]:
    """Return markers for what became of the lanes' sounds, and what could not be told.

    Parameters
    ----------
    since : str or None
        The commit to compare with; None for the one before sounds changed last.
    clock : Clock
        Of the piece.
    """
    by_path = {lane.path: lane for lane in lanes}
    if since:
        pairs = compare_trees(read_content(repository, since), read_content(repository, commit))
        changes = [change for change in pairs if change.path in by_path]
    else:
        changes = _find_last(repository, commit, set(by_path))
    markers: list[Marker] = []
    failures: list[str] = []
    for number, change in enumerate(changes):
        lane = by_path[change.path]
        if change.kind == ADDED:
            markers.append(Marker(lane.start_s, f"{lane.name}: new"))
        if change.kind != MODIFIED:
            continue
        progress(number / len(changes), f"comparing {lane.name}")
        try:
            explanation = _explain(repository, change)
        except (AudioError, NotFoundError, DamagedError) as error:
            failures.append(f"{lane.name} cannot be compared with its former version: {error.message}")
            continue
        if explanation:
            markers += _mark(lane, explanation, make_clock(lane.sample_rate, clock.tempo, clock.meter))
    return sorted(set(markers), key=lambda marker: (marker.start_s, marker.name)), failures


def _find_last(repository: Repository, commit: str, paths: set[str]) -> list[FileChange]:
    """Return what the last commit did to sounds that changed any of them; the first commit changed nothing."""
    found = repository.git.read_commit(commit)
    for _ in range(FARTHEST):
        if not found.parents:
            break
        changes = [change for change in changes_of(repository.git, found) if change.path in paths]
        if any(change.kind in (ADDED, MODIFIED) for change in changes):
            return changes
        found = repository.git.read_commit(found.parents[0])
    return []


def _explain(repository: Repository, change: FileChange) -> Explanation | None:
    if change.before is None or change.after is None:
        return None
    before, after = (read_pointer(repository.git, entry) for entry in (change.before, change.after))
    if before is None or after is None:
        return None
    return Explainer(repository).explain(before.oid, after.oid)


def _mark(lane: Lane, explanation: Explanation, clock: Clock) -> list[Marker]:
    if explanation.new_take:
        return [Marker(lane.start_s, f"{lane.name}: a new take")]
    markers = []
    for change in explanation.changes:
        if change.kind in _TOLD:
            start = change["start_frame"] + lane.offset
            moved = Change(change.kind, {**change.figures, "start_frame": max(start, 0)})
            markers.append(
                Marker(max(start, 0) / lane.sample_rate, f"{lane.name}: {tell_change(moved, clock)}")
            )
    return markers
