"""``bf check``."""

from typing import Annotated

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import plural

DAMAGED = 7


def check(
    ctx: typer.Context,
    data: Annotated[
        bool, typer.Option("--data", help="Decode every sound and verify every checksum.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Check that all of a track can be read.

    Nothing is changed. Ends with 7 when something is damaged, and names the commits and paths that it hurts.

    Examples:
      bf check
      bf check --data
    """
    from beatflow.maintenance import check as find_problems

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    with ui.progress("checking") as progress:
        problems = list(find_problems(repository, data, progress))
    if json:
        ui.emit_json("beatflow.check/1", {"data": data, "problems": problems})
    else:
        for problem in problems:
            where = f"{problem.commit[:7]}:{problem.path or ''} " if problem.commit else ""
            ui.emit(f"{where}{problem.message}" + (f" ({problem.oid[:12]})" if problem.oid else ""))
        ui.say(plural(len(problems), "problem") if problems else "no problem found")
    return DAMAGED if problems else 0
