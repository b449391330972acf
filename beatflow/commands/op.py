"""``bf op``: the operations."""

from itertools import islice
from typing import Annotated

from beatflow.commandline.declaring import Group, Option
from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_iso_time, format_time

op = Group(
    """Show what was done to the track, command by command.

    Examples:
      bf op log
    """,
)


@op.command("log")
def op_log(
    invocation: Invocation,
    count: Annotated[int | None, Option("-n", metavar="N", min=1, help="At most this many.")] = None,
    json: JsonOption = False,
) -> None:
    """List the operations, newest first.

    Examples:
      bf op log
      bf op log -n 5 --json
    """
    from beatflow.objects.operation import iter_operations

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
