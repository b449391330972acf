"""Two sounds made fit to be compared by ear: at one rate, at the same place, equally loud.

What is louder is thought better, and what comes later is told apart by that alone. So the louder one is turned down to
the other's loudness (ITU-R BS.1770, of what is compared), and the one that begins later is cut until both run together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from beatflow.errors import UsageError
from beatflow.playing.source import Source, at_rate, fit_channels
from beatflow.sound.audio import Samples
from beatflow.sound.explain.offset import find_offsets
from beatflow.sound.files import BLOCK_FRAMES
from beatflow.sound.loudness import LoudnessMeter

_HEARD_S = 120.0
"""So much from where the comparison begins is looked at to find the offset."""
_REACH_S = 10.0

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Match:
    """How two sounds go together.

    Parameters
    ----------
    sample_rate : int
        At which both are compared.
    offset_frames : int or None
        How much later B's sound is in its file; None where the two do not line up, and run from their starts.
    starts : tuple of int
        The frame of each at which the comparison begins.
    frames : int
        How long both are from there on.
    loudness_lufs : tuple of float or None
        Of what is compared; None for silence and what is too short.
    gains_db : tuple of float
        What makes them equally loud; never above 0.
    """

    sample_rate: int
    offset_frames: int | None
    starts: tuple[int, int]
    frames: int
    loudness_lufs: tuple[float | None, float | None]
    gains_db: tuple[float, float]


def match(
    sources: tuple[Source, Source],
    sample_rate: int,
    start_s: float,
    end_s: float | None,
    align: bool,
    level: bool,
    progress: Progress,
) -> Match:
    """Find out how two sounds go together.

    Parameters
    ----------
    sources : two of Source
        They are read, and left anywhere.
    sample_rate : int
    start_s, end_s : float, float or None
        The stretch to compare, in A's time.
    align, level : bool
        Whether to look for the offset, and to make them equally loud.

    Raises
    ------
    UsageError
        They have nothing in common there.
    """
    one, two = (at_rate(source, sample_rate) for source in sources)
    start = round(start_s * sample_rate)
    end = one.frames if end_s is None else min(one.frames, round(end_s * sample_rate))
    progress(0.0, "aligning")
    offset = _find_offset(one, two, start, sample_rate) if align else None
    shift = offset or 0
    begin = max(start, -shift, 0)
    starts = begin, begin + shift
    frames = min(end - starts[0], two.frames - starts[1])
    if frames <= 0:
        raise UsageError(
            f"{one.name} and {two.name} have nothing in common there",
            hint="--from and --to choose the stretch",
        )
    loudness: tuple[float | None, float | None] = (None, None)
    if level:
        first = _measure(one, starts[0], frames, lambda done: progress(0.2 + 0.4 * done, "measuring"))
        second = _measure(two, starts[1], frames, lambda done: progress(0.6 + 0.4 * done, "measuring"))
        loudness = first, second
    return Match(sample_rate, offset, starts, frames, loudness, _level(*loudness))


class Cut:
    """A stretch of another source, as a source of its own."""

    def __init__(self, source: Source, start: int, frames: int, name: str) -> None:
        self._source, self._start = source, start
        self.name, self.frames = name, frames
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame of the stretch."""
        self._left = max(self.frames - frame, 0)
        self._source.seek(self._start + min(frame, self.frames))

    def read(self, frames: int) -> Samples:
        """Return up to so many frames from here on."""
        made = self._source.read(min(frames, self._left))
        self._left -= len(made)
        return made

    def close(self) -> None:
        """Close the other source."""
        self._source.close()


def _find_offset(one: Source, two: Source, start: int, sample_rate: int) -> int | None:
    frames, reach = round(_HEARD_S * sample_rate), round(_REACH_S * sample_rate)
    low = max(start - reach, 0)
    channels = max(one.channels, two.channels)
    parts = []
    for source in (one, two):
        source.seek(low)
        samples = fit_channels(source.read(frames), channels)
        parts.append(np.nan_to_num(samples, posinf=1.0, neginf=-1.0))
    found = find_offsets(parts[0], parts[1], sample_rate, _REACH_S)
    return found[0].frames if found else None


def _measure(source: Source, start: int, frames: int, progress: Callable[[float], None]) -> float | None:
    source.seek(start)
    meter = LoudnessMeter(source.sample_rate, source.channels, peaks=False)
    left = frames
    while left > 0 and len(samples := source.read(min(left, BLOCK_FRAMES))):
        meter.add(np.nan_to_num(samples, posinf=1.0, neginf=-1.0))
        left -= len(samples)
        progress(1 - left / frames)
    return meter.result().integrated_lufs


def _level(one: float | None, two: float | None) -> tuple[float, float]:
    """The louder one goes down to the other."""
    if one is None or two is None:
        return 0.0, 0.0
    return min(two - one, 0.0) + 0.0, min(one - two, 0.0) + 0.0
