"""How a library is told: rows of its lists, and its figures in words. Pure text."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from beatflow.columns import shorten
from beatflow.library.queries import Entry, KnownTrack, Order, Place, RunEntry
from beatflow.library.statistics import Share, Statistics
from beatflow.objects.git.value import Signature
from beatflow.wording import format_duration, format_size, format_time, plural

LIST = ("when", "id", "what", "track", "by", "BPM", "key", "length")
RUNS = ("when", "", "what", "by", "seed", "took", "speed", "on", "gave")
TRACKS = ("title", "commits", "sounds", "disk", "folder")
_WHAT = 44
_LETTERS = 8


def list_rows(entries: Iterable[Entry], counted: Order | None = None) -> list[list[object]]:
    """Return a row for each sound under `LIST`, with how often it was used before that if wanted."""
    rows = []
    for entry in entries:
        row: list[object] = [
            _when(entry.at_s, entry.offset_min),
            (entry.oid or entry.commit or "")[:_LETTERS],
            shorten(describe(entry), _WHAT),
            shorten(_place(entry), 24),
            entry.engine or entry.kind,
            None if entry.tempo is None else f"{entry.tempo:g}",
            entry.key,
            _length(entry.duration_s),
        ]
        if counted:
            row.insert(0, entry.plays if counted == "plays" else entry.downloads)
        rows.append(row)
    return rows


def describe(entry: Entry) -> str:
    """Say what a sound is, in few words: its prompt, or the message it was kept with, or its name."""
    said = entry.prompt or (entry.message or "").split("\n", 1)[0] or entry.path or "?"
    part = f"{entry.stem}: " if entry.stem else ""
    return f"{'♥ ' if entry.favorite else ''}{part}{said}"


def run_rows(runs: Iterable[RunEntry]) -> list[list[object]]:
    """Return a row for each run under `RUNS`."""
    return [
        [
            _when(run.at_s, run.offset_min),
            run.command,
            shorten(run.prompt or run.path or "", 36) or None,
            run.engine,
            run.seed,
            None if run.seconds is None else f"{run.seconds:.1f} s",
            None if run.real_time_factor is None else f"{run.real_time_factor:.2g}x",
            run.device,
            (run.oid or "a pipe")[:_LETTERS] if run.ok else f"failed: {run.error or run.exit_code}",
        ]
        for run in runs
    ]


def track_rows(tracks: Iterable[KnownTrack], home: Path | None) -> list[list[object]]:
    """Return a row for each track under `TRACKS`."""
    return [
        [
            track.title,
            track.commits,
            track.sounds,
            format_size(track.stored_bytes),
            shorten_home(track.path, home)
            + ("" if track.here else " (not there)")
            + (f" ({track.problem})" if track.problem else ""),
        ]
        for track in tracks
    ]


def shorten_home(path: str, home: Path | None) -> str:
    """Write a folder below the user's home with ``~``."""
    below = home and Path(path).is_relative_to(home)
    return f"~/{Path(path).relative_to(home).as_posix()}" if home and below else path


def entry_lines(entry: Entry, places: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is known of one sound, as names and values."""
    made = f"{_when(entry.at_s, entry.offset_min)}, {entry.kind}"
    rows = [
        ("what", describe(entry)),
        ("id", entry.oid or ""),
        ("made", f"{made} by {entry.engine}" if entry.engine else made),
        ("tempo", "" if entry.tempo is None else f"{entry.tempo:g} BPM"),
        ("key", entry.key or ""),
        ("length", _length(entry.duration_s) or ""),
        ("size", "" if entry.size_bytes is None else format_size(entry.size_bytes)),
        ("message", entry.message or ""),
        ("used", f"played {_times(entry.plays)}, taken out {_times(entry.downloads)}"),
    ]
    return [(name, value) for name, value in rows if value] + [("where", place) for place in places]


def place_line(place: Place, home: Path | None) -> str:
    """Say where a sound is."""
    if not place.is_track:
        return place.path
    at = f"{place.commit[:7]}:{place.path}" if place.commit else f"{place.path} (in no commit)"
    return f"{shorten_home(place.track, home)} {at}" + ("" if place.here else " (not there now)")


def statistics_lines(told: Statistics, home: Path | None) -> list[str]:
    """Tell a library's figures."""
    period = "of all time" if told.days is None else f"of the last {told.days:g} days"
    lines = [
        f"{plural(told.tracks, 'track')}" + (f" ({told.missing} not there now)" if told.missing else ""),
        f"{plural(told.commits, 'commit')}, {plural(told.sounds, 'sound')}, {plural(told.favorites, 'favourite')}",
        f"played {_times(told.plays)}, taken out {_times(told.downloads)}",
        f"{format_size(told.stored_bytes)} on disk",
        "",
        f"{plural(told.runs, 'run')} of engines {period}" + _tell_success(told),
    ]
    if told.mean_s is not None:
        speed = "" if told.real_time_factor is None else f", {told.real_time_factor:.3g}x real time"
        lines.append(f"{told.mean_s:.1f} s each on average{speed}; {_length(told.made_s)} of sound in all")
    for title, shares in (
        ("engine", told.engines), ("command", told.commands), ("device", told.devices), ("precision", told.dtypes),
    ):  # fmt: skip
        lines += [f"{title} {_tell_share(share)}" for share in shares]
    if told.largest:
        lines += ["", *(f"{format_size(size)}  {shorten_home(path, home)}" for path, size in told.largest)]
    return lines


def _tell_success(told: Statistics) -> str:
    if told.success_rate is None:
        return ""
    return f": {100 * told.success_rate:.1f} % of {told.noted} noted here succeeded, {told.failed} failed"


def _tell_share(share: Share) -> str:
    parts = [f"{share.name}: {plural(share.runs, 'run')}"]
    parts += [f"{share.failed} failed"] if share.failed else []
    parts += [f"{share.mean_s:.1f} s each"] if share.mean_s is not None else []
    parts += [f"{share.real_time_factor:.3g}x real time"] if share.real_time_factor is not None else []
    return ", ".join(parts)


def _times(count: int) -> str:
    return plural(count, "time")


def _place(entry: Entry) -> str:
    if entry.track is None:
        return "outside of any track"
    return entry.title + ("" if entry.here else " (not there)")


def _length(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(round(seconds, 1))[:-2]


def _when(at_s: float, offset_min: int) -> str:
    return format_time(Signature("", "", int(at_s), offset_min))
