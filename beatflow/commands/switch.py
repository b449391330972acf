"""``bf switch``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, complete_revision
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import plural


def switch(
    invocation: Invocation,
    name: Annotated[
        str,
        Argument(
            metavar="BRANCH|REV", help="Where to go; - is where you were.", autocompletion=complete_revision
        ),
    ],
    start: Annotated[
        str,
        Argument(metavar="START", help="Where a new branch starts.", autocompletion=complete_revision),
    ] = "HEAD",
    create: Annotated[bool, Option("--create", "-c", help="Make the branch first.")] = False,
    detach: Annotated[bool, Option("--detach", help="Go to a commit without a branch.")] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Go to another branch.

    Only files that differ are rewritten, and uncommitted work comes along. Where it would be overwritten, nothing
    happens and you are told. A branch that only a remote has is made here, and follows that one.

    Examples:
      bf switch take2
      bf switch -
      bf switch -c club-mix
      bf switch --detach HEAD~2
    """
    from beatflow.naming import switch_to

    if create and detach:
        raise UsageError("--create and --detach contradict each other")
    repository = invocation.repository()
    count = switch_to(repository, name, start if create else None, detach, dry_run)
    if json:
        document = {
            "branch": repository.branch,
            "commit": repository.head,
            "files": count,
            "dry_run": dry_run,
        }
        invocation.ui.emit_json("beatflow.switch/1", document)
    elif dry_run:
        invocation.ui.emit(f"would rewrite {plural(count, 'file')}")
    else:
        invocation.ui.say(f"on {repository.branch or name}, {plural(count, 'file')} rewritten")
