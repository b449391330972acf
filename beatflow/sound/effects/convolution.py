"""Convolution with a long response, block by block: equal parts of it, each multiplied in the frequency domain."""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples

_PART = 1 << 14  # frames; also how many come out at once


class Convolution:
    """Overlap-save in equal parts (a frequency-domain delay line), of any channels in to any channels out.

    Parameters
    ----------
    response : ndarray of float32, shape (channels out, channels in, frames)
        Pairs that are nothing but zeros cost nothing.
    """

    def __init__(self, response: NDArray[np.float32]) -> None:
        from scipy.fft import rfft

        out, self._sources, frames = response.shape
        self._parts = max(1, -(-frames // _PART))
        padded = np.pad(response, ((0, 0), (0, 0), (0, self._parts * _PART - frames)))
        pieces = padded.reshape(out, self._sources, self._parts, _PART)
        self._pairs = [
            (to, source, rfft(pieces[to, source], 2 * _PART, axis=1))
            for to in range(out)
            for source in range(self._sources)
            if response[to, source].any()
        ]
        self._out = out
        self._past = np.zeros((_PART, self._sources), np.float32)
        # Spectra of the last blocks, the newest first, going round.
        self._newest = 0
        self._line = np.zeros((self._parts, self._sources, _PART + 1), np.complex64)
        self._waiting = np.zeros((0, self._sources), np.float32)

    def add(self, samples: Samples) -> tuple[Samples, Samples]:
        """Take frames; give whole blocks of them and of what they become."""
        self._waiting = np.concatenate([self._waiting, samples])
        made = [np.zeros((0, self._out), np.float32)]
        taken = 0
        while len(self._waiting) - taken >= _PART:
            made.append(self._convolve(self._waiting[taken : taken + _PART]))
            taken += _PART
        dry, self._waiting = self._waiting[:taken], self._waiting[taken:].copy()
        return dry, np.concatenate(made)

    def finish(self, tail: int) -> tuple[Samples, Samples]:
        """Give the frames that were waiting, and so many more of silence."""
        wanted = len(self._waiting) + tail
        dry, wet = self.add(np.zeros((tail + _PART, self._sources), np.float32))
        return dry[:wanted], wet[:wanted]

    def _convolve(self, block: Samples) -> Samples:
        from scipy.fft import irfft, rfft

        joined = np.concatenate([self._past, block])
        self._past = block
        self._newest = (self._newest - 1) % self._parts
        self._line[self._newest] = rfft(np.ascontiguousarray(joined.T), axis=1)
        sums = np.zeros((self._out, _PART + 1), np.complex64)
        for to, source, spectra in self._pairs:
            for part in range(self._parts):
                sums[to] += self._line[(self._newest + part) % self._parts, source] * spectra[part]
        return np.ascontiguousarray(irfft(sums, 2 * _PART, axis=1)[:, _PART:].T, np.float32)
