"""How a sound is coloured and articulated, from short spectra and their levels, in a stream.

Brightness, roll-off, noisiness, cepstral coefficients, how much the spectrum changes, how notes begin and die away.
Knows nothing of tempo, key or mood. Keeps 8 bytes for each hop (23 ms), 6 MB for five hours.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.hops import HopCutter, power_spectra

Values = NDArray[np.float64]

CEPSTRA = 13
"""How many cepstral coefficients, the zeroth (the level) left out."""
_BANDS = 40
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 11_000.0
_ROLLOFF = 0.85
_FLOOR = 1e-7
"""Of full scale squared: windows below -70 dB are silence, and describe nothing."""
_LEAST_S = 0.5
"""A click in silence, or the edges of an offset, have no colour that music has."""
_BASS_HZ = 150.0
_RANGE_DB = 60.0
_STRETCH_S = 0.5
"""Over which a note is followed from its beginning to its fading; an eighth at 60 BPM."""
_AUDIBLE_DB = 40.0
"""Hops so far below the loudest are silence between the music."""
_UNHEARD = 2
"""Bins from 0 Hz up that an offset falls into, at 22 Hz each."""
_BATCH = 64


class TimbreMeter:
    """Takes mono blocks, gives figures at the end."""

    def __init__(self, sample_rate: int) -> None:
        size = 1 << round(np.log2(sample_rate * 1024 / 22_050))
        self._hop = size // 2
        self._rate = sample_rate
        self._cutter = HopCutter(size, self._hop)
        self._taper = np.hanning(size).astype(np.float32)
        self._scale = float(np.square(self._taper).sum()) * size / 2
        self._hz = (np.arange(size // 2 + 1) * sample_rate / size).astype(np.float32)
        self._mel = _make_filters(self._hz)
        self._cosines = _make_cosines()
        self._bass = int(np.searchsorted(self._hz, _BASS_HZ))
        self._before = np.zeros((0, _BANDS))
        self._count = 0
        self._sums = np.zeros(4)  # log2 of centroid and of roll-off, flatness in dB, share of the bass in dB
        self._cepstra = np.zeros(CEPSTRA)
        self._squares = np.zeros(CEPSTRA)
        self._change, self._changes = 0.0, 0
        self._levels: list[NDArray[np.float32]] = []

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        self._take(self._cutter.add(mono))

    def result(self) -> dict[str, float]:
        """The figures by name; empty where less than half a second sounds. Nothing can be added afterwards.

        ``brightness_hz`` is the geometric mean over time of the centre of gravity of the magnitude spectrum,
        ``rolloff_hz`` that of the frequency below which 85 % of the power lies; ``noisiness_db`` the spectral flatness
        of 40 mel bands (0 for noise); ``bass_db`` the share of power below 150 Hz; ``change_db`` how much a band
        changes from one hop to the next; ``articulation_db`` how far notes die away within half a second;
        ``attack_db`` how fast they begin, per hop; ``dynamics_db`` the standard deviation of the level; ``mfcc_1`` …
        and ``mfcc_1_sd`` … mean and standard deviation of the cepstral coefficients, in dB.
        """
        self._take(self._cutter.finish())
        if self._count * self._hop < _LEAST_S * self._rate:
            return {}
        centroid, rolloff, flatness, bass = (float(value) for value in self._sums / self._count)
        means = self._cepstra / self._count
        spread = np.sqrt(np.maximum(self._squares / self._count - means**2, 0))
        figures = {
            "brightness_hz": 2**centroid,
            "rolloff_hz": 2**rolloff,
            "noisiness_db": flatness,
            "bass_db": bass,
            "change_db": self._change / max(self._changes, 1),
            **_describe_levels(np.concatenate(self._levels), self._rate / self._hop),
        }
        figures |= {f"mfcc_{number}": float(value) for number, value in enumerate(means, 1)}
        return figures | {f"mfcc_{number}_sd": float(value) for number, value in enumerate(spread, 1)}

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), _BATCH):  # keeps what is worked on in the processor's cache
            power = power_spectra(windows[start : start + _BATCH], self._taper) / np.float32(self._scale)
            power[:, :_UNHEARD] = 0
            total = power.sum(axis=1, dtype=np.float64)
            self._levels.append((10 * np.log10(np.maximum(total, 1e-12))).astype(np.float32))
            sounding = total > _FLOOR
            if sounding.any():
                self._describe(power[sounding], total[sounding])

    def _describe(self, power: NDArray[np.float32], total: Values) -> None:
        magnitude = np.sqrt(power)
        centroid = (magnitude * self._hz).sum(axis=1) / np.maximum(magnitude.sum(axis=1), 1e-12)
        grown = np.cumsum(power, axis=1)
        rolloff = self._hz[(grown < _ROLLOFF * grown[:, -1:]).sum(axis=1).clip(max=len(self._hz) - 1)]
        # Not a matrix product of BLAS: it would start its threads for each block.
        bands = np.stack(
            [np.add.reduce(power[:, low:high] * weights, axis=1) for low, high, weights in self._mel], axis=1
        )
        decibels = 10 * np.log10(np.maximum(bands, 1e-12))
        decibels = np.maximum(decibels, decibels.max(axis=1, keepdims=True) - _RANGE_DB)
        means = np.maximum(bands.mean(axis=1), 1e-12)
        bass = power[:, : self._bass].sum(axis=1) / total
        self._sums += (
            np.log2(np.maximum(centroid, 20)).sum(),
            np.log2(np.maximum(rolloff, 20)).sum(),
            (decibels.mean(axis=1) - 10 * np.log10(means)).sum(),
            (10 * np.log10(np.maximum(bass, 1e-4))).sum(),
        )
        cepstra = np.einsum("wb,cb->wc", decibels, self._cosines)
        self._cepstra += cepstra.sum(axis=0)
        self._squares += np.square(cepstra).sum(axis=0)
        self._count += len(power)
        joined = np.concatenate([self._before, decibels])
        self._change += float(np.abs(np.diff(joined, axis=0)).mean(axis=1).sum())
        self._changes += len(joined) - 1
        self._before = decibels[-1:]


def _describe_levels(levels: NDArray[np.float32], rate: float) -> dict[str, float]:
    """Dynamics, articulation and attack from the level in dB at ``rate`` hops per second."""
    floor = float(levels.max()) - _AUDIBLE_DB
    audible = levels[levels > floor].astype(np.float64)
    clipped = np.maximum(levels, floor)
    width = max(2, round(_STRETCH_S * rate))
    rows = clipped[: len(clipped) // width * width].reshape(-1, width)
    if not len(rows):
        rows = clipped[None]
    rows = rows[rows.max(axis=1) > floor + _AUDIBLE_DB / 4]
    rises = np.maximum(np.diff(clipped.astype(np.float64)), 0)
    return {
        "dynamics_db": float(audible.std()),
        "articulation_db": float((rows.max(axis=1) - rows.min(axis=1)).mean(dtype=np.float64))
        if len(rows)
        else 0.0,
        "attack_db": float(rises.mean()) if len(rises) else 0.0,
    }


def _make_filters(hz: NDArray[np.float32]) -> list[tuple[int, int, NDArray[np.float32]]]:
    """Triangles on the mel scale, each with the bins that it reaches: one at least."""
    mels = np.linspace(_to_mel(_LOWEST_HZ), _to_mel(_HIGHEST_HZ), _BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    filters = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        weights = np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)).clip(min=0)
        reached = np.flatnonzero(weights)
        if not len(reached):
            reached = np.array([min(int(np.abs(hz - middle).argmin()), len(hz) - 1)])
            weights = np.zeros(len(hz))
            weights[reached] = 1.0 if middle <= hz[-1] else 0.0
        first, last = int(reached[0]), int(reached[-1]) + 1
        filters.append((first, last, weights[first:last].astype(np.float32)))
    return filters


def _to_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _make_cosines() -> Values:
    """The orthonormal discrete cosine transform's rows 1 to `CEPSTRA`, shape (CEPSTRA, bands)."""
    angles = np.pi / _BANDS * (np.arange(_BANDS) + 0.5)
    return np.asarray(np.sqrt(2 / _BANDS) * np.cos(np.arange(1, CEPSTRA + 1)[:, None] * angles))
