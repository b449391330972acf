"""Short-time spectra there and back, at any sample rate; knows nothing of what is done to them in between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from beatflow.sound.audio import Samples

Spectrum = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Stft:
    """A Hann window of ``window`` frames, moved by ``step``; ``step`` divides ``window`` and is at most half of it."""

    window: int
    step: int

    @classmethod
    def with_spacing(cls, sample_rate: int, hz: float, overlap: int = 4) -> "Stft":
        """Choose a window whose bins are about ``hz`` apart, moved by one part in ``overlap``."""
        step = next_fast_len(max(4, round(sample_rate / hz / overlap)), real=True)
        return cls(step * overlap, step)

    def columns(self, frames: int) -> int:
        """Number of spectra for ``frames`` samples: every sample lies under as many windows as any other."""
        return -(-(frames + self.window - self.step) // self.step)

    def forward(self, samples: Samples) -> Spectrum:
        """Spectra of shape (channels, columns, window // 2 + 1) from samples of shape (frames, channels)."""
        frames, channels = samples.shape
        columns = self.columns(frames)
        front = self.window - self.step
        padded = np.zeros((channels, (columns - 1) * self.step + self.window), dtype=np.float32)
        padded[:, front : front + frames] = samples.T
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=1)[:, :: self.step]
        return np.asarray(rfft(views * self._hann(), axis=2), dtype=np.complex64)

    def inverse(self, spectrum: Spectrum, frames: int) -> Samples:
        """Samples of shape (frames, channels) by overlap-add; undoes ``forward`` when nothing was changed."""
        channels, columns, _ = spectrum.shape
        pieces = irfft(spectrum, self.window, axis=2) * self._hann()
        overlap = self.window // self.step
        out = np.zeros((channels, columns + overlap - 1, self.step), dtype=np.float32)
        for part in range(overlap):
            out[:, part : part + columns] += pieces[:, :, part * self.step : (part + 1) * self.step]
        # The squares of Hann windows moved by a 1/n of their length, n > 2, sum to 3 n / 8 everywhere.
        front = self.window - self.step
        joined = out.reshape(channels, -1)[:, front : front + frames] / np.float32(0.375 * overlap)
        return np.ascontiguousarray(joined.T)

    def _hann(self) -> NDArray[np.float32]:
        phase = 2.0 * np.pi * np.arange(self.window) / self.window
        return np.asarray(0.5 - 0.5 * np.cos(phase), dtype=np.float32)
