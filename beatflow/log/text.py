"""How a commit is told: the lines of ``bf log`` and ``bf show``, and the fields of ``--format`` and ``--json``.

Pure text; colour, and how wide the page is, come in as a `Sheet`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from beatflow.changetext import tell_briefly
from beatflow.columns import Item, Style, cell_width, join_fitting, pad, shorten
from beatflow.diff.scoretext import tell_score
from beatflow.errors import UsageError
from beatflow.explaining import make_clock
from beatflow.history import ADDED, DELETED, MODIFIED, FileChange
from beatflow.log.logbook import LogEntry
from beatflow.repository import BRANCHES, REMOTES, TAGS
from beatflow.sound.explanation import Explanation
from beatflow.sound.silhouette import draw_levels, mark_columns, paint_columns
from beatflow.track import TRACK_FILE
from beatflow.wording import (
    format_iso_time,
    format_loudness,
    format_number,
    format_tempo,
    format_time,
    short_name,
)

_SIGNS = {ADDED: ("+", "added"), DELETED: ("−", "removed")}
INDENT, MIN_TITLE = 8, 24
WIDE, SPARK, NARROW_SPARK = 100, 24, 16


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a log is written on.

    Parameters
    ----------
    style, clean : callable
        Colours text by a style's name; makes control characters visible.
    width : int or None
        Columns of a terminal; None where lines may have any length.
    ascii_only : bool
        Blocks cannot be shown.
    branch, head : str or None
        Where HEAD is.
    """

    style: Style
    clean: Callable[[str], str] = str
    width: int | None = None
    ascii_only: bool = False
    branch: str | None = None
    head: str | None = None


def format_refs(entry: LogEntry, sheet: Sheet) -> str:
    """Write the names of a commit: ``(HEAD → main, take2, tag v1)``, with a space behind; empty for none."""
    style, current = sheet.style, f"{BRANCHES}{sheet.branch}"
    names = []
    if entry.oid == sheet.head and sheet.branch is None:
        names.append(style("HEAD", "head"))
    for ref in sorted(entry.refs, key=lambda ref: (ref != current, not ref.startswith(BRANCHES), ref)):
        name = sheet.clean(ref)
        if ref == current:
            names.append(style("HEAD → ", "head") + style(name.removeprefix(BRANCHES), "branch"))
        elif ref.startswith(BRANCHES):
            names.append(style(name.removeprefix(BRANCHES), "branch"))
        elif ref.startswith(TAGS):
            names.append(style(f"tag {name.removeprefix(TAGS)}", "tag"))
        elif ref.startswith(REMOTES):
            names.append(style(name.removeprefix(REMOTES), "remote"))
    return f"({', '.join(names)}) " if names else ""


def format_title(entry: LogEntry, sheet: Sheet, width: int | None = None) -> str:
    """Write a commit's first line: id, names, title."""
    start = f"{sheet.style(entry.oid[:7], 'oid')} {format_refs(entry, sheet)}"
    # Long names leave the title some room, and the terminal to wrap the line.
    room = None if width is None else max(width - cell_width(start), MIN_TITLE)
    return start + shorten(sheet.clean(entry.commit.title), room)


def format_entry(entry: LogEntry, sheet: Sheet, lanes: tuple[int, int] = (0, 0)) -> list[str]:
    """Write a commit as lines: title; picture, loudness, tempo and key; what was done.

    Parameters
    ----------
    lanes : (int, int)
        Columns that a graph takes on the first line and on the others.
    """
    first, other = (None if sheet.width is None else sheet.width - columns for columns in lanes)
    room = None if other is None else max(other - INDENT, 1)
    title = format_title(entry, sheet, first)
    lines = [format_facts(entry, sheet), join_fitting(_tell(entry, sheet), room, sheet.style)]
    lines = [line for line in lines if line]
    lines += [sheet.style(shorten(line, room), "dim") for line in list_notes(entry, sheet)]
    signature = sheet.clean(f"{entry.commit.author.name}, {format_time(entry.commit.author)}")
    signed = sheet.style(signature, "dim")
    if first is None or room is None:
        lines = [f"{lines[0]}  {signed}" if lines else signed, *lines[1:]]
        return [title, *(INDENT * " " + line for line in lines)]
    need = cell_width(signature) + 2
    for number, line in enumerate(lines):
        if cell_width(line) + need <= room:
            lines[number] = pad(line, room - need + 2) + signed
            break
    else:
        if cell_width(title) + need <= first:
            title = pad(title, first - need + 2) + signed
        else:
            lines.append(shorten(signature, room))
    return [title, *(INDENT * " " + line for line in lines)]


def list_notes(entry: LogEntry, sheet: Sheet) -> list[str]:
    """Return the lines that were noted on a commit."""
    return [f"note: {sheet.clean(line)}" for line in (entry.note or "").splitlines() if line.strip()]


def format_facts(entry: LogEntry, sheet: Sheet) -> str:
    """Write how a commit sounds, in columns: picture, loudness and its change, tempo, key."""
    columns = SPARK if sheet.width is None or sheet.width >= WIDE else NARROW_SPARK
    cells = [
        format_spark(entry, sheet, columns) if entry.mix else " " * columns,
        pad(format_loudness_change(entry, sheet.style), 17),
        f"{format_tempo(entry.tempo):8}" if entry.tempo is not None else " " * 8,
        sheet.clean(entry.key or ""),
    ]
    return "  ".join(cells).rstrip()


def format_spark(entry: LogEntry, sheet: Sheet, columns: int) -> str:
    """Draw the mix, with the stretches that the commit changed in another colour; dots where it was never measured."""
    if entry.silhouette is None:
        return sheet.style(("." if sheet.ascii_only else "·") * columns, "dim")
    line = pad(draw_levels(entry.silhouette, columns, sheet.ascii_only), columns)
    if entry.mix == entry.former_mix:
        return sheet.style(line, "dim")
    marked = mark_columns(find_spans(entry.explained.values()), entry.silhouette.duration_s, columns)
    return paint_columns(
        line, marked, lambda text: sheet.style(text, "changed"), lambda text: sheet.style(text, "warning")
    )


def find_spans(explanations: Iterable[Explanation]) -> list[tuple[float, float]]:
    """Return the stretches that changed, as start and end in seconds of the new sound; a cut is a place."""
    spans = []
    for found in explanations:
        for change in (*found.find("region"), *found.find("fade")):
            frames = 0 if change.figures.get("action") == "deleted" else change["frames"]
            start = change["start_frame"]
            spans.append((start / found.sample_rate, (start + frames) / found.sample_rate))
    return spans


def format_loudness_change(entry: LogEntry, style: Style) -> str:
    """Write ``−14.2 LUFS (+0.8)``: the mix, and how much louder it is than before."""
    if entry.loudness_lufs is None:
        return format_loudness(None) if entry.silhouette and entry.silhouette.levels else ""
    text = f"{format_number(entry.loudness_lufs):>5} LUFS"
    change_db = entry.loudness_change_db
    if change_db is None:
        return text
    return f"{text} {format_change_db(change_db, style)}"


def format_change_db(change_db: float, style: Style) -> str:
    """Write a change of loudness as ``(+0.8)``."""
    said = format_number(change_db)
    if not said.strip("0."):
        return f"({said})"
    return style(f"(+{said})", "added") if change_db > 0 else style(f"({said})", "removed")


def tell(entry: LogEntry, sheet: Sheet) -> str:
    """Say in one line what a commit did: ``bass −1.5 dB; drums 33–34 replaced; +pads −vocals``."""
    return join_fitting(_tell(entry, sheet), None, sheet.style)


def _tell(entry: LogEntry, sheet: Sheet) -> list[Item]:
    items = []
    if entry.conflicts:
        names = ", ".join(short_name(path) for path in entry.conflicts)
        items.append(Item(sheet.clean(f"conflict: {names}"), "conflict"))
    if len(entry.commit.parents) > 1:
        items.append(Item(f"merge of {' and '.join(oid[:7] for oid in entry.commit.parents[1:])}", "dim"))
    items += [Item(sheet.clean(said)) for said in _group(tell_sounds(entry))]
    score = list(tell_score(entry.former_track, entry.track)) if entry.commit.parents else []
    items += [Item(sheet.clean(said)) for said in score]
    words = list(_touched(entry, bool(score)))
    items += [
        Item(sheet.clean(sign + name), style, " " if number else "; ")
        for number, (sign, name, style) in enumerate(words)
    ]
    return items


def _group(told: Mapping[str, str]) -> Iterator[str]:
    """Yield what is said of sounds, those together of which the same is said: ``bass, drums −1.5 dB``."""
    names: dict[str, list[str]] = {}
    for path, said in told.items():
        name = short_name(path)
        names.setdefault(said.removeprefix(name).strip(), []).append(name)
    for phrase, together in names.items():
        yield f"{', '.join(together)} {phrase}"


def tell_sounds(entry: LogEntry) -> dict[str, str]:
    """Say what became of each sound that is explained, by path: ``bass −1.5 dB``."""
    return {
        path: tell_briefly(short_name(path), found, make_clock(found.sample_rate, entry.tempo, entry.meter))
        for path, found in entry.explained.items()
    }


def _touched(entry: LogEntry, told: bool) -> Iterator[tuple[str, str, str]]:
    """Yield sign, name and style of what was touched and not told yet; a mix goes without saying beside its stems."""
    changes = [change for change in entry.changes if change.path not in entry.explained]
    for change in changes:
        if told and change.path == TRACK_FILE:
            continue
        if change.kind == MODIFIED and change.path == entry.track.mix_file and len(entry.changes) > 1:
            continue
        sign, style = _SIGNS.get(change.kind, ("", "changed"))
        was = f"{short_name(change.source)} → " if change.source else ""
        yield sign, was + short_name(change.path), style


def describe(entry: LogEntry) -> dict[str, Any]:
    """Return a commit as the object that ``--json`` gives."""
    author = entry.commit.author
    return {
        "oid": entry.oid,
        "parents": list(entry.parents),
        "refs": list(entry.refs),
        "message": entry.commit.message.strip(),
        "author": author.name,
        "email": author.email,
        "time": format_iso_time(author),
        "tempo": entry.tempo,
        "key": entry.key,
        "mix": entry.mix,
        "loudness_lufs": entry.loudness_lufs,
        "loudness_change_db": entry.loudness_change_db,
        "explained": describe_sounds(entry),
        "conflicts": list(entry.conflicts),
        "note": entry.note,
        "changes": [describe_change(change) for change in entry.changes],
    }


def describe_sounds(entry: LogEntry) -> dict[str, Any]:
    """Return what is known of the sounds that changed, by path: the phrase that says it, and the explanation."""
    said = tell_sounds(entry)
    result = {}
    for path, found in entry.explained.items():
        document = found.to_json()
        del document["pieces"]
        result[path] = {"said": said[path], **document}
    return result


def describe_change(change: FileChange) -> dict[str, Any]:
    """Return a change as an object for JSON."""
    return {"path": change.path, "kind": change.kind, "source": change.source}


def format_change(change: FileChange, sheet: Sheet) -> str:
    """Write a change as a line: sign, path, and where a renamed file was."""
    sign, name = _SIGNS.get(change.kind, ("~", "changed"))
    was = sheet.clean(f" (was {change.source})") if change.source else ""
    return sheet.style(sheet.clean(f"{sign} {change.path}"), name) + was


def format_origin(record: Mapping[str, Any], sheet: Sheet) -> str:
    """Write where a sound comes from in a few words: ``synth: "lofi" seed 7``."""
    words = [str(record.get("engine") or record.get("kind") or "?") + ":"]
    if record.get("prompt"):
        words.append(f'"{record["prompt"]}"')
    if record.get("seed") is not None:
        words.append(f"seed {record['seed']}")
    if len(words) == 1:
        inputs = [item.get("path") or str(item.get("oid"))[:7] for item in record.get("inputs", [])]
        words.append(f"from {', '.join(inputs)}" if inputs else "no inputs")
    return sheet.style(sheet.clean(" ".join(words)), "dim")


MIX_FIELDS = ("loudness_lufs", "loudness_change_db", "sparkline")
TOLD_FIELDS = ("explained",)
KNOWN_FIELDS = ("tempo", "key", "conflicts", "touched")
FIELDS = (
    "oid", "short", "message", "body", "author", "email", "time", "refs", "parents", *KNOWN_FIELDS, *MIX_FIELDS,
    *TOLD_FIELDS,
)  # fmt: skip


def fields_of(template: str) -> set[str]:
    """Return the fields that a ``--format`` has.

    Raises
    ------
    UsageError
        A brace is left open.
    """
    import string

    try:
        return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise UsageError(f"--format: {error}", hint="{oid} {message}; write {{ for a brace") from error


def make_formatter(template: str) -> Callable[[LogEntry], str]:
    r"""Compile a ``--format``: ``{oid} {message}``, with ``\n``, ``\t`` and ``\0`` as in shells.

    Raises
    ------
    UsageError
        A field does not exist, or a brace is left open.
    """
    fields = fields_of(template)
    unknown = [name for name in sorted(fields) if name not in FIELDS]
    if unknown:
        raise UsageError(f"--format has no field {{{unknown[0]}}}", hint=f"there are {', '.join(FIELDS)}")
    plain = template.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")

    def render(entry: LogEntry) -> str:
        author, change_db = entry.commit.author, entry.loudness_change_db
        values = {
            "oid": entry.oid,
            "short": entry.oid[:7],
            "message": entry.commit.title,
            "body": entry.commit.message.strip(),
            "author": author.name,
            "email": author.email,
            "time": format_iso_time(author),
            "refs": " ".join(entry.refs),
            "parents": " ".join(entry.parents),
            "tempo": "" if entry.tempo is None else entry.tempo,
            "key": entry.key or "",
            "loudness_lufs": "" if entry.loudness_lufs is None else round(entry.loudness_lufs, 1),
            "loudness_change_db": "" if change_db is None else round(change_db, 1) + 0.0,
            "sparkline": draw_levels(entry.silhouette, SPARK) if entry.silhouette else "",
            "explained": "; ".join(_group(tell_sounds(entry))) if "explained" in fields else "",
            "touched": " ".join(
                sign + name for sign, name, _ in _touched(replace(entry, explained={}), False)
            ),
            "conflicts": " ".join(entry.conflicts),
        }
        try:
            return plain.format_map(values)
        except (ValueError, TypeError) as error:
            raise UsageError(f"--format: {error}", hint="{oid} {message}") from error

    return render
