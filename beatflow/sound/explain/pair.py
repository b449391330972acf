"""Two versions of a sound, read for comparison: as samples at one rate, and what their files say of themselves.

Knows nothing of what differs.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.audio import Samples
from beatflow.sound.files import AudioReader, SoundInfo, check_finite
from beatflow.sound.formats import Source

MAX_VALUES = 32_000_000
"""Samples of all channels that are kept of each sound: 122 MiB, six minutes of stereo."""
_BEGINNING_VALUES = 20_000_000
"""So many are kept of the beginning where one of the sounds is longer; `beyond` reads the rest block by block."""

_BEYOND = 64.0


@dataclass(frozen=True, slots=True)
class Pair:
    """An old sound, at the new one's sample rate, and the new one.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
    before, after : SoundInfo
        What the files say.
    compared_s : float or None
        How much of the beginning was read, where that is not everything.
    scale : float
        What both were multiplied with, a power of 2: floats far beyond full scale have squares that are none.
    relabelled : bool
        Only the header says another sample rate; the frames are the same, and were not resampled.
    """

    old: Samples
    new: Samples
    before: SoundInfo
    after: SoundInfo
    compared_s: float | None
    scale: float = 1.0
    relabelled: bool = False

    @property
    def sample_rate(self) -> int:
        """The new sound's, in Hz."""
        return self.after.sample_rate


def read_pair(before: Source, after: Source) -> Pair:
    """Read two sounds.

    Raises
    ------
    AudioError
        One of them cannot be read, or holds samples that are not numbers.
    """
    with AudioReader(before) as old, AudioReader(after) as new:
        value_s = min(1 / (info.channels * info.sample_rate) for info in (old.info, new.info))
        longer = max(old.info.duration_s, new.info.duration_s) > MAX_VALUES * value_s
        limit_s = (_BEGINNING_VALUES if longer else MAX_VALUES) * value_s
        sides = [_read(reader, limit_s) for reader in (old, new)]
        scale = _find_scale(sides)
        if scale != 1:
            sides = [side * np.float32(scale) for side in sides]
        rates = old.info.sample_rate, new.info.sample_rate
        relabelled = rates[0] != rates[1] and np.array_equal(sides[0], sides[1])
        return Pair(
            sides[0] if relabelled else resample(sides[0], *rates),
            sides[1],
            old.info,
            new.info,
            round(limit_s, 3) if longer else None,
            scale,
            relabelled,
        )


def _find_scale(sides: list[Samples]) -> float:
    peak = max((max(float(side.max()), -float(side.min())) for side in sides if side.size), default=0.0)
    return 1.0 if peak < _BEYOND else 2.0 ** -int(np.ceil(np.log2(peak)))


def _read(reader: AudioReader, limit_s: float) -> Samples:
    audio = reader.read(min(reader.info.frames, int(limit_s * reader.info.sample_rate)))
    check_finite(audio, reader.name)
    return audio.samples


def resample(samples: Samples, before: float, after: float) -> Samples:
    """Return a sound at another sample rate; the same array where it is the same."""
    if before == after or not len(samples):
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, before, after, quality="HQ"), np.float32).reshape(
        -1, samples.shape[1]
    )
