"""The outline of a sound, from which it is drawn: its lowest and highest sample and its power in each column.

Reads blocks of any length in constant memory; knows no files, no colours and no page.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A sound in columns, all but the last of the same number of frames.

    Parameters
    ----------
    low, high : ndarray, shape (columns,)
        Least and greatest sample of all channels; full scale is ±1.
    power : ndarray, shape (columns,)
        Mean square of all channels.
    step : int
        Frames per column.
    frames : int
        Of the sound.
    sample_rate : int
    """

    low: Array
    high: Array
    power: Array
    step: int
    frames: int
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def column_s(self) -> float:
        """Width of a column in seconds."""
        return self.step / self.sample_rate

    def join(self, count: int) -> "Outline":
        """Return it with each so many columns joined to one."""
        starts = np.arange(0, len(self.low), count)
        if count == 1 or not len(starts):
            return self
        lengths = np.diff(np.append(starts, len(self.low)))
        power = np.add.reduceat(self.power, starts) / lengths
        low, high = np.minimum.reduceat(self.low, starts), np.maximum.reduceat(self.high, starts)
        return Outline(low, high, power, self.step * count, self.frames, self.sample_rate)

    def levels_db(self, floor_db: float = -120.0) -> Array:
        """Return the level of each column in dB relative to full scale, not below a floor."""
        return np.asarray(10 * np.log10(np.maximum(self.power, 10 ** (floor_db / 10))))


def trace(blocks: Iterable[Audio], sample_rate: int, frames: int, step: int) -> Outline:
    """Return the outline of a sound.

    Parameters
    ----------
    blocks : iterable of Audio
        The sound in order; what comes beyond ``frames`` is left out.
    frames, step : int
        How long it is, and how many frames there are to a column.
    """
    columns = -(-frames // step)
    outline = Outline(np.zeros(columns), np.zeros(columns), np.zeros(columns), step, frames, sample_rate)
    for column, samples in enumerate(_regroup(blocks, step)):
        if column >= columns:
            break
        outline.low[column] = samples.min()
        outline.high[column] = samples.max()
        outline.power[column] = np.square(samples, dtype=np.float64).mean()
    return outline


def choose_step(frames: int, columns: int) -> int:
    """Return how many frames make a column, so that there are about as many columns and never more."""
    return max(1, -(-frames // max(1, columns)))


def _regroup(blocks: Iterable[Audio], step: int) -> Iterator[Samples]:
    """Yield the same frames in groups of ``step``, the last one shorter."""
    waiting: list[Samples] = []
    count = 0
    for block in blocks:
        at = 0
        while count + block.frames - at >= step:
            end = at + step - count
            waiting.append(block.samples[at:end])
            yield waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
            waiting, count, at = [], 0, end
        if at < block.frames:
            waiting.append(block.samples[at:])
            count += block.frames - at
    if count:
        yield np.concatenate(waiting)
