"""``bf cherry-pick`` and ``bf revert``: doing once more, or the opposite of, what single commits did."""

from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import (
    DryRunOption,
    JsonOption,
    MainlineOption,
    MessageOption,
    complete_revision,
)
from beatflow.errors import ConflictError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.merge.picking import Request


def cherry_pick(
    invocation: Invocation,
    revisions: Annotated[
        list[str],
        Argument(metavar="REV...", help="Commits, or A..B.", autocompletion=complete_revision),
    ],
    message: MessageOption = None,
    mainline: MainlineOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Do here what commits of another line of work did.

    Each becomes a commit with its message and author, in the order given; the oldest of a range comes first. What
    does not go together with what is here is kept in every take, as by bf merge, and ends it; the exit code is then 4.

    Examples:
      bf cherry-pick take2
      bf cherry-pick main..take2
      bf cherry-pick --mainline 1 3f9a2c1
    """
    from beatflow.merge.picking import CHERRY_PICK, Request

    request = Request(CHERRY_PICK, revisions, message, mainline, dry_run)
    return _run(invocation, request, json)


def revert(
    invocation: Invocation,
    revisions: Annotated[
        list[str],
        Argument(metavar="REV...", help="Commits, or A..B.", autocompletion=complete_revision),
    ],
    message: MessageOption = None,
    mainline: MainlineOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Take back what some earlier commits did, in new commits.

    What came after them stays: a sound that was changed since in other stretches of time keeps those. What does not go
    together is kept in every take, as by bf merge, and ends it; the exit code is then 4. bf undo takes back the last
    command; this takes back any commit.

    Examples:
      bf revert HEAD~2
      bf revert main~4..main~2
      bf revert --mainline 1 3f9a2c1
    """
    from beatflow.merge.picking import REVERT, Request

    request = Request(REVERT, revisions, message, mainline, dry_run)
    return _run(invocation, request, json)


def _run(invocation: Invocation, request: "Request", json: bool) -> int:
    """Do what a request asks for, tell it, and return the exit code."""
    from beatflow.explaining import read_clock
    from beatflow.merge.picking import pick
    from beatflow.merge.text import picks_document, tell_picks

    ui = invocation.ui
    repository = invocation.repository()
    with ui.progress("merging") as progress:
        picks = pick(repository, request, lambda path: progress(0.0, path))
    if json:
        ui.emit_json(f"beatflow.{request.kind}/1", {**picks_document(picks), "dry_run": request.dry_run})
    else:
        for line in tell_picks(picks, request, lambda rate: read_clock(repository, repository.head, rate)):
            ui.say(line)
        if not ui.terminal and not request.dry_run and repository.head:
            ui.emit(repository.head)
    return ConflictError.exit_code if picks.troubled else 0
