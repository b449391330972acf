"""The level of a sound over time, small enough to remember: a line of blocks, and the meter of silhouettes.

Knows no terminal: text is returned. Whole pictures are drawn by `beatflow.picture`.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.silhouette import BLOCKS, COLUMNS, Silhouette, encode_level


def format_levels(levels: NDArray[np.floating]) -> str:
    """Draw linear RMS levels as blocks, one character each.

    Heights are linear in dB, from -42 dBFS to -3 dBFS (a full-scale sine), so that quiet passages still show; digital
    silence is a space.
    """
    top = len(BLOCKS) - 1
    with np.errstate(divide="ignore"):
        heights = np.ceil(top * (20 * np.log10(levels) + 42) / 39)
    heights = np.where(levels > 0, np.clip(np.nan_to_num(heights, neginf=1.0), 1, top), 0)
    return "".join(BLOCKS[int(height)] for height in heights)


class SilhouetteMeter:
    """Takes the blocks of a sound in order, gives its `Silhouette` at the end.

    Parameters
    ----------
    frames, sample_rate : int
        Of the whole sound.
    """

    def __init__(self, frames: int, sample_rate: int) -> None:
        columns = min(COLUMNS, frames)
        self._bounds = np.arange(columns + 1) * frames // max(columns, 1)
        self._peaks = np.zeros(columns)
        self._energies = np.zeros(columns)
        self._duration_s = frames / sample_rate
        self._position = 0
        self._channels = 1

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels); what comes after the last is left out."""
        end = min(self._position + len(samples), int(self._bounds[-1]))
        samples = samples[: end - self._position]
        if not len(samples):
            return
        self._channels = samples.shape[1]
        first = int(np.searchsorted(self._bounds, self._position, "right")) - 1
        last = int(np.searchsorted(self._bounds, end, "left"))
        starts = np.maximum(self._bounds[first:last] - self._position, 0)
        power = np.einsum("fc,fc->f", samples, samples, dtype=np.float64)
        self._energies[first:last] += np.add.reduceat(power, starts)
        peaks = np.maximum.reduceat(np.abs(samples).max(axis=1), starts)
        self._peaks[first:last] = np.maximum(self._peaks[first:last], peaks)
        self._position = end

    def result(self) -> Silhouette:
        """Return the silhouette of what came so far."""
        lengths = np.diff(self._bounds)
        with np.errstate(divide="ignore"):
            levels_db = 10 * np.log10(self._energies / (lengths * self._channels))
        # Rounded up: only what is silent throughout is drawn as silence.
        peaks = np.ceil(np.clip(np.nan_to_num(self._peaks), 0, 1) * 255).astype(np.uint8)
        levels = bytes(encode_level(float(level_db)) for level_db in np.nan_to_num(levels_db, neginf=-np.inf))
        return Silhouette(peaks.tobytes(), levels, self._duration_s)
