"""``bf diff``."""

from typing import Annotated

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation

DIFFERENT = 1


def diff(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A [B]] [PATH...]", help="Revisions, then paths; or two files."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Show which sounds differ, and by how much.

    Without revisions the folder against the last commit, with one against that, with two those against each other;
    two files outside a track work as well. Per sound: length, loudness, and a null test after alignment. Ends with 1
    when something differs.

    Examples:
      bf diff
      bf diff HEAD~1 stems/drums.wav
      bf diff v1 v2 --json
      bf diff bounce1.wav bounce2.wav
    """
    from beatflow.diff import find_differences
    from beatflow.difftext import describe_difference, format_difference

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    with ui.progress("comparing") as progress:
        differences = list(find_differences(invocation.find_repository(), arguments or [], progress))
    different = any(item.kind != "identical" for item in differences)
    if json:
        rows = [describe_difference(item) for item in differences]
        ui.emit_json("beatflow.diff/1", {"different": different, "changes": rows})
    else:
        with ui.pager():
            for item in differences:
                for line in format_difference(item, ui.style):
                    ui.emit(line)
    return DIFFERENT if different else 0
