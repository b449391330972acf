"""``bf branch``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, ForceOption, JsonOption, complete_revision
from beatflow.invocation import Invocation


def branch(
    invocation: Invocation,
    name: Annotated[str | None, Argument(metavar="NAME", help="A new branch.")] = None,
    revision: Annotated[
        str, Argument(metavar="REV", help="Where it starts.", autocompletion=complete_revision)
    ] = "HEAD",
    delete: Annotated[str | None, Option("--delete", "-d", metavar="NAME", help="Delete a branch.")] = None,
    rename: Annotated[str | None, Option("--move", metavar="NEW", help="Rename NAME to NEW.")] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """List, make, rename or delete branches.

    A branch whose commits are on no other branch is deleted only with --force; bf undo brings it back either way.

    Examples:
      bf branch
      bf branch take2
      bf branch take2 HEAD~1
      bf branch --delete take2
      bf branch take2 --move club-mix
    """
    from beatflow.nametext import format_deleted, format_done, format_made, format_name
    from beatflow.naming import create_branch, delete_branch, list_branches, rename_branch

    ui = invocation.ui
    repository = invocation.repository()
    if delete is not None:
        oid = delete_branch(repository, delete, force, dry_run)
        ui.say(format_deleted(delete, oid, dry_run))
    elif name is not None and rename is not None:
        rename_branch(repository, name, rename, dry_run)
        ui.say(format_done(f"renamed {name} to {rename}", dry_run))
    elif name is not None:
        oid = create_branch(repository, name, revision, force, dry_run)
        ui.say(format_made(name, oid, dry_run))
    else:
        rows = list_branches(repository)
        if json:
            branches = [
                {"name": row.name, "oid": row.oid, "current": row.name == repository.branch} for row in rows
            ]
            ui.emit_json("beatflow.branch/1", {"branches": branches})
            return
        for row in rows:
            mark = "*" if row.name == repository.branch else " "
            ui.emit(f"{mark} {format_name(row, 'branch', ui.style)}")
