"""Cut a stream of blocks into overlapping windows, so that analyses run in constant memory.

Knows nothing of what the windows are for.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples


class HopCutter:
    """Windows of ``size`` samples, one every ``hop`` samples, from a mono signal that comes in blocks.

    Window ``n`` is centred on sample ``n * hop``: the signal is preceded and followed by half a window of silence.
    """

    def __init__(self, size: int, hop: int) -> None:
        self._size, self._hop = size, hop
        self._rest = np.zeros(size // 2, np.float32)

    def add(self, mono: Samples) -> Samples:
        """Take samples, shape (frames,); give a read-only view of the complete windows, shape (windows, size)."""
        signal = np.concatenate([self._rest, mono])
        count = max(0, (len(signal) - self._size) // self._hop + 1)
        self._rest = signal[count * self._hop :]
        if count == 0:
            return np.zeros((0, self._size), np.float32)
        return np.lib.stride_tricks.sliding_window_view(signal, self._size)[: count * self._hop : self._hop]

    def finish(self) -> Samples:
        """Give the windows that reach beyond the end."""
        return self.add(np.zeros(self._size // 2, np.float32))


def mix_down(samples: Samples) -> Samples:
    """Mean of the channels, shape (frames,)."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    return np.asarray(samples.mean(axis=1, dtype=np.float32))


def power_spectra(windows: Samples, taper: Samples) -> NDArray[np.float32]:
    """Power spectra of windows, shape (windows, size // 2 + 1)."""
    spectra = np.fft.rfft(windows * taper)
    # Half the time of abs(), which guards against overflow that samples cannot reach.
    return np.asarray(spectra.real**2 + spectra.imag**2, np.float32)
