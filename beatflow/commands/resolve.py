"""``bf resolve``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, MessageOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.merge.resolving import Decision
    from beatflow.worktree import Worktree


def resolve(
    invocation: Invocation,
    names: Annotated[
        list[str] | None,
        Argument(metavar="[STEM|PATH]...", help="What to decide; without any, lists what is open."),
    ] = None,
    take: Annotated[
        Literal["ours", "theirs", "base"] | None, Option("--take", help="Have this take.")
    ] = None,
    region: Annotated[
        list[str] | None,
        Option(
            "--region", metavar="START-END TAKE", help="Have this stretch from a take, the rest from ours."
        ),
    ] = None,
    mix: Annotated[
        float | None,
        Option("--mix", metavar="W", min=0, max=1, help="Have the sum: W of theirs, 1-W of ours."),
    ] = None,
    mark: Annotated[bool, Option("--mark", help="The file is right as it is now.")] = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Decide what a merge left in conflict, or list it.

    The takes beside the file go, and the file becomes what you say; commit it when you are content, or at once with
    -m. Regions are written like 0:30-0:45 or b33-b34 and may be several; what is beyond them is ours, and a joint that
    would click is faded inside the region. A mix that was the render of its stems is rendered again. bf undo brings
    the takes back.

    Examples:
      bf resolve
      bf resolve bass --take theirs
      bf resolve bass --region 0:30-0:45 theirs --region b65-b68 theirs
      bf resolve vocals --mix 0.5 -m "both singers"
    """
    from beatflow.explaining import read_clock
    from beatflow.merge.resolving import Decision, check_takes
    from beatflow.merge.resolving import resolve as decide
    from beatflow.merge.text import conflict_document

    ui = invocation.ui
    repository = invocation.repository()
    # Each region's take comes as a word of its own, behind the names.
    words = names or []
    count = len(region or [])
    takes = words[len(words) - count :] if count else []
    wanted = words[: len(words) - count]
    if len(takes) < count:
        raise UsageError("each region wants a take", hint="bf resolve bass --region 0:30-0:45 theirs")
    check_takes(takes)
    decision = Decision(take, tuple(zip(region or [], takes, strict=True)), mix, mark, message, dry_run)
    if not wanted and _count_ways(decision) == 0:
        _list(invocation, json)
        return
    if _count_ways(decision) != 1 or not wanted:
        raise UsageError(
            "say what to decide, and one way to do it" if wanted else "say what to decide",
            hint="bf resolve STEM --take ours|theirs|base, --region START-END TAKE, --mix W or --mark",
        )
    root = repository.worktree
    relative = [_relative(root, name) for name in wanted]
    with ui.progress("resolving"):
        found = decide(
            repository, relative, decision, lambda rate: read_clock(repository, repository.head, rate)
        )
    if json:
        ui.emit_json(
            "beatflow.resolve/1",
            {
                "resolved": list(found.paths),
                "rendered": found.rendered,
                "commit": None if dry_run else found.commit,
                "open": [conflict_document(conflict) for conflict in found.left],
                "dry_run": dry_run,
            },
        )
        return
    if found.rendered:
        ui.say(f"rendered {found.rendered} again from the stems")
    left = f"; {plural(len(found.left), 'conflict')} left" if found.left else ""
    done = "would resolve" if dry_run else f"[{found.commit[:7]}] resolved" if found.commit else "resolved"
    after = "" if found.commit or dry_run or left else '; bf commit -m "..." keeps it'
    ui.say(f"{done} {', '.join(found.paths)}{left}{after}")


def _relative(worktree: "Worktree", name: str) -> str:
    """Return a path below the root for what is a file here, anything else as it is."""
    return worktree.relative(Path(name)) if Path(name).exists() or "/" in name else name


def _count_ways(decision: "Decision") -> int:
    ways = (decision.take, decision.regions, decision.mix is not None, decision.mark)
    return sum(1 for way in ways if way)


def _list(invocation: Invocation, json: bool) -> None:
    from beatflow.merge.resolving import list_open
    from beatflow.merge.text import conflict_document, tell_way_out

    ui = invocation.ui
    found = list_open(invocation.repository())
    if json:
        ui.emit_json("beatflow.resolve/1", {"open": [conflict_document(conflict) for conflict in found]})
        return
    for conflict in found:
        ui.emit(f"{conflict.path}  {' '.join(conflict.takes)}")
    if found:
        ui.say(tell_way_out(found[0]))
    else:
        ui.say("nothing is in conflict")
