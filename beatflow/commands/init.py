"""``bf init``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.importing.gitfolder import GitFolder


def init(
    invocation: Invocation,
    directory: Annotated[Path, Argument(metavar="DIR", help="The track's folder.")] = Path(),
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Start a track: make a repository in a folder.

    Files that are there already stay as they are; the first commit takes them in. In a folder that is a track
    already nothing happens. In a git repository its history can be taken over (see `bf import --git`), which is
    offered where somebody can answer.

    Examples:
      bf init
      bf init "night drive"
    """
    from beatflow.repository import Repository, make_absolute

    root = make_absolute(invocation.directory / directory)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{directory} is a file", hint="name a folder")
    found = Repository.find(root, invocation.signature)
    existed = found is not None and found.root == root
    history = None if existed else _find_history(root)
    if history and not (dry_run or json) and invocation.ui.can_ask:
        question = f"{root} is a git repository: take its history over, commits and sounds as they are?"
        if invocation.ui.confirm(question, default=True):
            _take_over(invocation, history)
            return
    if not dry_run:
        Repository.create(root, invocation.signature)
        invocation.announce(root)
    if json:
        invocation.ui.emit_json("beatflow.init/1", {"path": root, "created": not existed, "dry_run": dry_run})
    else:
        word = "already a track" if existed else "would make a track" if dry_run else "new track"
        invocation.ui.say(f"{word}: {root}")
        if history:
            invocation.ui.say("this is a git repository with a history: bf import --git takes it over")


def _find_history(root: Path) -> "GitFolder | None":
    """Return the git repository that a folder is, if it has a commit."""
    from beatflow.importing.gitfolder import find_git_folder

    found = find_git_folder(root) if (root / ".git").exists() else None
    return found if found and found.has_commits() else None


def _take_over(invocation: Invocation, source: "GitFolder") -> None:
    from beatflow.importing.gitimport import find_import_place, plan_git_import, run_git_import
    from beatflow.importing.gittext import format_git_outcome, format_git_remarks
    from beatflow.sharing.inspection import Rules

    ui = invocation.ui
    place = find_import_place(source, None, invocation.signature)
    with ui.progress("reading history") as watch:
        plan = plan_git_import(source, watch, Rules.parse(invocation.settings.accept))
        run_git_import(plan, place, invocation.signature, watch)
    invocation.announce(place)
    for line in (format_git_outcome(plan, str(place), False), *format_git_remarks(plan, place)):
        ui.say(line)
