"""``bf hum``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatflow.commands.options import (
    AudioArgument,
    BarsOption,
    CommitOption,
    DryRunOption,
    EngineOption,
    ForceOption,
    JsonOption,
    KeyOption,
    MessageOption,
    MidiOption,
    OutputOption,
    SeedOption,
    TempoOption,
)
from beatflow.commands.takes import choose, say_written, show_takes, take_document
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.request import Request
from beatflow.sound.tonality import NOTE_NAMES
from beatflow.ui import Ui

if TYPE_CHECKING:
    from beatflow.ai.engine import Transcription

ROLL_COLUMNS = 32


def hum(
    ctx: typer.Context,
    file: AudioArgument,
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="Music to play around it, in words.")
    ] = None,
    tempo: TempoOption = None,
    key: KeyOption = None,
    bars: BarsOption = None,
    seed: SeedOption = None,
    midi: MidiOption = None,
    output: OutputOption = None,
    engine: EngineOption = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Turn a hum into notes, and into music around them.

    Alone it lists the notes that it hears. With a prompt or -o it makes music in which they are the melody, as bf
    generate would.

    Examples:
      bf hum idea.wav
      bf hum idea.wav "warm lofi" --bpm 84
      bf hum idea.wav --midi idea.mid
      arecord -d 10 -f cd | bf hum - --json
    """
    from beatflow.delivery import check_new, find_place
    from beatflow.hearing import find_sound, hear
    from beatflow.production import produce

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    if output == "-":
        raise UsageError("a hum gives notes and files", hint="give -o FILE or -o DIR/")
    if commit and message is None:
        message = f"hum {Path(file).name}"
    making = prompt is not None or output is not None or message is not None
    if making:
        # What cannot work is told before minutes of listening.
        Request(prompt or "", seed, tempo, key, bars).check()
        repository = invocation.repository() if message is not None else invocation.find_repository()
    source = ui.read_input() if file == "-" else find_sound(invocation.directory, file)
    tracker = choose(invocation, "transcribe", None)
    with ui.progress("listening") as progress:
        heard = hear(tracker, source, "standard input" if file == "-" else file, progress)
    if not making:
        if midi and not dry_run:
            check_new(invocation.directory / midi, force)
            heard.write_midi(invocation.directory / midi)
        _show(ui, heard.transcription, json)
        return
    with ui.progress("composing") as progress:
        takes = produce(
            choose(invocation, "accompany", engine or invocation.settings.engine),
            Request(prompt or "", seed, tempo or heard.tempo, key or heard.transcription.key, bars),
            find_place(output, invocation.directory) if output else None,
            repository,
            invocation.directory,
            source=heard.source,
            force=force,
            midi=invocation.directory / midi if midi else None,
            message=message,
            dry_run=dry_run,
            progress=progress,
        )
    if json:
        document = take_document(invocation, takes[0])
        ui.emit_json("beatflow.hum/1", {**_document(heard.transcription), **document})
    else:
        show_takes(invocation, takes, False, "beatflow.hum/1")
    say_written(invocation, message, dry_run)


def _document(heard: "Transcription") -> dict[str, object]:
    return {
        "tempo": heard.tempo,
        "tempo_confidence": heard.tempo_confidence,
        "key": heard.key,
        "key_confidence": heard.key_confidence,
        "tuning_cents": heard.tuning_cents,
        "notes": heard.notes,
    }


def _show(ui: Ui, heard: "Transcription", json: bool) -> None:
    if json:
        ui.emit_json("beatflow.hum/1", _document(heard))
        return
    from beatflow.wording import plural

    ui.say(f"{plural(len(heard.notes), 'note')}, {heard.tempo:.1f} BPM, {heard.key}")
    end_s = max(note.start_s + note.duration_s for note in heard.notes)
    rows = []
    for note in heard.notes:
        first = round(note.start_s / end_s * (ROLL_COLUMNS - 1))
        length = max(1, round(note.duration_s / end_s * ROLL_COLUMNS))
        name = f"{NOTE_NAMES[note.midi % 12]}{note.midi // 12 - 1}"
        roll = " " * first + "━" * length
        rows.append([name, note.midi, f"{note.start_s:.2f}", f"{note.duration_s:.2f}", note.velocity, roll])
    ui.table(["note", "midi", "start_s", "duration_s", "velocity", ""], rows)
