"""``bf generate``."""

from typing import TYPE_CHECKING, Annotated

import typer

from beatflow.ai.engine import Sampling
from beatflow.commands.options import (
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
    MeterOption,
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
    remember_pace,
    say_promises,
    say_written,
    show_takes,
)
from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request, shorten
from beatflow.making.structure import parse_structure

if TYPE_CHECKING:
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.making.take import Take


def generate(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="Genre, mood and instruments, in words.")],
    tempo: TempoOption = None,
    key: KeyOption = None,
    bars: BarsOption = None,
    duration: DurationOption = None,
    meter: MeterOption = None,
    loop: LoopOption = None,
    loudness: LoudnessOption = None,
    swing: SwingOption = None,
    humanize: HumanizeOption = None,
    structure: StructureOption = None,
    seed: SeedOption = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", help="Make N takes, their seeds counting up.")
    ] = 1,
    stem: Annotated[
        str | None, typer.Option("--stem", metavar="NAME", help="Make only this stem of the track anew.")
    ] = None,
    output: OutputOption = None,
    midi: MidiOption = None,
    tries: TriesOption = None,
    tolerance: ToleranceOption = DEFAULT_TOLERANCE,
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
    """Make music from words.

    In a track it writes mix.wav, its stems and track.toml, and bf undo takes them back; elsewhere a new folder. The
    same command gives the same sound. Tempo, key, meter, bars or duration, loop and loudness are promises: the
    embedded producer builds on them; what neural engines (bf models) make is measured, stretched, transposed, cut and
    levelled, and measured again. Where no try holds, nothing is written, and it ends with 8.

    Examples:
      bf generate "lofi hip hop, rainy night" --bpm 84 --key Am --bars 8
      bf generate "house" --structure intro:4,verse:8,chorus:8,outro:4 --swing 56 --loudness -9
      bf generate "rhodes loop" --engine musicgen-small --bpm 90 --bars 4 --loop --tries 5
      bf generate "house" --seed 7 --count 3
      bf generate "solo cello, cathedral" --engine musicgen-small --duration 12.5
      bf generate "dusty break" --stem drums --commit -m "new drums"
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/
    """
    invocation = Invocation.of(ctx)
    sampling = Sampling(temperature, top_k, top_p, guidance)
    request = Request(
        prompt, seed, tempo, key, bars, duration, meter, sampling=sampling, loop=loop, loudness_lufs=loudness,
        swing=swing, humanize=humanize, structure=parse_structure(structure) if structure else (),
        tries=tries, tolerance=tolerance,
    )  # fmt: skip
    request.check(count)
    if commit and message is None:
        message = f"generate {shorten(prompt)}"
    piped = output == "-"
    if piped and (json or message is not None or stem or midi or count != 1):
        raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE or -o DIR/")
    if stem and (output or midi or count != 1):
        raise UsageError("--stem works in the track: it takes no -o, --count or --midi")
    setup = make_setup(invocation, device, dtype, runtime, offline)
    if piped:
        invocation.ui.check_output()
        handover = None
    else:
        handover = make_handover(invocation, output, force, message, dry_run, midi, in_track=bool(stem))
    needs = request.needs | ({"tempo", "key", "stems"} if stem else set()) | ({"notes"} if midi else set())
    choice = choose(invocation, "generate", engine, setup, needs)
    if handover is None:
        _to_stdout(invocation, choice, request)
        return
    takes = _make(invocation, choice, request, handover, stem, count)
    remember_pace(invocation, setup, choice, *takes)
    show_takes(invocation, takes, json, "beatflow.generate/1")
    say_written(invocation, handover)
    _warn_of_loss(invocation, handover, request)


def _warn_of_loss(invocation: Invocation, handover: "Handover", request: Request) -> None:
    """Promises are measured before a lossy format is encoded, which moves seams and peaks."""
    from beatflow.sound.formats import LOSSY, get_format

    file = handover.place.file if handover.place else None
    if (
        file
        and (request.loop or request.loudness_lufs is not None)
        and get_format(file, "PCM_16")[0] in LOSSY
    ):
        invocation.ui.warn(
            f"{file} is lossy, which may have moved its seam and its peaks",
            hint="bf verify measures the file itself",
        )


def _make(
    invocation: Invocation,
    choice: "Choice",
    request: Request,
    handover: "Handover",
    stem: str | None,
    count: int,
) -> "list[Take]":
    from beatflow.making.production import produce
    from beatflow.making.stem import remake_stem

    with invocation.ui.progress("composing") as progress:
        if stem:
            return [remake_stem(choice, request, stem, handover, progress)]
        return produce(choice, request, handover, count=count, progress=progress)


def _to_stdout(invocation: Invocation, choice: "Choice", request: Request) -> None:
    from beatflow.making.production import check_fit, compose
    from beatflow.making.take import describe_take, summarize
    from beatflow.sound.writing import write_audio

    check_fit(choice, request)
    with invocation.ui.progress("composing") as progress:
        made = compose(choice, request, progress)
    performance = made.performance
    take = summarize(made, None)
    say_promises(invocation, [take])
    invocation.ui.say(describe_take(take))
    with invocation.ui.open_pipe() as out:
        write_audio(out, performance.mix, performance.subtype)
    choice.settle()
