"""``bf loop``."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Option
from beatflow.commands.options import (
    AudioArgument,
    BpmRangeOption,
    CommitOption,
    DryRunOption,
    ForceOption,
    JsonOption,
    MessageOption,
    MeterOption,
    OutputOption,
    TempoOption,
    parse_bpm_range,
)
from beatflow.commands.takes import make_handover, relative, say_written, sound_document
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.making.loopfinding import LoopRequest
    from beatflow.making.looping import Looping, MadeLoop

_HARDLY_ALIKE = 0.4
"""What sequenced music has within itself is above 0.7, played music mostly above 0.4."""


def loop(
    invocation: Invocation,
    file: AudioArgument,
    bars: Annotated[
        int | None, Option("--bars", metavar="N", help="Length in bars; else 1 to 16, what fits best.")
    ] = None,
    count: Annotated[int, Option("--count", metavar="N", help="How many loops, at most.")] = 1,
    tempo: TempoOption = None,
    bpm_range: BpmRangeOption = None,
    meter: MeterOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Find seamless loops in any music, and cut them.

    A loop is whole bars after which the music comes back to where it was. Its start lies just before a beat; its length
    is exact at the tempo or, where the tempo wanders, that at which the sound itself repeats. The seam is closed
    only where it stands out: its level tells by how many dB the wrap exceeds the ordinary course of the sound;
    0 or less is as smooth as the sound itself, above 4 one would hear it. Sample rate, depth and channels
    stay. Written to NAME-loop.wav, or NAME-loop-1.wav and so on.

    Examples:
      bf loop song.wav
      bf loop song.flac --bars 4 --count 5 -o loops/
      bf loop live.wav --bpm-range 80..110 --json -n
      bf generate "lofi" --bpm 90 --bars 16 -o - | bf loop - --bars 2 -o - > loop.wav
    """
    from beatflow.making.loopfinding import LoopRequest

    request = LoopRequest(bars, count, tempo, parse_bpm_range(bpm_range), meter)
    request.check()
    if commit and message is None:
        message = f"loop from {Path(file).name}"
    piped = output == "-"
    if piped and (json or message is not None or count > 1):
        raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE, or -o DIR")
    if piped and not dry_run:
        invocation.ui.check_output()
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch:
        path = _find_input(invocation, file, Path(scratch))
        name = "standard input" if file == "-" else file
        if piped and not dry_run:
            _to_stdout(invocation, path, name, request)
            return
        handover = make_handover(invocation, None if piped else output, force, message, dry_run)
        if handover.place is None:
            from beatflow.delivery import Place

            handover = replace(handover, place=Place(invocation.directory))
        from beatflow.making.looping import loop_file

        with invocation.ui.progress("listening") as progress:
            done = loop_file(path, name, request, handover, progress)
    _show(invocation, done, json, dry_run)
    say_written(invocation, handover)


def _find_input(invocation: Invocation, file: str, scratch: Path) -> Path:
    from beatflow.delivery import spool
    from beatflow.making.hearing import find_sound

    if file == "-":
        return spool(invocation.ui.read_input(), scratch)
    return find_sound(invocation.directory, file)


def _to_stdout(invocation: Invocation, path: Path, name: str, request: "LoopRequest") -> None:
    from contextlib import ExitStack

    from beatflow.making.looping import pipe_loop

    with ExitStack() as stack:
        progress = stack.enter_context(invocation.ui.progress("listening"))
        done = pipe_loop(
            path, name, request, lambda: stack.enter_context(invocation.ui.open_pipe()), progress
        )
    _say(invocation, done)


def _show(invocation: Invocation, done: "Looping", json: bool, dry_run: bool) -> None:
    if json:
        invocation.ui.emit_json("beatflow.loop/1", _document(invocation, done, dry_run))
        return
    _say(invocation, done)
    for one in done.loops:
        if one.sound is not None and not dry_run:
            invocation.ui.emit(relative(invocation, one.sound.path))


def _say(invocation: Invocation, done: "Looping") -> None:
    """The figures, on stderr."""
    from beatflow.making.take import CONFIDENT

    ui = invocation.ui
    if not done.tempo_steady:
        ui.say(f"the tempo wanders around {done.tempo:.1f} BPM: each loop has its own")
    elif done.tempo_confidence < CONFIDENT and not done.tempo_given:
        ui.say(f"the tempo is a guess: {done.tempo:.2f} BPM; give the right one with --bpm")
    for one in done.loops:
        ui.say(_describe(one))
    if done.loops[0].likeness < _HARDLY_ALIKE:
        ui.say(
            f"the music hardly comes back to where it was: the best is {100 * done.loops[0].likeness:.0f} % alike"
        )
    if any(one.audible for one in done.loops):
        ui.warn("a seam is heard", hint="--bars N or --count N looks for others")


def _describe(one: "MadeLoop") -> str:
    """One line: ``8 bars, 104.00 BPM, from 0:11.886, 18.462 s, 88 % alike; seam not heard (-3.8 dB; …)``."""
    minutes, seconds = divmod(one.start_s, 60)
    bars = "1 bar" if one.bars == 1 else f"{one.bars} bars"
    meter = "" if one.meter == "4/4" else f" of {one.meter}"
    line = (
        f"{bars}{meter}, {one.tempo:.2f} BPM, from {minutes:.0f}:{seconds:06.3f}, {one.duration_s:.3f} s, "
        f"{100 * one.likeness:.0f} % alike; seam {'heard' if one.audible else 'not heard'} ({one.seam_db:+.1f} dB"
    )
    if one.method == "cut":
        return f"{line}, merely cut)"
    return f"{line}; {one.method} of {1000 * one.fade_s:.0f} ms, without it {one.cut_seam_db:+.1f} dB)"


def _document(invocation: Invocation, done: "Looping", dry_run: bool) -> dict[str, Any]:
    document = {name: getattr(done, name) for name in done.__slots__}
    document["loops"] = [
        {name: getattr(one, name) for name in one.__slots__}
        | {"sound": sound_document(invocation, one.sound) if one.sound and not dry_run else None}
        for one in done.loops
    ]
    return document
