"""What one asks a library: the latest sounds, those with certain words, favourites, what is played most, the runs.

Reads tables, and gives plain values. A sound that several tracks have is told once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from beatflow.library.database import Database
from beatflow.library.fulltext import matches
from beatflow.library.schema import Commit, Document, Event, Generation, Sound, Track

Order = Literal["plays", "downloads"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound as a library tells it; of a commit that brought none, ``oid`` is None.

    ``path`` is as seen from ``track``, the folder; outside of any track that is None and the path whole.
    ``at_s`` is in seconds since 1970, in a zone ``offset_min`` east of UTC. ``here``: its track is there now.
    """

    oid: str | None
    path: str
    track: str | None
    title: str
    host: str
    here: bool
    at_s: float
    offset_min: int
    kind: str
    stem: str | None
    prompt: str | None
    message: str | None
    commit: str | None
    engine: str | None
    tempo: float | None
    key: str | None
    duration_s: float | None
    size_bytes: int | None
    plays: int
    downloads: int
    favorite: bool
    played_at_s: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sound is: the machine, the folder, the path in it, and the first commit that has it."""

    host: str
    track: str
    is_track: bool
    path: str
    commit: str | None
    here: bool


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """A track that the library knows; ``problem`` is why it could not be read the last time."""

    host: str
    path: str
    title: str
    here: bool
    problem: str | None
    commits: int
    sounds: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run of an engine. ``noted``: this machine saw it; otherwise only the record of what it made tells of it."""

    at_s: float
    offset_min: int
    track: str | None
    title: str
    command: str
    ok: bool
    noted: bool
    error: str | None
    exit_code: int | None
    oid: str | None
    path: str | None
    prompt: str | None
    engine: str | None
    engine_version: str | None
    seed: int | str | None
    tempo: float | None
    key: str | None
    duration_s: float | None
    seconds: float | None
    real_time_factor: float | None
    device: str | None
    dtype: str | None
    runtime: str | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a library is wanted.

    Parameters
    ----------
    track : Path or None
        Only this one.
    stems : bool
        The parts of mixes as well.
    missing : bool
        Also what is in tracks that are not there now.
    engine : str or None
        Only what it made, or failed to.
    since_s : float or None
        Nothing older than this, in seconds since 1970.
    limit : int or None
        At most so many.
    """

    track: Path | None = None
    stems: bool = False
    missing: bool = False
    engine: str | None = None
    since_s: float | None = None
    limit: int | None = 20


def list_recent(database: Database, wanted: Filter) -> list[Entry]:
    """Return the latest sounds."""
    with database.reading() as session:
        return _read(session, _entries(wanted).order_by(Sound.at_s.desc(), Sound.id.desc()))


def search(database: Database, text: str, wanted: Filter) -> list[Entry]:
    """Return the sounds and commits that have all words of a text, each as the beginning of a word, latest first.

    Commits are told where they brought no sound of their own.
    """
    with database.reading() as session:
        condition = matches(session, text)
        if condition is None:
            return []
        found = select(Document.sound_id).where(condition)
        sounds = _entries(wanted).where(Sound.id.in_(found))
        entries = _read(session, sounds.order_by(Sound.at_s.desc(), Sound.id.desc()))
        commits = select(Document.commit_id).where(condition)
        entries += _read_commits(session, wanted, Commit.id.in_(commits))
    entries.sort(key=lambda entry: -entry.at_s)
    return entries[: wanted.limit]


def list_favorites(database: Database, wanted: Filter) -> list[Entry]:
    """Return the favourites, the latest first."""
    with database.reading() as session:
        liked = select(select_favorites().c.oid)
        wanted = replace(wanted, stems=True)
        return _read(
            session,
            _entries(wanted).where(Sound.oid.in_(liked)).order_by(Sound.at_s.desc(), Sound.id.desc()),
        )


def list_most_used(database: Database, order: Order, wanted: Filter) -> list[Entry]:
    """Return what was played, or taken out, most often; what never was is left out."""
    with database.reading() as session:
        counts = _counts()
        count = counts.c.plays if order == "plays" else counts.c.downloads
        query = _entries(replace(wanted, stems=True), counts).where(count > 0)
        return _read(session, query.order_by(count.desc(), Sound.at_s.desc(), Sound.id.desc()))


def find_sounds(database: Database, prefix: str, wanted: Filter) -> list[Entry]:
    """Return the sounds whose oid begins so, once each."""
    with database.reading() as session:
        query = _entries(replace(wanted, stems=True, missing=True)).where(Sound.oid.startswith(prefix))
        return _read(session, query.order_by(Sound.at_s.desc(), Sound.id.desc()))


def list_places(database: Database, oid: str) -> list[Place]:
    """Return where a sound is, tracks that are there first."""
    with database.reading() as session:
        query = (
            select(Sound, Track)
            .join(Track, Sound.track_id == Track.id)
            .where(Sound.oid == oid)
            .order_by(Track.missing, Track.is_track.desc(), Sound.at_s, Sound.id)
        )
        return [
            Place(track.host, track.path, track.is_track, sound.path, sound.commit, not track.missing)
            for sound, track in session.execute(query)
        ]


def list_known_tracks(database: Database) -> list[KnownTrack]:
    """Return the tracks that the library knows, by title."""
    with database.reading() as session:
        commits, sounds = (
            select(table.track_id, func.count().label("count")).group_by(table.track_id).subquery()
            for table in (Commit, Sound)
        )
        query = (
            select(Track, commits.c.count, sounds.c.count)
            .outerjoin(commits, commits.c.track_id == Track.id)
            .outerjoin(sounds, sounds.c.track_id == Track.id)
            .where(Track.is_track)
        )
        rows = [
            KnownTrack(
                track.host, track.path, track.title, not track.missing, track.problem, made or 0, kept or 0,
                track.stored_bytes,
            )
            for track, made, kept in session.execute(query)
        ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.title.casefold(), row.path))


def list_runs(database: Database, wanted: Filter, failed: bool = False) -> list[RunEntry]:
    """Return runs of engines, latest first; with ``failed`` only those that nothing came of.

    One that only records tell of is told once, however many tracks have them.
    """
    other = aliased(Generation)
    twice = exists().where(other.run == Generation.run, other.id < Generation.id, Generation.noted.is_(False))
    query = select(Generation, Track).join(Track, Generation.track_id == Track.id)
    if wanted.track:
        query = query.where(Track.path == str(wanted.track))
    else:
        query = query.where(~twice)
    if wanted.engine:
        query = query.where(Generation.engine == wanted.engine)
    if wanted.since_s is not None:
        query = query.where(Generation.at_s >= wanted.since_s)
    if failed:
        query = query.where(Generation.ok.is_(False))
    query = query.order_by(Generation.at_s.desc(), Generation.id.desc()).limit(wanted.limit)
    with database.reading() as session:
        return [_make_run(run, track) for run, track in session.execute(query)]


def list_runs_of(database: Database, oid: str) -> list[RunEntry]:
    """Return the runs of engines that a sound came of, those that were noted before those that records tell of."""
    with database.reading() as session:
        query = (
            select(Generation, Track)
            .join(Track, Generation.track_id == Track.id)
            .join(Sound, Sound.generation_id == Generation.id)
            .where(Sound.oid == oid)
            .order_by(Generation.noted.desc(), Generation.at_s)
        )
        runs = [_make_run(run, track) for run, track in session.execute(query)]
    noted = [run for run in runs if run.noted]
    return noted or runs[:1]


# How they are found -----------------------------------------------------------------------------------


def _counts() -> Any:
    """How often each sound was played and taken out, and when it was played last."""
    played = case((Event.kind == "play", 1), else_=0)
    taken = case((Event.kind == "download", 1), else_=0)
    return (
        select(
            Event.oid,
            func.sum(played).label("plays"),
            func.sum(taken).label("downloads"),
            func.max(case((Event.kind == "play", Event.at_s))).label("played_at_s"),
        )
        .group_by(Event.oid)
        .subquery("counts")
    )


def select_favorites() -> Any:
    """The sounds whose last word on it was that they are favourites."""
    later = aliased(Event)
    words = ("favorite", "unfavorite")
    is_later = or_(later.at_s > Event.at_s, and_(later.at_s == Event.at_s, later.id > Event.id))
    overruled = exists().where(later.oid == Event.oid, later.kind.in_(words), is_later)
    return select(Event.oid).where(Event.kind == "favorite", ~overruled).distinct().subquery("liked")


def _entries(wanted: Filter, counts: Any = None) -> Any:
    counts = _counts() if counts is None else counts
    liked = select_favorites()
    query = (
        select(
            Sound, Track, counts.c.plays, counts.c.downloads, counts.c.played_at_s, liked.c.oid.label("liked")
        )
        .join(Track, Sound.track_id == Track.id)
        .outerjoin(counts, counts.c.oid == Sound.oid)
        .outerjoin(liked, liked.c.oid == Sound.oid)
    )
    for condition in _conditions(wanted):
        query = query.where(condition)
    return query.limit(wanted.limit)


def _conditions(wanted: Filter) -> Iterable[ColumnElement[bool]]:
    other, its_track = aliased(Sound), aliased(Track)
    if wanted.track:
        yield Track.path == str(wanted.track)
    else:
        # Of several tracks that have it, the one that is there and has it longest.
        better = or_(
            and_(its_track.missing.is_(False), Track.missing.is_(True)),
            and_(
                its_track.missing == Track.missing,
                or_(
                    and_(its_track.is_track, Track.is_track.is_(False)),
                    and_(its_track.is_track == Track.is_track, other.id < Sound.id),
                ),
            ),
        )
        yield ~exists().where(other.oid == Sound.oid, other.track_id == its_track.id, better)
    if not wanted.stems:
        yield Sound.stem.is_(None)
    if not wanted.missing:
        yield Track.missing.is_(False)
    if wanted.engine:
        yield Sound.engine == wanted.engine
    if wanted.since_s is not None:
        yield Sound.at_s >= wanted.since_s


def _read(session: Session, query: Any) -> list[Entry]:
    return [
        _make_entry(sound, track, plays or 0, downloads or 0, played, liked is not None)
        for sound, track, plays, downloads, played, liked in session.execute(query)
    ]


def _make_entry(
    sound: Sound, track: Track, plays: int, downloads: int, played_at_s: float | None, favorite: bool
) -> Entry:
    return Entry(
        oid=sound.oid, path=sound.path, track=track.path if track.is_track else None, title=track.title,
        host=track.host, here=not track.missing, at_s=sound.at_s, offset_min=sound.offset_min, kind=sound.kind,
        stem=sound.stem, prompt=sound.prompt, message=sound.message, commit=sound.commit, engine=sound.engine,
        tempo=sound.tempo, key=sound.key, duration_s=sound.duration_s, size_bytes=sound.size_bytes,
        plays=int(plays), downloads=int(downloads), favorite=favorite, played_at_s=played_at_s,
    )  # fmt: skip


def _read_commits(session: Session, wanted: Filter, condition: ColumnElement[bool]) -> list[Entry]:
    if wanted.engine:
        return []
    other = aliased(Commit)
    query = select(Commit, Track).join(Track, Commit.track_id == Track.id).where(condition)
    if wanted.track:
        query = query.where(Track.path == str(wanted.track))
    else:
        query = query.where(~exists().where(other.oid == Commit.oid, other.id < Commit.id))
    if not wanted.missing:
        query = query.where(Track.missing.is_(False))
    if wanted.since_s is not None:
        query = query.where(Commit.at_s >= wanted.since_s)
    query = query.order_by(Commit.at_s.desc(), Commit.id.desc()).limit(wanted.limit)
    return [
        Entry(
            None, "", track.path, track.title, track.host, not track.missing, commit.at_s, commit.offset_min,
            "commit", None, None, commit.message, commit.oid, None, None, None, None, None, 0, 0, False, None,
        )
        for commit, track in session.execute(query)
    ]  # fmt: skip


def _make_run(run: Generation, track: Track) -> RunEntry:
    seed = run.seed
    return RunEntry(
        at_s=run.at_s, offset_min=run.offset_min, track=track.path if track.is_track else None, title=track.title,
        command=run.command, ok=run.ok, noted=run.noted, error=run.error, exit_code=run.exit_code, oid=run.oid,
        path=run.path, prompt=run.prompt, engine=run.engine, engine_version=run.engine_version,
        seed=int(seed) if seed and seed.lstrip("-").isdecimal() else seed, tempo=run.tempo, key=run.key,
        duration_s=run.duration_s, seconds=run.seconds, real_time_factor=run.real_time_factor, device=run.device,
        dtype=run.dtype, runtime=run.runtime, parameters=json.loads(run.parameters),
    )  # fmt: skip
