"""The outline of a sound, from which it is drawn: its lowest and highest sample and its power in each column.

Reads blocks of any length in constant memory; knows no files, no colours and no page.
"""

from collections.abc import Iterable
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


class OutlineMeter:
    """Takes the blocks of a sound in order, gives its `Outline` at the end.

    Parameters
    ----------
    sample_rate, frames : int
        Of the sound; what comes beyond ``frames`` is left out.
    step : int
        How many frames there are to a column.
    """

    def __init__(self, sample_rate: int, frames: int, step: int) -> None:
        columns = -(-frames // step)
        self._shape = (step, frames, sample_rate)
        self._low, self._high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self._energies = np.zeros(columns)
        self._counts = np.zeros(columns)
        self._position = 0

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        step, frames, _ = self._shape
        samples = samples[: frames - self._position]
        if not len(samples):
            return
        first, last = self._position // step, (self._position + len(samples) - 1) // step + 1
        starts = np.maximum(np.arange(first, last) * step - self._position, 0)
        # Along time first: over two channels numpy takes ten times as long.
        low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
        energy = np.einsum("fc,fc->f", samples, samples, dtype=np.float64)
        self._low[first:last] = np.minimum(self._low[first:last], low.min(axis=1))
        self._high[first:last] = np.maximum(self._high[first:last], high.max(axis=1))
        self._energies[first:last] += np.add.reduceat(energy, starts)
        self._counts[first:last] += np.diff(np.append(starts, len(samples))) * samples.shape[1]
        self._position += len(samples)

    def result(self) -> Outline:
        """Return the outline of what came so far; columns that nothing came for are silent."""
        came = self._counts > 0
        low, high = np.where(came, self._low, 0.0), np.where(came, self._high, 0.0)
        return Outline(low, high, self._energies / np.maximum(self._counts, 1), *self._shape)


def trace(blocks: Iterable[Audio], sample_rate: int, frames: int, step: int) -> Outline:
    """Return the outline of a sound.

    Parameters
    ----------
    blocks : iterable of Audio
        The sound in order; what comes beyond ``frames`` is left out.
    frames, step : int
        How long it is, and how many frames there are to a column.
    """
    meter = OutlineMeter(sample_rate, frames, step)
    for block in blocks:
        meter.add(block.samples)
    return meter.result()


def choose_step(frames: int, columns: int) -> int:
    """Return how many frames make a column, so that there are about as many columns and never more."""
    return max(1, -(-frames // max(1, columns)))
