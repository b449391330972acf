"""``bf op``: the operations."""

from itertools import islice
from typing import Annotated

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_iso_time, format_time

op = typer.Typer(
    help="""Show what was done to the track, command by command.

    Examples:
      bf op log
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@op.callback()
def _group() -> None:
    pass


@op.command("log")
def op_log(
    ctx: typer.Context,
    count: Annotated[int | None, typer.Option("-n", metavar="N", min=1, help="At most this many.")] = None,
    json: JsonOption = False,
) -> None:
    """List the operations, newest first.

    Examples:
      bf op log
      bf op log -n 5 --json
    """
    from beatflow.objects.operation import iter_operations

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    operations = islice(iter_operations(invocation.repository().git), count)
    if json:
        rows = [
            {
                "oid": item.oid,
                "kind": item.kind,
                "description": item.description,
                "author": item.signature.name,
                "time": format_iso_time(item.signature),
                "target": item.target,
                "refs": {name: [change.before, change.after] for name, change in item.refs.items()},
            }
            for item in operations
        ]
        ui.emit_json("beatflow.op.log/1", {"operations": rows})
        return
    with ui.pager():
        for item in operations:
            oid, when = ui.style(item.oid[:7], "oid"), ui.style(format_time(item.signature), "dim")
            ui.emit(f"{oid} {when} {item.kind}: {item.description}")
