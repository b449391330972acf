"""``bf hum``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatflow.ai.engine import Sampling
from beatflow.commands.options import (
    AudioArgument,
    BarsOption,
    CommitOption,
    DeviceOption,
    DryRunOption,
    DtypeOption,
    DurationOption,
    EngineOption,
    ForceOption,
    GuidanceOption,
    JsonOption,
    KeyOption,
    MessageOption,
    MidiOption,
    OfflineOption,
    OutputOption,
    RuntimeOption,
    SeedOption,
    TemperatureOption,
    TempoOption,
    TopKOption,
    TopPOption,
)
from beatflow.commands.takes import (
    choose,
    make_handover,
    make_setup,
    remember_pace,
    say_promises,
    say_written,
    show_takes,
    take_document,
)
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request
from beatflow.sound.tonality import NOTE_NAMES
from beatflow.ui import Ui

if TYPE_CHECKING:
    from beatflow.ai.engine import Transcription
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.making.hearing import Heard
    from beatflow.making.take import Take

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
    duration: DurationOption = None,
    seed: SeedOption = None,
    midi: MidiOption = None,
    output: OutputOption = None,
    engine: EngineOption = None,
    temperature: TemperatureOption = None,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    guidance: GuidanceOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    runtime: RuntimeOption = None,
    offline: OfflineOption = False,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Turn a hum into notes, and into music around them.

    Alone it lists the notes that it hears. With a prompt or -o it makes music in which they are the melody, as bf
    generate would. A neural engine (musicgen-melody) follows the recording itself, for as long as it lasts and at
    most 30 s where no length is given.

    Examples:
      bf hum idea.wav
      bf hum idea.wav "warm lofi" --bpm 84
      bf hum idea.wav "string quartet" --engine musicgen-melody
      bf hum idea.wav --midi idea.mid
      arecord -d 10 -f cd | bf hum - --json
    """
    invocation = Invocation.of(ctx)
    if output == "-":
        raise UsageError("a hum gives notes and files", hint="give -o FILE or -o DIR/")
    if commit and message is None:
        message = f"hum {Path(file).name}"
    if prompt is None and output is None and message is None:
        heard = _listen(invocation, file)
        if midi and not dry_run:
            _write_midi(heard, invocation.directory / midi, force)
        _show(invocation.ui, heard.transcription, json)
        return
    # What cannot work is told before minutes of listening.
    sampling = Sampling(temperature, top_k, top_p, guidance)
    request = Request(prompt or "", seed, tempo, key, bars, duration, sampling=sampling)
    request.check()
    setup = make_setup(invocation, device, dtype, runtime, offline)
    handover = make_handover(invocation, output, force, message, dry_run, midi)
    choice = choose(invocation, "accompany", engine, setup, request.needs)
    request.check_heeded(choice.info)
    heard = _listen(invocation, file)
    take = _play_around(invocation, choice, heard, request, handover)
    remember_pace(invocation, setup, choice, take)
    if json:
        say_promises(invocation, [take])
        document = {**_document(heard.transcription), **take_document(invocation, take)}
        invocation.ui.emit_json("beatflow.hum/1", document)
    else:
        show_takes(invocation, [take], False, "beatflow.hum/1")
    say_written(invocation, handover)


def _listen(invocation: Invocation, file: str) -> "Heard":
    from beatflow.making.hearing import find_sound, hear

    ui = invocation.ui
    piped = file == "-"
    source = ui.read_input() if piped else find_sound(invocation.directory, file)
    tracker = choose(invocation, "transcribe", None)
    with ui.progress("listening") as progress:
        return hear(tracker, source, "standard input" if piped else file, progress)


def _write_midi(heard: "Heard", path: Path, force: bool) -> None:
    from beatflow.delivery import check_new

    check_new(path, force)
    heard.write_midi(path)


def _play_around(
    invocation: Invocation, choice: "Choice", heard: "Heard", request: Request, handover: "Handover"
) -> "Take":
    from beatflow.making.production import produce

    with invocation.ui.progress("composing") as progress:
        (take,) = produce(choice, request, handover, heard.source, progress=progress)
    return take


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
