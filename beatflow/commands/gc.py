"""``bf gc``."""

from typing import TYPE_CHECKING

import typer

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural

if TYPE_CHECKING:
    from beatflow.objects.store import Collected


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
    ui.say(_describe(collected, dry_run))


def _describe(collected: "Collected", dry_run: bool) -> str:
    """Say what it gained: how much is gone, and in how many packs the rest lies now."""
    packs, size = plural(collected.packs_after, "pack"), format_size(collected.bytes_after)
    if not collected.objects and collected.packs_before == collected.packs_after:
        return f"nothing to collect: {size} in {packs}"
    word = "would drop" if dry_run else "dropped"
    freed = format_size(max(0, collected.bytes_before - collected.bytes_after))
    return (
        f"{word} {plural(collected.objects, 'object')}: {freed} freed, {size} left, "
        f"in {packs} instead of {collected.packs_before}"
    )
