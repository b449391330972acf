"""``bf library``."""

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from beatflow.commandline.declaring import Argument, Group, Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.library.database import Database
    from beatflow.library.queries import Entry, Filter, Order
    from beatflow.library.updating import Sources
    from beatflow.playing.session import Standing

library = Group(
    """Know every sound of all tracks on this machine: latest, liked, played, made how, and found by words.

    A track is known from its first change on; bf library scan finds those that were there before. What each track has
    to tell is read when something changed in it, and kept in a database that can be made anew at any time. Favourites
    and what was played lie in the track itself, and go with its folder.

    Examples:
      bf library recent
      bf library search "rainy night"
      bf library favorite mix.wav
      bf library stats --days 30
      bf library history --engine musicgen-small --json
    """,
)

DatabaseOption = Annotated[
    str | None,
    Option(
        "--database",
        metavar="FILE|URL",
        help="Keep the library here: a file, or postgresql://user@host/name.",
    ),
]
LimitOption = Annotated[int, Option("--limit", metavar="N", help="At most N; 0 for all.")]
TrackOption = Annotated[
    Path | None, Option("--track", metavar="DIR", help="Only this track; . is the one around you.")
]
StemsOption = Annotated[bool, Option("--stems", help="The parts of mixes as well.")]
MissingOption = Annotated[bool, Option("--missing", help="Also what is in tracks that are not there now.")]
ByOption = Annotated[
    str | None, Option("--engine", metavar="NAME", help="Only what this engine made, or was to make.")
]
DaysOption = Annotated[
    float | None, Option("--days", metavar="N", help="Only the last N days; else of all time.")
]
EntryArgument = Annotated[
    str, Argument(metavar="SOUND", help="The beginning of its id, a file, or REV:PATH.")
]


@dataclass(frozen=True, slots=True)
class _Opened:
    """An opened library, up to date."""

    invocation: Invocation
    database: "Database"
    sources: "Sources"


@contextmanager
def _opened(invocation: Invocation, address: str | None, update: bool = True) -> Iterator[_Opened]:
    """Open the library and bring it up to date; tell what the user should know of it."""
    from beatflow.library.database import open_database

    settings = invocation.settings
    database = open_database(_place(invocation, address or settings.library), settings.state)
    try:
        if database.remark:
            invocation.ui.warn(database.remark)
        opened = _Opened(invocation, database, _sources(invocation))
        if update:
            _update(opened)
        yield opened
    finally:
        database.close()


def _place(invocation: Invocation, address: str | None) -> str | None:
    """A file is meant as seen from where the user is."""
    if address is None or "://" in address:
        return address
    return str(invocation.directory / Path(address).expanduser())


def _sources(invocation: Invocation) -> "Sources":
    from beatflow.library.registry import list_tracks
    from beatflow.library.updating import Sources

    state, here = invocation.settings.state, invocation.find_repository()
    tracks = list_tracks(state)
    if here and here.root.resolve() not in tracks:
        invocation.announce(here.root)
        tracks.append(here.root.resolve())
    return Sources(platform.node(), tracks, state, invocation.signature)


def _update(opened: _Opened) -> int:
    """Take in what changed, and return how many tracks that was."""
    from beatflow.library.registry import forget_track
    from beatflow.library.updating import update_library

    ui, state = opened.invocation.ui, opened.invocation.settings.state
    with ui.progress("reading tracks") as progress:
        found = update_library(opened.database, opened.sources, progress)
    for root in found.moved:
        if state:
            forget_track(state, root)
    for root, problem in found.problems.items():
        ui.warn(f"{root} cannot be read: {problem}", hint=f"bf -C {root} check")
    return found.read


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options that lists share, as they were given."""

    track: Path | None = None
    limit: int = 20
    stems: bool = False
    missing: bool = False
    engine: str | None = None
    days: float | None = None

    def filter(self, invocation: Invocation) -> "Filter":
        from beatflow.library.queries import Filter
        from beatflow.library.scanning import find_root

        if self.limit < 0:
            raise UsageError(f"--limit {self.limit} makes no sense", hint="--limit 50, or 0 for all")
        if self.days is not None and not 0 < self.days <= 36500:
            raise UsageError(f"--days {self.days:g} is not between 0 and 36500", hint="--days 30")
        since_s = None if self.days is None else invocation.clock().time - self.days * 86400
        root = find_root(invocation.directory / self.track) if self.track else None
        return Filter(root, self.stems, self.missing, self.engine, since_s, self.limit or None)


@library.command("recent")
def recent_(
    invocation: Invocation,
    limit: LimitOption = 20,
    track: TrackOption = None,
    engine: ByOption = None,
    days: DaysOption = None,
    stems: StemsOption = False,
    missing: MissingOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the latest sounds of all tracks: what was made, recorded and kept.

    A sound that several tracks have is listed once. The parts of mixes are left out unless --stems asks for them.

    Examples:
      bf library recent
      bf library recent --engine synth --days 7
      bf library recent --track . --stems --json
    """
    from beatflow.library.queries import list_recent

    wanted = _Wanted(track, limit, stems, missing, engine, days).filter(invocation)
    with _opened(invocation, database) as opened:
        _show(opened, list_recent(opened.database, wanted), json, "beatflow.library.recent/1")


@library.command("search")
def search_(
    invocation: Invocation,
    text: Annotated[list[str], Argument(metavar="TEXT...", help="Words; each may be the beginning of one.")],
    limit: LimitOption = 20,
    track: TrackOption = None,
    engine: ByOption = None,
    days: DaysOption = None,
    stems: StemsOption = False,
    missing: MissingOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> int:
    """Find sounds and commits by words of their prompts, titles, messages and names.

    All of the words must be there, in any order; case and accents do not matter. The latest comes first. Ends with 1
    when nothing is found.

    Examples:
      bf library search rain
      bf library search "dusty break" --engine synth
      bf library search remaster --track . --json
    """
    from beatflow.library.queries import search

    wanted = _Wanted(track, limit, stems, missing, engine, days).filter(invocation)
    with _opened(invocation, database) as opened:
        found = search(opened.database, " ".join(text), wanted)
        _show(opened, found, json, "beatflow.library.search/1")
        if not found:
            invocation.ui.say(f"nothing has all of: {' '.join(text)}")
    return 0 if found else 1


@library.command("favorite")
def favorite_(
    invocation: Invocation,
    sound: EntryArgument,
    dry_run: DryRunOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a sound a favourite.

    Examples:
      bf library favorite mix.wav
      bf library favorite v1:mix.wav
      bf library favorite 3fa9c1
    """
    _like(invocation, sound, True, dry_run, database, json)


@library.command("unfavorite")
def unfavorite_(
    invocation: Invocation,
    sound: EntryArgument,
    dry_run: DryRunOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a sound a favourite no more.

    Examples:
      bf library unfavorite mix.wav
    """
    _like(invocation, sound, False, dry_run, database, json)


def _like(
    invocation: Invocation, word: str, liked: bool, dry_run: bool, address: str | None, json: bool
) -> None:
    from beatflow.library.choosing import choose_sound, journal_folder
    from beatflow.library.journal import note_event
    from beatflow.library.text import describe
    from beatflow.wording import format_iso_time

    with _opened(invocation, address) as opened:
        entry = choose_sound(opened.database, word, invocation.directory, invocation.find_repository())
        folder = journal_folder(opened.database, entry, opened.sources.host, invocation.settings.state)
        if entry.favorite != liked and not dry_run and folder:
            kind = "favorite" if liked else "unfavorite"
            note_event(folder, kind, format_iso_time(invocation.signature()), oid=entry.oid, path=entry.path)
            if json:
                # Noted is what can be read again.
                _update(opened)
        if json:
            schema = "beatflow.library.favorite/1"
            document = {"oid": entry.oid, "path": entry.path, "track": entry.track, "favorite": liked}
            invocation.ui.emit_json(
                schema, document | {"changed": entry.favorite != liked, "dry_run": dry_run}
            )
            return
        word = "a favourite" if liked else "a favourite no more"
        already = "" if entry.favorite != liked else " already"
        would = "would be " if dry_run and not already else ""
        invocation.ui.say(
            f"{would}{word}{already}: {describe(entry).removeprefix('♥ ')} ({(entry.oid or '')[:8]})"
        )


@library.command("favorites")
def favorites_(
    invocation: Invocation,
    limit: LimitOption = 20,
    track: TrackOption = None,
    missing: MissingOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the favourites, the latest first.

    Examples:
      bf library favorites
      bf library favorites --json | jq -r '.sounds[].path'
    """
    from beatflow.library.queries import list_favorites

    wanted = _Wanted(track, limit, missing=missing).filter(invocation)
    with _opened(invocation, database) as opened:
        _show(opened, list_favorites(opened.database, wanted), json, "beatflow.library.favorites/1")


@library.command("most-played")
def most_played_(
    invocation: Invocation,
    by: Annotated[
        Literal["plays", "downloads"],
        Option("--by", metavar="WHAT", help="Count plays, or downloads: exports and previews."),
    ] = "plays",
    limit: LimitOption = 20,
    track: TrackOption = None,
    missing: MissingOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the sounds that were played, or taken out, most often.

    Examples:
      bf library most-played
      bf library most-played --by downloads --limit 5
    """
    from beatflow.library.queries import list_most_used

    wanted = _Wanted(track, limit, missing=missing).filter(invocation)
    with _opened(invocation, database) as opened:
        found = list_most_used(opened.database, by, wanted)
        _show(opened, found, json, "beatflow.library.most_played/1", by)


@library.command("history")
def history_(
    invocation: Invocation,
    failed: Annotated[bool, Option("--failed", help="Only what nothing came of, and why.")] = False,
    limit: LimitOption = 20,
    track: TrackOption = None,
    engine: ByOption = None,
    days: DaysOption = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List every run of an engine: what was asked for, on what it ran, how fast, and what came of it.

    --json gives all parameters of each. What engines made before the library knew a track, or what came with a clone,
    is told by the records of its sounds.

    Examples:
      bf library history
      bf library history --failed --days 7
      bf library history --engine musicgen-small --json | jq '.runs[] | {prompt, seed, parameters}'
    """
    from beatflow.library.queries import list_runs
    from beatflow.library.text import RUNS, run_rows

    wanted = _Wanted(track, limit, missing=True, engine=engine, days=days).filter(invocation)
    with _opened(invocation, database) as opened:
        runs = list_runs(opened.database, wanted, failed)
        ui = invocation.ui
        if json:
            ui.emit_json("beatflow.library.history/1", {"runs": [_timed(_fields(run)) for run in runs]})
        elif runs:
            with ui.pager():
                ui.table(RUNS, run_rows(runs), {"gave": "oid"})
        else:
            ui.say("no engine has run yet")


@library.command("stats")
def stats_(
    invocation: Invocation,
    days: DaysOption = None,
    track: TrackOption = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Tell figures: how much was made, how fast, by what, how often that failed, and the disk it takes.

    Examples:
      bf library stats
      bf library stats --days 30 --json
    """
    from beatflow.library.statistics import measure
    from beatflow.library.text import statistics_lines

    wanted = _Wanted(track, 0, days=days).filter(invocation)
    with _opened(invocation, database) as opened:
        told = measure(opened.database, wanted, days)
        ui = invocation.ui
        if json:
            document = _fields(told) | {
                "largest": [{"path": path, "stored_bytes": size} for path, size in told.largest]
            }
            ui.emit_json("beatflow.library.stats/1", document)
            return
        for line in statistics_lines(told, invocation.settings.home):
            ui.emit(line)


@library.command("show")
def show_(
    invocation: Invocation,
    sound: EntryArgument,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Tell all that is known of one sound: how it was made, with every parameter, and where it is.

    Examples:
      bf library show mix.wav
      bf library show 3fa9c1 --json
    """
    from beatflow.library.choosing import choose_sound
    from beatflow.library.queries import list_places, list_runs_of
    from beatflow.library.text import entry_lines, place_line, run_rows

    with _opened(invocation, database) as opened:
        entry = choose_sound(opened.database, sound, invocation.directory, invocation.find_repository())
        assert entry.oid is not None
        places = list_places(opened.database, entry.oid)
        runs = list_runs_of(opened.database, entry.oid)
        if json:
            document = _timed(_fields(entry)) | {
                "places": places,
                "runs": [_timed(_fields(run)) for run in runs],
            }
            invocation.ui.emit_json("beatflow.library.show/1", document)
            return
        home = invocation.settings.home
        lines = entry_lines(entry, [place_line(place, home) for place in places])
        invocation.ui.table(["", ""], lines)
        if runs:
            invocation.ui.emit()
            invocation.ui.table([""] * 9, run_rows(runs))


@library.command("play")
def play_(
    invocation: Invocation,
    sound: EntryArgument,
    device: Annotated[str | None, Option("--device", metavar="NAME", help="As of bf play.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Listen to a sound of any track, wherever you are. The keys are those of bf play.

    Examples:
      bf library play 3fa9c1
    """
    from beatflow.library.choosing import choose_sound, find_source, journal_folder
    from beatflow.library.journal import note_event
    from beatflow.playing.keys import reading_keys
    from beatflow.playing.listening import Wish, listen
    from beatflow.playing.naming import Finder
    from beatflow.wording import format_iso_time

    with _opened(invocation, database) as opened:
        ui = invocation.ui
        entry = choose_sound(opened.database, sound, invocation.directory, invocation.find_repository())
        source = find_source(opened.database, entry, invocation.signature)
        folder = journal_folder(opened.database, entry, opened.sources.host, invocation.settings.state)
    if source.repository and invocation.supplier:
        source.repository.supply = invocation.supplier(source.repository)
    directory = source.repository.root if source.repository else invocation.directory
    named = Finder(directory, source.repository, ui.read_input).find(source.word)
    heard: list[Standing] = []

    def show(standing: "Standing") -> None:
        from beatflow.interruption import check_interrupted

        check_interrupted()
        heard[:] = [standing]
        draw(f"{standing.position_s:.0f} / {standing.end_s:.0f} s  {entry.prompt or standing.name}", {})

    try:
        with reading_keys(ui.can_ask) as keys, ui.live_line() as draw:
            listen([named], Wish(device=device), keys, show)
    finally:
        if heard and folder:
            note_event(
                folder, "play", format_iso_time(invocation.signature()), oid=entry.oid, path=entry.path
            )


@library.command("tracks")
def tracks_(
    invocation: Invocation,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the tracks that the library knows.

    Examples:
      bf library tracks
      bf library tracks --json | jq -r '.tracks[] | select(.here) | .path'
    """
    from beatflow.library.queries import list_known_tracks
    from beatflow.library.text import TRACKS, track_rows

    with _opened(invocation, database) as opened:
        tracks = list_known_tracks(opened.database)
        ui = invocation.ui
        if json:
            ui.emit_json("beatflow.library.tracks/1", {"tracks": tracks})
        elif tracks:
            ui.table(TRACKS, track_rows(tracks, invocation.settings.home))
        else:
            ui.say("no track is known: bf library scan DIR finds some")


@library.command("scan")
def scan_(
    invocation: Invocation,
    directory: Annotated[Path, Argument(metavar="DIR", help="A folder with tracks somewhere in it.")],
    dry_run: DryRunOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Find the tracks in a folder and the folders below it, and take them into the library.

    Examples:
      bf library scan ~/music
      bf library scan /media/stick -n
    """
    from beatflow.library.registry import list_tracks
    from beatflow.library.scanning import iter_tracks

    ui = invocation.ui
    start = invocation.directory / directory.expanduser()
    if not start.is_dir():
        raise UsageError(f"no folder {str(directory)!r}", hint="bf library scan ~/music")
    known = set(list_tracks(invocation.settings.state))
    with ui.progress("looking for tracks") as progress:
        found = [path.resolve() for path in iter_tracks(start, lambda here: progress(0.0, here))]
    new = [path for path in found if path not in known]
    if not dry_run:
        for path in new:
            invocation.announce(path)
        with _opened(invocation, database):
            pass
    if json:
        document = {"found": found, "new": new, "dry_run": dry_run}
        ui.emit_json("beatflow.library.scan/1", document)
        return
    for path in found:
        ui.emit(str(path))
    word = "would be new" if dry_run else "new"
    ui.say(f"{len(found)} found, {len(new)} of them {word}")


@library.command("forget")
def forget_(
    invocation: Invocation,
    directory: Annotated[Path, Argument(metavar="DIR", help="The track's folder, there or not.")],
    dry_run: DryRunOption = False,
    database: DatabaseOption = None,
) -> None:
    """Leave a track out of the library until it is changed again. Nothing in the track itself is touched.

    Examples:
      bf library forget ~/music/old
    """
    from beatflow.errors import NotFoundError
    from beatflow.library.registry import forget_track, list_tracks
    from beatflow.library.updating import forget

    with _opened(invocation, database, update=False) as opened:
        state = invocation.settings.state
        root = (invocation.directory / directory.expanduser()).resolve()
        known = root in list_tracks(state)
        if not dry_run:
            known = forget(opened.database, opened.sources.host, root) or known
            if state:
                forget_track(state, root)
        if not known:
            raise NotFoundError(f"the library knows no track {root}", hint="bf library tracks lists them")
        invocation.ui.say(f"{'would forget' if dry_run else 'forgotten'}: {root}")


@library.command("rebuild")
def rebuild_(
    invocation: Invocation,
    dry_run: DryRunOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make the library anew from the tracks that are there now and what is noted in them.

    Tracks that are not there drop out of it until they are there again.

    Examples:
      bf library rebuild
    """
    from beatflow.library.updating import empty_library

    with _opened(invocation, database, update=False) as opened:
        ui = invocation.ui
        if dry_run:
            ui.say(f"would read {len(opened.sources.tracks)} tracks anew")
            return
        empty_library(opened.database, opened.sources.host)
        count = _update(opened)
        if json:
            ui.emit_json("beatflow.library.rebuild/1", {"tracks": count, "database": opened.database.where})
        else:
            ui.say(f"read {count} of {len(opened.sources.tracks)} known tracks into {opened.database.where}")


def _show(
    opened: _Opened, entries: "Sequence[Entry]", json: bool, schema: str, counted: "Order | None" = None
) -> None:
    from beatflow.library.text import LIST, list_rows

    ui = opened.invocation.ui
    if json:
        ui.emit_json(schema, {"sounds": [_timed(_fields(entry)) for entry in entries]})
        return
    if not entries:
        if schema != "beatflow.library.search/1":
            ui.say("nothing yet")
        return
    columns = (["times"] if counted else []) + list(LIST)
    with ui.pager():
        ui.table(columns, list_rows(entries, counted), {"id": "oid", "when": "dim"})


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _timed(document: dict[str, Any]) -> dict[str, Any]:
    """Tell times as ISO 8601."""
    from beatflow.objects.git.value import Signature
    from beatflow.wording import format_iso_time

    at_s, offset_min = document.pop("at_s"), document.pop("offset_min")
    result = {"at": format_iso_time(Signature("", "", int(at_s), offset_min)), **document}
    if "played_at_s" in result:
        played_s = result.pop("played_at_s")
        moment = None if played_s is None else Signature("", "", int(played_s), offset_min)
        result["played_at"] = moment and format_iso_time(moment)
    return result
