"""``bf log``."""

from itertools import islice
from typing import Annotated

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation


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
    from beatflow.graph import draw
    from beatflow.history import find_branch_tips, iter_commits
    from beatflow.logbook import MEASURED_AT_ONCE, iter_log, make_measure
    from beatflow.logtext import describe, format_facts, format_title, make_formatter
    from beatflow.revision import parse_log_arguments

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    wanted, path = parse_log_arguments(repository, arguments or [])
    include = wanted.include
    if everything or (graph and not arguments):
        include = (*include, *find_branch_tips(repository))
    commits = islice(iter_commits(repository, include, wanted.exclude, path), count)
    limit = 1 << 62 if measure else 0 if oneline else MEASURED_AT_ONCE
    if template is not None and "{loudness_lufs" not in template:
        limit = 0
    raw_measure = make_measure(repository)

    def measure_shown(oid: str) -> float | None:
        with ui.progress("measuring loudness"):
            return raw_measure(oid)

    entries = iter_log(repository, commits, measure_shown, limit)
    if json:
        ui.emit_json("beatflow.log/1", {"commits": [describe(entry) for entry in entries]})
        return
    if template is not None:
        render = make_formatter(template)
        for entry in entries:
            ui.emit(render(entry))
        return
    branch, head = repository.branch, repository.head
    with ui.pager():
        if not graph:
            for entry in entries:
                ui.emit(format_title(entry, branch, head, ui.style))
                if not oneline:
                    ui.emit(f"        {format_facts(entry, ui.style)}")
            return
        for row in draw(entries, paint=ui.style, ascii_only=not ui.unicode):
            if row.node is None:
                ui.emit(row.prefix.rstrip())
                continue
            ui.emit(row.prefix + format_title(row.node, branch, head, ui.style))
            if not oneline:
                ui.emit(f"{row.below or '  '}        {format_facts(row.node, ui.style)}")
