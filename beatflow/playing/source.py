"""Sounds as they are listened to: read from any frame on, block by block, at the rate that is wanted.

A source is a sound file or a score that is mixed while it plays. Nothing is changed on the way but the sample rate,
and that only where it has to be. Knows no device and no repository.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from os import PathLike
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.mixing.rendering import open_mix
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.files import BLOCK_FRAMES, AudioReader, read_info
from beatflow.sound.formats import Source as Place
from beatflow.sound.looks import AGAIN
from beatflow.sound.resample import resample_blocks
from beatflow.track import Track

_LEAD_FRAMES = 4096
"""So much is resampled before the first frame that is wanted: more than the filter is long."""


class Source(Protocol):
    """A sound that can be read from any frame on."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def frames(self) -> int:
        """Its length."""
        ...

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from the start; beyond the end means to the end."""
        ...

    def read(self, frames: int) -> Samples:
        """Return up to so many frames from here on, shape (frames, channels); fewer only at the end."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class FileSource:
    """A sound file.

    Parameters
    ----------
    place : path or binary file
        A binary file is closed with the source.
    name : str

    Raises
    ------
    AudioError
        It cannot be read, or has no frames.
    """

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        with ExitStack() as stack:
            if not isinstance(place, str | PathLike):
                stack.callback(place.close)
            self._reader = stack.enter_context(AudioReader(place, name))
            if not self._reader.info.frames:
                raise AudioError(f"{name} holds no samples", hint=AGAIN)
            self._stack = stack.pop_all()
        self.info = self._reader.info
        self.sample_rate, self.channels = self.info.sample_rate, self.info.channels
        self.frames = self.info.frames

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        self._reader.seek(frame)

    def read(self, frames: int) -> Samples:
        """Return up to so many frames from here on."""
        return self._reader.read(frames).samples

    def close(self) -> None:
        """Close the file."""
        self._stack.close()


class ScoreSource:
    """The stems of a score with their faders, mixed while they are read.

    Parameters
    ----------
    track : Track
    open_path : callable
        Opens a stem's file by its path in the track.
    name : str

    Raises
    ------
    AudioError, UsageError
        A stem cannot be read, or they do not go together.
    """

    def __init__(self, track: Track, open_path: Callable[[str], BinaryIO], name: str) -> None:
        if not track.stems:
            raise UsageError(f"{name} has no stems", hint="bf mix --add drums=stems/drums.wav")
        self.name = name
        self._track, self._open_path = track, open_path
        self._stack = ExitStack()
        self.frames = 0
        for stem in track.stems.values():
            with open_path(stem.file) as file:
                self.frames = max(self.frames, stem.offset + read_info(file, stem.file).frames)
        if self.frames <= 0:
            raise AudioError(f"{name}: no stem has any frames", hint=AGAIN)
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame: all stems are opened there."""
        self._stack.close()
        mix = open_mix(self._track, self._open_path, "FLOAT", self._stack, min(frame, self.frames - 1))
        self.sample_rate, self.channels = mix.sample_rate, mix.channels
        self._blocks = iter(mix)
        self._rest = np.zeros((0, mix.channels), np.float32)
        if frame >= self.frames:
            self._blocks = iter(())

    def read(self, frames: int) -> Samples:
        """Return up to so many frames from here on."""
        made, self._rest = take(self._blocks, self._rest, frames)
        return made

    def close(self) -> None:
        """Close all stems."""
        self._stack.close()


class Resampled:
    """Another source at another sample rate; frame ``n`` is where ``n / sample_rate`` seconds are."""

    def __init__(self, source: Source, sample_rate: int) -> None:
        self._source = source
        self.name, self.sample_rate, self.channels = source.name, sample_rate, source.channels
        common = math.gcd(source.sample_rate, sample_rate)
        self._before, self._after = source.sample_rate // common, sample_rate // common
        self.frames = (2 * source.frames * self._after + self._before) // (2 * self._before)
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame, a little earlier first, so that the filter knows what comes before."""
        frame = min(max(frame, 0), self.frames)
        begin = max(frame - _LEAD_FRAMES, 0) // self._after * self._after
        self._source.seek(begin // self._after * self._before)
        self._blocks = resample_blocks(self._iter_blocks(), self.sample_rate)
        self._rest = np.zeros((0, self.channels), np.float32)
        self._left = self.frames - begin
        self.read(frame - begin)

    def read(self, frames: int) -> Samples:
        """Return up to so many frames from here on."""
        made, self._rest = take(self._blocks, self._rest, min(frames, self._left))
        self._left -= len(made)
        return made

    def close(self) -> None:
        """Close the other source."""
        self._source.close()

    def _iter_blocks(self) -> Iterator[Audio]:
        while len(samples := self._source.read(BLOCK_FRAMES)):
            # A single sample that is no number would silence all that follows it.
            yield Audio(np.nan_to_num(samples, posinf=1.0, neginf=-1.0), self._source.sample_rate)


def at_rate(source: Source, sample_rate: int) -> Source:
    """Return a source at a sample rate: itself where that is its own."""
    return source if source.sample_rate == sample_rate else Resampled(source, sample_rate)


def take(blocks: Iterator[Audio], rest: Samples, frames: int) -> tuple[Samples, Samples]:
    """Take frames from what is left of a block and the blocks after it; return them and what is left then."""
    parts, have = [rest], len(rest)
    while have < frames and (block := next(blocks, None)) is not None:
        parts.append(block.samples)
        have += block.frames
    joined = np.concatenate(parts) if len(parts) > 1 else rest
    return joined[:frames], joined[frames:]


def fit_channels(samples: Samples, channels: int) -> Samples:
    """Bring frames to a number of channels: one goes to all, too many to the mean of all, what is missing is silent."""
    had = samples.shape[1]
    if had == channels:
        return samples
    if had == 1 or had > channels:
        mean = samples if had == 1 else samples.mean(axis=1, keepdims=True, dtype=np.float32)
        return np.repeat(mean, channels, axis=1)
    return np.pad(samples, ((0, 0), (0, channels - had)))


class Sources(AbstractContextManager["Sources"]):
    """Several sources that are closed together."""

    def __init__(self) -> None:
        self.all: list[Source] = []

    def add(self, source: Source) -> None:
        """Take one more."""
        self.all.append(source)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for source in self.all:
            source.close()
