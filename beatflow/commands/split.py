"""``bf split``."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from beatflow.commands.options import (
    AudioArgument,
    CommitOption,
    DryRunOption,
    EngineOption,
    ForceOption,
    JsonOption,
    MessageOption,
    OutputOption,
)
from beatflow.commands.takes import choose, make_handover, relative, say_written, sound_document
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.delivery import Handover
    from beatflow.making.separation import Split


def split(
    ctx: typer.Context,
    file: AudioArgument,
    output: OutputOption = None,
    engine: EngineOption = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Split a mix into stems that sum to it, sample for sample.

    The stems keep the mix's sample rate, depth and channels and go to NAME-stems/. Up to 24 bits the sum is exact; for
    float sources (MP3 and OGG too) it is within float's rounding. A mix that BeatFlow made in this
    track gives back its true stems, unless an engine is named.

    Examples:
      bf split song.wav
      bf split song.flac -o stems/ --json
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/ --json | jq -r '.stems[].path'
    """
    invocation = Invocation.of(ctx)
    if commit and message is None:
        message = f"split {Path(file).name}"
    handover = make_handover(invocation, None, force, message, dry_run)
    if output == "-":
        raise UsageError("stems are several files", hint="give -o DIR")
    if output and Path(output).suffix.lower() in (".wav", ".flac", ".aiff", ".mp3", ".ogg"):
        raise UsageError(f"stems are several files, and {output} is a name for one", hint="give -o DIR")
    found = _split(invocation, file, output, engine, handover)
    if json:
        document = {field: getattr(found, field) for field in found.__slots__}
        document["stems"] = [sound_document(invocation, stem) for stem in found.stems]
        invocation.ui.emit_json("beatflow.split/1", document)
    else:
        for stem in found.stems:
            invocation.ui.emit(relative(invocation, stem.path))
    say_written(invocation, handover)


def _split(
    invocation: Invocation, file: str, output: str | None, engine: str | None, handover: "Handover"
) -> "Split":
    from beatflow.delivery import Place, spool
    from beatflow.making.hearing import find_sound
    from beatflow.making.separation import find_true_stems, split_file, write_true_stems

    ui = invocation.ui
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch:
        piped = file == "-"
        path = spool(ui.read_input(), Path(scratch)) if piped else find_sound(invocation.directory, file)
        name = "standard input" if piped else file
        folder = invocation.directory / (output or f"{'mix' if piped else path.stem}-stems")
        handover = replace(handover, place=Place(folder))
        known = None if engine else find_true_stems(path, handover.repository)
        if known:
            ui.say("these are the stems that it was mixed from; --engine makes new ones")
            with ui.progress("separating"):
                return write_true_stems(path, name, known, handover)
        choice = choose(invocation, "separate", engine)
        with ui.progress("separating") as progress:
            return split_file(path, name, choice, handover, progress)
