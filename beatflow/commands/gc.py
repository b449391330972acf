"""``bf gc``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural

if TYPE_CHECKING:
    from beatflow.objects.collection import Collected


def gc(
    invocation: Invocation,
    aggressive: Annotated[
        bool, Option("--aggressive", help="Code all sound again, as small as it gets: takes long.")
    ] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Pack the audio store tightly and drop what nothing reaches.

    Kept is whatever a branch, a tag or an operation reaches, so bf undo works as before.

    --aggressive searches longer for what each sound may be made from, needs room for a second copy of the store while
    it runs, and may be interrupted: everything is as before then. It keeps what it made only if that is smaller.

    Examples:
      bf gc --dry-run
      bf gc
      bf gc --aggressive
    """
    ui = invocation.ui
    if aggressive and dry_run:
        raise UsageError(
            "what --aggressive gains is not known before it is done", "bf gc --dry-run, or bf gc --aggressive"
        )
    with ui.progress("collecting") as progress:
        if aggressive:
            from beatflow.care.repacking import repack

            collected = repack(invocation.repository(), progress)
        else:
            from beatflow.care.maintenance import collect

            collected = collect(invocation.repository(), dry_run)
    if collected.damaged:
        ui.warn(f"left alone since damaged: {plural(len(collected.damaged), 'pack')}", "bf check --repair")
    if json:
        ui.emit_json("beatflow.gc/1", {"dry_run": dry_run, "collected": collected})
        return
    ui.say(_describe_sizes(collected) if aggressive else _describe(collected, dry_run))


def _describe_sizes(collected: "Collected") -> str:
    """Say how large the store was and is."""
    before, after = collected.bytes_before, collected.bytes_after
    packs = plural(collected.packs_after, "pack")
    if after >= before:
        return f"nothing to gain: {format_size(after)} in {packs}"
    share = 100 * (before - after) / before
    return f"{format_size(before)} -> {format_size(after)} in {packs}, {share:.1f} % less"


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
