"""Where stems lie while a piece is made: in memory, or in a temporary file where they would take much of it."""

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np

from beatflow.ai.synth.exactmath import RATE
from beatflow.sound.audio import Audio, Samples

_IN_MEMORY = 9_000_000
"""Frames of a piece whose stems stay in memory: 3.4 minutes, 70 MB each."""
BLOCK = 1 << 19
"""Frames that are worked on at once."""


class Shelf:
    """Named stereo sounds of one length, written once each, from the first frame to the last."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._kept: dict[str, Samples] = {}
        self._files: dict[str, IO[bytes]] = {}
        self.small = frames <= _IN_MEMORY
        """Whether everything lies in memory."""
        weakref.finalize(self, _close, self._files)

    def open(self, name: str) -> None:
        """Begin a sound."""
        if self.small:
            self._kept[name] = np.empty((self.frames, 2), np.float32)
        else:
            self._files[name] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the shelf

    def write(self, name: str, start: int, samples: Samples) -> None:
        """Write frames, shape (frames, 2); each piece follows the one before."""
        if self.small:
            self._kept[name][start : start + samples.shape[0]] = samples
        else:
            self._files[name].write(np.ascontiguousarray(samples, np.float32).tobytes())
            self._files[name].flush()

    def store(self, name: str, sides: Samples) -> None:
        """Write a whole sound, shape (2, frames)."""
        self.open(name)
        for start in range(0, self.frames, BLOCK):
            self.write(name, start, sides[:, start : start + BLOCK].T)

    def read(self, name: str, start: int, count: int) -> Samples:
        """Frames of a sound, shape (count or fewer, 2)."""
        if self.small:
            return self._kept[name][start : start + count]
        count = min(count, self.frames - start)
        self._files[name].seek(8 * start)
        return np.frombuffer(self._files[name].read(8 * count), np.float32).reshape(count, 2)

    def drop(self, name: str) -> None:
        """Forget a sound."""
        self._kept.pop(name, None)
        if name in self._files:
            self._files.pop(name).close()

    def audio(self, name: str) -> Audio:
        """All of a sound; what lies in a file is read as it is looked at, and changes to it stay with the looker."""
        if self.small:
            return Audio(self._kept[name], RATE)
        view = np.memmap(self._files[name], np.float32, "c", 0, (self.frames, 2))
        return Audio(view.view(np.ndarray), RATE)


def _close(files: dict[str, IO[bytes]]) -> None:
    for file in files.values():
        file.close()


class Sounds(Mapping[str, Audio]):
    """Sounds of a shelf by name; one that lies in a file takes memory only while somebody holds it."""

    def __init__(self, shelf: Shelf, names: Mapping[str, str]) -> None:
        self._shelf, self._names = shelf, names

    def __getitem__(self, name: str) -> Audio:
        return self._shelf.audio(self._names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
