"""Which tempi repeat in onset strength, and exactly how fast: autocorrelation, combs, coherence over the whole.

Knows nothing of which octave is meant, nor of beats.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.onsets import Curve, Onsets

Values = NDArray[np.float64]

SLOWEST, FASTEST = 40.0, 220.0
GRID = np.geomspace(SLOWEST, FASTEST, 1100)
# A clip shorter than this is taken for a loop: one bar has no autocorrelation at the lag of a bar.
LEAST_S = 12.0
_LAGS_S = 6.2
# Autocorrelation in parts of this many hops, refinement over as many seconds: more says nothing more.
_PART = 1 << 15
_REFINED_S = 600.0
# Onsets of noise, speech and free playing correlate by chance up to about 5 standard errors and 0.17.
_CHANCE, _SURE, _CLEAR = 2.0, 8.0, 0.25
_HARMONICS = (1, 2, 4, 8)


def correlate(first: Curve, second: Curve, hop_rate: float) -> Values:
    """Correlation of two curves at lags up to 6.2 s (`second` later): unbiased, of a short clip circular.

    Of a curve with itself it is 1 at lag 0.
    """
    lags = int(np.ceil(_LAGS_S * hop_rate)) + 2
    hops = len(first)
    total, weight, power = np.zeros(lags), np.zeros(lags), 0.0
    if hops < LEAST_S * hop_rate:
        a, b = first - first.mean(dtype=float), second - second.mean(dtype=float)
        power = float(np.sqrt((a @ a) * (b @ b)))
        product = np.fft.irfft(np.conj(np.fft.rfft(a)) * np.fft.rfft(b), hops)
        return np.asarray(product[np.arange(lags) % hops] / power) if power else total
    # The last part takes what would be too short for a part of its own.
    starts = list(range(0, max(1, hops - _PART // 2), _PART))
    for start, stop in zip(starts, [*starts[1:], hops], strict=True):
        a = first[start:stop] - first[start:stop].mean(dtype=float)
        b = second[start:stop] - second[start:stop].mean(dtype=float)
        size = 1 << (len(a) + lags).bit_length()
        total += np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)[:lags]
        weight += np.maximum(len(a) - np.arange(lags), 0)
        power += float(np.sqrt((a @ a) * (b @ b)))
    return np.asarray(total / np.maximum(weight, 1) * (hops / power)) if power else total


def at_lag(correlation: Values, lag: float) -> float:
    """Highest correlation within 1.5 % of a lag in hops."""
    places = lag * np.array([0.985, 0.9925, 1.0, 1.0075, 1.015])
    return float(np.interp(places, np.arange(len(correlation)), correlation, right=0.0).max())


def score_tempi(correlations: list[Values], hop_rate: float) -> Values:
    """How well each tempo of `GRID` fits the autocorrelations of all onsets and of the low ones."""
    period = hop_rate * 60 / GRID
    total = np.zeros(len(GRID))
    for correlation, half_weight in zip(correlations, (0.3, 0.0), strict=True):
        lags = np.arange(len(correlation))
        comb = np.mean([np.interp(k * period, lags, correlation) for k in (1, 2, 3, 4)], axis=0)
        total += comb + half_weight * np.interp(period / 2, lags, correlation)
    return np.maximum(total, 0)


def find_peaks(curve: Values) -> list[int]:
    """Indices of local maxima that reach a quarter of the highest, best first, at least 4 % apart."""
    inner = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:])) + 1
    # The ends of a range count as peaks, too: the true one may lie right there.
    ends = [
        i
        for i in (int(np.argmax(curve > 0)), len(curve) - 1 - int(np.argmax(curve[::-1] > 0)))
        if curve[i] > 0
    ]
    chosen: list[int] = []
    for index in sorted({*map(int, inner), *ends}, key=lambda i: -curve[i]):
        far = all(abs(np.log(GRID[index] / GRID[other])) > 0.04 for other in chosen)
        if far and curve[index] >= 0.25 * curve.max():
            chosen.append(index)
    return chosen


def measure_pulse(correlation: Values, hops: int, hop_rate: float, period: float) -> float:
    """How far the pulse of a period stands out from chance, 0 to 1.

    The mean correlation at whole beats, or at halves too, in its standard error, which for a curve whose neighbours
    depend on each other follows M. S. Bartlett, J. R. Stat. Soc. Suppl. 8 (1946). A short clip correlates with its
    own repetition at its length whatever it is; lags that fall on that, or on each other, say nothing.
    """
    error = np.sqrt((1 + 2 * (correlation[1 : round(0.1 * hop_rate)] ** 2).sum()) / hops)
    best = 0.0
    for step in (1.0, 0.5):
        lags: list[float] = []
        for lag in period * np.arange(step, 4.1, step):
            if hops < LEAST_S * hop_rate:
                lag = min(lag % hops, -lag % hops)
                if lag < max(0.08 * hop_rate, 0.2 * period) or any(
                    abs(lag - o) < 0.05 * period for o in lags
                ):
                    continue
            lags.append(float(lag))
        if lags:
            mean = float(np.interp(lags, np.arange(len(correlation)), correlation).mean())
            standing = (mean / error * np.sqrt(len(lags)) - _CHANCE) / (_SURE - _CHANCE)
            best = max(best, min(1.0, max(0.0, mean) / _CLEAR) * min(1.0, max(0.0, standing)))
    return best


class Spectrum:
    """Magnitudes of the spectrum of onset strength, fine enough to tell very near tempi apart."""

    def __init__(self, onsets: Onsets) -> None:
        flux, self._hop_rate, self._duration_s = onsets.full, onsets.hop_rate, onsets.duration_s
        longest = round(_REFINED_S * self._hop_rate)
        if len(flux) > longest:
            middle = (len(flux) - longest) // 2
            flux = flux[middle : middle + longest]
        # Padding makes interpolation between bins good.
        self._size = 1 << (8 * len(flux)).bit_length()
        top = int(_HARMONICS[-1] * FASTEST * 1.1 / 60 * self._size / self._hop_rate) + 2
        self._magnitudes = np.abs(np.fft.rfft(flux - flux.mean(), self._size)[:top])

    def coherence(self, tempi: Values) -> Values:
        """Sum of the magnitudes at 1, 2, 4 and 8 times each tempo."""
        bins = np.asarray(tempi) / 60 * self._size / self._hop_rate
        positions = np.arange(len(self._magnitudes))
        return np.asarray(sum(np.interp(h * bins, positions, self._magnitudes) for h in _HARMONICS))

    def refine(self, tempo: float, within: float = 0.03) -> float:
        """The tempo near by at which beats, halves, quarters and eighths of beats add up in phase over the whole.

        A clip of up to 64 beats that would be a whole number of beats long at a tempo that is nearly as coherent is
        taken to be a loop: its length is then the better measure.
        """
        step = (
            self._hop_rate / self._size * 60 / 8
        )  # a quarter of the width of a peak of the highest harmonic
        tempi = np.arange(tempo * (1 - within), tempo * (1 + within), step)
        coherence = self.coherence(tempi)
        best = int(np.argmax(coherence))
        refined = float(tempi[best])
        if 0 < best < len(tempi) - 1:
            before, here, after = coherence[best - 1 : best + 2]
            bend = before - 2 * here + after
            refined += step * float(0.5 * (before - after) / bend) if bend < 0 else 0.0
        looped = _fit_loop(self._duration_s, tempo, refined)
        # Few beats say little about where exactly the maximum is, many leave no doubt.
        beats = self._duration_s * tempo / 60
        least = 0.8 if beats < 9 else 0.9 if beats < 17 else 0.97
        if looped and self.coherence(np.array([looped]))[0] >= least * coherence[best]:
            refined = looped
        return round(refined, 3)


def _fit_loop(duration_s: float, tempo: float, refined: float) -> float | None:
    """The tempo at which a clip of up to 64 beats is a whole number of beats long, if it is near either estimate.

    What counts as near shrinks with the length, and is wider for whole bars of four: chance should rarely pass.
    """
    whole = round(duration_s * refined / 60)
    if not 2 <= whole <= (64 if whole % 4 == 0 else 16):
        return None
    looped = 60 * whole / duration_s
    allowed = (0.04 if whole % 4 == 0 else 0.01) * 4 / max(whole, 4)
    near = abs(looped / refined - 1) <= allowed or (whole < 9 and abs(looped / tempo - 1) <= 0.01)
    return looped if near else None
