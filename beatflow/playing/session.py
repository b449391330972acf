"""One sitting: blocks from the player to the output, keys to the player, until it is over.

Knows no command line: what is shown goes to a callable, keys come from whoever has them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from beatflow.playing.device import Output
from beatflow.playing.keys import Keys
from beatflow.playing.player import Player

BLOCK_FRAMES = 1024
STEP_S, LEAP_S = 5.0, 30.0
_SHOWS_PER_S = 10

Show = Callable[["Standing"], None]
Obey = Callable[[Player, str], bool]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where playing is: the place that is heard now, in seconds from the sound's start, its end, which sound."""

    position_s: float
    end_s: float
    index: int
    name: str
    paused: bool


@dataclass(frozen=True, slots=True)
class Played:
    """How it went.

    Parameters
    ----------
    seconds : float
        How much was heard.
    finished : bool
        It came to its end; otherwise somebody stopped it.
    clipped : int
        Samples that were beyond full scale.
    gaps : int
        How often the device had nothing to play.
    """

    seconds: float
    finished: bool
    clipped: int
    gaps: int


def play(
    player: Player,
    output: Output,
    keys: Keys,
    show: Show,
    every_s: float | None = None,
    count: int = 1,
    limit_s: float | None = None,
    obey: Obey | None = None,
) -> Played:
    """Play to the end, or until a key stops it.

    Parameters
    ----------
    player, output, keys
    show : callable
        Told where playing is, ten times a second.
    every_s : float, optional
        Go over into the next sound after so long.
    count : int
        How many sounds there are to choose from.
    limit_s : float, optional
        Stop after so long; for loops that nobody can stop with a key.
    obey : callable, optional
        Does what a key says, in place of `obey_key`, and says whether that is to stop.
    """
    rate = output.sample_rate
    given, written, turn, shown = 0, 0, 0, -1
    stopped = False
    latency = round(output.latency_s * rate)
    while True:
        wants_out = [(obey or obey_key)(player, key) for key in keys.pressed()]
        if not stopped and (any(wants_out) or (limit_s is not None and given >= limit_s * rate)):
            stopped = True
            player.stop()
        elif every_s and not player.paused and given >= (turn + 1) * every_s * rate:
            turn += 1
            player.switch((player.current + 1) % count)
        block = player.pull(BLOCK_FRAMES)
        if not len(block):
            break
        output.write(block)
        written += len(block)
        given += 0 if player.paused and not stopped else len(block)
        if written * _SHOWS_PER_S // rate != shown:
            shown = written * _SHOWS_PER_S // rate
            show(_stand(player, latency))
    output.drain()
    return Played(given / rate, not stopped, player.clipped, output.gaps)


def _stand(player: Player, latency: int) -> Standing:
    rate = player.sample_rate
    heard = max(player.place - latency, player.start)
    return Standing(
        heard / rate, player.end_of(player.current) / rate, player.current, player.name, player.paused
    )


def obey_key(player: Player, key: str) -> bool:
    """Do what a key says; say whether it is to stop."""
    rate = player.sample_rate
    steps = {"left": -STEP_S, "right": STEP_S, "down": -LEAP_S, "up": LEAP_S}
    if key in ("q", "escape"):
        return True
    if key == "space":
        player.toggle()
    elif key in steps:
        player.seek(player.place + round(steps[key] * rate))
    elif key == "home":
        player.seek(player.start)
    elif key == "l":
        player.loop = not player.loop
    elif len(key) == 1 and key.isdigit() and key != "0":
        player.switch(int(key) - 1)
    return False
