"""Cut a stream of blocks into overlapping windows, so that analyses run in constant memory.

Knows nothing of what the windows are for.
"""

from collections.abc import Iterator

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


class Spectrometer:
    """Power spectra of long windows (0.37 s, half overlapping), fine enough to tell semitones from 55 Hz on.

    Attributes
    ----------
    step_hz : float
        From one bin to the next.
    hop_s : float
        From one spectrum to the next; spectrum ``n`` is centred on ``n * hop_s``.
    bins : int
        In a spectrum.
    """

    def __init__(self, sample_rate: int) -> None:
        size = 1 << round(np.log2(sample_rate * 8192 / 22_050))
        self._cutter = HopCutter(size, size // 2)
        self._taper = np.hanning(size).astype(np.float32)
        self.step_hz = sample_rate / size
        self.hop_s = size // 2 / sample_rate
        self.bins = size // 2 + 1

    def add(self, mono: Samples) -> Iterator[NDArray[np.float32]]:
        """Take samples, shape (frames,); yield the spectra of complete windows, shape (up to 8, bins)."""
        yield from self._transform(self._cutter.add(mono))

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """Yield the spectra of the windows that reach beyond the end."""
        yield from self._transform(self._cutter.finish())

    def _transform(self, windows: Samples) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(windows), 8):  # keeps what is worked on in the processor's cache
            yield power_spectra(windows[start : start + 8], self._taper)


def mix_down(samples: Samples) -> Samples:
    """Mean of the channels, shape (frames,)."""
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    if channels == 2:  # a tenth of the time of mean()
        return np.asarray((samples[:, 0] + samples[:, 1]) * np.float32(0.5))
    return np.asarray(samples.mean(axis=1, dtype=np.float32))


def power_spectra(windows: Samples, taper: Samples) -> NDArray[np.float32]:
    """Power spectra of windows, shape (windows, size // 2 + 1)."""
    spectra = np.fft.rfft(windows * taper)
    # Half the time of abs(), which guards against overflow that samples cannot reach.
    return np.asarray(spectra.real**2 + spectra.imag**2, np.float32)
