"""``bf restore``."""

from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, ForceOption, JsonOption, complete_revision
from beatflow.invocation import Invocation
from beatflow.wording import plural


def restore(
    invocation: Invocation,
    paths: Annotated[list[Path], Argument(metavar="PATH...", help="Files and folders; . for all.")],
    source: Annotated[
        str,
        Option("--source", "-s", metavar="REV", help="From this commit.", autocompletion=complete_revision),
    ] = "HEAD",
    to: Annotated[Path | None, Option("--to", metavar="DIR", help="Into another folder.")] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Bring files back as they were in a commit.

    What they are now is kept first: bf undo brings it back. With --to they go into another folder and nothing
    here changes; files that are there already are overwritten only with --force.

    Examples:
      bf restore stems/bass.wav
      bf restore --source HEAD~2 .
      bf restore --source v1 --to ../listen mix.wav
    """
    from beatflow.restoring import restore_into, restore_worktree
    from beatflow.revision.revision import get_commit

    ui = invocation.ui
    repository = invocation.repository()
    commit = get_commit(repository, source)
    wanted = [repository.worktree.relative(path) for path in paths]
    with ui.progress("restoring") as progress:
        if to is not None:
            names = restore_into(
                repository, commit, wanted, invocation.directory / to, force, dry_run, progress
            )
        else:
            names = restore_worktree(repository, commit, wanted, dry_run, progress)
    if json:
        ui.emit_json("beatflow.restore/1", {"commit": commit, "paths": names, "dry_run": dry_run})
        return
    if dry_run:
        for name in names:
            ui.emit(name)
    else:
        ui.say(f"{plural(len(names), 'file')} restored from {commit[:7]}")
