"""What a sound is before it is remixed: its length, its edges, its tempo, beats and key; known, or heard in one pass.

Reads a sound, writes nothing, decides nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import Progress, no_progress
from beatflow.contract.measuring import Measurement, measure
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_finite
from beatflow.sound.looks import AGAIN
from beatflow.sound.shaping import EdgeMeter

LEVELS_PER_S = 20
_BLOCK_FRAMES = 1 << 18


@dataclass(frozen=True, slots=True)
class Known:
    """What needs no ears: from options, the score or a record. ``sure`` says that nothing has to bear it out."""

    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    sure: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A sound as it is.

    Parameters
    ----------
    frames, sample_rate, channels : int
    first, end : int
        The stretch that is not silent at its ends.
    levels : ndarray of float32, shape (hops,)
        Mean square in each of `LEVELS_PER_S`.
    measured : Measurement or None
        None where nobody asked for tempo, key or beats.
    """

    frames: int
    sample_rate: int
    channels: int
    first: int
    end: int
    levels: NDArray[np.float32]
    measured: Measurement | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What the sound turned out to be before the remix; ``exact`` says that its first bar begins where it does."""

    tempo: float | None = None
    steady: bool = True
    exact: bool = False
    key: str | None = None
    meter: str | None = None


def hear(
    reader: AudioReader,
    listen: bool,
    tempo: float | None = None,
    bpm_range: tuple[float, float] | None = None,
    progress: Progress = no_progress,
) -> Heard:
    """Go through a sound once.

    Parameters
    ----------
    reader : AudioReader
        At its start.
    listen : bool
        Measure tempo, beats and key as well, which takes most of the time.
    tempo : float, optional
        What its tempo is said to be, BPM.
    bpm_range : (float, float), optional
        Where to look for it.

    Raises
    ------
    AudioError
        It holds no samples, samples that are not numbers, or nothing but silence.
    """
    if not reader.info.frames:
        raise AudioError(f"{reader.name} holds no samples", hint=AGAIN)
    edges, levels = EdgeMeter(), _LevelMeter(max(1, reader.info.sample_rate // LEVELS_PER_S))
    blocks = _tap(reader, edges, levels, progress)
    measured = measure(blocks, tempo, bpm_range=bpm_range) if listen else None
    for _ in blocks:
        pass
    if edges.first is None:
        raise AudioError(f"{reader.name} is silent: there is nothing to remix")
    info = reader.info
    found = Heard(
        edges.frames, info.sample_rate, info.channels, edges.first, edges.end, levels.result(), measured
    )
    reader.seek(0)
    return found


def _tap(reader: AudioReader, edges: EdgeMeter, levels: "_LevelMeter", progress: Progress) -> Iterator[Audio]:
    for block in reader.blocks(_BLOCK_FRAMES):
        check_finite(block, reader.name, edges.frames)
        edges.add(block.samples)
        levels.add(block)
        progress(min(1.0, edges.frames / reader.info.frames), "listening")
        yield block


class _LevelMeter:
    """Mean squares of hops, whatever the blocks."""

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._rest = np.zeros(0, np.float32)
        self._found: list[NDArray[np.float32]] = []

    def add(self, block: Audio) -> None:
        power = np.concatenate([self._rest, np.mean(np.square(block.samples), axis=1, dtype=np.float32)])
        whole = len(power) // self._hop * self._hop
        self._found.append(power[:whole].reshape(-1, self._hop).mean(axis=1))
        self._rest = power[whole:]

    def result(self) -> NDArray[np.float32]:
        last = [self._rest.mean(keepdims=True)] if len(self._rest) else []
        return np.concatenate([*self._found, *last]).astype(np.float32)


def prefer(first: Known, then: Known) -> Known:
    """The first, filled up by the second."""
    return replace(
        first,
        tempo=first.tempo or then.tempo,
        key=first.key or then.key,
        meter=first.meter or then.meter,
        sure=first.sure or (first.tempo is None and then.sure),
    )
