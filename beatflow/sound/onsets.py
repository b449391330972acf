"""What starts when: curves of onset strength from a stream of samples, by register, and the harmony between them.

Knows nothing of tempo. Keeps 2.6 KB for each second, whatever the sample rate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.hops import HopCutter, power_spectra

Curve = NDArray[np.float32]
Rough = NDArray[np.float16]

_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 25, 60.0, 10_500.0
# Kick and bass, snare and voices, hi-hats.
_LOW_HZ, _MIDDLE_HZ, _HIGH_HZ = 200.0, 2600.0, 4500.0
# Levels are compared with their median over this many hops (24 s), so that a quiet part counts like a loud one.
_CHUNK = 4096
_TREND_HOPS = 103
# One chroma for so many hops: 93 ms.
_CHROMA_HOPS = 16
_CHROMA_HZ, _BASS_HZ = (55.0, 2000.0), 260.0


@dataclass(frozen=True, slots=True)
class Onsets:
    """Curves at `hop_rate` values per second, all of one length, and chroma at a sixteenth of it.

    Parameters
    ----------
    hop_rate : float
        Hops per second, about 172.
    duration_s : float
        Of the sound.
    full, low, middle, high : ndarray, shape (hops,)
        Onset strength over all bands (the low ones counted three times), and of kicks, snares and hi-hats alone.
    accents, low_accents : ndarray, shape (hops,)
        How much louder it gets; unlike onset strength, it tells strong from weak.
    chroma : ndarray, shape (hops / 16, 24)
        Energy of the 12 pitch classes from C up, of the bass and of what lies above it; each part of a row sums to 1
        or 0.
    """

    hop_rate: float
    duration_s: float
    full: Curve
    low: Curve
    middle: Curve
    high: Curve
    accents: Rough
    low_accents: Rough
    chroma: Rough


class OnsetMeter:
    """Takes mono blocks, gives `Onsets` at the end."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._hop = max(1, round(sample_rate * 128 / 22_050))
        size = 1 << round(np.log2(sample_rate * 1024 / 22_050))
        self._cutter = HopCutter(size, self._hop)
        self._taper = np.hanning(size).astype(np.float32)
        self._bands, self._end, tops = _band_bins(sample_rate, size)
        self._low = int(np.count_nonzero(tops <= _LOW_HZ * 1.05))
        self._middle = max(self._low + 1, int(np.count_nonzero(tops <= _MIDDLE_HZ)))
        self._high = min(_BANDS - 1, int(np.count_nonzero(tops <= _HIGH_HZ)))
        self._waiting: list[Samples] = []
        self._count = 0
        self._before = np.zeros((3, _BANDS), np.float32)
        self._curves: list[Rough] = []
        self._chroma = _ChromaMeter(sample_rate, self._hop * _CHROMA_HOPS)
        self._frames = 0

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        self._frames += len(mono)
        self._chroma.add(mono)
        self._take(self._cutter.add(mono))

    def result(self) -> Onsets:
        """Give what was measured; nothing can be added afterwards."""
        self._take(self._cutter.finish())
        if self._count:
            self._digest(np.concatenate(self._waiting))
        full, low, middle, high = (_remove_trend(self._gather(column)) for column in range(4))
        accents, low_accents = self._gather(4), self._gather(5)
        self._waiting.clear()
        self._curves.clear()
        duration_s = self._frames / self._rate
        return Onsets(
            self._rate / self._hop,
            duration_s,
            full,
            low,
            middle,
            high,
            accents,
            low_accents,
            self._chroma.result(),
        )

    def _gather(self, column: int) -> Rough:
        return np.concatenate([*(curves[:, column] for curves in self._curves), np.zeros(0, np.float16)])

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), 128):  # keeps what is worked on in the processor's cache
            power = power_spectra(windows[start : start + 128], self._taper)[:, : self._end]
            # Not a matrix product: that would start BLAS's threads, and wait for them, for each block.
            self._waiting.append(np.sqrt(np.add.reduceat(power, self._bands, axis=1)))
            self._count += len(self._waiting[-1])
        # A rest that is shorter than half a chunk would have medians of little: it goes with the chunk before it.
        if self._count >= 1.5 * _CHUNK:
            levels = np.concatenate(self._waiting)
            while len(levels) >= 1.5 * _CHUNK:
                self._digest(levels[:_CHUNK])
                levels = levels[_CHUNK:]
            self._waiting = [levels.copy()]
            self._count = len(levels)

    def _digest(self, levels: Samples) -> None:
        """Turn levels, shape (hops, bands), into six curves."""
        middle = np.median(levels, axis=0)
        # Bands that are silent most of the time have a median of nothing; their mean is then the measure.
        mean = levels.mean(axis=0)
        middle = np.maximum(middle, mean * 0.1)
        scale = (10 / np.where(middle > 1e-7, middle, np.inf)).astype(np.float32)
        if not self._curves:
            self._before = levels[:1].repeat(3, axis=0)
        joined = np.concatenate([self._before, levels])
        self._before = levels[-3:] if len(levels) >= 3 else joined[-3:]
        compressed = np.log1p(scale * joined)
        rise = np.maximum(0, compressed[3:] - compressed[:-3])
        growth = np.maximum(0, joined[3:] - joined[:-3]) / np.maximum(mean, 1e-9)
        low = rise[:, : self._low].sum(axis=1)
        curves = [
            rise.sum(axis=1) + 2 * low,
            low,
            rise[:, self._low : self._middle].sum(axis=1),
            rise[:, self._high :].sum(axis=1),
            growth.sum(axis=1),
            growth[:, : self._low].sum(axis=1),
        ]
        self._curves.append(np.minimum(np.stack(curves, axis=1), 60_000).astype(np.float16))


class _ChromaMeter:
    """Takes mono blocks, gives chroma of bass and of the rest; windows of twice the step."""

    def __init__(self, sample_rate: int, step: int) -> None:
        size = 1 << (2 * step - 1).bit_length()
        self._cutter = HopCutter(size, step)
        self._taper = np.hanning(size).astype(np.float32)
        hz = np.arange(size // 2 + 1) * sample_rate / size
        first, last = np.searchsorted(hz, _CHROMA_HZ)
        self._span = slice(int(first), int(last))
        pitch = np.round(12 * np.log2(hz[self._span] / 440) + 69).astype(np.intp) % 12
        place = pitch + 12 * (hz[self._span] >= _BASS_HZ)
        self._order = np.argsort(place, kind="stable")
        self._starts = np.searchsorted(place[self._order], np.arange(24))
        self._empty = np.bincount(place, minlength=24) == 0
        self._starts = np.minimum(self._starts, max(0, len(place) - 1))
        self._rows: list[Rough] = []

    def add(self, mono: Samples) -> None:
        self._take(self._cutter.add(mono))

    def result(self) -> Rough:
        self._take(self._cutter.finish())
        rows = np.concatenate([*self._rows, np.zeros((0, 24), np.float16)])
        self._rows.clear()
        return rows

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), 32):
            power = power_spectra(windows[start : start + 32], self._taper)[:, self._span]
            if not power.shape[1]:
                self._rows.append(np.zeros((len(power), 24), np.float16))
                continue
            sums = np.sqrt(np.add.reduceat(power[:, self._order], self._starts, axis=1))
            sums[:, self._empty] = 0
            for part in (sums[:, :12], sums[:, 12:]):
                part /= np.maximum(part.sum(axis=1, keepdims=True), 1e-6)
            self._rows.append(sums.astype(np.float16))


def _remove_trend(curve: Rough) -> Curve:
    """Subtract 0.9 of the mean over 0.6 s, and keep what is above."""
    above = np.zeros(len(curve), np.float32)
    if not len(curve):
        return above
    lead = _TREND_HOPS // 2 + 1
    padded = np.pad(curve, (lead, _TREND_HOPS // 2), mode="edge")
    # Piece by piece: of hours, each whole curve of doubles would be many megabytes.
    for start in range(0, len(curve), 16 * _CHUNK):
        values = padded[start : start + 16 * _CHUNK + _TREND_HOPS].astype(np.float64)
        total = np.cumsum(values)
        trend = (total[_TREND_HOPS:] - total[:-_TREND_HOPS]) / _TREND_HOPS
        here = values[lead : lead + len(trend)]
        above[start : start + len(trend)] = np.maximum(0, here - 0.9 * trend)
    return above


def _band_bins(sample_rate: int, size: int) -> tuple[NDArray[np.intp], int, NDArray[np.float64]]:
    """First bins of the log-spaced bands, the bin after the last one, and where each band ends in Hz.

    Bands narrower than a bin take the bin that they lie in.
    """
    edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.45 * sample_rate), _BANDS + 1)
    bins = np.round(edges * size / sample_rate).astype(np.intp)
    return bins[:-1], int(bins[-1]) + 1, edges[1:]
