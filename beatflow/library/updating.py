"""Brings the library up to date: what changed in which track since it looked last, and nothing else.

Reading is slow and is done first; then one change of the database takes it all in. Who finds that another process was
quicker drops what it read. Knows no terminal.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from beatflow.errors import BeatFlowError
from beatflow.library.database import Database, LibraryError
from beatflow.library.journal import NAME as JOURNAL
from beatflow.library.journal import read_events
from beatflow.library.reading import Known, Reading, find_identity, read_new, read_stamp
from beatflow.library.recording import forget_contents, record
from beatflow.library.schema import Sound, Track
from beatflow.repository import Repository, Signer
from beatflow.worktree import REPOSITORY

Watch = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a library is made from.

    Parameters
    ----------
    host : str
        The name of this machine; others' tracks in the same database are left alone.
    tracks : list of Path
        Folders of tracks; some may be gone.
    outside : Path or None
        The folder with the journal of what is made outside of any track.
    signer : callable
        For opening repositories.
    """

    host: str
    tracks: list[Path]
    outside: Path | None
    signer: Signer


@dataclass(slots=True)
class Update:
    """What an update found: how many tracks it read, where some stood before they were moved, and what went wrong."""

    read: int = 0
    moved: list[Path] = field(default_factory=list)
    problems: dict[Path, str] = field(default_factory=dict)


def update_library(database: Database, sources: Sources, watch: Watch = lambda *_: None) -> Update:
    """Take in what changed since the last time. One track that cannot be read never stops the others."""
    with database.reading() as session:
        rows = session.execute(select(Track.path, Track.stamp).where(Track.host == sources.host))
        stamps = {row.path: row.stamp for row in rows}
    found = Update()
    changed, missing = [], []
    for root in sources.tracks:
        directory = root / REPOSITORY
        if not (directory / "HEAD").is_file():
            missing.append(root)
        elif (stamp := read_stamp(directory)) != stamps.get(str(root)):
            changed.append((root, stamp))
    _mark_missing(database, sources, missing)
    for number, (root, stamp) in enumerate(changed):
        watch(number / len(changed), f"reading {root.name}")
        try:
            moved = _take_in(database, sources, root, stamp)
            found.read += 1
            found.moved += [moved] if moved else []
        except LibraryError:
            raise
        except (BeatFlowError, OSError) as error:
            found.problems[root] = getattr(error, "message", None) or str(error)
            _note_problem(database, sources, root, found.problems[root])
    if sources.outside:
        _take_in_outside(database, sources.host, sources.outside)
    return found


def empty_library(database: Database, host: str) -> None:
    """Forget all that is known of this machine's tracks."""
    with database.writing() as session:
        for track in session.scalars(select(Track).where(Track.host == host)).all():
            forget_contents(session, track.id)
            session.execute(delete(Track).where(Track.id == track.id))


def forget(database: Database, host: str, root: Path) -> bool:
    """Forget a track; whether it was known."""
    with database.writing() as session:
        track = _find_track(session, host, root)
        if track is not None:
            forget_contents(session, track.id)
            session.execute(delete(Track).where(Track.id == track.id))
        return track is not None


def _take_in(database: Database, sources: Sources, root: Path, stamp: str) -> Path | None:
    """Read what is new in a track, and take it in; return where it stood before, if it was moved."""
    repository = Repository(root, sources.signer)
    identity = find_identity(repository)
    with database.reading() as session:
        track = _find_track(session, sources.host, root) or _find_moved(session, sources, identity)
        before = _read_known(session, track) if track else Known()
        was = (track.id, track.stamp) if track else None
    reading = read_new(repository, before)
    with database.writing() as session:
        track = session.get(Track, was[0]) if was else _find_track(session, sources.host, root)
        if (track.stamp if track else None) != (was[1] if was else None):
            return None  # somebody else has taken it in meanwhile, or will the next time
        if track is None:
            track = Track(host=sources.host, path=str(root))
            session.add(track)
        elif track.path != str(root):
            session.execute(
                delete(Track).where(Track.host == sources.host, Track.path == str(root), Track.id != track.id)
            )
        former = Path(track.path)
        track.path, track.identity, track.missing, track.problem = str(root), identity, False, None
        session.flush()
        record(session, track, reading)
        _settle(track, reading, stamp)
        return former if former != root else None


def _settle(track: Track, reading: Reading, stamp: str) -> None:
    # The stamp is of before the reading: what came during it is read the next time.
    track.title, track.stamp, track.tips = reading.title, stamp, json.dumps(reading.tips)
    track.journal_end, track.learned_ns = reading.journal_end, reading.learned_ns
    track.stored_bytes = reading.stored_bytes


def _read_known(session: Session, track: Track) -> Known:
    rows = session.execute(select(Sound.oid, Sound.commit).where(Sound.track_id == track.id)).all()
    return Known(
        json.loads(track.tips),
        track.journal_end,
        track.learned_ns,
        frozenset(oid for oid, commit in rows if commit),
        frozenset(oid for oid, commit in rows if not commit),
    )


def _find_track(session: Session, host: str, root: Path) -> Track | None:
    return session.scalar(select(Track).where(Track.host == host, Track.path == str(root)))


def _find_moved(session: Session, sources: Sources, identity: str | None) -> Track | None:
    """Return the track that stood elsewhere and is there no more; a copy of one that is still there is another one."""
    if identity is None:
        return None
    rows = session.scalars(select(Track).where(Track.host == sources.host, Track.identity == identity)).all()
    return next((row for row in rows if not (Path(row.path) / REPOSITORY / "HEAD").is_file()), None)


def _mark_missing(database: Database, sources: Sources, missing: Iterable[Path]) -> None:
    """Note which tracks are not there now, and which are there again."""
    gone = {str(path) for path in missing}
    here = {str(path) for path in sources.tracks} - gone
    with database.reading() as session:
        rows = session.execute(
            select(Track.path, Track.missing).where(Track.host == sources.host, Track.is_track)
        ).all()
    now = {
        path: path in gone or (path not in here and not (Path(path) / REPOSITORY).is_dir())
        for path, _ in rows
    }
    changed = {path: now[path] for path, before in rows if now[path] != before}
    if changed:
        with database.writing() as session:
            for path, is_missing in changed.items():
                session.execute(
                    update(Track)
                    .where(Track.host == sources.host, Track.path == path)
                    .values(missing=is_missing)
                )


def _note_problem(database: Database, sources: Sources, root: Path, problem: str) -> None:
    with database.writing() as session:
        track = _find_track(session, sources.host, root)
        if track is None:
            track = Track(host=sources.host, path=str(root), title=root.name)
            session.add(track)
        track.problem = problem


def _take_in_outside(database: Database, host: str, folder: Path) -> None:
    """Take in the journal of what was made outside of any track."""
    stamp = str((folder / JOURNAL).stat().st_size) if (folder / JOURNAL).is_file() else ""
    with database.reading() as session:
        known = _find_track(session, host, folder)
        if not stamp or (known and known.stamp == stamp):
            return
    with database.writing() as session:
        track = _find_track(session, host, folder)
        if track is None:
            track = Track(host=host, path=str(folder), is_track=False)
            session.add(track)
            session.flush()
        events, end = read_events(folder, track.journal_end or 0)
        afresh = end < (track.journal_end or 0)
        if afresh:
            events, end = read_events(folder)
        reading = Reading("", {}, [], [], [], events, end, 0, afresh, {}, 0)
        record(session, track, reading)
        track.stamp, track.journal_end = stamp, end
