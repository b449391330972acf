"""``bf diff``."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe_line
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import ForceOption, JsonOption, complete_word
from beatflow.commands.takes import Target
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.diff.answer import Answer

DIFFERENT, DAMAGED = 1, 7
_PAGE_COLUMNS = 1200


def diff(
    invocation: Invocation,
    arguments: Annotated[
        list[str] | None,
        Argument(
            metavar="[A [B]] [PATH...]",
            help="Revisions, then paths; or two files or folders.",
            autocompletion=complete_word,
        ),
    ] = None,
    curve: Annotated[
        bool, Option("--curve", help="Print the curves of equalisers and of levels over time.")
    ] = False,
    plot: Annotated[
        bool, Option("--plot", help="Draw both sounds, and what is left of the new one.")
    ] = False,
    html: Annotated[
        str | None,
        Option("--html", metavar="FILE|-", help="Write all of it as one page that needs no network."),
    ] = None,
    output: Annotated[
        str | None,
        Option("--output", "-o", metavar="FILE|-", help="Write what is left of the one sound, as WAV."),
    ] = None,
    force: ForceOption = False,
    measure: Annotated[
        bool,
        Option("--measure", help="Measure tempo and key where they are not known: seconds a sound."),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Say what became of each sound, from nothing but its samples.

    Without revisions the folder against the last commit, with one against that, with two those against each other;
    A...B is what B did since the two parted. Two files or two folders outside a track work as well.

    Per sound: what was done to it (moved, gain, EQ, regions replaced …), in bars where the tempo is known; what that
    leaves unexplained; loudness, true peak, tempo and key on both sides, the last two as far as they are known. A mix
    that is the sum of its stems tells its faders. Ends with 1 when something differs.

    Examples:
      bf diff
      bf diff HEAD~1 stems/drums.wav --plot
      bf diff v1 v2 --html v1-v2.html
      bf diff v1 v2 --json | jq '.changes[] | select(.kind == "gain")'
      bf diff bounce1.wav bounce2.wav -o residual.wav
    """
    from beatflow.diff.answer import Wish, answer
    from beatflow.diff.question import ask

    ui = invocation.ui
    if [json, html == "-", output == "-"].count(True) > 1:
        raise UsageError("only one thing can go to standard output", hint="give -o and --html a FILE")
    with ExitStack() as stack:
        residual = (
            stack.enter_context(Target(invocation, output, "residual.wav", force, "diff")) if output else None
        )
        page = stack.enter_context(Target(invocation, html, "diff.html", force, "diff")) if html else None
        with ui.progress("comparing") as progress:
            question = ask(invocation.find_repository(), arguments or [], progress)
            columns = _PAGE_COLUMNS if page else _count_columns(invocation) if plot else None
            found = answer(question, Wish(measure, columns, residual.file if residual else None), progress)
        if page:
            from beatflow.diff.page import write_page

            page.file.write_bytes(write_page(found))
        if json:
            from beatflow.diff.text import describe_differences

            ui.emit_json("beatflow.diff/2", describe_differences(found.items, found.mix))
        elif "-" not in (html, output):
            _show(invocation, found, curve, plot)
        for target in (residual, page):
            if target:
                target.publish()
    return DAMAGED if found.damaged else DIFFERENT if found.different else 0


def _show(invocation: Invocation, found: "Answer", curve: bool, plot: bool) -> None:
    from beatflow.diff.text import format_composition, format_difference

    ui = invocation.ui
    with ui.pager():
        for item in found.items:
            clock = found.clock_of(item)
            for line in format_difference(item, clock, ui.style, curve, safe_line):
                ui.emit(line)
            drawing = found.drawings.get(item.path)
            if plot and drawing and item.explanation:
                from beatflow.diff.plot import plot_difference

                columns = _count_columns(invocation)
                for line in plot_difference(drawing, item.explanation, clock, columns, ui.unicode, ui.style):
                    ui.emit(line)
            if found.mix and found.mix.path == item.path:
                for line in format_composition(found.mix, ui.style, safe_line):
                    ui.emit(line)


def _count_columns(invocation: Invocation) -> int:
    from beatflow.diff.plot import count_columns

    return count_columns(invocation.ui.width)
