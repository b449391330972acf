"""``bf license``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, complete_word
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatflow.lineage.clearance import Survey
    from beatflow.lineage.state import State
    from beatflow.repository import Repository


def license(
    invocation: Invocation,
    arguments: Annotated[
        list[str] | None,
        Argument(
            metavar="[PATH | REV | REV:PATH]...",
            help="Sounds, folders or commits; all sounds of the folder if left out.",
            autocompletion=complete_word,
        ),
    ] = None,
    set_: Annotated[
        str | None,
        Option("--set", metavar="LICENCE", help="Declare sounds: own, or an SPDX name such as CC-BY-4.0."),
    ] = None,
    unset: Annotated[bool, Option("--unset", help="Take a declaration back.")] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Say what may be sold, what is in the way, and how to clear it.

    Follows each sound through all that it was made of: engines bring the licence of their weights, recordings are
    yours or unknown until you say with --set, which writes [licences] in track.toml. Ends with 0 where all may be
    sold, else with 1. It reads records, and is no legal advice.

    Examples:
      bf license
      bf license mix.wav --json
      bf license v1.0
      bf license --set own stems/vocals.wav
      bf license --set CC-BY-4.0 samples/
    """
    from beatflow.lineage.state import find_wanted

    ui = invocation.ui
    repository = invocation.repository()
    if set_ is not None or unset:
        _declare(invocation, repository, arguments or [], None if unset else set_, dry_run)
        return 0
    surveys = [
        _survey(invocation, repository, wanted.state, wanted.paths)
        for wanted in find_wanted(repository, arguments or [])
    ]
    if json:
        from beatflow.lineage.text import describe_survey

        documents = [describe_survey(one) for one in surveys]
        ui.emit_json("beatflow.license/1", documents[0] if len(documents) == 1 else {"states": documents})
    else:
        _show(invocation, surveys)
    return 1 if any(one.verdict for one in surveys) else 0


def _survey(
    invocation: Invocation, repository: "Repository", state: "State", paths: "Sequence[str]"
) -> "Survey":
    from beatflow.lineage.clearance import survey
    from beatflow.lineage.edits import EditFinder
    from beatflow.provenance import RecordFinder

    find_records = RecordFinder(repository, state.commit)
    with invocation.ui.progress("reading records") as progress:
        edits = EditFinder(repository, state, find_records, progress)
        return survey(state, paths, find_records, edits)


def _show(invocation: Invocation, surveys: "Sequence[Survey]") -> None:
    from beatflow.columns import safe_line
    from beatflow.lineage.text import Page, format_survey

    ui = invocation.ui
    page = Page(ui.style, safe_line, ui.width if ui.terminal else None)
    with ui.pager():
        for number, one in enumerate(surveys):
            if number:
                ui.emit()
            for line in format_survey(one, page):
                ui.emit(line)


def _declare(
    invocation: Invocation, repository: "Repository", words: list[str], expression: str | None, dry_run: bool
) -> None:
    from beatflow.lineage.clearance import survey
    from beatflow.lineage.declaration import TABLE, declare
    from beatflow.lineage.state import read_folder
    from beatflow.provenance import RecordFinder

    if not words:
        raise UsageError(
            "which sounds?", hint="bf license --set own stems/vocals.wav; . for all of the track"
        )
    folder = read_folder(repository)
    known = set(survey(folder, list(folder.sounds), RecordFinder(repository)).places.values())
    # What is only in something else's record, a hum from another folder, goes by the name that it has there.
    paths = [word if word in known else repository.worktree.relative(Path(word)) for word in words]
    names = declare(repository, expression, paths, known, dry_run)
    said = f"declared {expression}" if expression else "declared nothing of"
    invocation.ui.say(f"{said}: {', '.join(names)}, in [{TABLE}] of track.toml")
