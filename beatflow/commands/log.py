"""``bf log``."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe_line
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption, complete_word
from beatflow.errors import NotFoundError, UsageError
from beatflow.invocation import Invocation
from beatflow.ui import Ui
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.log.logbook import Logbook, LogEntry
    from beatflow.log.text import Sheet
    from beatflow.objects.git.value import Commit
    from beatflow.repository import Repository

LISTEN_S = 4.0
"""For how long a log goes on finding out what nobody asked before; what is begun is finished."""


def log(
    invocation: Invocation,
    arguments: Annotated[
        list[str] | None,
        Argument(
            metavar="[REV...] [PATH[:START-END]]",
            help="Revisions or A..B, and a path or a stretch of a sound.",
            autocompletion=complete_word,
        ),
    ] = None,
    graph: Annotated[bool, Option("--graph", help="Draw all branches as a tree.")] = False,
    oneline: Annotated[bool, Option("--oneline", help="One line a commit.")] = False,
    count: Annotated[int | None, Option("-n", metavar="N", min=0, help="At most this many.")] = None,
    everything: Annotated[bool, Option("--all", help="All branches and tags, not only this one.")] = False,
    template: Annotated[
        str | None,
        Option("--format", metavar="TEXT", help="Text with {oid}, {message} and other fields."),
    ] = None,
    measure: Annotated[bool, Option("--measure", help="Measure every mix and explain every change.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the commits, newest first, how each sounds and what it changed.

    Per commit: a picture of the mix, the stretches that changed marked; its loudness, and how much louder it became;
    tempo and key; and in a phrase what became of each sound (+ new, − gone). What nobody asked before is found out for
    the first 20 commits, for some seconds, once; Ctrl-C shows what is there, and --measure finds out everything.

    Fields of --format: oid, short, message, body, author, email, time, refs, parents, tempo, key, conflicts, touched,
    loudness_lufs, loudness_change_db, sparkline, explained.

    A revision may be a set of commits, told by date, tempo, key, author or what they touched: docs/revisions.md has
    all the words.

    Examples:
      bf log
      bf log --graph
      bf log --oneline -n 10 main stems/drums.wav
      bf log stems/bass.wav:b33-b40
      bf log 'main & tempo(118..124)'
      bf log v1..HEAD --format '{short} {loudness_lufs} {explained}'
    """
    from beatflow.log.logbook import Logbook

    ui = invocation.ui
    repository = invocation.repository()
    everywhere = everything or (graph and not arguments)
    commits = islice(_find_commits(repository, arguments or [], everywhere, graph), count)
    book = Logbook(repository)
    mixes, explanations, known = _find_needs(json or measure, oneline, template)
    entries = book.iter_entries(commits) if known else book.iter_titles(commits)
    if mixes or explanations:
        entries = _listen(ui, repository, book, entries, measure, explanations)
    if json:
        _emit_json(ui, entries)
    elif template is not None:
        _emit_formatted(ui, entries, template)
    else:
        sheet = _make_sheet(ui, repository)
        with ui.pager():
            if graph:
                _emit_graph(ui, entries, sheet, oneline)
            else:
                _emit_plain(ui, entries, sheet, oneline)


def _find_commits(
    repository: "Repository", arguments: list[str], everywhere: bool, graph: bool
) -> "Iterator[Commit]":
    from beatflow.history import find_branch_tips, iter_commits
    from beatflow.revision.revision import parse_log_arguments

    try:
        (wanted, path), span = parse_log_arguments(repository, arguments), None
    except (NotFoundError, UsageError):
        from beatflow.revision.span import split_span

        # A file may be called like a stretch of another; only what is neither file nor revision is split.
        place, span = split_span(arguments[-1]) if arguments else ("", None)
        if span is None:
            raise
        wanted, path = parse_log_arguments(repository, [*arguments[:-1], place])
    include = (*wanted.include, *find_branch_tips(repository)) if everywhere else wanted.include
    if span is None or path is None:
        return iter_commits(repository, include, wanted.exclude, path, graph, wanted.keep)

    from beatflow.blame.touching import iter_touching
    from beatflow.explaining import Explainer
    from beatflow.revision.span import get_span

    frames = get_span(repository, include[0], path, span)
    explain = Explainer(repository).explain
    return iter_touching(repository, include, wanted.exclude, path, frames, explain, graph, wanted.keep)


def _find_needs(whole: bool, oneline: bool, template: str | None) -> tuple[bool, bool, bool]:
    """Say whether what is shown needs mixes measured, changes explained, and anything but the commits themselves."""
    if whole or (template is None and not oneline):
        return True, True, True
    if template is None:
        return False, False, False
    from beatflow.log.text import KNOWN_FIELDS, MIX_FIELDS, TOLD_FIELDS, fields_of

    fields = fields_of(template)
    mixes, explanations = bool(fields & {*MIX_FIELDS}), bool(fields & {*TOLD_FIELDS})
    return mixes, explanations, mixes or explanations or bool(fields & {*KNOWN_FIELDS})


def _listen(
    ui: Ui,
    repository: "Repository",
    book: "Logbook",
    entries: "Iterator[LogEntry]",
    everything: bool,
    explanations: bool,
) -> "Iterator[LogEntry]":
    """Complete the first page, or everything, before anything is shown."""
    from beatflow.log.listening import FIRST_PAGE, Listener

    page = list(entries if everything else islice(entries, FIRST_PAGE))
    end_s = time.monotonic() + LISTEN_S
    listener = Listener(repository, book, lambda: everything or time.monotonic() < end_s)
    if any(listener.lacks(entry, explanations) for entry in page):
        with ui.progress("listening") as progress:
            page = listener.complete(page, progress, explanations)
        if not everything and time.monotonic() > end_s:
            ui.say("there is more to find out about these commits: bf log --measure")
    if everything and listener.elsewhere:
        count = plural(len(listener.elsewhere), "sound")
        ui.say(f"not listened to: {count} that are not here; bf fetch --rest brings all of them")
    return chain(page, entries)


def _make_sheet(ui: Ui, repository: "Repository") -> "Sheet":
    from beatflow.log.text import Sheet

    width = ui.width if ui.terminal else None
    return Sheet(ui.style, safe_line, width, not ui.unicode, repository.branch, repository.head)


def _emit_json(ui: Ui, entries: "Iterable[LogEntry]") -> None:
    from beatflow.log.text import describe

    ui.emit_json("beatflow.log/1", {"commits": [describe(entry) for entry in entries]})


def _emit_formatted(ui: Ui, entries: "Iterable[LogEntry]", template: str) -> None:
    from beatflow.log.text import make_formatter

    render = make_formatter(template)
    for entry in entries:
        ui.emit(render(entry))


def _emit_plain(ui: Ui, entries: "Iterable[LogEntry]", sheet: "Sheet", oneline: bool) -> None:
    from beatflow.log.text import format_entry, format_title

    for entry in entries:
        for line in [format_title(entry, sheet, sheet.width)] if oneline else format_entry(entry, sheet):
            ui.emit(line)


def _emit_graph(ui: Ui, entries: "Iterable[LogEntry]", sheet: "Sheet", oneline: bool) -> None:
    from beatflow.columns import cell_width
    from beatflow.log.graph import draw
    from beatflow.log.text import format_entry, format_title

    for row in draw(entries, paint=ui.style, ascii_only=not ui.unicode):
        if row.node is None:
            ui.emit(row.prefix.rstrip())
            continue
        lanes, below = cell_width(row.prefix), row.below or "  "
        if oneline:
            room = None if sheet.width is None else sheet.width - lanes
            ui.emit(row.prefix + format_title(row.node, sheet, room))
            continue
        title, *lines = format_entry(row.node, sheet, (lanes, cell_width(below)))
        ui.emit(row.prefix + title)
        for line in lines:
            ui.emit(below + line)
