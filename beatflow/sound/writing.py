"""Writes sound files, whole or block by block, so that the same samples always give the same bytes.

Knows no repository and replaces nothing atomically: it writes where it is told to.
"""

import shutil
from contextlib import AbstractContextManager, ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self, cast

import numpy as np

from beatflow.errors import AudioError
from beatflow.objects.sndfile import LibsndfileError, SoundFile
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.exact import get_bits, round_samples
from beatflow.sound.files import BLOCK_FRAMES, check_finite, make_spool
from beatflow.sound.formats import LOSSY, Dest, check_shape, get_format, get_name
from beatflow.sound.ogg import fix_serial
from beatflow.sound.wav import WavWriter


class AudioWriter(AbstractContextManager["AudioWriter"]):
    """Writes a sound block by block; the same samples give the same bytes, whatever the blocks.

    Parameters
    ----------
    dest : path or binary file
        A path is created or overwritten; a file is written from where it stands and left open.
    sample_rate, channels : int
    subtype : str
    format : str, optional
        See `get_format`.
    frames : int, optional
        The length, if known: gives a WAV on a pipe a true header.
    compression : float, optional
        0 (largest) to 1 (smallest), for formats that have a choice; libsndfile's own by default.

    Raises
    ------
    AudioError
        The format cannot hold this; samples are not numbers.
    """

    def __init__(
        self,
        dest: Dest,
        sample_rate: int,
        channels: int,
        subtype: str = "PCM_16",
        format: str | None = None,
        frames: int | None = None,
        compression: float | None = None,
    ) -> None:
        self.name = get_name(dest)
        self.format, self.subtype = get_format(dest, subtype, format)
        check_shape(sample_rate, channels, self.name)
        self._sample_rate, self._channels = sample_rate, channels
        self.frames = 0
        self.clipped = 0
        self._wav: WavWriter | None = None
        with ExitStack() as stack:
            if isinstance(dest, (str, PathLike)):
                file: IO[bytes] = stack.enter_context(Path(dest).open("wb"))
            else:
                file = dest
            self._out = file
            if self.format == "WAV":
                self._wav = WavWriter(cast(BinaryIO, file), sample_rate, channels, self.subtype, frames)
            else:
                # libsndfile wants to seek from a start of its own, and Ogg pages are touched up afterwards.
                self._spool = stack.enter_context(make_spool())
                self._sound = _create_sndfile(self._spool, self, compression)
            self._stack = stack.pop_all()

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self._channels

    def write(self, audio: Audio) -> None:
        """Append a block.

        Raises
        ------
        AudioError
            It has another shape, or holds samples that are not numbers.
        """
        if audio.channels != self._channels or audio.sample_rate != self._sample_rate:
            raise AudioError(
                f"{self.name} takes {self._channels} channels at {self._sample_rate} Hz, "
                f"not {audio.channels} at {audio.sample_rate} Hz",
                hint=f"convert it first: ffmpeg -i IN -ar {self._sample_rate} -ac {self._channels} OUT.wav",
            )
        check_finite(
            audio, self.name, self.frames, "what it is made from is wrong: bf analyze FILE... tells which"
        )
        if self._wav is not None:
            self._wav.write(audio.samples)
            self.clipped = self._wav.clipped
        else:
            self._sound.write(self._encode(audio.samples))
        self.frames += audio.frames

    def _encode(self, samples: Samples) -> Samples | np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        """Integers for libsndfile in the upper bits of 32, which it shifts down again unchanged."""
        if self.format in LOSSY:
            return samples
        bits = get_bits(self.subtype) or 32
        integers, clipped = round_samples(samples, bits)
        self.clipped += clipped
        return integers << (32 - bits)

    def close(self) -> None:
        """Finish the file: sizes, last packets."""
        with self._stack:
            if self._wav is not None:
                self._wav.finish()
                return
            self._sound.close()
            if self.format == "OGG":
                fix_serial(self._spool)
            if self._spool.seek(0, 2) == 0:
                raise AudioError(f"{self.format} cannot hold a sound of no frames", hint="write it as WAV")
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, self._out, 1 << 20)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        with self._stack:  # leave the torso as it is; who asked for it throws it away
            if self._wav is None:
                self._sound.close()

    def __enter__(self) -> Self:
        return self


def write_audio(dest: Dest, audio: Audio, subtype: str = "PCM_16", format: str | None = None) -> int:
    """Write a whole sound and return how many samples clipped; see `AudioWriter`."""
    with AudioWriter(dest, audio.sample_rate, audio.channels, subtype, format, audio.frames) as writer:
        for start in range(0, audio.frames, BLOCK_FRAMES):
            writer.write(Audio(audio.samples[start : start + BLOCK_FRAMES], audio.sample_rate))
    return writer.clipped


def _create_sndfile(file: BinaryIO, writer: AudioWriter, compression: float | None) -> SoundFile:
    try:
        return SoundFile(
            file,
            "w",
            writer.sample_rate,
            writer.channels,
            writer.subtype,
            format=writer.format,
            compression_level=compression,
        )
    except (LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{writer.format} {writer.subtype} cannot hold {writer.channels} channels at {writer.sample_rate} Hz",
            hint="write it as WAV or FLAC",
        ) from error
