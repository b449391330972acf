"""What becomes of a folder of ``song_v1.wav``, ``song_FINAL_final2.wav``, ``drums v3.wav``: commits, in order.

Knows names, sizes and dates; reads no file. Who wants to know whether two sounds are the same take asks a function.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import PurePosixPath

from beatflow.importing.order import (
    TOGETHER_S,
    Candidate,
    Version,
    order_all,
    settle_times,
    sort_versions,
)
from beatflow.importing.versionname import DRAFT, END, FINAL, LAST, OLD, Mark, VersionName, fold, parse_names
from beatflow.wording import short_name

SameTake = Callable[[Candidate, Candidate], bool]

MIX = "mix"
"""What a sound is called whose name says nothing but its version."""

_AROUND_S = 600
_FOLDER_STAGES = {OLD, DRAFT, FINAL, LAST}


@dataclass(frozen=True, slots=True)
class Placed:
    """A file, and where it goes in a commit; ``gone`` is the path that it had in the commit before, if another."""

    path: str
    version: Version
    gone: str | None = None

    @property
    def source(self) -> str:
        """Its path below the folder."""
        return self.version.file.path


@dataclass(eq=False, slots=True)
class Step:
    """One commit to be.

    Parameters
    ----------
    label : str
        What its files' names say of the version, as it was written; empty where they say nothing.
    files : list of Placed
    removed : list of str
        Paths that this version has no more.
    time_s : int
        Never before that of the step before it.
    """

    label: str = ""
    files: list[Placed] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    time_s: int = 0
    marks: tuple[Mark, ...] = (END,)
    made_s: int | None = None
    places: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import does.

    Parameters
    ----------
    steps : list of Step
        Oldest first.
    duplicates : list of (Candidate, Candidate)
        Files that are byte for byte another one, and that one.
    apart : list of str
        Names with numbers behind them that are no versions of each other: their sounds are different ones.
    """

    steps: list[Step]
    duplicates: list[tuple[Candidate, Candidate]]
    apart: list[str]


def make_plan(
    files: Sequence[Candidate], same_take: SameTake, now_s: int, offset_min: int, title: str
) -> Plan:
    """Return the history that a folder's files make.

    Parameters
    ----------
    files : sequence of Candidate
    same_take : callable
        Asked only where names leave it open whether sounds are versions of one another: ``guitar 1``, ``guitar 2``.
    now_s, offset_min : int
        The time now and its zone.
    title : str
        What to call a commit of files that tell nothing.
    """
    planner = _Planner(same_take, now_s, offset_min, title)
    return planner.plan(files)


class _Planner:
    def __init__(self, same_take: SameTake, now_s: int, offset_min: int, title: str) -> None:
        self._same_take = same_take
        self._now_s = now_s
        self._offset_min = offset_min
        self._title = title
        self._duplicates: list[tuple[Candidate, Candidate]] = []
        self._apart: list[str] = []

    def plan(self, files: Sequence[Candidate]) -> Plan:
        groups, loose = self._group(files)
        rows = [self._drop_copies(sort_versions(group, self._now_s, self._offset_min)) for group in groups]
        steps, paths = self._make_steps(sorted(rows, key=lambda row: (-len(row), row[0].file.path)))
        self._place_loose(steps, loose, paths)
        for step, time_s in zip(
            steps, settle_times([step.made_s for step in steps], self._now_s), strict=True
        ):
            step.time_s = max(0, min(time_s, self._now_s))
            step.files.sort(key=lambda placed: placed.path)
        return Plan(steps, self._duplicates, sorted(self._apart))

    # Whose version is it? --------------------------------------------------------------------------------

    def _group(self, files: Sequence[Candidate]) -> tuple[list[list[Version]], list[Version]]:
        """Return the files that are versions of one another, and those that are versions of nothing."""
        folders = _Folders(files)
        found: dict[tuple[str, str, str], list[Version]] = {}
        for file in sorted(files, key=lambda file: file.path):
            version = folders.parse(file)
            found.setdefault((fold(version.folder), fold(version.base), _kind(file)), []).append(version)
        groups, loose = [], []
        for members in found.values():
            for group in _split_by_suffix(members):
                if self._are_versions(group):
                    groups.append(group)
                else:
                    loose += group
        # What is alone and says a word that others say too belongs to them.
        said = {_identity(version.name) for group in groups for version in group}
        for version in list(loose):
            if not version.name.weak and version.name.marks and _identity(version.name) in said:
                loose.remove(version)
                groups.append([version])
        return groups, loose

    def _are_versions(self, group: Sequence[Version]) -> bool:
        first = group[0]
        if len(group) == 1:
            return (
                first.file.sound
                and not first.name.weak
                and (first.name.numbered or first.name.moment is not None)
            )
        if not all(version.name.weak or version.name.says_nothing for version in group):
            return True
        ordered = sorted(group, key=lambda version: (version.name.key, version.file.path))
        pairs = pairwise(ordered)
        if first.file.sound and all(self._same_take(one.file, two.file) for one, two in pairs):
            return True
        self._apart.append(first.base)
        return False

    def _drop_copies(self, ordered: Sequence[Version]) -> list[Version]:
        """Leave out a file's copy that is byte for byte that file: ``song_v2 copy.wav``."""
        kept: list[Version] = []
        for version in ordered:
            before = kept[-1] if kept else None
            if before and _are_same(before, version) and before.name.marks[:-1] == version.name.marks:
                self._note_same(kept.pop(), version)
            kept.append(version)
        return kept

    def _note_same(self, version: Version, other: Version) -> None:
        """Remember that a file is another one over again; in another version's folder that is only to be expected."""
        if version.place is None or version.place != other.place:
            other.alias = (*other.alias, *version.alias, version.file)
            self._duplicates.append((version.file, other.file))

    # Which commit is it in? ------------------------------------------------------------------------------

    def _make_steps(self, rows: Sequence[Sequence[Version]]) -> tuple[list[Step], set[str]]:
        """Return the commits that versions make, those of one number or word together, in order."""
        by_identity: dict[Hashable, list[Step]] = {}
        step_rows: list[list[Step]] = []
        for row in rows:
            here: list[Step] = []
            for version in row:
                step = self._find_step(by_identity, version, here)
                if version.time_s is not None:
                    step.made_s = max(step.made_s or 0, version.time_s)
                if version.place is not None:
                    step.places.add(version.place)
                here.append(step)
            step_rows.append(here)
        times = {step: step.made_s for row in step_rows for step in row}
        steps = order_all(step_rows, lambda step, time_s: (time_s, step.marks), times)
        paths: set[str] = set()
        for row, here in zip(rows, step_rows, strict=True):
            self._place_row(steps, dict(zip(here, row, strict=True)), _choose_base(row, paths), paths)
        return [step for step in steps if step.files or step.removed], paths

    def _place_row(
        self, steps: Sequence[Step], row: Mapping[Step, Version], base: str, paths: set[str]
    ) -> None:
        """Put versions of one thing into their commits; what a version's folder has no more is gone in it."""
        places = {version.place for version in row.values()}
        place = places.pop() if len(places) == 1 else None
        before: Placed | None = None
        known: dict[str | None, Version] = {}
        for step in steps:
            version = row.get(step)
            if version is None:
                if before and place is not None and place in step.places:
                    step.removed.append(before.path)
                    before = None
                continue
            same = known.get(version.file.digest)
            unchanged = before is not None and _are_same(before.version, version)
            if same and (unchanged or (place is None and not (version.name.numbered and same.name.numbered))):
                self._note_same(version, same)
                continue
            path = base + PurePosixPath(version.file.path).suffix
            gone = before.path if before and before.path != path else None
            before = Placed(path, version, gone)
            step.files.append(before)
            paths.add(path)
            if version.file.digest:
                known[version.file.digest] = version

    def _find_step(
        self, by_identity: dict[Hashable, list[Step]], version: Version, taken: Sequence[Step]
    ) -> Step:
        """Return the commit of files that say the same, written about the same time; a new one where there is none.

        Those that say more beside the same number will do: ``drums v2`` goes with ``song v2 final``.
        """
        identity = _identity(version.name)
        number = version.name.marks[0] if identity and version.name.numbered else None
        alike: list[Step] = []
        for key in (identity, number):
            alike += by_identity.get(key, []) if key else []
        for step in alike:
            near = (
                version.time_s is None
                or step.made_s is None
                or abs(version.time_s - step.made_s) <= TOGETHER_S
            )
            if near and step not in taken:
                return step
        step = Step(version.name.label, marks=version.name.key)
        for key in (identity, number):
            if key is not None:
                by_identity.setdefault(key, []).append(step)
        return step

    def _place_loose(self, steps: list[Step], loose: Sequence[Version], paths: set[str]) -> None:
        """Put what is no version into the first commit that is not older than it, else into the last."""
        if loose and not steps:
            made_s = max(version.file.mtime_s for version in loose)
            steps.append(Step(self._title, made_s=made_s))
        made = [step.made_s for step in steps if step.made_s is not None]
        # Where all of it was copied at once, dates tell nothing.
        dated = bool(made) and max(made) - min(made) > _AROUND_S
        for version in loose:
            version.time_s = version.file.mtime_s
            later = (
                step
                for step in steps
                if dated and step.made_s is not None and step.made_s + _AROUND_S >= version.file.mtime_s
            )
            path = version.file.path
            if path in paths:
                pure = PurePosixPath(path)
                path = str(pure.with_name(f"{pure.stem} (as it was){pure.suffix}"))
            paths.add(path)
            next(later, steps[-1]).files.append(Placed(path, version))


def is_named_as_sound(path: str) -> bool:
    """Say whether a file's name promises sound."""
    return short_name(path) != path


class _Folders:
    """Tells folders that stand for a version, ``v1``, ``2024-05-01``, ``song_v2``, from those that are places."""

    def __init__(self, files: Sequence[Candidate]) -> None:
        folders: dict[str, set[str]] = {}
        names: dict[tuple[str, str], set[str]] = {}
        for file in files:
            *parts, last = PurePosixPath(file.path).parts
            for depth, part in enumerate(parts):
                folders.setdefault("/".join(parts[:depth]), set()).add(part)
            names.setdefault(("/".join(parts), _kind(file)), set()).add(PurePosixPath(last).stem)
        self._folders = {parent: parse_names(sorted(found)) for parent, found in folders.items()}
        self._names = {place: parse_names(sorted(found)) for place, found in names.items()}

    def parse(self, file: Candidate) -> Version:
        """Take a whole path apart."""
        *parts, last = PurePosixPath(file.path).parts
        kept, names = [], []
        place = None
        for depth, part in enumerate(parts):
            above = "/".join(parts[:depth])
            siblings = self._folders[above]
            name = siblings[part]
            versioned = [fold(one.base) for one in siblings.values() if not (one.weak or one.says_nothing)]
            several = versioned.count(fold(name.base)) > 1 and not (name.weak or name.says_nothing)
            if not (_stands_for_version(name) if not name.base else several):
                kept.append(part)
                continue
            names.append(name)
            if place is None and (name.numbered or name.moment):
                place = f"{above}/{fold(name.base)}"
            if name.base and len(set(versioned)) > 1:
                kept.append(name.base)
        own = self._names["/".join(parts), _kind(file)][PurePosixPath(last).stem]
        bare = own.weak or not (own.base or own.numbered or own.moment)
        if own.says_nothing or (bare and names):
            # In a version's folder a bare number, or a bare word, is a name: v1/guitar 2.wav, v1/mix.wav
            own = VersionName(PurePosixPath(last).stem)
        base = own.base
        for name in reversed(names):
            own = _combine(name, own)
        return Version(file, own, base or MIX, "/".join(kept), place=place)


def _kind(file: Candidate) -> str:
    """Return what files must share to be versions of one another: a suffix, where they are not all sounds."""
    # What calls itself a sound goes with sounds, damaged or not.
    return "" if file.sound or is_named_as_sound(file.path) else PurePosixPath(file.path).suffix.lower()


def _stands_for_version(name: VersionName) -> bool:
    """Say whether a folder whose name is all version is one; ``mix`` and ``master`` are places."""
    return name.moment is not None or any(mark.number or mark.stage in _FOLDER_STAGES for mark in name.marks)


def _combine(folder: VersionName, name: VersionName) -> VersionName:
    old = [mark for mark in folder.marks if mark.stage == OLD]
    fresh = [mark for mark in folder.marks if mark.stage != OLD]
    return replace(
        name,
        marks=(*fresh, *name.marks, *old),
        moment=name.moment or folder.moment,
        timed=name.timed if name.moment else folder.timed,
        label=" ".join(word for word in (folder.label, name.label) if word),
    )


def _identity(name: VersionName) -> Hashable:
    """Return what names of one version have in common; None for a name that says nothing."""
    return (name.marks, name.moment) if not (name.says_nothing or name.weak) else None


def _are_same(one: Version, two: Version) -> bool:
    return one.file.digest is not None and one.file.digest == two.file.digest


def _split_by_suffix(members: list[Version]) -> list[list[Version]]:
    """Part what was written in two formats: there each is a file of its own."""
    seen = {
        (_identity(member.name) or member.name.marks, PurePosixPath(member.file.path).suffix)
        for member in members
    }
    if len({identity for identity, _ in seen}) == len(seen):
        return [members]
    suffixes: dict[str, list[Version]] = {}
    for member in members:
        suffixes.setdefault(PurePosixPath(member.file.path).suffix.lower(), []).append(member)
    return list(suffixes.values())


def _choose_base(row: Sequence[Version], taken: set[str]) -> str:
    """Return the path, less its suffix, that versions get: as most are written, and of these the newest."""
    spellings = [
        f"{version.folder}/{version.base}" if version.folder else version.base for version in reversed(row)
    ]
    base = max(spellings, key=spellings.count)
    suffixes = {PurePosixPath(version.file.path).suffix for version in row}
    number = 2
    candidate = base
    while any(candidate + suffix in taken for suffix in suffixes):
        candidate, number = f"{base} {number}", number + 1
    return candidate
