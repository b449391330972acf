"""A stereo stem being made: waves are added at frames, round a loop's seam or cut at the piece's ends."""

import numpy as np

from beatflow.ai.synth.exactmath import RATE, Floats, smooth_step
from beatflow.ai.synth.fir import Fir, responses
from beatflow.ai.synth.grid import Grid
from beatflow.sound.audio import Samples


class Bus:
    """A stem.

    Attributes
    ----------
    samples : ndarray of float32, shape (2, frames)
        Left and right.
    """

    def __init__(self, grid: Grid, loop: bool) -> None:
        self.grid, self.loop = grid, loop
        self.frames = grid.frames
        self.samples: Samples = np.zeros((2, self.frames), np.float32)

    def add(self, wave: Floats | Samples, start: int, left: float, right: float) -> None:
        """Add a wave (frames,) or (frames, 2) from a frame on, with a gain for each side."""
        for channel, gain in ((0, left), (1, right)):
            single = wave if wave.ndim == 1 else wave[:, channel]
            put(self.samples[channel], (single * gain).astype(np.float32), start, self.loop)

    def filter(self, channel: int, fir: Fir) -> Samples:
        """One channel filtered, the delay taken back; the bus stays as it is."""
        result = np.zeros(self.frames, np.float32)
        filter_into(result, self.samples[channel], fir, 1.0, 0, self.loop)
        return result

    def fade_out(self) -> None:
        """Let a piece that ends reach silence: the last half bar (at most 2 s) fades."""
        length = min(self.grid.frame(self.grid.bar // 2), 2 * RATE, self.frames)
        self.samples[:, self.frames - length :] *= smooth_step(length)[::-1].astype(np.float32)
        self.samples[:, -1] = 0.0


def put(target: Samples, wave: Samples, start: int, loop: bool) -> None:
    """Add a wave to one channel: round it, or as much as lies inside."""
    if loop:
        fold(target, wave, start)
        return
    skipped = max(0, -start)
    start = max(start, 0)
    count = min(target.size - start, wave.size - skipped)
    if count > 0:
        target[start : start + count] += wave[skipped : skipped + count]


def fold(target: Samples, wave: Samples, start: int) -> None:
    """Add a wave to a circular buffer, from ``start`` (of any sign) on."""
    total, done, place = target.size, 0, start % target.size
    while done < wave.size:
        count = min(total - place, wave.size - done)
        target[place : place + count] += wave[done : done + count]
        done += count
        place = 0


def filter_into(
    target: Samples, signal: Samples, fir: Fir, level: float, start: int, loop: bool
) -> None:  # fmt: skip
    """Add a filtered signal to a channel, ``start`` frames late."""
    for place, piece in responses(signal, fir):
        piece *= level
        put(target, piece.astype(np.float32), start + place - fir.delay, loop)
