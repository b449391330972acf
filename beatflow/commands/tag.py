"""``bf tag``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, ForceOption, JsonOption, complete_revision
from beatflow.invocation import Invocation


def tag(
    invocation: Invocation,
    name: Annotated[str | None, Argument(metavar="NAME", help="A new tag.")] = None,
    revision: Annotated[
        str, Argument(metavar="REV", help="What it names.", autocompletion=complete_revision)
    ] = "HEAD",
    delete: Annotated[str | None, Option("--delete", "-d", metavar="NAME", help="Delete a tag.")] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """List, make or delete tags: names that stay where they are.

    Examples:
      bf tag
      bf tag release-1
      bf tag demo HEAD~2
      bf tag --delete demo
    """
    from beatflow.nametext import format_deleted, format_made, format_name
    from beatflow.naming import create_tag, delete_tag, list_tags

    ui = invocation.ui
    repository = invocation.repository()
    if delete is not None:
        oid = delete_tag(repository, delete, dry_run)
        ui.say(format_deleted(delete, oid, dry_run))
    elif name is not None:
        oid = create_tag(repository, name, revision, force, dry_run)
        ui.say(format_made(name, oid, dry_run))
    else:
        rows = list_tags(repository)
        if json:
            ui.emit_json("beatflow.tag/1", {"tags": [{"name": row.name, "oid": row.oid} for row in rows]})
            return
        for row in rows:
            ui.emit(format_name(row, "tag", ui.style))
