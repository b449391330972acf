"""How one commit, or one file of it, is told by ``bf show``: a picture of the mix with what changed below it, then
each sound in words. Pure text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from beatflow.columns import Style, cell_width, pad, shorten
from beatflow.diff.scoretext import tell_score
from beatflow.diff.text import tell_explanation
from beatflow.explaining import make_clock
from beatflow.history import ADDED, DELETED, FileChange
from beatflow.log.logbook import LogEntry
from beatflow.log.text import (
    Sheet,
    find_spans,
    format_change,
    format_change_db,
    format_origin,
    format_title,
    list_notes,
)
from beatflow.provenance import Record
from beatflow.sound.silhouette import Silhouette, draw_wave, mark_columns, paint_columns
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE
from beatflow.wording import (
    format_duration,
    format_loudness,
    format_number,
    format_tempo,
    format_time,
    short_name,
)

MARGIN = 2
_LABEL, _MOST_COLUMNS, _NO_TERMINAL = 12, 120, 80
_ROWS = 4
_BARS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_TICK = 9  # columns that a mark of the ruler needs at least
_IN_PLACES = ("region", "fade")


def format_head(entry: LogEntry, sheet: Sheet) -> Iterator[str]:
    """Yield the lines that say which commit it is."""
    author = entry.commit.author
    yield format_title(entry, sheet)
    signature = sheet.clean(f"{author.name} <{author.email}>")
    yield " " * 8 + sheet.style(f"{signature}, {format_time(author)}", "dim")
    if len(entry.commit.parents) > 1:
        first, *others = (oid[:7] for oid in entry.commit.parents)
        yield " " * 8 + sheet.style(f"merge of {' and '.join(others)} into {first}", "dim")
    for line in entry.commit.message.strip().splitlines()[1:]:
        yield f"    {sheet.clean(line)}".rstrip()
    for line in list_notes(entry, sheet):
        yield " " * 8 + sheet.style(line, "dim")


def format_picture(
    entry: LogEntry, name: str, silhouette: Silhouette | None, changes: Sequence[FileChange], sheet: Sheet
) -> Iterator[str]:
    """Yield a waveform, and under it a lane for each sound that changed, which shows where.

    Parameters
    ----------
    name : str
        Of the sound that is drawn.
    """
    if not silhouette or not silhouette.peaks:
        return
    lanes = [(change, short_name(change.path)) for change in changes if _has_lane(entry, change, name)]
    label = min(max(cell_width(text) for text in (short_name(name), *(text for _, text in lanes))), _LABEL)
    own = entry.explained.get(name)
    spans = find_spans([own] if own else entry.explained.values())
    clock = make_clock(1, entry.tempo, entry.meter)
    title = pad(sheet.clean(shorten(short_name(name), label)), label)
    yield from format_wave(silhouette, f"{title}  ", spans, clock, sheet)
    columns = _count_columns(silhouette, label + 2, sheet)
    for change, text in lanes:
        lane = _draw_lane(entry, change, silhouette.duration_s, columns, sheet)
        yield f"{MARGIN * ' '}{pad(sheet.clean(shorten(text, label)), label)}  {lane}"


def format_wave(
    silhouette: Silhouette, title: str, spans: Sequence[tuple[float, float]], clock: Clock, sheet: Sheet
) -> Iterator[str]:
    """Yield a waveform with some stretches of it, in seconds, in another colour, and a ruler below it.

    Parameters
    ----------
    title : str
        What stands before it, which decides how far it is from the margin.
    """
    columns = _count_columns(silhouette, cell_width(title), sheet)
    marked = mark_columns(spans, silhouette.duration_s, columns)
    rows = draw_wave(silhouette, columns, 2 * _ROWS if sheet.ascii_only else _ROWS, sheet.ascii_only)
    indent = " " * (MARGIN + cell_width(title))
    for number, row in enumerate(rows):
        start = indent if number else " " * MARGIN + sheet.style(title, "strong")
        yield start + _paint(row, marked, sheet)
    yield indent + sheet.style(_rule(silhouette.duration_s, clock, columns, sheet.ascii_only), "dim")


def _count_columns(silhouette: Silhouette, taken: int, sheet: Sheet) -> int:
    room = (sheet.width or _NO_TERMINAL) - MARGIN - taken - 1
    return max(min(room, _MOST_COLUMNS, len(silhouette.peaks)), 8)


def _has_lane(entry: LogEntry, change: FileChange, name: str) -> bool:
    return (
        change.path != name
        and (change.path in entry.explained or change.kind in (ADDED, DELETED))
        and (short_name(change.path) != change.path)
    )


def _paint(row: str, marked: Sequence[bool], sheet: Sheet) -> str:
    return paint_columns(
        row, marked, lambda text: sheet.style(text, "changed"), lambda text: sheet.style(text, "warning")
    )


def _draw_lane(entry: LogEntry, change: FileChange, duration_s: float, columns: int, sheet: Sheet) -> str:
    """Draw where a sound changed: thick where it was replaced, a line where all of it is another, else dots."""
    stays, line, thick = ".-#" if sheet.ascii_only else "·─█"
    if change.kind in (ADDED, DELETED):
        return sheet.style(line * columns, "added" if change.kind == ADDED else "removed")
    found = entry.explained[change.path]
    marked = mark_columns(find_spans([found]), duration_s, columns)
    everywhere = any(item.kind not in (*_IN_PLACES, "identical") for item in found.changes)
    text = "".join(thick if mark else line if everywhere else stays for mark in marked)
    return paint_columns(
        text,
        marked,
        lambda part: sheet.style(part, "changed" if everywhere else "dim"),
        lambda part: sheet.style(part, "warning"),
    )


def _rule(duration_s: float, clock: Clock, columns: int, ascii_only: bool) -> str:
    """Write bars, or minutes and seconds where there are none, under a drawing."""
    bar_s = clock.beat_s * clock.beats_per_bar if clock.beat_s else None
    steps: Iterable[float] = (count * bar_s for count in _BARS) if bar_s else _SECONDS
    step_s = next((step for step in steps if step * columns >= _TICK * duration_s), duration_s)
    text = ""
    for number in range(int(duration_s / step_s) + 1 if step_s > 0 else 0):
        at_s = number * step_s
        if bar_s:
            word = f"bar {round(at_s / bar_s) + 1}" if number == 0 else f"{round(at_s / bar_s) + 1}"
        else:
            minutes, seconds = divmod(round(at_s), 60)
            word = f"{minutes}:{seconds:02d}"
        place = round(at_s * columns / duration_s)
        if place + len(word) + 1 <= columns:
            text = text.ljust(place) + ("|" if ascii_only else "╵") + word
    return text


def format_mix(entry: LogEntry, style: Style) -> str:
    """Write how the mix sounds: loudness before and after, tempo, key, length."""
    parts = []
    if entry.loudness_lufs is not None or (entry.silhouette and entry.silhouette.levels):
        after = format_loudness(entry.loudness_lufs)
        change_db = entry.loudness_change_db
        if change_db is not None and entry.former_lufs is not None:
            parts.append(f"{format_number(entry.former_lufs)} → {after} {format_change_db(change_db, style)}")
        else:
            parts.append(after)
    if entry.tempo is not None:
        parts.append(format_tempo(entry.tempo))
    if entry.key:
        parts.append(entry.key)
    if entry.silhouette and entry.silhouette.duration_s:
        parts.append(format_duration(entry.silhouette.duration_s))
    return " · ".join(parts)


def format_changes(
    entry: LogEntry, changes: Iterable[FileChange], origins: Mapping[str, Record], sheet: Sheet
) -> Iterator[str]:
    """Yield what the commit changed: a line for each file, and below it what became of the sound."""
    style = sheet.style
    for path in entry.conflicts:
        yield (
            "  "
            + style(sheet.clean(f"! {path} is in conflict"), "conflict")
            + f"  bf resolve {sheet.clean(short_name(path))}"
        )
    for change in changes:
        origin = origins.get(change.path)
        yield f"  {format_change(change, sheet)}" + (f"  {format_origin(origin, sheet)}" if origin else "")
        found = entry.explained.get(change.path)
        if found:
            clock = make_clock(found.sample_rate, entry.tempo, entry.meter)
            yield from (f"      {sheet.clean(said)}" for said in tell_explanation(found, clock))
        elif any(pair.path == change.path for pair in entry.pairs):
            why = f"bf diff {entry.oid[:7]}^ {entry.oid[:7]} {change.path}"
            yield f"      not compared; {sheet.clean(why)} says why"
        if change.path == TRACK_FILE:
            yield from (f"      {sheet.clean(said)}" for said in tell_score(entry.former_track, entry.track))
