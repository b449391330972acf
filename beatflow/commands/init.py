"""``bf init``."""

from pathlib import Path
from typing import Annotated

import typer

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The track's folder.")] = Path(),
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Start a track: make a repository in a folder.

    Files that are there already stay as they are; the first commit takes them in. In a folder that is a track
    already nothing happens.

    Examples:
      bf init
      bf init "night drive"
    """
    from beatflow.repository import Repository, make_absolute

    invocation = Invocation.of(ctx)
    root = make_absolute(invocation.directory / directory)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{directory} is a file", hint="name a folder")
    found = Repository.find(root, invocation.signature)
    existed = found is not None and found.root == root
    if not dry_run:
        Repository.create(root, invocation.signature)
    if json:
        invocation.ui.emit_json("beatflow.init/1", {"path": root, "created": not existed, "dry_run": dry_run})
    else:
        word = "already a track" if existed else "would make a track" if dry_run else "new track"
        invocation.ui.say(f"{word}: {root}")
