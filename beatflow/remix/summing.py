"""Several sounds read as one, their sum: a mix without some of its stems, exactly as they are in it."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, SoundInfo


class Reading(Protocol):
    """What a remix reads: an `AudioReader`, or several."""

    @property
    def name(self) -> str: ...
    @property
    def info(self) -> SoundInfo: ...
    def seek(self, frame: int) -> None:
        """Go to a frame."""
        ...

    def read(self, frames: int) -> Audio:
        """Read up to so many frames."""
        ...


class SumReader:
    """Reads the sum of sounds of one length, rate and number of channels, rounded once to float32."""

    def __init__(self, readers: Sequence[AudioReader]) -> None:
        self._readers = readers
        self.name, self.info = readers[0].name, readers[0].info
        shapes = {(one.info.sample_rate, one.info.channels, one.info.frames) for one in readers}
        if len(shapes) > 1:
            raise AudioError(
                f"{' and '.join(one.name for one in readers)} have no sum: they differ in rate, channels or length"
            )

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        for reader in self._readers:
            reader.seek(frame)

    def read(self, frames: int) -> Audio:
        """Read up to so many frames."""
        parts = [reader.read(frames).samples for reader in self._readers]
        total = parts[0].astype(np.float64)
        for part in parts[1:]:
            total += part
        return Audio(total.astype(np.float32), self.info.sample_rate)


def open_sum(files: Sequence[tuple[Path, str]], stack: ExitStack) -> Reading:
    """Open one sound as it is, or several as their sum.

    Raises
    ------
    AudioError
        One cannot be read, or they do not go together.
    """
    readers = [stack.enter_context(AudioReader(path, name)) for path, name in files]
    return readers[0] if len(readers) == 1 else SumReader(readers)
