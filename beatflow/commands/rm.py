"""``bf rm``."""

from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import plural


def rm(
    invocation: Invocation,
    paths: Annotated[list[Path], Argument(metavar="PATH...", help="Files and folders.")],
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Delete files from the folder, also those that were left elsewhere.

    What they are now is kept first: bf undo brings it back. The next commit has them no more; older ones still do. To
    delete a file that is here by other means does as well, only without bf undo.

    Examples:
      bf rm stems/vocals.wav
      bf rm --dry-run bounces
    """
    from beatflow.removing import remove_files

    ui = invocation.ui
    repository = invocation.repository()
    names = remove_files(repository, [repository.worktree.relative(path) for path in paths], dry_run)
    if json:
        ui.emit_json("beatflow.rm/1", {"paths": names, "dry_run": dry_run})
        return
    if dry_run:
        for name in names:
            ui.emit(name)
    else:
        ui.say(f"{plural(len(names), 'file')} deleted")
