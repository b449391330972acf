"""How high and how rough the tones of a sound are, from the peaks of long spectra, in a stream.

Knows nothing of keys. What is kept does not grow.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.hops import Spectrometer

_LOWEST_HZ, _HIGHEST_HZ = 50.0, 5000.0
_PEAKS = 24
"""The strongest of a spectrum; what lies below them adds little to the roughness."""
_RELATIVE = 1e-4
"""Peaks 40 dB below the strongest are left out, as for the key."""
_SILENT = 1e-8


class HarmonyMeter:
    """Takes spectra, gives the register and the roughness at the end."""

    def __init__(self, spectrometer: Spectrometer) -> None:
        self._step_hz = spectrometer.step_hz
        self._first = max(1, int(_LOWEST_HZ / self._step_hz))
        self._last = min(spectrometer.bins - 2, int(_HIGHEST_HZ / self._step_hz))
        self._count = 0
        self._register, self._weight, self._rough = 0.0, 0.0, 0.0

    def add_spectra(self, spectra: NDArray[np.float32]) -> None:
        """Take the next power spectra, shape (spectra, bins)."""
        first, last = self._first, self._last
        middle = spectra[:, first:last]
        peak = (middle > spectra[:, first - 1 : last - 1]) & (middle >= spectra[:, first + 1 : last + 1])
        strongest = middle.max(axis=1, keepdims=True)
        power = np.where(peak & (middle > strongest * _RELATIVE) & (strongest > _SILENT), middle, 0)
        at = np.argpartition(power, -_PEAKS, axis=1)[:, -_PEAKS:] if power.shape[1] > _PEAKS else None
        if at is None:
            return
        power = np.take_along_axis(power, at, axis=1).astype(np.float64)
        sounding = power.any(axis=1)
        power, hz = power[sounding], ((at + first) * self._step_hz)[sounding]
        weight = power**0.25
        self._register += float((weight * np.log2(hz)).sum())
        self._weight += float(weight.sum())
        self._rough += float(_roughness(hz, np.sqrt(power)).sum())
        self._count += len(power)

    def result(self) -> dict[str, float]:
        """``register_hz``, the geometric mean of what sounds, ``roughness``, 0 for pure tones; empty for silence."""
        if not self._count or not self._weight:
            return {}
        return {"register_hz": 2 ** (self._register / self._weight), "roughness": self._rough / self._count}


def _roughness(hz: NDArray[np.float64], amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sensory dissonance of partials, shape (spectra, peaks), per spectrum: beats of all pairs, over all power.

    Sethares 1993, after Plomp and Levelt 1965: most at a quarter of a critical band.
    """
    low = np.minimum(hz[:, :, None], hz[:, None, :])
    apart = np.abs(hz[:, :, None] - hz[:, None, :]) * 0.24 / (0.0207 * low + 18.96)
    beating = np.exp(-3.51 * apart) - np.exp(-5.75 * apart)
    pairs = amplitude[:, :, None] * amplitude[:, None, :] * beating
    return np.asarray(pairs.sum(axis=(1, 2)) / 2 / np.maximum(np.square(amplitude).sum(axis=1), 1e-12))
