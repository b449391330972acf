"""Fades, edges of silence, and room below full scale: small changes to a whole sound, block by block.

Knows no files; what has to be known of the whole (its length, its peak) is handed in.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples

SILENCE = 10 ** (-60.0 / 20)
"""The amplitude below which the ends of a sound count as silent."""
HEADROOM = 10 ** (-0.1 / 20)
"""The sample peak to which a sound is taken down that would pass full scale."""


def fade(
    blocks: Iterable[Audio], frames: int, fade_in_s: float = 0.0, fade_out_s: float = 0.0
) -> Iterator[Audio]:
    """Fade a sound in and out by raised cosines, which begin and end without a corner.

    Parameters
    ----------
    blocks : iterable of Audio
    frames : int
        The length of all blocks together.
    fade_in_s, fade_out_s : float
        Seconds, 0 or more. One that is longer than the sound takes all of it; where both meet, both act.

    Yields
    ------
    Audio
        In blocks as they come. The very first and the very last frame are half a step from silence.
    """
    at = 0
    for block in blocks:
        rising, falling = (
            min(round(seconds * block.sample_rate), frames) for seconds in (fade_in_s, fade_out_s)
        )
        touched = at < rising or at + block.frames > frames - falling
        if touched and block.frames:
            place = np.arange(at, at + block.frames)
            gain = _rise(place, rising) * _rise(frames - 1 - place, falling)
            block = Audio(block.samples * gain.astype(np.float32)[:, None], block.sample_rate)
        yield block
        at += block.frames


def _rise(place: NDArray[np.int64], frames: int) -> NDArray[np.float64]:
    """Weights at places counted from a silent edge, which reach 1 after ``frames``."""
    if not frames:
        return np.ones(len(place))
    share = np.clip((place + 0.5) / frames, 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * share))


class EdgeMeter:
    """Takes blocks; tells where the first and the last frame are that are not silent, and the sample peak."""

    def __init__(self, threshold: float = SILENCE) -> None:
        self._threshold = threshold
        self.first: int | None = None
        """The first frame above the threshold; None while there is none."""
        self.end = 0
        """One past the last frame above the threshold."""
        self.frames = 0
        self.peak = 0.0

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        if not len(samples):
            return
        level = np.abs(samples).max(axis=1)
        self.peak = max(self.peak, float(level.max()))
        loud = np.flatnonzero(level > self._threshold)
        if len(loud):
            if self.first is None:
                self.first = self.frames + int(loud[0])
            self.end = self.frames + int(loud[-1]) + 1
        self.frames += len(samples)


def scale(blocks: Iterable[Audio], gain: float) -> Iterator[Audio]:
    """Multiply every sample."""
    for block in blocks:
        yield Audio(block.samples * np.float32(gain), block.sample_rate)
