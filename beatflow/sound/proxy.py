"""Small lossy copies of sounds, to listen to where the sounds themselves are not: Opus at about 64 kbit/s.

Block by block, in constant memory; what a sound measures is taken on the way. Knows no repository.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from beatflow.errors import AudioError
from beatflow.objects.sndfile import LibsndfileError, SoundFile
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.files import AudioReader, SoundInfo
from beatflow.sound.loudness import LoudnessMeter
from beatflow.sound.ogg import fix_serial
from beatflow.sound.picture import SilhouetteMeter
from beatflow.sound.resample import resample_blocks
from beatflow.sound.silhouette import Silhouette

PROXY_RATE = 48_000
"""Opus' own rate: all others are brought to it by the decoder anyway."""

# libsndfile's scale for 32 kbit/s a channel (measured: 63 kbit/s for stereo); 1.0 would be 6.
_COMPRESSION = 0.9
_MAX_CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sound says of itself, how loud it is (None for silence), and its silhouette."""

    info: SoundInfo
    loudness_lufs: float | None
    silhouette: Silhouette


def write_proxy(source: BinaryIO, dest: BinaryIO, name: str) -> Measured:
    """Write a small copy of a sound as Ogg Opus; the same sound gives the same bytes.

    Parameters
    ----------
    source : binary file
    dest : binary file
        Empty, and can be read and sought in.
    name : str
        What to call the source.

    Raises
    ------
    AudioError
        It cannot be decoded, or has no frames.
    """
    with AudioReader(source, name) as reader:
        info = reader.info
        if not info.frames:
            raise AudioError(f"{name} holds no samples")
        meter = LoudnessMeter(info.sample_rate, info.channels)
        silhouette = SilhouetteMeter(info.frames, info.sample_rate)
        channels = min(info.channels, _MAX_CHANNELS)

        def measured() -> Iterator[Audio]:
            for block in reader.blocks():
                meter.add(block.samples)
                silhouette.add(block.samples)
                yield Audio(fold(block.samples, channels), block.sample_rate)

        try:
            with SoundFile(
                dest, "w", PROXY_RATE, channels, "OPUS", format="OGG", compression_level=_COMPRESSION
            ) as sound:
                for block in resample_blocks(measured(), PROXY_RATE):
                    sound.write(block.samples)
        except LibsndfileError as error:
            raise AudioError(f"{name} cannot be written as Opus: {error.error_string}") from error
        fix_serial(dest)
        return Measured(info, meter.result().integrated_lufs, silhouette.result())


def fold(samples: Samples, channels: int) -> Samples:
    """Bring finite frames to one or two channels: of more, to the mean of all, as nothing says where each belongs."""
    finite = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
    if samples.shape[1] <= channels:
        return finite
    mean = finite.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(np.repeat(mean, channels, axis=1), np.float32)
