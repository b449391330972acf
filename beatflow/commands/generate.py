"""``bf generate``."""

from typing import TYPE_CHECKING, Annotated

import typer

from beatflow.commands.options import (
    BarsOption,
    CommitOption,
    DryRunOption,
    DurationOption,
    EngineOption,
    ForceOption,
    JsonOption,
    KeyOption,
    MessageOption,
    MeterOption,
    MidiOption,
    OutputOption,
    SeedOption,
    TempoOption,
)
from beatflow.commands.takes import choose, make_handover, say_written, show_takes
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request

if TYPE_CHECKING:
    from beatflow.delivery import Handover
    from beatflow.making.production import Take


def generate(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="Genre, mood and instruments, in words.")],
    tempo: TempoOption = None,
    key: KeyOption = None,
    bars: BarsOption = None,
    duration: DurationOption = None,
    meter: MeterOption = "4/4",
    seed: SeedOption = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", help="Make N takes, their seeds counting up.")
    ] = 1,
    stem: Annotated[
        str | None, typer.Option("--stem", metavar="NAME", help="Make only this stem of the track anew.")
    ] = None,
    output: OutputOption = None,
    midi: MidiOption = None,
    engine: EngineOption = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make music from words.

    In a track it writes mix.wav, its stems and track.toml, and bf undo takes them back; elsewhere a new folder. The
    tempo, the key, the length and the seed are kept exactly: the same command gives the same sound.

    Examples:
      bf generate "lofi hip hop, rainy night" --bpm 84 --key Am --bars 8
      bf generate "house" --seed 7 --count 3
      bf generate "dusty break" --stem drums --commit -m "new drums"
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/
    """
    invocation = Invocation.of(ctx)
    request = Request(prompt, seed, tempo, key, bars, duration, meter)
    request.check(count)
    name = engine or invocation.settings.engine
    if commit and message is None:
        message = f"generate {prompt}"
    if output == "-":
        if json or message is not None or stem or midi or count != 1:
            raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE or -o DIR/")
        _to_stdout(invocation, request, name)
        return
    if stem and (output or midi or count != 1):
        raise UsageError("--stem works in the track: it takes no -o, --count or --midi")
    handover = make_handover(invocation, output, force, message, dry_run, midi, in_track=bool(stem))
    takes = _make(invocation, request, name, handover, stem, count)
    show_takes(invocation, takes, json, "beatflow.generate/1")
    say_written(invocation, handover)


def _make(
    invocation: Invocation, request: Request, engine: str, handover: "Handover", stem: str | None, count: int
) -> "list[Take]":
    from beatflow.making.production import produce
    from beatflow.making.stem import remake_stem

    choice = choose(invocation, "generate", engine)
    with invocation.ui.progress("composing") as progress:
        if stem:
            return [remake_stem(choice, request, stem, handover, progress)]
        return produce(choice, request, handover, count=count, progress=progress)


def _to_stdout(invocation: Invocation, request: Request, engine: str) -> None:
    from beatflow.making.production import compose
    from beatflow.sound.writing import write_audio
    from beatflow.wording import plural

    invocation.ui.check_output()
    choice = choose(invocation, "generate", engine)
    with invocation.ui.progress("composing") as progress:
        made = compose(choice, request, progress)
    performance = made.performance
    invocation.ui.say(
        f"{performance.tempo:g} BPM, {performance.key}, {plural(performance.bars, 'bar')}, seed {made.brief.seed}"
    )
    with invocation.ui.open_pipe() as out:
        write_audio(out, performance.mix, performance.subtype)
