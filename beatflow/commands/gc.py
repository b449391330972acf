"""``bf gc``."""

import typer

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural


def gc(ctx: typer.Context, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Pack the audio store tightly and drop what nothing reaches.

    Kept is whatever a branch, a tag or an operation reaches, so bf undo works as before.

    Examples:
      bf gc --dry-run
      bf gc
    """
    from beatflow.maintenance import collect

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    with ui.progress("collecting"):
        collected = collect(invocation.repository(), dry_run)
    if json:
        ui.emit_json("beatflow.gc/1", {"dry_run": dry_run, "collected": collected})
        return
    word = "would drop" if dry_run else "dropped"
    ui.say(
        f"{word} {plural(collected.objects, 'object')}, "
        f"{format_size(collected.bytes_before)} -> {format_size(collected.bytes_after)}"
    )
