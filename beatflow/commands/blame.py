"""``bf blame``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.blame.blame import Blame
    from beatflow.repository import Repository
    from beatflow.timecode import Clock
    from beatflow.ui import Ui

DAMAGED = 7


def blame(
    invocation: Invocation,
    path: Annotated[str, Argument(metavar="PATH", help="A sound of the track.")],
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="[START-END] [REV]", help="A stretch of it, and the commit to begin at."),
    ] = None,
    porcelain: Annotated[
        bool, Option("--porcelain", help="One line a stretch, fields with tabs between, for scripts.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Show which commit each stretch of a sound comes from.

    For each stretch the commit that brought the material in, then those that worked on it: louder, equalised, faded.
    Moves, new names, copies, merges and old versions that came back are followed. Fields of --porcelain: start and
    length in frames, both in seconds, commit, author, address, time, kind, start in the file of that commit, its path,
    and commit:kind of each later change. Ends with 7 where an older version cannot be read.

    Examples:
      bf blame stems/bass.wav
      bf blame stems/drums.wav b33-b34
      bf blame mix.wav 0:30-0:45 v1
      bf blame mix.wav --json | jq -r '.stretches[].commit'
    """
    from beatflow.blame.blame import read_blame
    from beatflow.blame.text import describe_blame, format_porcelain

    ui = invocation.ui
    repository = invocation.repository()
    with ui.progress("listening") as progress:
        found, clock = read_blame(repository, path, arguments or [], progress)
    if json:
        ui.emit_json("beatflow.blame/1", describe_blame(found, clock))
    elif porcelain:
        for stretch in found.stretches:
            ui.emit(format_porcelain(stretch, clock))
    else:
        _show(ui, repository, found, clock)
    problems = dict.fromkeys(stretch.problem for stretch in found.stretches if stretch.problem)
    for problem in problems:
        ui.warn(f"what was before cannot be told: {problem}", hint="bf check --data")
    return DAMAGED if problems else 0


def _show(ui: "Ui", repository: "Repository", found: "Blame", clock: "Clock") -> None:
    from beatflow.blame.strip import draw_strips
    from beatflow.blame.text import format_stretch

    if not found.stretches:
        ui.say(f"{found.version.path} has no frames there")
    places = [(stretch.start, stretch.frames) for stretch in found.stretches]
    strips = draw_strips(repository, found.version.oid, places, min(40, ui.width // 2))
    with ui.pager():
        for stretch, strip in zip(found.stretches, strips, strict=True):
            for line in format_stretch(stretch, found.version.path, clock, strip, ui.style):
                ui.emit(line)
