"""From sounds that were named to sounds that are heard: opens them, opens what plays, and sits through it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from beatflow.errors import EngineError, UsageError
from beatflow.playing.device import DeviceOutput, Output
from beatflow.playing.keys import Keys
from beatflow.playing.naming import Named
from beatflow.playing.player import CROSSFADE_S, Player
from beatflow.playing.programs import ProgramOutput
from beatflow.playing.session import Played, Show, play
from beatflow.playing.source import Source, Sources
from beatflow.timecode import Clock

_FINE = 28_224_000
"""Frames a second that whole frames of 44.1, 48, 88.2, 96, 176.4 and 192 kHz all fall on."""
MOST_SOUNDS = 9
"""As many as there are number keys."""
LONGEST_CROSSFADE_S = 10.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How to listen.

    Parameters
    ----------
    start, end : str or None
        Times as musicians write them, ``0:30`` or ``b17``; a bar at the end is taken in.
    loop : bool
    gain_db : float
    gains_db : sequence of float
        Beside that, one for each sound; empty for none.
    crossfade_s : float
    every_s : float or None
        Go over into the next sound after so long.
    limit_s : float or None
        Stop after so long.
    device : str or None
    """

    start: str | None = None
    end: str | None = None
    loop: bool = False
    gain_db: float = 0.0
    gains_db: Sequence[float] = ()
    crossfade_s: float = CROSSFADE_S
    every_s: float | None = None
    limit_s: float | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What a sound passes on its way to the device.

    Parameters
    ----------
    device : str
        The device's name, or the program's.
    sample_rate, channels : int
        What it was opened with.
    start_s, end_s : float, float or None
    sources : tuple of (int, int, float)
        Sample rate, channels and length in seconds of each sound.
    resampled : bool
        The device did not take the rate of one of them.
    """

    device: str
    sample_rate: int
    channels: int
    start_s: float
    end_s: float | None
    sources: tuple[tuple[int, int, float], ...]
    resampled: bool


def listen(
    sounds: Sequence[Named],
    wish: Wish,
    keys: Keys,
    show: Show,
    begin: Callable[[Chain], None] = lambda _: None,
) -> tuple[Chain, Played]:
    """Play sounds, of which one is heard at a time, from the first one's choice of rate on.

    Parameters
    ----------
    begin : callable
        Told what was opened, before the first sample goes out.

    Raises
    ------
    UsageError
        A figure makes no sense, or the stretch lies behind the sound's end.
    AudioError
        A sound cannot be read.
    EngineError
        There is nothing to play on.
    """
    check(sounds, wish)
    start_s, end_s = read_span(sounds[0].clock, wish.start, wish.end)
    with Sources() as sources:
        for sound in sounds:
            sources.add(sound.open())
        first = sources.all[0]
        channels = max(source.channels for source in sources.all)
        with open_output(first.sample_rate, channels, wish.device) as output:
            gains = [
                wish.gain_db + (wish.gains_db[at] if wish.gains_db else 0.0) for at in range(len(sounds))
            ]
            player = Player(
                sources.all, output.sample_rate, output.channels, start_s, end_s, wish.loop, gains, wish.crossfade_s
            )  # fmt: skip
            chain = _describe(output, sources.all, start_s, end_s)
            begin(chain)
            played = play(player, output, keys, show, wish.every_s, len(sounds), wish.limit_s)
    return chain, played


def check(sounds: Sequence[Named], wish: Wish) -> None:
    """Refuse what makes no sense, before anything is opened."""
    if not 1 <= len(sounds) <= MOST_SOUNDS:
        raise UsageError(f"1 to {MOST_SOUNDS} sounds can be played against each other, not {len(sounds)}")
    if not 0 <= wish.crossfade_s <= LONGEST_CROSSFADE_S:
        raise UsageError(f"a crossfade takes 0 to {LONGEST_CROSSFADE_S:g} s, not {wish.crossfade_s:g}")
    for seconds in (wish.every_s, wish.limit_s):
        if seconds is not None and not seconds > 0:
            raise UsageError(f"a time of {seconds:g} s makes no sense", hint="--for 30 --every 8")
    if wish.every_s and wish.every_s <= wish.crossfade_s:
        raise UsageError("--every must be longer than --crossfade", hint="--every 8 --crossfade 0.05")


def read_span(clock: Clock, start: str | None, end: str | None) -> tuple[float, float | None]:
    """Read where to begin and to end, in seconds.

    Raises
    ------
    UsageError
        These are no times, or the end comes before the start.
    """
    if start is None and end is None:
        return 0.0, None
    fine = replace(clock, sample_rate=_FINE)
    span = fine.parse_between(start, end)
    return span.start / _FINE, None if span.end is None else span.end / _FINE


@contextmanager
def open_output(sample_rate: int, channels: int, device: str | None) -> Iterator[Output]:
    """Open the device, or a program that plays where there is none and none was asked for.

    Raises
    ------
    EngineError
        Neither can be had: what is said is why there is no device.
    """
    with _open(sample_rate, channels, device) as output:
        yield output


def _open(sample_rate: int, channels: int, device: str | None) -> DeviceOutput | ProgramOutput:
    try:
        return DeviceOutput(sample_rate, channels, device)
    except EngineError as error:
        if device is not None:
            raise
        return ProgramOutput(sample_rate, channels, error)


def _describe(output: Output, sources: Sequence[Source], start_s: float, end_s: float | None) -> Chain:
    return Chain(
        output.name,
        output.sample_rate,
        output.channels,
        start_s,
        end_s,
        tuple(
            (source.sample_rate, source.channels, source.frames / source.sample_rate) for source in sources
        ),
        any(source.sample_rate != output.sample_rate for source in sources),
    )
