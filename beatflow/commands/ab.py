"""``bf ab``."""

from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, SeedOption, complete_word
from beatflow.commands.takes import note
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.playing.ab import Comparison
    from beatflow.playing.matching import Match
    from beatflow.playing.naming import Named
    from beatflow.playing.session import Standing

TRIALS = 10


def ab(
    invocation: Invocation,
    first: Annotated[
        str,
        Argument(
            metavar="A",
            help="A sound: FILE, STEM, REV:PATH, or REV for its mix.",
            autocompletion=complete_word,
        ),
    ],
    second: Annotated[
        str, Argument(metavar="B", help="The sound to compare with.", autocompletion=complete_word)
    ],
    blind: Annotated[
        bool, Option("--blind", help="A blind test (ABX): is X, drawn anew each time, A or B?")
    ] = False,
    trials: Annotated[
        int | None, Option("--trials", metavar="N", help="How many, 1 to 100; else 10. Means --blind.")
    ] = None,
    start: Annotated[
        str | None, Option("--from", metavar="TIME", help="Begin there: 0:30, 12.5s, b17 (bar 17).")
    ] = None,
    end: Annotated[
        str | None, Option("--to", metavar="TIME", help="End there; it is played in a loop.")
    ] = None,
    align: Annotated[bool, Option(help="Find out how much later one of them is, and cut that off.")] = True,
    level: Annotated[bool, Option(help="Turn the louder one down to the other's loudness.")] = True,
    seed: SeedOption = None,
    device: Annotated[
        str | None,
        Option("--device", metavar="NAME", help="The device: part of its name, or its number."),
    ] = None,
    message: Annotated[
        str | None, Option("--message", "-m", metavar="TEXT", help="A remark for the note.")
    ] = None,
    record: Annotated[bool, Option("--note/--no-note", help="Note the result on the commit.")] = True,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Compare two sounds by ear: equally loud, in step, blind if wanted.

    Both play in a loop; a and b go over from one to the other. Enter says which is better: the one that is heard. With
    --blind, x is one of them: 1 says that it is A, 2 that it is B, and only the end tells what was right, and how
    likely that is by guessing. The result is noted on the commit that B is of, or else A; bf log, bf show and git log
    show it. -n only says how they are matched.

    Examples:
      bf ab main~1 main
      bf ab v1:mix.wav mix.wav --blind --from b17 --to b24
      bf ab song.wav song.mp3 --trials 16
    """
    import secrets
    from contextlib import ExitStack

    from beatflow.playing.ab import Wish, compare, comparing, tell
    from beatflow.playing.keys import reading_keys
    from beatflow.playing.naming import Finder

    ui = invocation.ui
    if not (dry_run or ui.can_ask):
        raise UsageError(
            "comparing by ear needs a terminal, for the keys",
            hint=f"bf ab {first} {second} -n tells how they match",
        )
    if trials is not None and trials < 1:
        raise UsageError(f"a test has 1 to 100 trials, not {trials}", hint="--trials 10")
    if "-" in (first, second):
        raise UsageError("standard input is for the keys here", hint="write the sound to a file first")
    finder = Finder(invocation.directory, invocation.find_repository(), ui.read_input)
    sounds = finder.find(first), finder.find(second)
    count = trials or (TRIALS if blind else 0)
    seed = secrets.randbits(32) if seed is None else seed
    wish = Wish(start, end, count, seed, align, level, device)
    with ExitStack() as stack:
        with ui.progress("matching") as progress:
            comparison = stack.enter_context(comparing(sounds, wish, progress))
        if not json:
            _tell_match(invocation, sounds, comparison.match)
        if not dry_run:
            with reading_keys(True) as keys, ui.live_line() as draw:
                ui.say(_explain_keys(count))

                def show(standing: "Standing") -> None:
                    from beatflow.interruption import check_interrupted

                    check_interrupted()
                    draw(_line(standing, comparison), {"position_s": standing.position_s})

                compare(comparison, wish, keys, show)
            for sound in sounds:
                note(invocation, "play", path=sound.path or sound.name, oid=sound.oid, commit=sound.commit)
    commit = None if dry_run or not record else _note(invocation, sounds, comparison, message)
    if json:
        ui.emit_json("beatflow.ab/1", _describe(sounds, comparison, seed, commit))
    elif not dry_run:
        ui.emit(tell(comparison))


def _tell_match(invocation: Invocation, sounds: "tuple[Named, Named]", match: "Match") -> None:
    from beatflow.playing.ab import LABELS
    from beatflow.wording import format_duration, format_loudness, format_number

    ui = invocation.ui
    for label, sound, lufs, gain in zip(LABELS, sounds, match.loudness_lufs, match.gains_db, strict=True):
        turned = f", turned down by {format_number(-gain, 2)} dB" if gain else ""
        loudness = f"  {format_loudness(lufs)}" if lufs is not None else ""
        ui.say(f"{label}  {sound.name}{loudness}{turned}")
    if None in match.loudness_lufs:
        ui.say("not made equally loud")
    offset_s = (match.offset_frames or 0) / match.sample_rate
    length = format_duration(match.frames / match.sample_rate)
    if match.offset_frames is None:
        ui.say(f"{length} from their starts: not aligned")
    elif offset_s:
        ui.say(
            f"{length} in common: B is {abs(offset_s) * 1000:.1f} ms {'later' if offset_s > 0 else 'earlier'}, cut off"
        )
    else:
        ui.say(f"{length} in common, in step")


def _explain_keys(count: int) -> str:
    told = "1 says X is A, 2 says X is B" if count else "enter prefers what is heard"
    return f"a, b{', x' if count else ''} listen, {told}, space pauses, ←→ 5 s, home to the start, q gives up"


def _line(standing: "Standing", comparison: "Comparison") -> str:
    from beatflow.wording import format_duration

    times = " / ".join(format_duration(round(at, 1))[:-2] for at in (standing.position_s, standing.end_s))
    trials = comparison.trials
    trial = f"trial {min(len(trials.answers) + 1, trials.count)} of {trials.count}  " if trials else ""
    return f"{trial}[{comparison.hearing}]  {'paused ' if standing.paused else ''}{times}"


def _note(
    invocation: Invocation, sounds: "tuple[Named, Named]", comparison: "Comparison", message: str | None
) -> str | None:
    """Note the result; return the commit that it was noted on."""
    from beatflow.notes import add_note
    from beatflow.playing.ab import format_note

    trials = comparison.trials
    if (trials is not None and not trials.finished) or (
        trials is None and comparison.preferred is None and not message
    ):
        return None
    commit = sounds[1].commit or sounds[0].commit
    if commit is None:
        invocation.ui.say("neither sound is of a commit, so it is noted nowhere")
        return None
    who = invocation.signature()
    from beatflow.wording import format_time

    text = format_note(sounds, comparison, message, f"{who.name}, {format_time(who)}")
    add_note(invocation.repository(), commit, text)
    invocation.ui.say(f"noted on {commit[:7]}")
    return commit


def _describe(
    sounds: "tuple[Named, Named]", comparison: "Comparison", seed: int, commit: str | None
) -> dict[str, Any]:
    from beatflow.playing.ab import LABELS

    match, trials = comparison.match, comparison.trials
    rows = [
        {
            "label": label,
            "name": sound.name,
            "path": sound.path,
            "oid": sound.oid,
            "commit": sound.commit,
            "start_s": start / match.sample_rate,
            "loudness_lufs": lufs,
            "gain_db": round(gain, 3),
        }
        for label, sound, start, lufs, gain in zip(
            LABELS, sounds, match.starts, match.loudness_lufs, match.gains_db, strict=True
        )
    ]
    return {
        "sounds": rows,
        "sample_rate": match.sample_rate,
        "offset_frames": match.offset_frames,
        "duration_s": match.frames / match.sample_rate,
        "preferred": None if comparison.preferred is None else LABELS[comparison.preferred],
        "trials": trials and trials.count,
        "seed": seed if trials else None,
        "answers": trials and [LABELS[answer] for answer in trials.answers],
        "right": trials and trials.right,
        "p_value": trials and trials.p_value,
        "noted_on": commit,
    }
