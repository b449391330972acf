"""Three trees into one, with what is in them: sounds by time, the score by key, text by lines, the mix from its stems.

What cannot be merged is kept in every take (see `beatflow.merge.conflict`). Changes neither refs nor the worktree.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.errors import AudioError, ConflictError, UsageError
from beatflow.history import read_content, read_track
from beatflow.merge.ancestry import find_merge_bases
from beatflow.merge.conflict import TAKES, Conflict, find_conflicts, name_take
from beatflow.merge.linemerge import is_text, merge_lines
from beatflow.merge.scoremerge import merge_scores
from beatflow.merge.soundmerge import Refusal, SplicedSound, splice_sounds
from beatflow.merge.threeway import Clash, check_folders, merge_entries, merge_mode
from beatflow.mixing.rendering import describe_render, is_render, render, says_render
from beatflow.objects.git.value import EXECUTABLE, FILE, Entry, Tree
from beatflow.objects.pointer import Pointer, encode_pointer, read_pointer
from beatflow.provenance import Record, find_record
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, Track

Tell = Callable[[str], None]
"""Called with the path that is worked on now; raising in it interrupts the work."""

SPLICED, SCORE, TEXT, RENDERED = "sound", "score", "text", "mix"


@dataclass(frozen=True, slots=True)
class Merged:
    """A file that both sides changed and that came out whole: how, and for a sound what is from where."""

    path: str
    how: str
    sound: SplicedSound | None = None
    clipped: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A conflict and why it is one; ``ranges`` (frames) is where both sides changed a sound."""

    conflict: Conflict
    reason: str
    ranges: tuple[tuple[int, int], ...] = ()
    sample_rate: int = 0


@dataclass(slots=True)
class Outcome:
    """A merged tree, and what had to be decided on the way."""

    tree: Tree
    merged: list[Merged] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sides:
    base: Tree
    ours: Tree
    theirs: Tree


class Merger:
    """Merges trees; new sounds become files, known by their ids.

    Parameters
    ----------
    repository : Repository
    new_file : callable
        Gives a fresh path for an unfinished file.
    tell : callable
        Hears of the progress.

    Attributes
    ----------
    made : dict of str to Path
        New sounds: oid to file.
    records : dict of str to Record
        Where they come from.
    """

    def __init__(self, repository: Repository, new_file: Callable[[], Path], tell: Tell) -> None:
        self._repository = repository
        self._git = repository.git
        self._new_file, self._tell = new_file, tell
        self.made: dict[str, Path] = {}
        self.records: dict[str, Record] = {}

    def merge_commits(self, one: str, two: str, bases: Sequence[str]) -> Outcome:
        """Merge two commits over their best common ancestors; where these are several, they are merged first."""
        return self.merge_trees(
            self._find_base(bases),
            read_content(self._repository, one),
            read_content(self._repository, two),
        )

    def merge_trees(self, base: Tree, ours: Tree, theirs: Tree) -> Outcome:
        """Merge what became of a tree on two sides.

        Raises
        ------
        ConflictError
            A take would be kept under a name that is taken, or a path is a file and a folder at once.
        DamagedError
            What has to be read cannot be.
        """
        sides = _Sides(base, ours, theirs)
        _refuse_open(ours, theirs)
        outcome, clashes = self._merge_without_mix(sides)
        self._decide_mix(sides, outcome, clashes)
        _keep_takes(outcome, {clash.path: clash for clash in clashes})
        check_folders(outcome.tree)
        return outcome

    def _find_base(self, bases: Sequence[str]) -> Tree:
        """Return the tree that both sides started from.

        Where histories cross there are several: they are merged as if somebody had, and where that fails what came
        before them stands in, so that both sides' ways out of the failure are compared with it.
        """
        if not bases:
            return {}
        tree = read_content(self._repository, bases[0])
        for number, oid in enumerate(bases[1:], 1):
            inner = self._find_base(find_merge_bases(self._git, bases[:number], [oid]))
            other = read_content(self._repository, oid)
            outcome, clashes = self._merge_without_mix(_Sides(inner, tree, other))
            failed = {trouble.conflict.path for trouble in outcome.troubles}
            for clash in clashes:
                if clash.path in failed:
                    outcome.tree.pop(clash.path, None)
                    if clash.base:
                        outcome.tree[clash.path] = clash.base
            tree = outcome.tree
        return tree

    # Files -----------------------------------------------------------------------------------------------

    def _merge_without_mix(self, sides: _Sides) -> tuple[Outcome, list[Clash]]:
        """Merge everything, the mix as any other sound."""
        found = merge_entries(sides.base, sides.ours, sides.theirs)
        outcome = Outcome(found.tree, notes=found.notes)
        for clash in found.clashes:
            self._tell(clash.path)
            result = self._merge_file(clash)
            if isinstance(result, Refusal):
                takes = [
                    take
                    for take, entry in zip(TAKES, (clash.ours, clash.theirs, clash.base), strict=True)
                    if entry
                ]
                outcome.troubles.append(
                    Trouble(
                        Conflict(clash.path, tuple(takes)), result.reason, result.ranges, result.sample_rate
                    )
                )
                if isinstance(result, _ScoreRefusal):
                    outcome.tree[clash.path] = result.entry
            else:
                entry, merged = result
                outcome.tree[clash.path] = entry
                outcome.merged.append(merged)
        return outcome, found.clashes

    def _merge_file(self, clash: Clash) -> "tuple[Entry, Merged] | Refusal":
        ours, theirs = clash.ours, clash.theirs
        if ours is None or theirs is None:
            side, other = ("ours", "theirs") if ours is None else ("theirs", "ours")
            return Refusal(f"{side} deleted it, {other} changed it")
        if {ours.mode, theirs.mode} - {FILE, EXECUTABLE}:
            return Refusal("a link on one side")
        mode = merge_mode(clash.base, ours, theirs)
        one, two = read_pointer(self._git, ours), read_pointer(self._git, theirs)
        old = read_pointer(self._git, clash.base) if clash.base else None
        if one and two:
            if clash.base is None:
                return Refusal("both added it")
            if old is None:
                return Refusal("both changed it")
            return self._merge_sound(clash.path, mode, {"base": old.oid, "ours": one.oid, "theirs": two.oid})
        if one or two or old:
            return Refusal("a sound on one side only")
        return self._merge_text(clash, mode)

    def _merge_text(self, clash: Clash, mode: int) -> "tuple[Entry, Merged] | Refusal":
        assert clash.ours
        assert clash.theirs
        base = self._git.read_blob(clash.base.oid) if clash.base else None
        ours, theirs = self._git.read_blob(clash.ours.oid), self._git.read_blob(clash.theirs.oid)
        texts = all(is_text(data) for data in (base or b"", ours, theirs))
        lines = merge_lines(base, ours, theirs) if texts and base is not None else None
        if clash.path == TRACK_FILE:
            score = merge_scores(base, ours, theirs, lines)
            if score:
                entry = Entry(mode, self._git.write_blob(score.data))
                if score.conflicts:
                    return _ScoreRefusal(f"both changed {', '.join(score.conflicts)}", entry=entry)
                return entry, Merged(clash.path, SCORE)
            lines = None
        if lines is None:
            kind = "both added it" if base is None else "both changed the same lines"
            return Refusal(kind if texts else "both changed it")
        return Entry(mode, self._git.write_blob(lines)), Merged(clash.path, TEXT)

    def _merge_sound(self, path: str, mode: int, oids: dict[str, str]) -> "tuple[Entry, Merged] | Refusal":
        target = self._new_file()
        files = self._write_out(oids.values())
        openers = {side: _Opening(files[oid]) for side, oid in oids.items()}
        try:
            result = splice_sounds(openers, target, lambda _: self._tell(path))
        finally:
            for oid in files.keys() - self.made.keys():
                files[oid].unlink()
        if isinstance(result, Refusal):
            return result
        record: Record = {
            "kind": "merge",
            "engine": "merge",
            "inputs": [{"path": path, "oid": oid} for oid in oids.values()],
            "stretches": result.to_json(),
        }
        entry = self._add(target, mode, record)
        return entry, Merged(path, SPLICED, result)

    def _write_out(self, oids: Iterable[str]) -> dict[str, Path]:
        """Return sounds as files, verified: each is read several times, and decoding it takes longer than that."""
        files = {oid: self.made.get(oid) or self._new_file() for oid in oids}
        self._repository.audio.write_files(
            [(oid, file) for oid, file in files.items() if oid not in self.made]
        )
        return files

    def _add(self, file: Path, mode: int, record: Record) -> Entry:
        with file.open("rb") as stream:
            oid = file_digest(stream, "sha256").hexdigest()
        if mode == EXECUTABLE:
            file.chmod(file.stat().st_mode | 0o111)
        self.made[oid] = file
        if oid not in self._repository.audio:
            self.records[oid] = record
        pointer = encode_pointer(Pointer(oid, file.stat().st_size))
        return Entry(mode, self._git.write_blob(pointer))

    def open_sound(self, oid: str) -> BinaryIO:
        """Open a sound, one that was made just now or one of the store."""
        return self.made[oid].open("rb") if oid in self.made else self._repository.audio.open(oid)

    # The mix ---------------------------------------------------------------------------------------------

    def _decide_mix(self, sides: _Sides, outcome: Outcome, clashes: Iterable[Clash]) -> None:
        """Render the mix again where the merged stems are neither side's and the mix was a render before."""
        track = read_track(self._repository, outcome.tree)
        path = track.mix_file
        inputs = self._find_inputs(outcome.tree, track)
        if inputs is None or path not in outcome.tree:
            return
        alike = [side for side in (sides.ours, sides.theirs) if self._find_inputs_of(side) == inputs]
        if alike and path not in {clash.path for clash in clashes}:
            return
        changed = [side for side in (sides.ours, sides.theirs) if side.get(path) != sides.base.get(path)]
        self._tell(path)
        if not all(self._is_render(side, path) for side in changed or [sides.base]):
            return
        if alike:
            merged = alike[0][path], 0
        else:
            try:
                merged = self._render(outcome.tree, track, inputs)
            except (AudioError, UsageError) as error:
                outcome.notes.append(f"{path} is not what the stems sound like now: {error.message}")
                return
        outcome.tree[path] = merged[0]
        outcome.troubles = [trouble for trouble in outcome.troubles if trouble.conflict.path != path]
        outcome.merged = [other for other in outcome.merged if other.path != path]
        outcome.merged.append(Merged(path, RENDERED, clipped=merged[1]))

    def _render(self, tree: Tree, track: Track, inputs: Any) -> tuple[Entry, int]:
        former = read_pointer(self._git, tree[track.mix_file])
        if former is None:
            raise AudioError(f"{track.mix_file} is no sound")
        target = self._new_file()
        clipped = render(track, self._opener(tree), self.open_sound(former.oid), target)
        stems = [(name, track.stems[name].file, oid) for name, oid, _ in inputs[0]]
        return self._add(target, tree[track.mix_file].mode, describe_render(track, stems)), clipped

    def _find_inputs_of(self, tree: Tree) -> Any:
        return self._find_inputs(tree, read_track(self._repository, tree))

    def _find_inputs(self, tree: Tree, track: Track) -> Any:
        """Return what decides how the mix sounds: stems, faders, master; None where something is missing."""
        rows = []
        for name, stem in sorted(track.stems.items()):
            entry = tree.get(stem.file)
            pointer = read_pointer(self._git, entry) if entry else None
            if pointer is None:
                return None
            rows.append((name, pointer.oid, stem))
        return (tuple(rows), track.master_db) if rows else None

    def _is_render(self, tree: Tree, path: str) -> bool:
        """Say whether a side's mix is the render of its own stems."""
        track = read_track(self._repository, tree)
        inputs = self._find_inputs(tree, track)
        entry = tree.get(path)
        pointer = read_pointer(self._git, entry) if entry else None
        if inputs is None or pointer is None or track.mix_file != path:
            return False
        record = find_record(self._repository, pointer.oid, search=False)
        oids = {name: oid for name, oid, _ in inputs[0]}
        return says_render(record, track, oids) or is_render(track, self._opener(tree))

    def _opener(self, tree: Tree) -> Callable[[str], BinaryIO]:
        def open_path(path: str) -> BinaryIO:
            pointer = read_pointer(self._git, tree[path]) if path in tree else None
            if pointer is None:
                raise AudioError(f"{path} is no sound")
            return self.open_sound(pointer.oid)

        return open_path


@dataclass(frozen=True, slots=True)
class _ScoreRefusal(Refusal):
    """A score with keys in conflict; ``entry`` is the one that has all that is not."""

    entry: Entry = field(default=Entry(FILE, ""))


@dataclass(frozen=True, slots=True)
class _Opening:
    file: Path

    def __call__(self) -> BinaryIO:
        return self.file.open("rb")


def _refuse_open(ours: Tree, theirs: Tree) -> None:
    """Refuse to merge two sides that have the same conflict open in different ways."""
    here = {conflict.path: conflict for conflict in find_conflicts(ours)}
    for conflict in find_conflicts(theirs):
        if conflict.path in here:
            files = {conflict.path, *conflict.files.values(), *here[conflict.path].files.values()}
            if any(ours.get(file) != theirs.get(file) for file in files):
                raise ConflictError(
                    f"{conflict.path} is in conflict on both sides already",
                    hint=f"bf resolve {conflict.path} --take ours, commit, then merge again",
                )


def _keep_takes(outcome: Outcome, clashes: dict[str, Clash]) -> None:
    """Put every take of what is in conflict beside it.

    Raises
    ------
    ConflictError
        Something else has such a name.
    """
    open_before = {conflict.path for conflict in find_conflicts(outcome.tree)}
    for trouble in outcome.troubles:
        path = trouble.conflict.path
        clash = clashes[path]
        for take, entry in zip(TAKES, (clash.ours, clash.theirs, clash.base), strict=True):
            name = name_take(path, take)
            there = outcome.tree.get(name)
            if path in open_before or (there and there != entry):
                hint = f"bf resolve {path} --take ours" if path in open_before else f"mv {name} {name}.old"
                raise ConflictError(
                    f"{path} is in conflict, and {name} is there already",
                    hint=f"{hint}, commit, then merge again",
                )
            if entry:
                outcome.tree[name] = entry
