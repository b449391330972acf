"""``bf tag``."""

from typing import Annotated

import typer

from beatflow.commands.options import DryRunOption, ForceOption, JsonOption
from beatflow.invocation import Invocation


def tag(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A new tag.")] = None,
    revision: Annotated[str, typer.Argument(metavar="REV", help="What it names.")] = "HEAD",
    delete: Annotated[
        str | None, typer.Option("--delete", "-d", metavar="NAME", help="Delete a tag.")
    ] = None,
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
    from beatflow.naming import create_tag, delete_tag, list_tags

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    repository = invocation.repository()
    would = "would be: " if dry_run else ""
    if delete is not None:
        oid = delete_tag(repository, delete, dry_run)
        ui.say(f"{would}deleted {delete} (was {oid[:7]}); bf undo brings it back")
    elif name is not None:
        oid = create_tag(repository, name, revision, force, dry_run)
        ui.say(f"{would}{name} at {oid[:7]}")
    else:
        rows = list_tags(repository)
        if json:
            ui.emit_json("beatflow.tag/1", {"tags": [{"name": row.name, "oid": row.oid} for row in rows]})
            return
        for row in rows:
            ui.emit(f"{ui.style(row.name, 'tag')} {ui.style(row.oid[:7], 'oid')} {row.title}")
