"""``bf undo``."""

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation


def undo(invocation: Invocation, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Take back the last change.

    That is a commit, a switch, a restore, something generated … Again takes back the one before. Files edited
    since are kept: bf redo brings them back.

    Examples:
      bf undo
      bf op log
    """
    from beatflow.undo import undo as take_back

    operation = take_back(invocation.repository(), dry_run)
    if json:
        document = {"operation": operation.oid, "kind": operation.kind, "description": operation.description}
        invocation.ui.emit_json("beatflow.undo/1", document)
    elif dry_run:
        invocation.ui.emit(f"would take back {operation.kind}: {operation.description}")
    else:
        invocation.ui.say(f"took back {operation.kind}: {operation.description}")
