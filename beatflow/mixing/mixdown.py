"""Renders the score of a track: into its mix, into a file anywhere, or to a stream.

Joins the track, its files and the render; what a mix is made of, `beatflow.mixing.rendering` knows.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO

from beatflow.delivery import Delivery, Handover, digest
from beatflow.errors import AudioError, ConflictError, NotFoundError, UsageError
from beatflow.filename import check_path
from beatflow.history import read_content
from beatflow.mixing.rendering import Opener, describe_render, open_mix
from beatflow.mixing.score import STILL, Moves, get_stem, move_faders, propose_stems
from beatflow.objects.git.value import Tree
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.sound.exact import FLOATS
from beatflow.sound.files import SoundInfo, read_info
from beatflow.sound.formats import get_format
from beatflow.sound.loudness import LoudnessMeter
from beatflow.sound.mix import Mix
from beatflow.sound.writing import AudioWriter
from beatflow.track import TRACK_FILE, Stem, Track, parse_track

Progress = Callable[[float, str], None]
_MOST_PROPOSED = 64


def no_progress(fraction: float, what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mix, and how it came out.

    Attributes
    ----------
    path : Path or None
        Where it is; None for a stream or a dry run.
    oid : str or None
        Its sha256 where it is a file of the track.
    subtype, format : str
    sample_rate, channels, frames : int
    clipped : int
        Samples that were beyond full scale and saturated.
    over_db : float
        By how much the loudest sample was beyond full scale; negative below.
    loudness_lufs, true_peak_dbtp : float or None
    stems : mapping of name to Stem
    heard : tuple of str
        Names of the stems that sound.
    proposed : mapping of name to path
        Stems that joined since there was no score.
    left_out : mapping of name to path
        Sounds beside the stems that are not in the score.
    changed : bool
        The score was changed.
    seconds : float
    """

    path: Path | None
    oid: str | None
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    clipped: int
    over_db: float | None
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    master_db: float
    stems: Mapping[str, Stem]
    heard: tuple[str, ...]
    proposed: Mapping[str, str]
    left_out: Mapping[str, str]
    changed: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Session:
    """A score and its stems, as they are in the folder or in a commit.

    Attributes
    ----------
    track : Track
    data : bytes or None
        The text of the score; None where there is none.
    open_path : callable
        Opens a file of the track.
    proposed, left_out : mapping of name to path
        See `Rendered`.
    """

    track: Track
    data: bytes | None
    before: bytes | None
    open_path: Opener
    proposed: Mapping[str, str]
    left_out: Mapping[str, str]


def open_worktree(repository: Repository, moves: Moves = STILL) -> Session:
    """Read the score of the folder and move its faders; where there is none, propose one.

    Raises
    ------
    UsageError, NotFoundError
        The score cannot be read, or has no such stem.
    """
    score = repository.root / TRACK_FILE
    before = score.read_bytes() if repository.worktree.find(TRACK_FILE) else None

    def open_path(path: str) -> BinaryIO:
        return _open_file(repository, path)

    track = parse_track(before or b"")
    found = propose_stems(_list_sounds(repository), track)
    proposed = {} if track.stems or moves.added else found
    if len(proposed) > _MOST_PROPOSED:
        raise UsageError(f"{len(proposed)} sounds are too many for a mix", hint="bf mix --add NAME=FILE")
    if proposed:
        moves = replace(moves, added=proposed)
    data = move_faders(before, moves, lambda path: _read_info(open_path, path).sample_rate)
    track = parse_track(data)
    known = {stem.file for stem in track.stems.values()}
    left_out = {name: path for name, path in found.items() if path not in known}
    return Session(track, data or None, before, open_path, proposed, left_out)


def open_commit(repository: Repository, commit: str, moves: Moves = STILL) -> Session:
    """Read the score of a commit and move its faders, which changes nothing there."""
    tree = read_content(repository, commit)
    entry = tree.get(TRACK_FILE)
    before = repository.git.read_blob(entry.oid) if entry else None

    def open_path(path: str) -> BinaryIO:
        return _open_entry(repository, tree, path)

    data = move_faders(before, moves, lambda path: _read_info(open_path, path).sample_rate)
    return Session(parse_track(data), data or None, before, open_path, {}, {})


def mix_track(
    repository: Repository,
    session: Session,
    handover: Handover,
    subtype: str | None = None,
    progress: Progress = no_progress,
) -> Rendered:
    """Render a score to where the handover says; without a place into the track's mix, together with the score.

    Raises
    ------
    AudioError, UsageError
        The stems cannot be read or do not go together, or the format cannot hold the mix.
    ConflictError
        A file is in the way, or a stem changed meanwhile.
    """
    started = time.perf_counter()
    track = session.track
    _check_stems(track)
    into_track = handover.place is None
    name = track.mix_file if handover.place is None else handover.place.file or Path(track.mix_file).name
    with Delivery(handover, "mix", name) as delivery:
        delivery.check_free(name)
        subtype = subtype or find_subtype(track, session.open_path, into_track)
        format, subtype = get_format(name, _fit_subtype(name, subtype))
        oids = {} if handover.dry_run else _digest_stems(session)
        file = delivery.new_file(name)
        with ExitStack() as stack:
            mix = open_mix(track, session.open_path, _grid_of(subtype), stack)
            out = None
            if not handover.dry_run:
                out = stack.enter_context(AudioWriter(file, mix.sample_rate, mix.channels, subtype, format))
            meter = _run(mix, out, session, progress)
        oid = None
        if out is not None:
            oid = delivery.add(name, file)
            delivery.describe(oid, _describe(track, oids))
            if into_track:
                _deliver_score(delivery, repository, session, oids)
            delivery.publish()
        progress(1.0, "done")
        place = None if handover.dry_run else delivery.folder / name
        return _tell(session, mix, meter, place, oid, format, subtype, time.perf_counter() - started)


def pipe_mix(
    session: Session,
    open_pipe: Callable[[], BinaryIO],
    subtype: str | None = None,
    progress: Progress = no_progress,
) -> Rendered:
    """Render a score to a stream, as WAV with its true length; the stream is opened once the stems are."""
    started = time.perf_counter()
    _check_stems(session.track)
    subtype = subtype or find_subtype(session.track, session.open_path, True)
    with ExitStack() as stack:
        frames = count_frames(session.track, session.open_path)
        mix = open_mix(session.track, session.open_path, subtype, stack)
        out = AudioWriter(open_pipe(), mix.sample_rate, mix.channels, subtype, "WAV", frames)
        meter = _run(mix, stack.enter_context(out), session, progress)
        return _tell(session, mix, meter, None, None, "WAV", subtype, time.perf_counter() - started)


def find_subtype(track: Track, open_path: Opener, like_mix: bool = True) -> str:
    """Return the sample format of a mix: what the mix has that is there, else the finest of its stems."""
    kinds = {_read_info(open_path, stem.file).subtype for stem in track.stems.values()}
    if like_mix:
        try:
            found = _read_info(open_path, track.mix_file).subtype
        except (AudioError, NotFoundError, UsageError, OSError):
            found = ""
        if found in ("PCM_16", "PCM_24", "PCM_U8", "PCM_S8", "FLOAT"):
            return found
    if kinds & {"FLOAT", "DOUBLE", "PCM_32"}:
        return "FLOAT"
    return "PCM_24" if "PCM_24" in kinds else "PCM_16"


def count_frames(track: Track, open_path: Opener) -> int:
    """Return how long the mix is; muted stems count."""
    infos = [(_read_info(open_path, stem.file), stem.offset) for stem in track.stems.values()]
    return max((max(info.frames + offset, 0) for info, offset in infos if info.frames), default=0)


def _run(mix: Mix, out: AudioWriter | None, session: Session, progress: Progress) -> LoudnessMeter:
    total = max(1, count_frames(session.track, session.open_path))
    meter = LoudnessMeter(mix.sample_rate, mix.channels)
    for block in mix:
        if out is not None:
            out.write(block)
        meter.add(block.samples)
        progress(min(0.99, mix.frames / total), "mixing")
    return meter


def _tell(
    session: Session,
    mix: Mix,
    meter: LoudnessMeter,
    path: Path | None,
    oid: str | None,
    format: str,
    subtype: str,
    seconds: float,
) -> Rendered:
    loudness = meter.result()
    track = session.track
    return Rendered(
        path=path,
        oid=oid,
        format=format,
        subtype=subtype,
        sample_rate=mix.sample_rate,
        channels=mix.channels,
        frames=mix.frames,
        clipped=mix.clipped,
        over_db=round(20 * math.log10(mix.peak), 2) if mix.peak else None,
        loudness_lufs=loudness.integrated_lufs,
        true_peak_dbtp=loudness.true_peak_dbtp,
        master_db=track.master_db,
        stems=track.stems,
        heard=tuple(name for name in track.stems if is_heard(track, name)),
        proposed=session.proposed,
        left_out=session.left_out,
        changed=session.data != session.before,
        seconds=round(seconds, 3),
    )


def is_heard(track: Track, name: str) -> bool:
    """Say whether a stem sounds: not muted, and solo where any is."""
    stem = get_stem(track.stems, name)
    solo = any(other.solo for other in track.stems.values())
    return not stem.mute and (stem.solo or not solo)


# Files ---------------------------------------------------------------------------------------------------


def _check_stems(track: Track) -> None:
    if not track.stems:
        raise UsageError(
            f"{TRACK_FILE} names no stems, and there are none in stems/",
            hint="bf mix --add drums=FILE --add bass=FILE",
        )
    for path in (track.mix_file, *(stem.file for stem in track.stems.values())):
        try:
            check_path(path)
        except ConflictError as error:
            raise UsageError(
                f"{TRACK_FILE} names {path!r}, which can be no file of the track", hint=f"mend {TRACK_FILE}"
            ) from error
    for name, stem in track.stems.items():
        if stem.file == track.mix_file:
            raise UsageError(
                f"stem {name} is {stem.file}, the mix itself",
                hint=f"bf mix --remove {quote(name)}, or give the mix another file in {TRACK_FILE}",
            )


def _list_sounds(repository: Repository) -> Iterator[str]:
    from beatflow.sound.formats import FORMATS

    worktree = repository.worktree
    for path in {found.path for found in worktree.scan()} | worktree.list_absent().keys():
        if Path(path).suffix.lower() in FORMATS:
            yield path


def _open_file(repository: Repository, path: str) -> BinaryIO:
    check_path(path)
    if repository.worktree.find(path):
        return (repository.root / path).open("rb")
    entry = repository.worktree.find_absent(path)
    pointer = read_pointer(repository.git, entry) if entry else None
    if pointer is None:
        raise NotFoundError(f"{path}, which {TRACK_FILE} names, is not there", hint=f"bf restore {path}")
    return repository.audio.open(pointer.oid)


def _open_entry(repository: Repository, tree: Tree, path: str) -> BinaryIO:
    entry = tree.get(path)
    pointer = read_pointer(repository.git, entry) if entry else None
    if pointer is None:
        raise NotFoundError(f"{path}, which {TRACK_FILE} names, is no sound of that commit")
    return repository.audio.open(pointer.oid)


def _read_info(open_path: Opener, path: str) -> SoundInfo:
    with open_path(path) as file:
        return read_info(file, path)


def _digest_stems(session: Session) -> dict[str, str]:
    """Return the ids of all stems, by path."""
    oids = {}
    for stem in session.track.stems.values():
        whole = sha256()
        with session.open_path(stem.file) as file:
            while data := file.read(1 << 20):
                whole.update(data)
        oids[stem.file] = whole.hexdigest()
    return oids


def _describe(track: Track, oids: Mapping[str, str]) -> dict[str, Any]:
    inputs = [(name, stem.file, oids[stem.file]) for name, stem in track.stems.items()]
    return describe_render(track, inputs)


def _deliver_score(
    delivery: Delivery, repository: Repository, session: Session, oids: Mapping[str, str]
) -> None:
    if session.data is not None and session.data != session.before:
        score = delivery.new_file(TRACK_FILE)
        score.write_bytes(session.data)
        delivery.add(TRACK_FILE, score)
    if session.before is not None:
        delivery.expect(repository.root / TRACK_FILE, digest(repository.root / TRACK_FILE))
    for path, oid in oids.items():
        if repository.worktree.find(path):
            delivery.expect(repository.root / path, oid)
    delivery.build_on(oids)


def _fit_subtype(name: str, subtype: str) -> str:
    """A FLAC has no floats."""
    return "PCM_24" if subtype in FLOATS and Path(name).suffix.lower() == ".flac" else subtype


def _grid_of(subtype: str) -> str:
    """What to round the mix to: lossy formats take it as it is."""
    return subtype if subtype in ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24") else "FLOAT"
