"""Deciding conflicts that lie in the worktree: one take, regions of several, a sum, or what the file is now.

Works on files, so that takes may be edited first. A mix that is the render of its stems follows them.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from beatflow.delivery import digest
from beatflow.errors import AudioError, UsageError
from beatflow.history import read_content, record_commit
from beatflow.merge.conflict import BASE, OURS, TAKES, THEIRS, Conflict, find_conflicts, get_conflict
from beatflow.merge.scoremerge import decide_scores
from beatflow.provenance import Record
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE, Track, parse_track
from beatflow.transaction import Transaction

if TYPE_CHECKING:
    from beatflow.sound.splice.pcm import PcmFile

ReadClock = Callable[[int], Clock]
"""Gives the clock of the track at a sample rate."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How conflicts are decided; exactly one of the first four says it.

    Parameters
    ----------
    take : str, optional
        ``ours``, ``theirs`` or ``base``.
    regions : sequence of (str, str)
        Stretches of time and the take that each is from; the rest is ours.
    mix : float, optional
        Their share of the sum of ours and theirs, 0 to 1.
    mark : bool
        The file is right as it is.
    message : str, optional
        Commit at once.
    """

    take: str | None = None
    regions: Sequence[tuple[str, str]] = ()
    mix: float | None = None
    mark: bool = False
    message: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was decided, what is left, the mix that was rendered again, and the commit if one was made."""

    paths: tuple[str, ...]
    left: tuple[Conflict, ...]
    rendered: str | None
    commit: str | None


def list_open(repository: Repository) -> list[Conflict]:
    """Return what is in conflict in the worktree."""
    found = find_conflicts(repository.worktree.look())
    repository.worktree.save_cache()
    return found


def resolve(
    repository: Repository, names: Sequence[str], decision: Decision, read_clock: ReadClock
) -> Resolved:
    """Decide conflicts, named by path or stem, as one operation.

    Raises
    ------
    AudioError
        Takes do not go together, or are no sounds.
    NotFoundError
        Something named is not in conflict.
    UsageError
        A take is not there, or a region makes no sense.
    """
    with (
        Transaction(repository, "resolve", ", ".join(names)) as transaction,
        Scratch(repository.scratch) as scratch,
    ):
        known = list_open(repository)
        track = _read_track(repository.root / TRACK_FILE)
        stems = {name: stem.file for name, stem in track.stems.items()}
        wanted = list(dict.fromkeys(get_conflict(known, name, stems) for name in names))
        decided: dict[str, Path | None] = {}
        for conflict in wanted:
            decided[conflict.path] = _decide(transaction, conflict, decision, scratch, read_clock)
        rendered = _render_again(transaction, track, decided, {item.path for item in known}, scratch)
        removed: dict[str, None] = {path: None for conflict in wanted for path in conflict.files.values()}
        removed |= {path: None for path, file in decided.items() if file is None and not decision.mark}
        for path, file in decided.items():
            if file is not None:
                transaction.put_file(path, file)
        transaction.put_entries(removed)
        commit = _commit(transaction, decision.message, [*decided]) if decision.message is not None else None
        transaction.check_places()
        if not decision.dry_run:
            transaction.publish()
        left = tuple(conflict for conflict in known if conflict not in wanted)
        return Resolved(tuple(conflict.path for conflict in wanted), left, rendered, commit)


def _decide(
    transaction: Transaction, conflict: Conflict, decision: Decision, scratch: Scratch, read_clock: ReadClock
) -> Path | None:
    """Return a new file for the path; None where it goes or, when marked, stays as it is."""
    if decision.mark:
        return None
    root = transaction.repository.root
    file = scratch.new_file(Path(conflict.path).suffix)
    if decision.take:
        if decision.take not in conflict.takes:
            if decision.take == BASE:
                raise UsageError(
                    f"{conflict.path} has no base: both sides added it", hint="--take ours or theirs"
                )
            return None
        score = _decide_score(root, conflict, decision.take)
        if score is not None:
            file.write_bytes(score)
            shutil.copymode(root / conflict.path, file)
            return file
        shutil.copy2(root / conflict.files[decision.take], file, follow_symlinks=False)
        return file
    if conflict.deleted_by:
        raise UsageError(f"{conflict.path}: {conflict.deleted_by} deleted it", hint="--take ours or theirs")
    with ExitStack() as stack:
        takes = {
            take: stack.enter_context(_open_take(root, conflict, take))
            for take in conflict.takes
            if take != BASE or any(found == BASE for _, found in decision.regions)
        }
        stretches = _write_sound(takes, conflict, decision, file, read_clock)
    inputs = [
        {"path": conflict.path, "oid": digest(root / path)}
        for take, path in conflict.files.items()
        if take in takes
    ]
    record: Record = {"kind": "merge", "engine": "merge", "inputs": inputs, **stretches}
    transaction.put_provenance(digest(file), record)
    return file


def _decide_score(root: Path, conflict: Conflict, take: str) -> bytes | None:
    """Return the score with only what is in conflict decided; None for anything else, which is taken as a whole."""
    if conflict.path != TRACK_FILE or conflict.deleted_by:
        return None
    try:
        takes = {name: (root / path).read_bytes() for name, path in conflict.files.items()}
        return decide_scores((root / TRACK_FILE).read_bytes(), takes, take)
    except OSError:
        return None


def _open_take(root: Path, conflict: Conflict, take: str) -> "PcmFile":
    from beatflow.sound.splice.pcm import PcmFile

    try:
        return PcmFile((root / conflict.files[take]).open("rb"), conflict.files[take])
    except AudioError as error:
        hint = f"--take {' or '.join(conflict.takes)}; or edit {conflict.path}, then --mark"
        raise AudioError(error.message, hint=hint) from error


def _write_sound(
    takes: "Mapping[str, PcmFile]", conflict: Conflict, decision: Decision, file: Path, read_clock: ReadClock
) -> Record:
    from beatflow.merge.soundmerge import SplicedSound, compare_shapes
    from beatflow.sound.splice.regions import Region, plan_regions, write_sum
    from beatflow.sound.splice.splice import write_plan

    unlike = compare_shapes(takes)
    if unlike:
        raise AudioError(
            f"{conflict.path}: the takes do not go together: {unlike}", hint="--take ours or theirs"
        )
    if decision.mix is not None:
        write_sum(takes[OURS], takes[THEIRS], decision.mix, file)
        return {"share_of_theirs": decision.mix}
    sample_rate = takes[OURS].layout.sample_rate
    clock = read_clock(sample_rate)
    regions = []
    for text, take in decision.regions:
        if take not in takes:
            raise UsageError(f"{conflict.path} has no {take}", hint=f"it has {', '.join(conflict.takes)}")
        span = clock.parse_span(text)
        regions.append(Region(span.start, span.end, take))
    plan = plan_regions(takes, regions)
    write_plan(plan, takes, takes[plan.shape], file)
    return {"stretches": SplicedSound(plan.stretches, sample_rate).to_json()}


def _commit(transaction: Transaction, message: str, paths: Sequence[str]) -> str:
    repository = transaction.repository
    former = read_content(repository, repository.head)
    staged = [path for path, entry in transaction.staged.items() if entry or path in former]
    marked = [path for path in paths if path in former or repository.worktree.find(path)]
    return record_commit(transaction, message, list(dict.fromkeys([*staged, *marked])))


# The mix -------------------------------------------------------------------------------------------------


def _render_again(
    transaction: Transaction,
    track: Track,
    decided: dict[str, Path | None],
    in_conflict: set[str],
    scratch: Scratch,
) -> str | None:
    """Add the mix to what is decided, where it was the render of its stems so far; returns its path."""
    root = transaction.repository.root
    changed = {path for path, file in decided.items() if file is not None}
    parts = {stem.file for stem in track.stems.values()} | {TRACK_FILE}
    if not changed & parts or track.mix_file in in_conflict or not track.stems:
        return None
    from beatflow.mixing.rendering import describe_render, is_render, render

    def open_now(path: str) -> BinaryIO:
        return _open(root / path)

    def open_then(path: str) -> BinaryIO:
        return _open(decided.get(path) or root / path)

    if not is_render(track, open_now):
        return None
    new = _read_track(decided.get(TRACK_FILE) or root / TRACK_FILE)
    if new.mix_file != track.mix_file:
        return None
    target = scratch.new_file(Path(new.mix_file).suffix)
    try:
        render(new, open_then, open_now(new.mix_file), target)
    except (AudioError, UsageError):
        # The stems that were decided on do not go together; the mix stays as it is.
        return None
    inputs = [
        (name, stem.file, digest(decided.get(stem.file) or root / stem.file))
        for name, stem in new.stems.items()
    ]
    transaction.put_provenance(digest(target), describe_render(new, inputs))
    decided[new.mix_file] = target
    return new.mix_file


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(f"{path.name} cannot be read") from error


def _read_track(path: Path) -> Track:
    try:
        return parse_track(path.read_bytes())
    except (OSError, UsageError):
        return Track()


def check_takes(words: Sequence[str]) -> None:
    """Refuse words that name no take.

    Raises
    ------
    UsageError
        One is neither ours, theirs nor base.
    """
    for word in words:
        if word not in TAKES:
            raise UsageError(f"there is no take {word!r}", hint=f"{', '.join(TAKES)}")
