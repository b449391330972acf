"""``bf show``."""

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation


def show(
    ctx: typer.Context,
    revision: str = typer.Argument("HEAD", metavar="REV", help="The commit."),
    json: JsonOption = False,
) -> None:
    """Show one commit: how it sounds and what it changed.

    For each sound that came in, also where it comes from, as far as that is known.

    Examples:
      bf show
      bf show HEAD~2 --json
    """
    from beatflow.logbook import find_origins, iter_log, make_measure
    from beatflow.logtext import (
        describe,
        describe_change,
        format_change,
        format_facts,
        format_origin,
        format_title,
    )
    from beatflow.revision import get_commit

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    commit = repository.git.read_commit(get_commit(repository, revision))
    with ui.progress("measuring loudness"):
        entry = next(iter_log(repository, [commit], make_measure(repository), limit=1))
    origins = find_origins(repository, commit.oid, entry.changes)
    if json:
        changes = [
            describe_change(change) | {"provenance": origins.get(change.path)} for change in entry.changes
        ]
        ui.emit_json("beatflow.show/1", describe(entry) | {"changes": changes})
        return
    with ui.pager():
        ui.emit(format_title(entry, repository.branch, repository.head, ui.style))
        ui.emit(f"        {format_facts(entry, ui.style)}")
        for line in commit.message.strip().splitlines()[1:]:
            ui.emit(f"    {line}".rstrip())
        for change in entry.changes:
            origin = origins.get(change.path)
            ui.emit(
                f"  {format_change(change, ui.style)}"
                + (f"  {format_origin(origin, ui.style)}" if origin else "")
            )
