"""``bf mix``."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    CommitOption,
    DryRunOption,
    ForceOption,
    JsonOption,
    MessageOption,
    complete_revision,
)
from beatflow.commands.takes import make_handover, note, relative, say_written
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.mixing.mixdown import Rendered, Session
    from beatflow.mixing.score import Moves
    from beatflow.repository import Repository

_BITS = {"8": "PCM_U8", "16": "PCM_16", "24": "PCM_24", "float": "FLOAT", "32f": "FLOAT"}

_Several = list[str] | None


def mix(
    invocation: Invocation,
    revision: Annotated[
        str | None,
        Argument(
            metavar="REV", help="Mix what is in this commit, with -o.", autocompletion=complete_revision
        ),
    ] = None,
    gain: Annotated[_Several, Option("--gain", metavar="STEM=DB", help="Set a fader: -120 to 24 dB.")] = None,
    pan: Annotated[
        _Several, Option("--pan", metavar="STEM=P", help="Place a stem: -1 is left, 1 is right.")
    ] = None,
    mute: Annotated[_Several, Option("--mute", metavar="STEM", help="Silence a stem; or all.")] = None,
    unmute: Annotated[_Several, Option("--unmute", metavar="STEM", help="Take that back.")] = None,
    solo: Annotated[_Several, Option("--solo", metavar="STEM", help="Have only such stems sound.")] = None,
    unsolo: Annotated[_Several, Option("--unsolo", metavar="STEM", help="Take that back.")] = None,
    offset: Annotated[
        _Several,
        Option("--offset", metavar="STEM=T", help="Begin later or earlier: +10ms, -0.5s, 480 frames."),
    ] = None,
    master: Annotated[
        str | None, Option("--master", metavar="DB", help="Gain of the whole: -120 to 24 dB.")
    ] = None,
    add: Annotated[
        _Several, Option("--add", metavar="STEM=FILE", help="Have a file of the track join the mix.")
    ] = None,
    remove: Annotated[
        _Several, Option("--remove", metavar="STEM", help="Take a stem out; its file stays.")
    ] = None,
    bits: Annotated[
        str | None,
        Option(
            "--bits", "--subtype", metavar="BITS", help="8, 16, 24 or float; else what the mix has already."
        ),
    ] = None,
    output: Annotated[
        str | None,
        Option(
            "--export",
            "--output",
            "-o",
            metavar="FILE|-",
            help="Write the mix here, in any format, and leave the track as it is; - is standard output.",
        ),
    ] = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Render the mix of track.toml, moving faders on the way.

    Faders given here are written into track.toml, comments and all else in it staying as they are, and the mix that it
    names is rendered: one step, which bf undo takes back. The sum is exact: integers in 24 bits, gains in steps
    of 2^-20, rounded once, half to even, the same on every machine. Pan is a balance: 1 turns the left channel
    off and leaves the right one as it is; the centre is 0 dB. A mix of WAV stems takes next to no room in the
    store. Without a score the sounds in stems/ become one. With -o nothing in the track changes.

    Examples:
      bf mix
      bf mix --gain bass=-1.5 --pan chords=.3 --mute vocals
      bf mix --offset bass=+10ms --master -1 --commit -m "bass sits back"
      bf mix main~2 --solo drums -o drums-then.flac
      bf mix --add keys=stems/keys.wav
      bf mix -o - | ffplay -
    """
    from beatflow.mixing.mixdown import mix_track, open_commit, open_worktree

    repository = invocation.repository()
    subtype = _parse_bits(bits)
    moves = _parse_moves(
        invocation, repository, gain, pan, offset, master, add,
        mute=mute, unmute=unmute, solo=solo, unsolo=unsolo, remove=remove,
    )  # fmt: skip
    if commit and message is None:
        message = "mix"
    if output is not None and message is not None:
        raise UsageError("-o leaves the track as it is: there is nothing to commit", hint="leave out -o")
    at = None
    if revision is not None:
        from beatflow.revision.revision import get_commit

        at = get_commit(repository, revision)
        if output is None and not dry_run:
            raise UsageError("a commit's mix goes into a file of its own", hint=f"bf mix {revision} -o FILE")
        session = open_commit(repository, at, moves)
    else:
        session = open_worktree(repository, moves)
    if output == "-" and not dry_run:
        _to_stdout(invocation, session, subtype, json)
        _note_taken(invocation, session, at)
        return
    handover = make_handover(
        invocation, None if output == "-" else output, force, message, dry_run, in_track=True
    )
    if handover.place is not None and handover.place.file is None:
        handover = replace(handover, place=replace(handover.place, file=Path(session.track.mix_file).name))
    with invocation.ui.progress("mixing") as progress:
        done = mix_track(repository, session, handover, subtype, progress)
    if output is not None and not dry_run:
        _note_taken(invocation, session, at)
    if json:
        invocation.ui.emit_json("beatflow.mix/1", _document(invocation, done))
    else:
        if done.path is not None:
            invocation.ui.emit(relative(invocation, done.path))
    _say(invocation, done, output)
    say_written(invocation, handover)


def _to_stdout(invocation: Invocation, session: "Session", subtype: str | None, json: bool) -> None:
    if json:
        raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE")
    from contextlib import ExitStack

    from beatflow.mixing.mixdown import pipe_mix

    invocation.ui.check_output()
    with ExitStack() as stack:
        progress = stack.enter_context(invocation.ui.progress("mixing"))
        done = pipe_mix(session, lambda: stack.enter_context(invocation.ui.open_pipe()), subtype, progress)
    _say(invocation, done, "-")


def _note_taken(invocation: Invocation, session: "Session", at: str | None) -> None:
    """Note that a track's mix was taken out: the one that it has, whatever format it went out in."""
    from beatflow.soundword import find_mix

    oid = None
    with suppress(BeatFlowError):
        oid = find_mix(invocation.repository(), at).oid
    note(invocation, "download", path=session.track.mix_file, oid=oid)


def _parse_bits(bits: str | None) -> str | None:
    if bits is None:
        return None
    found = _BITS.get(bits.lower()) or (bits.upper() if bits.upper() in _BITS.values() else None)
    if found is None:
        raise UsageError(f"a mix cannot have {bits} bits", hint="give --bits 8, 16, 24 or float")
    return found


def _parse_moves(
    invocation: Invocation,
    repository: "Repository",
    gain: _Several,
    pan: _Several,
    offset: _Several,
    master: str | None,
    add: _Several,
    **names: _Several,
) -> "Moves":
    from beatflow.making.hearing import find_sound
    from beatflow.mixing.score import GAIN_DB, Moves, check_level, parse_assignments, parse_levels

    added = {
        name: repository.worktree.relative(find_sound(invocation.directory, file))
        for name, file in parse_assignments("--add", add or ()).items()
    }
    return Moves(
        gains=parse_levels("--gain", gain or (), *GAIN_DB, "dB"),
        pans=parse_levels("--pan", pan or (), -1.0, 1.0, ""),
        offsets=parse_assignments("--offset", offset or ()),
        muted=names["mute"] or (),
        unmuted=names["unmute"] or (),
        soloed=names["solo"] or (),
        unsoloed=names["unsolo"] or (),
        added=added,
        removed=names["remove"] or (),
        master_db=None if master is None else check_level("--master", master, *GAIN_DB, "dB"),
    )


def _say(invocation: Invocation, done: "Rendered", output: str | None) -> None:
    """The figures, on stderr."""
    ui = invocation.ui
    for name, path in done.proposed.items():
        ui.say(f"{name}: {path}")
    if done.proposed and output is None:
        ui.say("these are the stems of track.toml now")
    silent = [name for name in done.stems if name not in done.heard]
    ui.say(
        f"{len(done.heard)} of {len(done.stems)} stems"
        f"{' (not: ' + ', '.join(silent) + ')' if silent else ''}, {_tell_length(done)}, "
        f"{done.format} {done.subtype}, {_tell_level(done)}"
    )
    for name, path in list(done.left_out.items())[:3]:
        ui.say(f"not in the mix: {path} (bf mix --add {_quote(name)}={_quote(path)})")
    if done.clipped and done.over_db is not None:
        lower = int((done.master_db - done.over_db) * 10 - 1) / 10
        ui.warn(
            f"{done.clipped} samples clipped, by up to {done.over_db:.1f} dB",
            hint=f"bf mix --master {lower:g}",
        )


def _tell_length(done: "Rendered") -> str:
    minutes, seconds = divmod(done.frames / done.sample_rate, 60)
    return f"{minutes:.0f}:{seconds:06.3f}"


def _tell_level(done: "Rendered") -> str:
    if done.loudness_lufs is None:
        return "too short or quiet for a loudness" if done.over_db is not None else "silent"
    return f"{done.loudness_lufs:.1f} LUFS, {done.true_peak_dbtp:.1f} dBTP"


def _quote(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _document(invocation: Invocation, done: "Rendered") -> dict[str, Any]:
    document = {
        name: getattr(done, name) for name in done.__slots__ if name not in ("heard", "stems", "path")
    }
    document["path"] = relative(invocation, done.path) if done.path else None
    document["duration_s"] = round(done.frames / done.sample_rate, 6)
    document["pan_law"] = "balance, 0 dB at the centre"
    document["stems"] = [
        {
            "name": name, "path": stem.file, "gain_db": stem.gain_db, "pan": stem.pan, "mute": stem.mute,
            "solo": stem.solo, "offset_frames": stem.offset, "heard": name in done.heard,
        }
        for name, stem in done.stems.items()
    ]  # fmt: skip
    return document
