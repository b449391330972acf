"""``bf hum``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.ai.engine import Sampling
from beatflow.commandline.declaring import Argument, Option
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
    HumanizeOption,
    JsonOption,
    KeyOption,
    LoopOption,
    LoudnessOption,
    MessageOption,
    MidiOption,
    OfflineOption,
    OutputOption,
    RuntimeOption,
    SeedOption,
    StructureOption,
    SwingOption,
    TemperatureOption,
    TempoOption,
    ToleranceOption,
    TopKOption,
    TopPOption,
    TriesOption,
)
from beatflow.commands.takes import (
    choose,
    make_handover,
    make_setup,
    note_takes,
    noting,
    remember_pace,
    say_promises,
    say_written,
    show_takes,
    take_document,
)
from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request
from beatflow.making.structure import parse_structure
from beatflow.ui import Ui

if TYPE_CHECKING:
    from beatflow.ai.engine import Transcription
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.making.hearing import Heard, Hearing
    from beatflow.making.take import Take

AsOption = Annotated[
    str | None,
    Option(
        "--as",
        metavar="PART",
        help="What it is: melody, bass (brought down to a bass's range) or drums (a beat made with the mouth).",
    ),
]
QuantizeOption = Annotated[
    str | None,
    Option(
        "--quantize",
        metavar="GRID",
        help="Lay notes on a grid: 1/4, 1/8, 1/16, 1/8t, 1/16t, off. Alone else off, in music else 1/16.",
    ),
]


def hum(
    invocation: Invocation,
    file: AudioArgument,
    prompt: Annotated[
        str | None, Argument(metavar="PROMPT", help="Music to play around it, in words.")
    ] = None,
    part: AsOption = None,
    quantize: QuantizeOption = None,
    tempo: TempoOption = None,
    key: KeyOption = None,
    bars: BarsOption = None,
    duration: DurationOption = None,
    loop: LoopOption = None,
    loudness: LoudnessOption = None,
    swing: SwingOption = None,
    humanize: HumanizeOption = None,
    structure: StructureOption = None,
    seed: SeedOption = None,
    tries: TriesOption = None,
    tolerance: ToleranceOption = DEFAULT_TOLERANCE,
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

    Alone it lists and draws the notes that it hears, or the hits of a beat made with the mouth: kick, snare, hat and
    open hat. With a prompt or -o it makes music in which they are the melody, the bass or the drums (--as), beginning
    with the first of them on a bar line, in their tempo and key or the ones given, as options or in the prompt. Hummed
    in another tempo than that, they are brought to it. A neural engine (musicgen-melody) follows the recording itself,
    for as long as it lasts and at most 30 s where no length is given.

    Examples:
      bf hum idea.wav
      bf hum idea.wav "warm lofi" --bpm 84
      bf hum riff.wav "deep house" --as bass --key Am
      bf hum beatbox.wav "boom bap" --as drums --swing 58
      bf hum idea.wav --midi idea.mid --quantize 1/8
      bf hum idea.wav "string quartet" --engine musicgen-melody
      arecord -d 10 -f cd | bf hum - --json
    """
    from beatflow.delivery import check_new
    from beatflow.making.hearing import read_figures

    if output == "-":
        raise UsageError("a hum gives notes and files", hint="give -o FILE or -o DIR/")
    if midi == Path("-"):
        raise UsageError(
            "notes as MIDI go to a file", hint="give --midi FILE, or --json for notes on standard output"
        )
    if commit and message is None:
        message = f"hum {Path(file).name}"
    tempo, key = read_figures(prompt or "", tempo, key)
    playing = not (prompt is None and output is None and message is None)
    hearing = _make_hearing(part, quantize, swing, tempo, key, playing)
    if not playing:
        if midi:
            check_new(invocation.directory / midi, force)
        heard = _listen(invocation, file, hearing)
        if midi and not dry_run:
            heard.write_midi(invocation.directory / midi)
        _show(invocation.ui, heard, json)
        if midi and not dry_run:
            invocation.ui.say(f"notes written to {midi}")
        return
    # What cannot work is told before minutes of listening.
    request = Request(
        prompt or "", seed, tempo, key, bars, duration, loop=loop, loudness_lufs=loudness, swing=swing,
        humanize=humanize, structure=parse_structure(structure) if structure else (), tries=tries,
        tolerance=tolerance, sampling=Sampling(temperature, top_k, top_p, guidance),
    )  # fmt: skip
    request.check()
    setup = make_setup(invocation, device, dtype, runtime, offline)
    handover = make_handover(invocation, output, force, message, dry_run, midi)
    asked = {"prompt": prompt or "", "engine": engine, "seed": seed, "asked": request.asked}
    with noting(invocation, "hum", dry_run, inputs=[file], **asked) as run:
        choice = choose(invocation, "accompany", engine, setup, _needs(request, part))
        run.ask(engine=choice.info.name)
        request.check_heeded(choice.info)
        _check_part(choice, part)
        heard = _listen(invocation, file, hearing)
        _check_part(choice, heard.source.part)
        take = _play_around(invocation, choice, heard, request, handover)
        note_takes(run, choice, take)
    remember_pace(invocation, setup, choice, take)
    if json:
        say_promises(invocation, [take])
        document = {**_document(heard.transcription), **take_document(invocation, take)}
        invocation.ui.emit_json("beatflow.hum/1", document)
    else:
        show_takes(invocation, [take], False, "beatflow.hum/1")
    say_written(invocation, handover)


def _make_hearing(
    part: str | None,
    quantize: str | None,
    swing: float | None,
    tempo: float | None,
    key: str | None,
    playing: bool,
) -> "Hearing":
    from beatflow.making.hearing import Hearing

    grid = quantize or ("1/16" if playing else "off")
    if swing is not None and not playing and quantize is None:
        raise UsageError("--swing moves notes on a grid", hint="add --quantize 1/16")
    hearing = Hearing(part, None if grid == "off" else grid, swing, tempo, key, playing)
    hearing.check()
    return hearing


def _needs(request: Request, part: str | None) -> frozenset[str]:
    """What the engine must do; one that follows the recording takes it for a melody."""
    return request.needs | ({"part"} if part in ("bass", "drums") else frozenset())


def _check_part(choice: "Choice", part: str | None) -> None:
    """Refuse a bass or a beat for an engine that follows recordings as melodies."""
    if part in ("bass", "drums") and "part" not in choice.info.options:
        raise UsageError(
            f"engine {choice.info.name} follows a melody, and this is a part for {part}",
            hint="--engine synth",
        )


def _listen(invocation: Invocation, file: str, hearing: "Hearing") -> "Heard":
    from beatflow.making.hearing import find_sound, hear

    ui = invocation.ui
    piped = file == "-"
    source = ui.read_input() if piped else find_sound(invocation.directory, file)
    tracker = choose(invocation, "transcribe", None)
    with ui.progress("listening") as progress:
        heard = hear(tracker, source, "standard input" if piped else file, progress, hearing)
    if heard.truncated:
        ui.warn(
            f"{file} breaks off before its announced end: the rest is not heard",
            hint="copy or record it again",
        )
    if heard.source.part == "drums" and hearing.part is None:
        ui.say(
            f"hardly anything has a pitch, but {len(heard.transcription.notes)} hits are clear: heard as drums"
        )
    if heard.before is not None:
        ui.say(f"hummed at {heard.before:.1f} BPM: brought to {heard.transcription.tempo:g}")
    return heard


def _play_around(
    invocation: Invocation, choice: "Choice", heard: "Heard", request: Request, handover: "Handover"
) -> "Take":
    from beatflow.making.production import produce

    with invocation.ui.progress("composing") as progress:
        (take,) = produce(choice, request, handover, heard.source, progress=progress)
    return take


def _document(heard: "Transcription") -> dict[str, object]:
    return {
        "part": heard.part,
        "tempo": heard.tempo,
        "tempo_confidence": heard.tempo_confidence,
        "key": heard.key if heard.part != "drums" else None,
        "key_confidence": heard.key_confidence,
        "tuning_cents": heard.tuning_cents,
        "notes": heard.notes,
    }


def _show(ui: Ui, heard: "Heard", json: bool) -> None:
    """Print the notes in a table and as a piano roll; of a beat the drums, and the grid of a drum machine."""
    transcription = heard.transcription
    if json:
        ui.emit_json("beatflow.hum/1", _document(transcription))
        return
    from collections import Counter

    from beatflow.ai.listening.beatbox import NAMES
    from beatflow.making.hearing import find_sixteenths
    from beatflow.making.roll import draw_beat, draw_melody, name_note
    from beatflow.wording import plural

    notes, tempo = transcription.notes, transcription.tempo
    drums = transcription.part == "drums"
    told = [plural(len(notes), "hit" if drums else "note"), _tell_tempo(heard)]
    ui.say(", ".join(told if drums else [*told, transcription.key]))
    places = find_sixteenths(notes, tempo)
    if drums:
        counts = Counter(note.midi for note in notes)
        ui.table(
            ["drum", "midi", "hits"],
            [[name, midi, counts[midi]] for midi, name in NAMES.items() if counts[midi]],
        )
        lines = draw_beat(notes, places, NAMES, ui.width)
    else:
        ui.table(
            ["note", "midi", "start_s", "duration_s", "velocity"],
            [
                [
                    name_note(note.midi),
                    note.midi,
                    f"{note.start_s:.2f}",
                    f"{note.duration_s:.2f}",
                    note.velocity,
                ]
                for note in notes
            ],
        )
        lines = draw_melody(notes, places, tempo, ui.width)
    ui.emit()
    for line in lines:
        ui.emit(line)


def _tell_tempo(heard: "Heard") -> str:
    """The tempo, and whether it was given, is sure, or is a guess."""
    text = f"{heard.transcription.tempo:.1f} BPM"
    return text if heard.tempo is not None else f"perhaps {text}"
