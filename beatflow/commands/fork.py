"""``bf fork``."""

from pathlib import Path
from typing import Annotated

import typer

from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def fork(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SRC[@REV]", help="A track, and a commit in it.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A new folder.")],
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Start a new track from a commit of another one.

    All of its history comes along. On the same disk the sound is shared, not copied. The new track knows where it
    comes from: bf log --graph shows the parent's branches beside its own. A folder with @ in its name is taken as
    it is when it exists.

    Examples:
      bf fork ../night-drive my-remix
      bf fork .@HEAD~1 ../other-way
    """
    from beatflow.fork import fork as make_fork
    from beatflow.fork import split_source
    from beatflow.repository import Repository
    from beatflow.revision.revision import get_commit

    invocation = Invocation.of(ctx)
    folder, revision = split_source(source)
    if not (invocation.directory / folder).is_dir():
        raise UsageError(f"no folder {str(folder)!r}", hint="bf fork TRACK[@REV] NEW-FOLDER")
    origin = Repository.get(invocation.directory / folder, invocation.signature)
    commit = get_commit(origin, revision)
    made = make_fork(origin, commit, invocation.directory / destination, dry_run)
    if json:
        document = {"path": made, "parent": origin.root, "commit": commit, "dry_run": dry_run}
        invocation.ui.emit_json("beatflow.fork/1", document)
    else:
        word = "would fork" if dry_run else "forked"
        invocation.ui.say(f"{word} {origin.root.name} at {commit[:7]} into {destination}")
