"""``bf generate``."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.ai.engine import Sampling
from beatflow.commandline.declaring import Argument, Option
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
    JobsOption,
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
    note_takes,
    noting,
    relative,
    remember_pace,
    say_promises,
    say_written,
    show_takes,
    take_document,
)
from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request, shorten
from beatflow.making.structure import parse_structure
from beatflow.wording import format_duration, plural

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from beatflow.ai.engine import Setup
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.library.noting import Run
    from beatflow.making.batch import BatchResult
    from beatflow.making.take import Take
    from beatflow.making.wishlist import Refused, Wish

_LONGEST_LIST = 16 << 20


def generate(
    invocation: Invocation,
    prompt: Annotated[
        str | None, Argument(metavar="PROMPT", help="Genre, mood and instruments, in words.")
    ] = None,
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
    count: Annotated[int, Option("--count", metavar="N", help="Make N takes, their seeds counting up.")] = 1,
    stem: Annotated[
        str | None, Option("--stem", metavar="NAME", help="Make only this stem of the track anew.")
    ] = None,
    batch: Annotated[
        str | None,
        Option(
            "--batch",
            metavar="FILE|-",
            help="Make a piece of every line: a prompt, or JSON with its own figures.",
        ),
    ] = None,
    jobs: JobsOption = None,
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
) -> int:
    """Make music from words.

    In a track it writes mix.wav, its stems and track.toml, and bf undo takes them back; elsewhere a new folder. The
    same command gives the same sound. Tempo, key, meter, bars or duration, loop and loudness are promises: the
    embedded producer builds on them; what neural engines (bf models) make is measured, stretched, transposed, cut and
    levelled, and measured again. Where no try holds, nothing is written, and it ends with 8.

    --batch makes a folder for each line of a list, below -o or one that is called like the list. Options hold for all
    lines; a line like {"prompt": "lofi", "tempo": 84, "key": "Am", "name": "rain"} has its own. A line that fails
    does not stop the others, and the same command goes on where it was interrupted.

    Examples:
      bf generate "lofi hip hop, rainy night" --bpm 84 --key Am --bars 8
      bf generate "house" --structure intro:4,verse:8,chorus:8,outro:4 --swing 56 --loudness -9
      bf generate "rhodes loop" --engine musicgen-small --bpm 90 --bars 4 --loop --tries 5
      bf generate "house" --seed 7 --count 3
      bf generate "solo cello, cathedral" --engine musicgen-small --duration 12.5
      bf generate "dusty break" --stem drums --commit -m "new drums"
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/
      bf generate --batch prompts.txt --bars 8 -o pack/
    """
    if (prompt is None) == (batch is None):
        raise UsageError(
            "a prompt or a list of them is needed", hint='bf generate "lofi" or bf generate --batch FILE'
        )
    sampling = Sampling(temperature, top_k, top_p, guidance)
    request = Request(
        prompt or "", seed, tempo, key, bars, duration, meter, sampling=sampling, loop=loop, loudness_lufs=loudness,
        swing=swing, humanize=humanize, structure=parse_structure(structure) if structure else (),
        tries=tries, tolerance=tolerance,
    )  # fmt: skip
    request.check(count)
    piped = output == "-"
    if batch is not None:
        if piped or stem or midi or count != 1:
            raise UsageError(
                "--batch makes a folder for each line: it takes no -o -, --stem, --midi or --count"
            )
        setup = make_setup(invocation, device, dtype, runtime, offline)
        message = "" if commit and message is None else message
        place = make_handover(invocation, output or _name_folder(batch), force, message, dry_run)
        choice = choose(invocation, "generate", engine, setup, request.needs)
        return _make_batch(invocation, batch, request, choice, setup, place, jobs, json)
    if commit and message is None:
        message = f"generate {shorten(request.prompt)}"
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
    asked = {"prompt": prompt, "engine": engine, "seed": seed, "asked": request.asked}
    with noting(invocation, "generate", dry_run, **asked) as run:
        choice = choose(invocation, "generate", engine, setup, needs)
        run.ask(engine=choice.info.name)
        if handover is None:
            note_takes(run, choice, _to_stdout(invocation, choice, request))
            return 0
        takes = _make(invocation, choice, request, handover, stem, count)
        note_takes(run, choice, *takes)
    remember_pace(invocation, setup, choice, *takes)
    show_takes(invocation, takes, json, "beatflow.generate/1")
    say_written(invocation, handover)
    _warn_of_loss(invocation, handover, request)
    return 0


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


def _to_stdout(invocation: Invocation, choice: "Choice", request: Request) -> "Take":
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
    return take


def _name_folder(batch: str) -> str:
    """Where the pieces of a list go when nobody said: into a folder that is called like it."""
    return ("batch" if batch == "-" else Path(batch).stem or "batch") + "/"


def _make_batch(
    invocation: Invocation, file: str, request: Request, choice: "Choice", setup: "Setup", handover: "Handover",
    jobs: int | None, json: bool,
) -> int:  # fmt: skip
    """Make what a list wishes for; returns the exit code."""
    from beatflow.making.batch import make_batch, plan_batch
    from beatflow.making.take import describe_take
    from beatflow.making.wishlist import read_wishes

    ui = invocation.ui
    wishes = list(read_wishes(_read_list(invocation, file), request))
    if not wishes:
        raise UsageError(f"there is nothing in {file}", hint="a prompt a line")
    finished: list[Take] = []

    def note(asked: Request) -> "AbstractContextManager[Run]":
        return noting(
            invocation,
            "generate",
            prompt=asked.prompt,
            engine=choice.info.name,
            seed=asked.seed,
            asked=asked.asked,
        )

    def finish(wish: "Wish", take: "Take") -> None:
        finished.append(take)
        with note(wish.request) as run:
            note_takes(run, choice, take)
        ui.say(f"{wish.name}: {describe_take(take)}")
        if not json and take.mix:
            ui.emit(relative(invocation, take.mix.path))

    def fail(refused: "Refused") -> None:
        if refused.tried:
            with suppress(BeatFlowError), note(replace(request, prompt=refused.text)):
                raise refused.error
        ui.warn(
            f"line {refused.line} ({shorten(refused.text, 40)}): {refused.error.message}", refused.error.hint
        )

    try:
        with ui.progress("composing") as progress:
            done = make_batch(wishes, choice, setup, handover, jobs, progress, finish, fail)
    except KeyboardInterrupt:
        if not finished:
            raise
        stays = f"{plural(len(finished), 'piece')} made and kept"
        raise KeyboardInterrupt(f"{stays}; the same command goes on with the others") from None
    planned = plan_batch(wishes, done) if handover.dry_run else []
    if json:
        ui.emit_json(
            "beatflow.batch/1",
            {
                "takes": [
                    {"line": wish.line, **take_document(invocation, take)} for wish, take in done.takes
                ],
                "done": [_wish_document(wish) for wish in done.done],
                "planned": [_wish_document(wish) for wish in planned],
                "failed": [
                    {"line": one.line, "prompt": one.text, "error": one.error.message, "hint": one.error.hint}
                    for one in done.failed
                ],
            },
        )
    for wish in planned:
        ui.say(
            f"line {wish.line}: {relative(invocation, handover.folder / wish.name)}, seed {wish.request.seed}"
        )
    if handover.dry_run:
        ui.say(f"a dry run: nothing was made, {plural(len(planned), 'piece')} would be")
    else:
        remember_pace(invocation, setup, choice, *finished)
        ui.say(_summarize(done, finished))
    return 1 if done.failed else 0


def _read_list(invocation: Invocation, file: str) -> str:
    """The text of a list, which may be no sound and no book."""
    stream = invocation.ui.read_input() if file == "-" else (invocation.directory / file).open("rb")
    with stream:
        data = stream.read(_LONGEST_LIST + 1)
    if len(data) > _LONGEST_LIST:
        raise UsageError(f"{file} is longer than {_LONGEST_LIST >> 20} MiB", hint="cut the list in pieces")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8", hint="a prompt or a JSON object a line") from error


def _wish_document(wish: "Wish") -> dict[str, object]:
    return {"line": wish.line, "prompt": wish.request.prompt, "seed": wish.request.seed, "name": wish.name}


def _summarize(done: "BatchResult", takes: "list[Take]") -> str:
    counts = {"made before": len(done.done), "failed": len(done.failed)}
    told = [f"{plural(len(takes), 'piece')} made", *(f"{n} {word}" for word, n in counts.items() if n)]
    length_s = sum(take.duration_s for take in takes)
    return ", ".join(told) + (f": {format_duration(length_s)[:-4]} of music" if takes else "")
