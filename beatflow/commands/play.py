"""``bf play``."""

from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption, complete_word
from beatflow.commands.takes import note
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatflow.playing.listening import Chain
    from beatflow.playing.naming import Named
    from beatflow.playing.session import Played, Standing


def play(
    invocation: Invocation,
    sounds: Annotated[
        list[str] | None,
        Argument(
            metavar="[[REV:]PATH|REV|-]...",
            help="Sounds; a revision stands for its mix. The folder's mix if none.",
            autocompletion=complete_word,
        ),
    ] = None,
    stems: Annotated[
        str | None,
        Option(
            "--stems",
            metavar="NAME,...",
            help="Only these stems of track.toml, with their faders, or of a folder; all takes every one.",
        ),
    ] = None,
    loop: Annotated[bool, Option("--loop", help="Begin again at the end, without a fade.")] = False,
    start: Annotated[
        str | None, Option("--from", metavar="TIME", help="Begin there: 0:30, 12.5s, b17 (bar 17).")
    ] = None,
    end: Annotated[
        str | None, Option("--to", metavar="TIME", help="End there; a bar is played to its end.")
    ] = None,
    gain: Annotated[float, Option("--gain", metavar="DB", help="Louder or softer, -120 to 24.")] = 0.0,
    every: Annotated[
        float | None,
        Option("--every", metavar="SECONDS", help="Go over into the next sound after so long."),
    ] = None,
    crossfade: Annotated[
        float, Option("--crossfade", metavar="SECONDS", help="How long going over takes, 0 to 10.")
    ] = 0.05,
    limit: Annotated[float | None, Option("--for", metavar="SECONDS", help="Stop after so long.")] = None,
    device: Annotated[
        str | None,
        Option("--device", metavar="NAME", help="The device: part of its name, or its number."),
    ] = None,
    devices: Annotated[bool, Option("--devices", help="List the devices that can play.")] = False,
    json: JsonOption = False,
) -> None:
    """Listen to a sound, of any version.

    Of several sounds one is heard at a time: a number key goes over into another at the same place. Keys: space pauses,
    left and right go 5 s, up and down 30 s, home to the start, l loops, q stops. Samples reach the device as they are
    in the file, at its own rate where the device takes that. docs/play.md describes the way.

    Examples:
      bf play
      bf play main~2:mix.wav main:mix.wav --from b17
      bf play v1 --stems drums,bass --loop --to b8
      bf generate lofi -o - | bf play -
    """
    if devices:
        _list_devices(invocation, json)
        return
    from beatflow.playing.keys import reading_keys
    from beatflow.playing.listening import Wish, listen
    from beatflow.playing.naming import Finder

    ui = invocation.ui
    words: list[str | None] = [*sounds] if sounds else [None]
    if words.count("-") > 1:
        raise UsageError("standard input can be played once", hint="bf play - FILE")
    finder = Finder(invocation.directory, invocation.find_repository(), ui.read_input)
    names = [name.strip() for name in (stems or "").split(",") if name.strip()]
    if stems is not None and not names:
        raise UsageError("--stems takes names", hint="--stems drums,bass or --stems all")
    named = [finder.find_stems(word, names) if names else finder.find(word) for word in words]
    wish = Wish(start, end, loop, gain, crossfade_s=crossfade, every_s=every, limit_s=limit, device=device)
    has_keys = ui.can_ask and "-" not in words
    for sound in named:
        if sound.small:
            ui.warn(
                f"{sound.name} is elsewhere: this is its small copy", hint=f"bf fetch {sound.path} brings it"
            )
    heard: list[Standing] = []

    def show(standing: "Standing") -> None:
        from beatflow.interruption import check_interrupted

        check_interrupted()
        heard[:] = [standing]
        draw(_line(standing, len(named)), _position(standing))

    def begin(chain: "Chain") -> None:
        if has_keys:
            ui.say(_explain_keys(len(named)))
        if chain.resampled:
            ui.say(f"{chain.device} plays at {chain.sample_rate} Hz: resampled for it")

    try:
        with reading_keys(has_keys) as keys, ui.live_line() as draw:
            chain, played = listen(named, wish, keys, show, begin)
    except KeyboardInterrupt:
        # Whoever stops with Ctrl-C has listened as well; who has no device has not.
        _note_play(invocation, named, heard)
        raise
    _note_play(invocation, named, heard)
    if played.clipped:
        ui.warn(f"{played.clipped} samples were beyond full scale", hint="--gain=-6 makes room")
    if played.gaps:
        ui.warn(f"the device ran dry {played.gaps} times: the machine is too busy")
    if json:
        ui.emit_json("beatflow.play/1", _describe(named, chain, played, loop))


def _note_play(invocation: Invocation, named: "Sequence[Named]", heard: "Sequence[Standing]") -> None:
    if heard:
        sound = named[heard[0].index]
        note(invocation, "play", path=sound.path or sound.name, oid=sound.oid, commit=sound.commit)


def _list_devices(invocation: Invocation, json: bool) -> None:
    from beatflow.playing.device import list_devices

    ui = invocation.ui
    found = list_devices()
    if json:
        ui.emit_json("beatflow.play.devices/1", {"devices": found})
        return
    if not found:
        ui.say("there is no audio device to play on")
        return
    ui.table(
        ["", "device", "channels", "Hz", ""],
        [
            [
                one["index"],
                one["name"],
                one["channels"],
                one["sample_rate"],
                "default" if one["default"] else "",
            ]
            for one in found
        ],
    )


def _explain_keys(count: int) -> str:
    switch = f"1-{count} go over, " if count > 1 else ""
    return f"{switch}space pauses, ←→ 5 s, ↑↓ 30 s, home to the start, l loops, q stops"


def _line(standing: "Standing", count: int) -> str:
    from beatflow.wording import format_duration

    times = " / ".join(format_duration(round(at, 1))[:-2] for at in (standing.position_s, standing.end_s))
    number = f"[{standing.index + 1}] " if count > 1 else ""
    return f"{'paused ' if standing.paused else ''}{times}  {number}{standing.name}"


def _position(standing: "Standing") -> dict[str, Any]:
    return {
        "position_s": round(standing.position_s, 3),
        "end_s": round(standing.end_s, 3),
        "path": standing.name,
        "paused": standing.paused,
    }


def _describe(named: "list[Named]", chain: "Chain", played: "Played", loop: bool) -> dict[str, Any]:
    rows = [
        {
            "name": sound.name,
            "path": sound.path,
            "oid": sound.oid,
            "commit": sound.commit,
            "small_copy": sound.small,
            "sample_rate": rate,
            "channels": channels,
            "duration_s": round(duration_s, 6),
        }
        for sound, (rate, channels, duration_s) in zip(named, chain.sources, strict=True)
    ]
    return {
        "sounds": rows,
        "device": chain.device,
        "sample_rate": chain.sample_rate,
        "channels": chain.channels,
        "resampled": chain.resampled,
        "start_s": chain.start_s,
        "end_s": chain.end_s,
        "loop": loop,
        "seconds": round(played.seconds, 6),
        "finished": played.finished,
        "clipped_samples": played.clipped,
        "gaps": played.gaps,
    }
