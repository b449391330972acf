"""``bf ls``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption, ZeroOption, complete_revision
from beatflow.invocation import Invocation
from beatflow.wording import format_size


def ls(
    invocation: Invocation,
    revision: Annotated[
        str, Argument(metavar="REV", help="The commit.", autocompletion=complete_revision)
    ] = "HEAD",
    names: Annotated[bool, Option("--name-only", help="Only the paths.")] = False,
    zero: ZeroOption = False,
    json: JsonOption = False,
) -> None:
    """List the files of a commit, with size and id.

    Examples:
      bf ls
      bf ls HEAD~1 --json
      bf ls v1 --name-only
    """
    from beatflow.history import list_files
    from beatflow.revision.revision import get_commit

    ui = invocation.ui
    repository = invocation.repository()
    commit = get_commit(repository, revision)
    files = list_files(repository, commit)
    if json:
        rows = [
            {"path": file.path, "size": file.size, "oid": file.oid, "sound": file.sound} for file in files
        ]
        ui.emit_json("beatflow.ls/1", {"commit": commit, "files": rows})
    elif zero or names:
        for file in files:
            ui.emit(file.path, end="\0" if zero else "\n")
    else:
        ui.table(["", "", ""], [[file.oid[:12], format_size(file.size), file.path] for file in files], {})
