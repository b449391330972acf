"""Figures about a library: how much was made, by what, how fast, how often it failed, and how much room it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from beatflow.library.database import Database
from beatflow.library.queries import Filter, select_favorites
from beatflow.library.schema import Commit, Event, Generation, Sound, Track


@dataclass(frozen=True, slots=True)
class Share:
    """The part of all runs that have something in common: an engine, a device, a number format, a command.

    ``mean_s`` is the mean time of a run that succeeded, ``real_time_factor`` seconds of sound made per second of work,
    over all of them; None where nothing is known of that.
    """

    name: str
    runs: int
    failed: int
    mean_s: float | None
    real_time_factor: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """A library in figures, of the last ``days`` or (None) of all time; disk and tracks are as they are now.

    ``success_rate`` is the share that succeeded of the runs that this machine noted: records, which come with a clone
    as well, tell of no failure.
    """

    days: float | None
    tracks: int
    missing: int
    commits: int
    sounds: int
    favorites: int
    plays: int
    downloads: int
    runs: int
    noted: int
    failed: int
    success_rate: float | None
    mean_s: float | None
    real_time_factor: float | None
    made_s: float
    stored_bytes: int
    commands: tuple[Share, ...]
    engines: tuple[Share, ...]
    devices: tuple[Share, ...]
    dtypes: tuple[Share, ...]
    largest: tuple[tuple[str, int], ...]
    """Tracks and their bytes on disk, the largest first."""


def measure(database: Database, wanted: Filter, days: float | None) -> Statistics:
    """Count everything; ``wanted`` names a track and since when, if not all."""
    with database.reading() as session:
        tracks = _of_track(select(Track), wanted).where(Track.is_track)
        rows: Sequence[Track] = session.scalars(tracks).all()
        runs = session.execute(_runs(wanted)).all()
        done = [run for run in runs if run.ok]
        noted = [run for run in runs if run.noted]
        failed = sum(not run.ok for run in noted)
        total = _share("", runs)
        largest = sorted(((row.path, row.stored_bytes) for row in rows), key=lambda item: -item[1])
        return Statistics(
            days=days,
            tracks=len(rows),
            missing=sum(row.missing for row in rows),
            commits=_count(session, wanted, Commit, Commit.oid, Commit.at_s),
            sounds=_count(session, wanted, Sound, Sound.oid, Sound.at_s),
            favorites=session.scalar(select(func.count()).select_from(select_favorites())) or 0,
            plays=_count_events(session, wanted, "play"),
            downloads=_count_events(session, wanted, "download"),
            runs=len(runs),
            noted=len(noted),
            failed=failed,
            success_rate=round(1 - failed / len(noted), 4) if noted else None,
            mean_s=total.mean_s,
            real_time_factor=total.real_time_factor,
            made_s=round(sum(run.duration_s or 0.0 for run in done), 1),
            stored_bytes=sum(row.stored_bytes for row in rows if not row.missing),
            commands=_shares(runs, "command"),
            engines=_shares(runs, "engine"),
            devices=_shares(done, "device"),
            dtypes=_shares(done, "dtype"),
            largest=tuple(largest[:10]),
        )


def _of_track(query: Any, wanted: Filter) -> Any:
    return query.where(Track.path == str(wanted.track)) if wanted.track else query


def _runs(wanted: Filter) -> Any:
    other = aliased(Generation)
    query = select(
        Generation.ok, Generation.noted, Generation.exit_code, Generation.command, Generation.engine,
        Generation.device, Generation.dtype, Generation.seconds, Generation.duration_s,
    ).join(Track, Generation.track_id == Track.id)  # fmt: skip
    if wanted.track:
        query = _of_track(query, wanted)
    else:
        twice = select(other.id).where(other.run == Generation.run, other.id < Generation.id).exists()
        query = query.where(~twice | Generation.noted)
    return query.where(Generation.at_s >= wanted.since_s) if wanted.since_s is not None else query


def _share(name: str, runs: Sequence[Any]) -> Share:
    timed = [run for run in runs if run.ok and run.seconds]
    work_s = sum(run.seconds for run in timed)
    measured = [run for run in timed if run.duration_s]
    made_s, making_s = sum(run.duration_s for run in measured), sum(run.seconds for run in measured)
    failed = sum(not run.ok for run in runs)
    return Share(
        name,
        len(runs),
        failed,
        round(work_s / len(timed), 3) if timed else None,
        round(made_s / making_s, 2) if making_s else None,
    )


def _shares(runs: Sequence[Any], column: str) -> tuple[Share, ...]:
    """Put runs together that have something in common, the most frequent first."""
    groups: dict[str, list[Any]] = {}
    for run in runs:
        name = getattr(run, column)
        if name:
            groups.setdefault(name, []).append(run)
    shares = [_share(name, group) for name, group in groups.items()]
    return tuple(sorted(shares, key=lambda share: (-share.runs, share.name)))


def _count(session: Session, wanted: Filter, table: Any, oid: Any, at_s: Any) -> int:
    """Count different things by their oids."""
    query = select(func.count(oid.distinct())).select_from(table).join(Track, table.track_id == Track.id)
    query = _of_track(query, wanted)
    query = query.where(at_s >= wanted.since_s) if wanted.since_s is not None else query
    return session.scalar(query) or 0


def _count_events(session: Session, wanted: Filter, kind: str) -> int:
    query = select(func.count()).select_from(Event).join(Track, Event.track_id == Track.id)
    query = _of_track(query, wanted).where(Event.kind == kind)
    query = query.where(Event.at_s >= wanted.since_s) if wanted.since_s is not None else query
    return session.scalar(query) or 0
