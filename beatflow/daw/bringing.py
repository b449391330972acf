"""Faders that were moved in another program, brought back into the score.

Joins the readers of projects and ``track.toml``. Only what was moved is written and comments stay; no sound is touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from beatflow.daw import dawconsole, reaper
from beatflow.daw.fader import Console, FaderSetting
from beatflow.daw.safename import make_safe
from beatflow.delivery import Delivery, Handover
from beatflow.errors import AudioError, NotFoundError, UsageError
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, Stem, Track, edit_track, parse_track

_MAX_TEXT = 256 << 20
_SAME_DB, _SAME_PAN, _SAME_TEMPO = 0.006, 0.0006, 0.006


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that is otherwise than in the score: a stem's name, or None for the piece; what, and both values."""

    stem: str | None
    what: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Moves:
    """What was moved; stems without a track in the project, and tracks without a stem; what else is to be said."""

    moves: tuple[Move, ...]
    absent: tuple[str, ...]
    unknown: tuple[str, ...]
    remarks: tuple[str, ...]


def bring_faders(repository: Repository, project: Path, dry_run: bool = False) -> Moves:
    """Set the faders of ``track.toml`` to where they stand in a project, in one operation.

    Parameters
    ----------
    project : Path
        A file of REAPER's, or a DAWproject; its suffix decides.

    Raises
    ------
    UsageError
        It cannot be read, or ``track.toml`` names no stems or cannot be read.
    NotFoundError
        None of its tracks goes with a stem.
    """
    console = read_console(project)
    file = repository.root / TRACK_FILE
    before = file.read_bytes() if file.is_file() else b""
    track = parse_track(before)
    if not track.stems:
        raise UsageError(
            f"{TRACK_FILE} names no stems", hint="give each stem a table: [stems.drums], file = …"
        )
    moves = compare(track, console, lambda stem: _read_rate(repository, stem))
    if len(moves.absent) == len(track.stems):
        raise NotFoundError(
            f"no track of {project.name} goes with a stem of {TRACK_FILE}",
            hint=f"call its tracks {', '.join(track.stems)}",
        )
    if moves.moves:
        handover = Handover(repository.root, repository, dry_run=dry_run)
        with Delivery(handover, "import", f"faders of {project.name}") as delivery:
            delivery.expect(file, sha256(before).hexdigest())
            written = delivery.new_file(TRACK_FILE)
            written.write_bytes(edit_track(before, _list_edits(moves.moves)))
            delivery.add(TRACK_FILE, written)
            delivery.publish()
    return moves


def read_console(project: Path) -> Console:
    """Read where the faders of a project stand.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    if project.suffix.lower() == ".dawproject":
        return dawconsole.read_console(project)
    if project.stat().st_size > _MAX_TEXT:
        raise UsageError(f"{project.name} is too large for a REAPER project")
    return reaper.read_console(project.read_text("utf-8", "replace"))


def compare(track: Track, console: Console, read_rate: Callable[[Stem], int | None]) -> Moves:
    """Return what a project has otherwise than a score.

    Tracks go with stems by name, or else by the name of the sound on them. An offset is only told where a track has
    one sound; a tempo only where both have one.

    Parameters
    ----------
    read_rate : callable
        Gives the sample rate of a stem; None where that is not known.
    """
    pairs = _match(track.stems, console.faders)
    moves: list[Move] = []
    remarks: list[str] = []
    for name, fader in pairs.items():
        stem = track.stems[name]
        if abs(stem.gain_db - fader.gain_db) > _SAME_DB and not stem.gain_db < -120 > fader.gain_db:
            moves.append(Move(name, "gain_db", stem.gain_db, fader.gain_db))
        if abs(stem.pan - fader.pan) > _SAME_PAN:
            moves.append(Move(name, "pan", stem.pan, round(fader.pan, 4) + 0.0))
        moves += [
            Move(name, what, old, new)
            for what, old, new in (("mute", stem.mute, fader.mute), ("solo", stem.solo, fader.solo))
            if old != new
        ]
        if fader.items > 1:
            remarks.append(f"{name} was cut into {fader.items} items: bounce it to bring that over")
        rate = read_rate(stem) if fader.offset_s is not None else None
        if rate and fader.offset_s is not None and round(fader.offset_s * rate) != stem.offset:
            moves.append(Move(name, "offset", stem.offset, round(fader.offset_s * rate)))
    if abs(track.master_db - console.master_db) > _SAME_DB:
        moves.append(Move(None, "master_db", track.master_db, console.master_db))
    steady = console.tempo_points < 2 and track.tempo and console.tempo
    if steady and abs(track.tempo - console.tempo) > _SAME_TEMPO:  # type: ignore[operator]
        moves.append(Move(None, "tempo", track.tempo, round(console.tempo, 4)))  # type: ignore[arg-type]
    taken = {id(fader) for fader in pairs.values()}
    return Moves(
        tuple(moves),
        tuple(name for name in track.stems if name not in pairs),
        tuple(fader.name or "(no name)" for fader in console.faders if id(fader) not in taken),
        tuple(remarks),
    )


def _match(stems: Mapping[str, Stem], faders: list[FaderSetting]) -> dict[str, FaderSetting]:
    """Return the track of each stem; the surest way of telling goes first, and none is given twice."""
    ways: list[Callable[[str, Stem, FaderSetting], bool]] = [
        lambda name, _, fader: fader.name == name,
        lambda name, _, fader: fader.name.strip().casefold() == name.casefold(),
        lambda _, stem, fader: fader.file == make_safe(PurePosixPath(stem.file).name),
    ]
    pairs: dict[str, FaderSetting] = {}
    left = list(faders)
    for way in ways:
        for name, stem in stems.items():
            found = next((fader for fader in left if name not in pairs and way(name, stem, fader)), None)
            if found:
                pairs[name] = found
                left.remove(found)
    return pairs


def _list_edits(moves: tuple[Move, ...]) -> dict[Any, Any]:
    edits: dict[Any, Any] = {}
    for move in moves:
        if move.stem is not None:
            edits["stems", move.stem, move.what] = move.after
        else:
            edits[("mix", move.what) if move.what == "master_db" else (move.what,)] = move.after
    return edits


def _read_rate(repository: Repository, stem: Stem) -> int | None:
    from beatflow.sound.files import read_info

    try:
        return read_info(repository.root / stem.file).sample_rate
    except AudioError:
        return None
