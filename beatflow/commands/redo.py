"""``bf redo``."""

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation


def redo(invocation: Invocation, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Do again what bf undo took back.

    Examples:
      bf redo
    """
    from beatflow.undo import redo as do_again

    operation = do_again(invocation.repository(), dry_run)
    if json:
        document = {"operation": operation.oid, "kind": operation.kind, "description": operation.description}
        invocation.ui.emit_json("beatflow.redo/1", document)
    elif dry_run:
        invocation.ui.emit(f"would do again {operation.kind}: {operation.description}")
    else:
        invocation.ui.say(f"did again {operation.kind}: {operation.description}")
