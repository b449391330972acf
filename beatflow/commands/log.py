"""``bf log``."""

import sys
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.ui import Ui

if TYPE_CHECKING:
    from beatflow.logbook import LogEntry, Measure
    from beatflow.repository import Repository

    Title = Callable[[LogEntry], str]


def log(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[REV] [PATH]", help="A revision or A..B, and a path.")
    ] = None,
    graph: Annotated[bool, typer.Option("--graph", help="Draw all branches as a tree.")] = False,
    oneline: Annotated[bool, typer.Option("--oneline", help="One line a commit.")] = False,
    count: Annotated[int | None, typer.Option("-n", metavar="N", min=0, help="At most this many.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All branches and tags, not only this one.")
    ] = False,
    template: Annotated[
        str | None,
        typer.Option("--format", metavar="TEXT", help="Text with {oid}, {message} and other fields."),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the loudness of every mix.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the commits, newest first, and how each sounds.

    Per commit: tempo, key, loudness of the mix, and the sounds that it touched (+ new, − gone). Loudness that nobody
    measured yet is measured for the first 20 mixes shown, once. Fields of --format: oid, short, message, body,
    author, email, time, refs, parents, tempo, key, loudness_lufs.

    Examples:
      bf log
      bf log --graph
      bf log --oneline -n 10 main stems/drums.wav
      bf log v1..HEAD --format '{short} {tempo} {message}'
    """
    from beatflow.history import find_branch_tips, iter_commits
    from beatflow.logbook import iter_log, iter_titles
    from beatflow.revision import parse_log_arguments

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    wanted, path = parse_log_arguments(repository, arguments or [])
    include = wanted.include
    if everything or (graph and not arguments):
        include = (*include, *find_branch_tips(repository))
    commits = islice(iter_commits(repository, include, wanted.exclude, path, topological=graph), count)
    if json or measure or _tells_sound(oneline, template):
        limit = _limit_measuring(measure, oneline, template)
        entries = iter_log(repository, commits, _show_measuring(ui, repository), limit)
    else:
        entries = iter_titles(repository, commits)
    if json:
        _emit_json(ui, entries)
    elif template is not None:
        _emit_formatted(ui, entries, template)
    else:
        title = _make_title(ui, repository)
        with ui.pager():
            if graph:
                _emit_graph(ui, entries, title, oneline)
            else:
                _emit_plain(ui, entries, title, oneline)


def _tells_sound(oneline: bool, template: str | None) -> bool:
    """Whether anything of what is shown needs more than the commits themselves."""
    if template is not None:
        return any(f"{{{name}" in template for name in ("tempo", "key", "loudness_lufs"))
    return not oneline


def _limit_measuring(measure: bool, oneline: bool, template: str | None) -> int:
    """How many mixes to measure at most: none where their loudness would not be seen."""
    from beatflow.logbook import MEASURED_AT_ONCE

    if template is not None and "{loudness_lufs" not in template:
        return 0
    if measure:
        return sys.maxsize
    return 0 if oneline else MEASURED_AT_ONCE


def _show_measuring(ui: Ui, repository: "Repository") -> "Measure":
    from beatflow.logbook import make_measure

    measure = make_measure(repository)

    def measure_shown(oid: str) -> float | None:
        with ui.progress("measuring loudness"):
            return measure(oid)

    return measure_shown


def _emit_json(ui: Ui, entries: "Iterable[LogEntry]") -> None:
    from beatflow.logtext import describe

    ui.emit_json("beatflow.log/1", {"commits": [describe(entry) for entry in entries]})


def _emit_formatted(ui: Ui, entries: "Iterable[LogEntry]", template: str) -> None:
    from beatflow.logtext import make_formatter

    render = make_formatter(template)
    for entry in entries:
        ui.emit(render(entry))


def _make_title(ui: Ui, repository: "Repository") -> "Title":
    from beatflow.logtext import format_title

    branch, head = repository.branch, repository.head
    return lambda entry: format_title(entry, branch, head, ui.style)


def _emit_plain(ui: Ui, entries: "Iterable[LogEntry]", title: "Title", oneline: bool) -> None:
    from beatflow.logtext import format_facts

    for entry in entries:
        ui.emit(title(entry))
        if not oneline:
            ui.emit(f"        {format_facts(entry, ui.style)}")


def _emit_graph(ui: Ui, entries: "Iterable[LogEntry]", title: "Title", oneline: bool) -> None:
    from beatflow.graph import draw
    from beatflow.logtext import format_facts

    for row in draw(entries, paint=ui.style, ascii_only=not ui.unicode):
        if row.node is None:
            ui.emit(row.prefix.rstrip())
            continue
        ui.emit(row.prefix + title(row.node))
        if not oneline:
            ui.emit(f"{row.below or '  '}        {format_facts(row.node, ui.style)}")
