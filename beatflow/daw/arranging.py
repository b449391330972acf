"""A session out of a commit: its score, its sounds, what is known of tempo and form, what changed last.

Joins history, the store, the analysis and its cache. Changes nothing but that cache.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from beatflow.daw.changes import find_markers
from beatflow.daw.session import Lane, Marker, Part, Session
from beatflow.daw.sounds import Shelf
from beatflow.daw.tempomap import TempoMap, make_map
from beatflow.errors import AudioError, BeatFlowError, UsageError
from beatflow.explaining import make_clock
from beatflow.objects.git.value import Signature
from beatflow.provenance import find_measured, known_facts
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, Stem, Track, parse_track
from beatflow.wording import short_name

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Look:
    """How much is to be found out.

    Parameters
    ----------
    listen : bool
        Measure the mix where tempo, bars or sections are not known; compare sounds with their former versions.
    since : str or None
        The commit that markers tell the changes since; None for the last version.
    artist, album : str or None
        For tags; the artist is who wrote the commit where None is given.
    """

    listen: bool = True
    since: str | None = None
    artist: str | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A session, and what went with it.

    Parameters
    ----------
    session : Session
        Its lanes are the stems, or, where there are none, the sounds there are.
    mix : Lane or None
        The mix, where it is not among the lanes.
    failures : tuple of BeatFlowError
        Sounds that could not be taken along.
    remarks : tuple of str
        What could not be told.
    """

    session: Session
    mix: Lane | None
    failures: tuple[BeatFlowError, ...]
    remarks: tuple[str, ...]


def arrange(repository: Repository, commit: str, shelf: Shelf, look: Look, progress: Progress) -> Arrangement:
    """Read a session out of a commit.

    Raises
    ------
    UsageError
        There is no sound in it, or its score cannot be read.
    """
    track = _read_track(repository, shelf)
    failures: list[BeatFlowError] = []
    lanes = _find_lanes(shelf, track, failures)
    mix = _find_mix(shelf, track, lanes, failures)
    if not lanes and mix is None:
        if failures:
            raise failures[0]
        raise UsageError(f"there is no sound in {commit[:7]}", hint="bf ls shows what is there")
    remarks: list[str] = []
    facts = _learn(shelf, commit, mix or (lanes[0] if len(lanes) == 1 else None), look, progress, remarks)
    tempo_map = _make_tempo_map(repository, commit, track, mix, facts)
    meter = "{}/{}".format(*tempo_map.meter)
    if track.meter and track.meter != meter:
        remarks.append(f"{track.meter} is no meter: {meter} is taken; mend meter in {TRACK_FILE}")
    markers: list[Marker] = []
    if look.listen:
        # Bars are counted from 0: where the first one is elsewhere, changes are told in seconds.
        plain = tempo_map.known and len(tempo_map.points) == 1
        clock = make_clock(44_100, tempo_map.tempo if plain else None, meter)
        markers, troubles = find_markers(
            repository, commit, look.since, lanes or ([mix] if mix else []), clock, progress
        )
        remarks += troubles
    found = repository.git.read_commit(commit)
    date, clock_text = format_moment(found.author, found.time_s)
    session = Session(
        title=track.title or repository.root.name,
        artist=look.artist or found.author.name,
        album=look.album,
        commit=commit,
        message=found.title,
        date=date,
        clock=clock_text,
        time_s=found.time_s,
        key=track.key or _text(facts.get("key")),
        master_db=track.master_db,
        tempo_map=tempo_map,
        lanes=lanes or ([mix] if mix else []),
        markers=markers,
        parts=_read_parts(facts),
    )
    return Arrangement(session, mix if lanes else None, tuple(failures), tuple(remarks))


def _read_track(repository: Repository, shelf: Shelf) -> Track:
    entry = shelf.tree.get(TRACK_FILE)
    return parse_track(repository.git.read_blob(entry.oid)) if entry else Track()


def _find_lanes(shelf: Shelf, track: Track, failures: list[BeatFlowError]) -> list[Lane]:
    """Return the stems of the score, or else every sound but the mix."""
    stems: dict[str, tuple[str, Stem]] = {}
    for name, stem in track.stems.items():
        path = PurePosixPath(stem.file).as_posix()
        if path in shelf.tree:
            stems[name] = (path, stem)
        else:
            failures.append(
                AudioError(
                    f"stem {name}: {path} is not there", hint=f"mend stems.{name}.file in {TRACK_FILE}"
                )
            )
    if not stems:
        sounds = [source for source in shelf.list_sounds() if source.path != track.mix_file]
        stems = {source.path: (source.path, Stem(source.path)) for source in sounds}
    lanes = []
    for name, (path, stem) in stems.items():
        lane = _read_lane(shelf, path, name if name != path else short_name(path), stem, failures)
        if lane:
            lanes.append(lane)
    return lanes


def _find_mix(shelf: Shelf, track: Track, lanes: list[Lane], failures: list[BeatFlowError]) -> Lane | None:
    if track.mix_file not in shelf.tree or any(lane.path == track.mix_file for lane in lanes):
        return None
    return _read_lane(shelf, track.mix_file, short_name(track.mix_file), Stem(track.mix_file), failures)


def _read_lane(shelf: Shelf, path: str, name: str, stem: Stem, failures: list[BeatFlowError]) -> Lane | None:
    from beatflow.sound.files import read_info

    source = shelf.find(path)
    if source is None:
        failures.append(AudioError(f"{path} is a link, not a sound", hint="put the sound itself there"))
        return None
    try:
        with shelf.open(path) as file:
            info = read_info(file, path)
    except AudioError as error:
        failures.append(error)
        return None
    return Lane(
        name,
        path,
        source.oid,
        source.size,
        info.format,
        info.frames,
        info.sample_rate,
        info.channels,
        stem.gain_db,
        stem.pan,
        stem.mute,
        stem.solo,
        stem.offset,
    )


# What is known -------------------------------------------------------------------------------------------


def _learn(
    shelf: Shelf, commit: str, lane: Lane | None, look: Look, progress: Progress, remarks: list[str]
) -> dict[str, Any]:
    """Return what is known of the mix, measured now where it never was."""
    if lane is None:
        return {}
    repository = shelf.repository
    facts = known_facts(repository, lane.oid, commit)
    if "sections" in facts or not look.listen or not lane.frames:
        return facts
    from beatflow.making.hearing import measure_file

    try:
        with shelf.open(lane.path) as file:
            heard = measure_file(file, lane.path, progress=progress)
    except AudioError as error:
        remarks.append(f"{lane.path} could not be measured: {error.message}")
        return facts
    del heard["oid"]
    repository.analysis_cache.put(lane.oid, heard)
    return facts | heard


def _make_tempo_map(
    repository: Repository, commit: str, track: Track, mix: Lane | None, facts: dict[str, Any]
) -> TempoMap:
    """What the score says, or else what a mix was made in, or else what was heard."""
    made = find_measured(repository, mix.oid, commit) if mix and track.tempo is None else {}
    tempo = track.tempo or make_clock(44_100, made.get("tempo"), None).tempo
    return make_map(tempo, track.meter or _text(made.get("meter")), facts)


def _read_parts(facts: dict[str, Any]) -> list[Part]:
    rows = facts.get("sections") or ()
    # One section is the whole piece: that tells nothing.
    if len(rows) < 2:
        return []
    return [Part(float(row["start_s"]), float(row["end_s"]), str(row["label"])) for row in rows]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def format_moment(author: Signature, time_s: int) -> tuple[str, str]:
    """Return the day and the time of day of a commit, where it was made: ``2026-11-21``, ``07:10:30``."""
    zone = datetime.timezone(datetime.timedelta(minutes=author.offset_min))
    try:
        moment = datetime.datetime.fromtimestamp(time_s, zone)
    except (ValueError, OverflowError, OSError):
        moment = datetime.datetime.fromtimestamp(0, zone)
    return moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S")
