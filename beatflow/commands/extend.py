"""``bf extend``."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.ai.engine import Sampling
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    AudioArgument,
    CommitOption,
    DeviceOption,
    DryRunOption,
    DtypeOption,
    EngineOption,
    ForceOption,
    GuidanceOption,
    HumanizeOption,
    JsonOption,
    KeyOption,
    MessageOption,
    MeterOption,
    OfflineOption,
    RuntimeOption,
    SeedOption,
    StructureOption,
    SwingOption,
    TemperatureOption,
    TempoOption,
    TopKOption,
    TopPOption,
)
from beatflow.commands.takes import (
    choose,
    make_handover,
    make_setup,
    noting,
    relative,
    remember_pace,
    say_written,
    sound_document,
    tell_pace,
)
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request
from beatflow.making.structure import parse_structure

if TYPE_CHECKING:
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.making.extension import Extension


def extend(
    invocation: Invocation,
    file: AudioArgument,
    prompt: Annotated[str, Argument(metavar="PROMPT", help="How it goes on, in words.")] = "",
    duration: Annotated[
        float | None, Option("--duration", metavar="SECONDS", help="How much to add; else 15 s.")
    ] = None,
    bars: Annotated[int | None, Option("--bars", metavar="N", help="How many bars to add.")] = None,
    tempo: TempoOption = None,
    key: KeyOption = None,
    meter: MeterOption = None,
    structure: StructureOption = None,
    swing: SwingOption = None,
    humanize: HumanizeOption = None,
    seed: SeedOption = None,
    output: Annotated[
        str | None,
        Option("--output", "-o", metavar="FILE|-", help="Write here; else NAME-extended.wav."),
    ] = None,
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
    """Continue a piece: what is there stays as it is, and more follows.

    The new file begins with the samples of the old one, bit for bit, at its own sample rate, depth and channels; what
    follows is as loud. A neural engine goes on from its last seconds. The embedded producer goes on in its tempo, key,
    meter, chords and bars: those of its record where it made the piece, otherwise what it hears in the last minute; it
    adds whole bars. What is given on the command line goes before both. The length is exact; what is added is not
    measured against tempo and key, as bf generate does: bf verify FILE --bpm 90 --key Am tells.

    Examples:
      bf extend loop.wav "lofi, brushes enter" --duration 20
      bf extend mix.wav --structure verse:8,chorus:8,outro:4
      bf extend mix.wav --bars 8 --bpm 84 --engine musicgen-small --commit
      bf generate "lofi" --bpm 90 --bars 4 -o - | bf extend - "strings" -o longer.wav
    """
    sampling = Sampling(temperature, top_k, top_p, guidance)
    request = Request(
        prompt, seed, tempo, key, bars, duration, meter, sampling=sampling, swing=swing, humanize=humanize,
        structure=parse_structure(structure) if structure else (),
    )  # fmt: skip
    request.check()
    if commit and message is None:
        message = f"extend {Path(file).name}"
    piped = output == "-"
    if piped and (json or message is not None):
        raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE")
    setup = make_setup(invocation, device, dtype, runtime, offline)
    if piped:
        invocation.ui.check_output()
    handover = make_handover(invocation, None if piped else output, force, message, dry_run)
    needs = frozenset(request.options)
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch:
        path = _find_input(invocation, file, Path(scratch))
        asked = {"prompt": prompt, "engine": engine, "seed": seed, "asked": request.asked}
        with noting(invocation, "extend", dry_run, inputs=[file], **asked) as run:
            choice = choose(invocation, "extend", engine, setup, needs)
            run.ask(engine=choice.info.name)
            if piped:
                run.add(_to_stdout(invocation, path, file, choice, request, handover), (), choice.facts)
                return
            done = _extend(invocation, path, file, choice, request, handover)
            run.add(done, (done.sound,) if done.sound else (), choice.facts)
    remember_pace(invocation, setup, choice, done)
    _show(invocation, done, json)
    say_written(invocation, handover)


def _find_input(invocation: Invocation, file: str, scratch: Path) -> Path:
    from beatflow.delivery import spool
    from beatflow.making.hearing import find_sound

    return (
        spool(invocation.ui.read_input(), scratch) if file == "-" else find_sound(invocation.directory, file)
    )


def _call(file: str) -> str:
    return "standard input" if file == "-" else file


def _extend(
    invocation: Invocation,
    path: Path,
    file: str,
    choice: "Choice",
    request: Request,
    handover: "Handover",
) -> "Extension":
    from beatflow.delivery import Place
    from beatflow.making.extension import extend_file

    name = f"{'mix' if file == '-' else path.stem}-extended.wav"
    place = handover.place or Place(invocation.directory)
    handover = replace(handover, place=place if place.file else Place(place.folder, name))
    with invocation.ui.progress("composing") as progress:
        return extend_file(path, _call(file), choice, request, handover, progress)


def _to_stdout(
    invocation: Invocation,
    path: Path,
    file: str,
    choice: "Choice",
    request: Request,
    handover: "Handover",
) -> "Extension":
    from beatflow.delivery import digest
    from beatflow.making.extension import compose_extension, summarize_extension, write_extension
    from beatflow.making.original import Original
    from beatflow.provenance import find_record

    with Original(path, _call(file)) as original:
        oid = digest(path)
        record = find_record(handover.repository, oid) if handover.repository else None
        with invocation.ui.progress("composing") as progress:
            found = compose_extension(original, choice, request, oid, progress, record)
        done = summarize_extension(original, found, None)
        _say(invocation, done)
        with invocation.ui.open_pipe() as out:
            write_extension(original, found, out)
    return done


def _show(invocation: Invocation, done: "Extension", json: bool) -> None:
    assert done.sound is not None
    if json:
        document = {name: getattr(done, name) for name in done.__slots__}
        document["sound"] = sound_document(invocation, done.sound)
        invocation.ui.emit_json("beatflow.extend/1", document)
        return
    _say(invocation, done)
    invocation.ui.emit(relative(invocation, done.sound.path))


def _say(invocation: Invocation, done: "Extension") -> None:
    before_s = done.duration_s - done.added_s
    invocation.ui.say(
        f"{before_s:.1f} s + {done.added_s:.1f} s, {done.gain_db:+.1f} dB at the seam, seed {done.seed} "
        f"({tell_pace(done.seconds, done.real_time_factor)})"
    )
