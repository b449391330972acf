"""A sound on its way, in a file of floats: exact up to 24 bits, read from anywhere, forwards or backwards.

So that nothing of a long sound needs to be in memory. Who asks for a file removes it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from beatflow.errors import AudioError
from beatflow.remix.summing import Reading
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, AudioReader
from beatflow.sound.shaping import EdgeMeter
from beatflow.sound.writing import AudioWriter


@dataclass(frozen=True, slots=True)
class Tape:
    """A sound of floats in a file; ``peak`` is its greatest sample."""

    path: Path
    sample_rate: int
    channels: int
    frames: int
    peak: float

    def blocks(self) -> Iterator[Audio]:
        """Read it from its start."""
        with AudioReader(self.path) as reader:
            yield from reader.blocks(BLOCK_FRAMES)

    def drop(self) -> None:
        """Free its place on the disk: it is not needed any more."""
        self.path.unlink(missing_ok=True)


def record(blocks: Iterable[Audio], path: Path) -> Tape:
    """Write blocks to a tape.

    Raises
    ------
    AudioError
        There are none, or samples are not numbers.
    """
    waiting = iter(blocks)
    first = next(waiting, None)
    if first is None:
        raise AudioError("nothing is left of the sound")
    edges = EdgeMeter()
    with AudioWriter(path, first.sample_rate, first.channels, "FLOAT", "WAV") as writer:
        for block in chain([first], waiting):
            writer.write(block)
            edges.add(block.samples)
    return Tape(path, first.sample_rate, first.channels, edges.frames, edges.peak)


def read_range(reader: Reading, start: int, frames: int, backwards: bool = False) -> Iterator[Audio]:
    """Read a stretch of a sound, from its start or from its end."""
    for done in range(0, frames, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, frames - done)
        if not backwards:
            if not done:
                reader.seek(start)
            block = reader.read(count)
            yield block
            if block.frames < count:
                return
            continue
        reader.seek(start + frames - done - count)
        block = reader.read(count)
        yield Audio(np.ascontiguousarray(block.samples[::-1]), block.sample_rate)
