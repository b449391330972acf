"""``bf prune``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe
from beatflow.commandline.declaring import Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural

if TYPE_CHECKING:
    from beatflow.sharing.partial.pruning import Pruned
    from beatflow.ui import Ui


def prune(
    invocation: Invocation,
    keep: Annotated[int, Option("--keep", metavar="N", help="Keep the newest N versions of each file.")] = 1,
    older: Annotated[
        str | None,
        Option("--older", metavar="AGE", help="Drop only what no commit of the last AGE has: 90d, 6mo."),
    ] = None,
    remote: Annotated[
        str | None,
        Option("--remote", metavar="NAME", help="Where the sounds are; by default the usual remote."),
    ] = None,
    preview: Annotated[
        bool, Option("--preview", help="Keep small copies to listen to of what is dropped.")
    ] = False,
    verify: Annotated[
        bool | None,
        Option(
            "--verify/--no-verify",
            help="Read the remote's copies through first; done by default where that is a disk.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Free space: drop older sounds here that a remote has.

    History stays, and so does every sound that a branch here has now. The remote is asked for each sound that would go:
    one that it does not have stays, and the command ends with 1. What was dropped is fetched again when it is needed.
    On disks the copies are read through before anything goes; --verify does so elsewhere, which downloads them all.

    Examples:
      bf prune --dry-run
      bf prune --keep 3 --older 90d
      bf prune --remote archive --preview
    """
    from beatflow.commands.options import make_access
    from beatflow.sharing.configured import choose_remote
    from beatflow.sharing.opening import open_configured
    from beatflow.sharing.partial.pruning import Terms, parse_age
    from beatflow.sharing.partial.pruning import prune as drop

    repository = invocation.repository()
    before_s = None if older is None else invocation.clock().time - parse_age(older)
    configured = choose_remote(repository, remote)
    opened = open_configured(repository, configured, make_access(invocation))
    if verify is None:
        verify = "://" not in opened.address
    terms = Terms(keep, before_s, preview, verify)
    with invocation.ui.progress("pruning") as progress:
        pruned = drop(repository, opened, configured.name, terms, progress, dry_run)
    if json:
        document = {"dry_run": dry_run, "remote": configured.name, "pruned": _describe(pruned)}
        invocation.ui.emit_json("beatflow.prune/1", document)
    else:
        _tell(invocation.ui, pruned, configured.name, dry_run)
    if pruned.refused:
        invocation.ui.warn(
            f"kept {plural(len(pruned.refused), 'sound')} that {configured.name} does not have whole, "
            f"such as {safe(pruned.refused[0].path)}",
            f"bf push --all --tags --verify {configured.name}",
        )
    return 1 if pruned.refused else 0


def _describe(pruned: "Pruned") -> dict[str, object]:
    def rows(kind: str) -> list[dict[str, object]]:
        return [
            {"path": sound.path, "oid": sound.pointer.oid, "size": sound.pointer.size}
            for sound in getattr(pruned, kind)
        ]

    return {
        "dropped": rows("dropped"),
        "refused": rows("refused"),
        "bytes_before": pruned.bytes_before,
        "bytes_after": pruned.bytes_after,
    }


def _tell(ui: "Ui", pruned: "Pruned", remote: str, dry_run: bool) -> None:
    if not pruned.dropped:
        ui.say("nothing to drop")
        return
    if dry_run:
        by_path: dict[str, list[int]] = {}
        for sound in pruned.dropped:
            by_path.setdefault(sound.path, []).append(sound.pointer.size)
        for path, sizes in sorted(by_path.items()):
            ui.emit(f"{safe(path)}  {plural(len(sizes), 'version')}, {format_size(sum(sizes))}")
    word = "would drop" if dry_run else "dropped"
    freed = format_size(max(0, pruned.bytes_before - pruned.bytes_after))
    ui.say(
        f"{word} {plural(len(pruned.dropped), 'sound')} that {remote} has: {freed} freed, "
        f"{format_size(pruned.bytes_after)} left; they come back when they are needed"
    )
