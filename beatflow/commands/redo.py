"""``bf redo``."""

import typer

from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation


def redo(ctx: typer.Context, json: JsonOption = False) -> None:
    """Do again what bf undo took back.

    Examples:
      bf redo
    """
    from beatflow.undo import redo as do_again

    invocation = Invocation.of(ctx)
    operation = do_again(invocation.repository())
    if json:
        document = {"operation": operation.oid, "kind": operation.kind, "description": operation.description}
        invocation.ui.emit_json("beatflow.redo/1", document)
    else:
        invocation.ui.say(f"did again {operation.kind}: {operation.description}")
