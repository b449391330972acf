"""The mel spectrogram of a sound in columns of time, block by block; what is kept grows with the columns alone.

Bands lie evenly on O'Shaughnessy's mel scale, ``2595 log10(1 + hz / 700)``. Knows no colours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.hops import HopCutter, power_spectra

BANDS = 128
LOWEST_HZ, HIGHEST_HZ = 30.0, 20_000.0
FLOOR_DB = -120.0
_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Melspectrogram:
    """Levels by time and pitch.

    Parameters
    ----------
    levels_db : ndarray, shape (bands, columns)
        The mean of each column, low bands first; a full-scale sine is at 0 dB, nothing is below -120 dB.
    hz : ndarray, shape (bands,)
        Where the bands have their middle.
    column_s : float
        Seconds from one column to the next.
    """

    levels_db: NDArray[np.float32]
    hz: NDArray[np.float64]
    column_s: float


def to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return where a frequency lies on the mel scale."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hz) / 700))


def to_hz(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the frequency of a place on the mel scale."""
    return np.asarray(700 * (10 ** (np.asarray(mel) / 2595) - 1))


class MelMeter:
    """Takes blocks, gives a `Melspectrogram` at the end.

    Channels are averaged in power, so that what is out of phase between them is not hidden.

    Parameters
    ----------
    sample_rate, channels, frames : int
        Of the sound.
    step : int
        Frames per column. Windows (46 ms) overlap by half, and by more where columns are shorter than that.
    """

    def __init__(self, sample_rate: int, channels: int, frames: int, step: int) -> None:
        size = 1 << round(np.log2(sample_rate * 2048 / 44_100))
        self._step = step
        self._hop = step // -(-step // (size // 2))
        taper = np.hanning(size)
        self._taper = (taper * (2 / taper.sum())).astype(np.float32)
        self._cutters = [HopCutter(size, self._hop) for _ in range(channels)]
        top_hz = min(HIGHEST_HZ, sample_rate / 2)
        edges = to_hz(np.linspace(to_mel(LOWEST_HZ), to_mel(top_hz), BANDS + 2))
        self._weights = _triangles(np.arange(size // 2 + 1) * (sample_rate / size), edges)
        self._hz = edges[1:-1]
        self._power = np.zeros((-(-frames // step), BANDS))
        self._counts = np.zeros(len(self._power))
        self._windows = 0
        self._column_s = step / sample_rate

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels)."""
        self._take([cutter.add(samples[:, at]) for at, cutter in enumerate(self._cutters)])

    def result(self) -> Melspectrogram:
        """Give what was measured; nothing can be added afterwards."""
        self._take([cutter.finish() for cutter in self._cutters])
        mean = self._power / np.maximum(self._counts, 1)[:, None]
        levels = 10 * np.log10(np.maximum(mean, 10 ** (FLOOR_DB / 10)))
        return Melspectrogram(levels.T.astype(np.float32), self._hz, self._column_s)

    def _take(self, windows: list[Samples]) -> None:
        """Add windows of all channels, shape (windows, size) each, to the columns that they are centred in."""
        for start in range(0, len(windows[0]), _AT_ONCE):
            power = sum(power_spectra(channel[start : start + _AT_ONCE], self._taper) for channel in windows)
            bands = np.asarray(power) @ self._weights / len(windows)
            columns = (self._windows + np.arange(len(bands))) * self._hop // self._step
            self._windows += len(bands)
            inside = int(np.searchsorted(columns, len(self._power)))
            np.add.at(self._power, columns[:inside], bands[:inside])
            np.add.at(self._counts, columns[:inside], 1)


def _triangles(hz: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights (bins, bands) that rise from one edge to the next and fall to the one after it.

    Never narrower than the bins lie apart: low bands would miss what lies between two of them.
    """
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rise = (hz[:, None] - low) / np.maximum(middle - low, hz[1])
    rise += np.maximum(1 - (middle - low) / hz[1], 0)
    fall = (high - hz[:, None]) / np.maximum(high - middle, hz[1])
    fall += np.maximum(1 - (high - middle) / hz[1], 0)
    return np.asarray(np.clip(np.minimum(rise, fall), 0, 1), np.float32)
