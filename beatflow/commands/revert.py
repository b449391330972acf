"""``bf revert``."""

from typing import Annotated

import typer

from beatflow.commands.options import (
    DryRunOption,
    JsonOption,
    MainlineOption,
    MessageOption,
    complete_revision,
)
from beatflow.errors import ConflictError
from beatflow.invocation import Invocation


def revert(
    ctx: typer.Context,
    revisions: Annotated[
        list[str],
        typer.Argument(metavar="REV...", help="Commits, or A..B.", autocompletion=complete_revision),
    ],
    message: MessageOption = None,
    mainline: MainlineOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Take back what some earlier commits did, in new commits.

    What came after them stays: a sound that was changed since in other stretches of time keeps those. What does not go
    together is kept in every take, as by bf merge, and ends it; the exit code is then 4. bf undo takes back the last
    command; this takes back any commit.

    Examples:
      bf revert HEAD~2
      bf revert main~4..main~2
      bf revert --mainline 1 3f9a2c1
    """
    from beatflow.explaining import read_clock
    from beatflow.merge.picking import REVERT, Request, pick
    from beatflow.merge.text import picks_document, tell_picks

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    request = Request(REVERT, revisions, message, mainline, dry_run)
    with ui.progress("merging") as progress:
        picks = pick(repository, request, lambda path: progress(0.0, path))
    if json:
        ui.emit_json("beatflow.revert/1", {**picks_document(picks), "dry_run": dry_run})
    else:
        for line in tell_picks(picks, request, lambda rate: read_clock(repository, repository.head, rate)):
            ui.say(line)
        if not ui.terminal and not dry_run and repository.head:
            ui.emit(repository.head)
    return ConflictError.exit_code if picks.troubled else 0
