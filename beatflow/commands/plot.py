"""``bf plot``."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import ForceOption, JsonOption, complete_word
from beatflow.commands.takes import Target
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def plot(
    invocation: Invocation,
    sounds: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE|STEM|REV:PATH|REV|FOLDER|-]...",
            help="What to draw: files, stems, versions in history, a revision's mix; else the track's mix.",
            autocompletion=complete_word,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        Option(
            "--kind",
            "-k",
            metavar="KIND,...",
            help="wave, spectrum, chroma, loudness, beats, mood, stems, all; else wave,spectrum,loudness.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        Option("--output", "-o", metavar="FILE|-", help="Write a PNG, SVG or HTML file."),
    ] = None,
    format: Annotated[
        str | None,
        Option("--format", metavar="FORMAT", help="png, svg or html, where the name does not say."),
    ] = None,
    start: Annotated[
        str | None, Option("--from", metavar="TIME", help="Where to begin: 0:30, 12.5s, b17 (a bar).")
    ] = None,
    end: Annotated[
        str | None, Option("--to", metavar="TIME", help="Where to end; a bar is taken in.")
    ] = None,
    size: Annotated[
        str | None,
        Option("--size", metavar="W[xH]", help="Pixels, or columns and lines of a terminal."),
    ] = None,
    theme: Annotated[
        str | None,
        Option("--theme", metavar="THEME", help="dark or light; SVG and HTML follow the reader's."),
    ] = None,
    audio: Annotated[
        str,
        Option("--audio", metavar="FORMAT", help="The sound inside a page: opus, mp3, none."),
    ] = "opus",
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Draw sounds: waveform, spectrum, harmony, loudness, beats, mood, stems, versions.

    In the terminal, in as many colours as it has, or as PNG, SVG or a page with a player. Two sounds are
    drawn against each other: the same scales, and what the second has more or less of. Bars are on the axis where the
    tempo is known. docs/plot.md says how each figure is measured.

    Examples:
      bf plot
      bf plot mix.wav --kind wave,chroma --from b17 --to b24
      bf plot main~2:mix.wav mix.wav -o before-after.html
      bf plot v1 --kind stems -o stems.png
      bf plot song.flac --kind all -o - --format svg > song.svg
      bf plot mix.wav --json | jq '.sounds[0].loudness.loudness_lufs'
    """
    from beatflow.picture.order import read_order
    from beatflow.picture.plotting import make_plot

    ui = invocation.ui
    if json and output == "-":
        raise UsageError("only one thing can go to standard output", hint="give -o a FILE")
    order = read_order(kind, output, format, size, theme, audio, (start, end), ui.width)
    with ExitStack() as stack:
        target = None
        if output:
            target = stack.enter_context(Target(invocation, output, f"plot.{order.format}", force, "plot"))
        progress = stack.enter_context(ui.progress("listening"))
        piped = None
        if "-" in (sounds or []):
            from beatflow.delivery import spool

            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="beatflow-"))
            piped = spool(ui.read_input(), Path(scratch))
        repository = invocation.find_repository()
        found = make_plot(sounds or [], invocation.directory, repository, order, progress, piped, json)
        if target:
            target.file.write_bytes(found.write(progress))
            target.publish()
    for line in found.remarks:
        ui.warn(line)
    if json:
        ui.emit_json("beatflow.plot/1", found.describe())
    elif not target:
        from beatflow.picture.screen import Screen
        from beatflow.picture.terminal import draw_text

        depth = invocation.settings.depth if ui.color else "none"
        screen = Screen(order.columns, order.lines, depth, ui.unicode, order.theme)
        for line in draw_text(found.figure, screen):
            ui.emit(line)
