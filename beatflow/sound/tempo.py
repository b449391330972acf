"""Tempo and beats, with a confidence and the tempi that could also be meant.

Onset strength in 25 bands, its autocorrelation combed over 48 to 215 BPM, a weak prior, and a coherent refinement
over the whole length, so that loops of constant tempo come out exact. Which octave is meant is a matter of
taste even for people: the alternatives are part of the result, and the confidence falls where the accents leave the
octave open. Knows nothing of files.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.beats import find_beats
from beatflow.sound.hops import HopCutter, mix_down, power_spectra

Curve = NDArray[np.float64]

SLOWEST, FASTEST = 48.0, 215.0
_BANDS, _LOWEST_HZ, _HIGHEST_HZ, _LOW_HZ = 25, 60.0, 10_500.0, 200.0
_GRID = np.geomspace(SLOWEST, FASTEST, 900)
# Where half of a large collection of loops lies; octaves around it.
_PRIOR_BPM, _PRIOR_OCTAVES = 128.0, 0.75
# A clip shorter than this is taken for a loop: one bar has no autocorrelation at the lag of a bar.
_LEAST_S = 12.0
_LEAST_BEATS = 2.9
LEAST_CONFIDENCE = 0.05
"""Below it nothing pulses: the tempo is None."""
# Onsets of noise, speech and free playing correlate by chance up to about 5 standard errors and 0.17.
_CHANCE, _SURE, _CLEAR = 2.0, 8.0, 0.25
# A period is half a beat when accents in its middle and on every other one are below these parts of the strongest, and
# fewer than these have a kick. Where the octave was too high these were 0.13, 0.69 and 0.59 at most; elsewhere one
# of them was 0.23, 0.81 or 1 at least.
_EMPTY, _WEAK, _KICKED = 0.15, 0.75, 0.8


@dataclass(frozen=True, slots=True)
class Tempo:
    """A measured tempo.

    Parameters
    ----------
    tempo : float or None
        BPM; None where nothing pulses, or for less than three beats.
    confidence : float
        0 to 1, the product of how far ahead of its rivals it is, how far the pulse stands out from chance, and how
        clearly accents tell it from its half and its double. 0 without a tempo, otherwise 0.05 and more.
    alternatives : tuple of float
        Other tempi that fit, best first, BPM.
    beats : tuple of float
        Times in seconds. Evenly spaced when `steady`.
    steady : bool
        The tempo does not wander: one grid fits from start to end.
    downbeats : tuple of float
        Those of `beats` that begin a bar.
    meter : str or None
        ``4/4``, ``3/4`` or ``6/8``; in 6/8 a beat is a dotted quarter, and two of them make a bar. None where bars
        cannot be told.
    downbeat_confidence : float
        0 to 1: how sure `downbeats` and `meter` are.
    """

    tempo: float | None
    confidence: float
    alternatives: tuple[float, ...]
    beats: tuple[float, ...]
    steady: bool
    downbeats: tuple[float, ...] = ()
    meter: str | None = None
    downbeat_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class TempoFit:
    """How well a sound bears out a tempo that somebody claims.

    Parameters
    ----------
    claimed : float
        BPM.
    tempo : float or None
        The steady tempo nearest to it that fits best, BPM, within 6 %; None where nothing repeats.
    deviation_bpm : float or None
        Measured minus claimed.
    phase_s : float
        Time of the first beat of that grid, seconds.
    fit : float
        0 to 1: how much of what repeats at all in the sound lies on that grid, whole, halved, doubled or in thirds.
        Of right claims it is nearly always above `BORNE_OUT`, of wrong ones nearly always below.
    ratio : float
        What the tempo that would be measured without a claim is of this one: 1, 2, 0.5, 1.5 …; 0 where nothing
        pulses or the two are no relatives.
    """

    claimed: float
    tempo: float | None
    deviation_bpm: float | None
    phase_s: float
    fit: float
    ratio: float


BORNE_OUT = 0.5
NO_TEMPO = Tempo(None, 0.0, (), (), False)


def measure_tempo(audio: Audio | Iterable[Audio], bpm_range: tuple[float, float] | None = None) -> Tempo:
    """Measure the tempo of a sound, or of its blocks in order; see `TempoMeter.result`."""
    meter = None
    for block in (audio,) if isinstance(audio, Audio) else audio:
        meter = meter or TempoMeter(block.sample_rate)
        meter.add(mix_down(block.samples))
    return meter.result(bpm_range) if meter else NO_TEMPO


def test_tempo(audio: Audio | Iterable[Audio], bpm: float) -> TempoFit:
    """Test whether a sound, or its blocks in order, bears out a tempo; see `TempoFit`."""
    meter = None
    for block in (audio,) if isinstance(audio, Audio) else audio:
        meter = meter or TempoMeter(block.sample_rate)
        meter.add(mix_down(block.samples))
    return meter.test(bpm) if meter else TempoFit(bpm, None, None, 0.0, 0.0, 0.0)


class TempoMeter:
    """Takes mono blocks, gives `Tempo` at the end; keeps 17 KB for each second."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._hop = max(1, round(sample_rate * 128 / 22_050))
        size = 1 << round(np.log2(sample_rate * 1024 / 22_050))
        self._cutter = HopCutter(size, self._hop)
        self._taper = np.hanning(size).astype(np.float32)
        self._bands, self._end, self._low = _band_bins(sample_rate, size)
        self._levels: list[Samples] = []
        self._frames = 0

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        self._frames += len(mono)
        self._take(self._cutter.add(mono))

    def result(self, bpm_range: tuple[float, float] | None = None) -> Tempo:
        """Find the tempo; nothing can be added afterwards.

        Parameters
        ----------
        bpm_range : (float, float), optional
            Only tempi in it are considered, for the result and for the alternatives.

        Raises
        ------
        UsageError
            The range holds no tempo between 48 and 215 BPM.
        """
        low, high = bpm_range or (SLOWEST, FASTEST)
        allowed = (low <= _GRID) & (high >= _GRID)
        if not allowed.any():
            raise UsageError(
                f"no tempo between {low:g} and {high:g} BPM", hint="use a range within 48 and 215 BPM"
            )
        self._take(self._cutter.finish())
        levels = np.concatenate(self._levels)
        self._levels.clear()
        flux, low_flux = onset_strength(levels, self._low)
        hop_rate = self._rate / self._hop
        duration_s = self._frames / self._rate
        correlations = [_autocorrelate(curve, hop_rate) for curve in (flux, low_flux)]
        curve = _score_tempi(correlations, hop_rate)
        peaks = _find_peaks(np.where(allowed, curve, 0.0))
        if not peaks or duration_s * _GRID[peaks[0]] / 60 < _LEAST_BEATS:
            return NO_TEMPO
        tempi = [_refine(flux, hop_rate, float(_GRID[peak]), duration_s) for peak in peaks[:4]]
        scores = curve[peaks]
        share = float(scores[0] ** 3 / (scores**3).sum())
        period = hop_rate * 60 / tempi[0]
        pulse = max(_measure_pulse(correlation, len(flux), hop_rate, period) for correlation in correlations)
        accents, low_accents = _accentuate(levels), _accentuate(levels[:, : self._low])
        if tempi[0] / 2 >= max(low, SLOWEST) and _is_half_a_beat(accents, low_accents, period):
            half = _refine(flux, hop_rate, tempi[0] / 2, duration_s)
            tempi = [half, *(other for other in tempi if abs(other / half - 1) > 0.04)][:4]
        confidence = round(share * pulse * _trust_octave(accents, hop_rate, tempi[0]), 2)
        if confidence < LEAST_CONFIDENCE:
            return NO_TEMPO
        beats, steady = find_beats(flux, low_flux, hop_rate, tempi[0], duration_s)
        return Tempo(tempi[0], confidence, tuple(tempi[1:]), beats, steady)

    def test(self, bpm: float) -> TempoFit:
        """Test a claimed tempo instead of finding one; nothing can be added afterwards."""
        nothing = TempoFit(bpm, None, None, 0.0, 0.0, 0.0)
        self._take(self._cutter.finish())
        flux, low_flux = onset_strength(np.concatenate(self._levels), self._low)
        duration_s = self._frames / self._rate
        if not flux.any() or duration_s * bpm / 60 < _LEAST_BEATS:
            return nothing
        hop_rate = self._rate / self._hop
        tempo = _refine(flux, hop_rate, bpm, duration_s)
        size = 1 << (4 * len(flux)).bit_length()
        spectrum = np.abs(np.fft.rfft(flux - flux.mean(), size))
        grid = np.geomspace(bpm / 1.5, bpm * 1.5, 2000)
        every = _coherence(spectrum, grid, size, hop_rate)
        here = float(_coherence(spectrum, np.array([tempo]), size, hop_rate)[0])
        floor = float(np.median(every))
        fit = min(1.0, max(0.0, (here - floor) / max(float(every.max()) - floor, 1e-12)))
        beats, _ = find_beats(flux, low_flux, hop_rate, tempo, duration_s)
        return TempoFit(bpm, tempo, round(tempo - bpm, 3), beats[0] if beats else 0.0, round(fit, 2), 1.0)

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), 128):  # keeps what is worked on in the processor's cache
            power = power_spectra(windows[start : start + 128], self._taper)[:, : self._end]
            # Not a matrix product: that would start BLAS's threads, and wait for them, for each block.
            self._levels.append(np.sqrt(np.add.reduceat(power, self._bands, axis=1)))


def onset_strength(levels: Samples, low_bands: int) -> tuple[Curve, Curve]:
    """Onset strength at each hop from band levels, shape (hops, bands): over all bands, and of the low ones alone."""
    middle = np.array([np.median(band) for band in levels.T], np.float32)
    # Bands that are silent most of the time have a median of nothing; their mean is then the measure.
    middle = np.maximum(middle, levels.mean(axis=0) * 0.1)
    scale = 10 / np.where(middle > 1e-7, middle, np.inf)
    full, low = np.zeros(len(levels)), np.zeros(len(levels))
    for start in range(3, len(levels), 4096):  # an hour at once would take half a gigabyte
        compressed = np.log1p(scale * levels[start - 3 : start + 4096])
        rise = np.maximum(0, compressed[3:] - compressed[:-3])
        low[start : start + 4096] = rise[:, :low_bands].sum(axis=1)
        full[start : start + 4096] = rise.sum(axis=1)
    return _remove_trend(full + 2 * low), _remove_trend(low)


def _remove_trend(curve: Curve, hops: int = 103) -> Curve:
    """Subtract 0.9 of the mean over 0.6 s, and keep what is above."""
    total = np.cumsum(np.pad(curve, (hops // 2 + 1, hops // 2), mode="edge"))
    return np.asarray(np.maximum(0, curve - 0.9 * (total[hops:] - total[:-hops]) / hops))


def _band_bins(sample_rate: int, size: int) -> tuple[NDArray[np.intp], int, int]:
    """First bins of the log-spaced bands, the bin after the last one, and how many bands lie below 200 Hz.

    Bands narrower than a bin take the bin that they lie in.
    """
    edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.45 * sample_rate), _BANDS + 1)
    bins = np.round(edges * size / sample_rate).astype(np.intp)
    return bins[:-1], int(bins[-1]) + 1, int(np.count_nonzero(edges[1:] <= _LOW_HZ * 1.05))


def _score_tempi(correlations: list[Curve], hop_rate: float) -> Curve:
    """How well each tempo of the grid fits the autocorrelations of all onsets and of the low ones."""
    period = hop_rate * 60 / _GRID
    total = np.zeros(len(_GRID))
    for correlation, half_weight in zip(correlations, (0.3, 0.0), strict=True):
        lags = np.arange(len(correlation))
        comb = np.mean([np.interp(k * period, lags, correlation) for k in (1, 2, 3, 4)], axis=0)
        total += comb + half_weight * np.interp(period / 2, lags, correlation)
    return np.maximum(total, 0) * _prior(_GRID)


def _prior(tempo: Curve) -> Curve:
    return np.asarray(np.exp(-0.5 * (np.log2(tempo / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2))


def _autocorrelate(curve: Curve, hop_rate: float) -> Curve:
    """Autocorrelation of the deviation from the mean up to 5 s, 1 at lag 0: unbiased, of a short clip circular."""
    lags = int(np.ceil(5 * hop_rate)) + 2
    curve = curve - curve.mean()
    if not curve.any():
        return np.zeros(lags)
    hops = len(curve)
    if hops < _LEAST_S * hop_rate:
        product = np.fft.irfft(np.abs(np.fft.rfft(curve)) ** 2, hops)[np.arange(lags) % hops]
    else:
        size = 1 << (hops + lags).bit_length()
        product = np.fft.irfft(np.abs(np.fft.rfft(curve, size)) ** 2, size)[:lags] / (hops - np.arange(lags))
    return np.asarray(product / product[0])


def _measure_pulse(correlation: Curve, hops: int, hop_rate: float, period: float) -> float:
    """How far the pulse of a period stands out from chance, 0 to 1.

    The mean correlation at whole beats, or at halves too, in its standard error, which for a curve whose neighbours
    depend on each other follows M. S. Bartlett, J. R. Stat. Soc. Suppl. 8 (1946). A short clip correlates with its own
    repetition at its length whatever it is; lags that fall on that, or on each other, say nothing.
    """
    error = np.sqrt((1 + 2 * (correlation[1 : round(0.1 * hop_rate)] ** 2).sum()) / hops)
    best = 0.0
    for step in (1.0, 0.5):
        lags: list[float] = []
        for lag in period * np.arange(step, 4.1, step):
            if hops < _LEAST_S * hop_rate:
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


def _accentuate(levels: Samples) -> Curve:
    """How much louder it gets at each hop, in all bands: unlike onset strength, it tells strong from weak."""
    mean = np.maximum(levels.mean(axis=0), 1e-9)
    accents = np.zeros(len(levels))
    for start in range(3, len(levels), 4096):
        scaled = levels[start - 3 : start + 4096] / mean
        accents[start : start + 4096] = np.maximum(0, scaled[3:] - scaled[:-3]).sum(axis=1)
    return accents


def _profile(accents: Curve, period: float) -> Curve:
    """Mean accent at 32 places of a period, a little smoothed."""
    places = (np.arange(len(accents)) % period * (32 / period)).astype(np.intp) % 32
    means = np.bincount(places, accents, 32) / np.maximum(np.bincount(places, minlength=32), 1)
    return np.asarray(means + np.roll(means, 1) + np.roll(means, -1))


def _compare_middle(accents: Curve, period: float) -> float:
    """Strength of the accents halfway between the strongest ones of a period, as a part of those, 0 to 1."""
    profile = _profile(accents, period)
    top = int(np.argmax(profile))
    return float(profile[(top + 16) % 32] / max(profile[top], 1e-12))


def _is_half_a_beat(accents: Curve, low_accents: Curve, period: float) -> bool:
    """Whether a period is rather half a beat: nothing divides it, every other one is weak, and has no kick."""
    if _compare_middle(accents, period) >= _EMPTY or _compare_middle(accents, 2 * period) >= _WEAK:
        return False
    first = (np.argmax(_profile(accents, period)) + 0.5) * period / 32
    reach = max(1, round(period / 12))
    near = np.arange(first, len(accents) - reach, period).astype(np.intp)[:, None] + np.arange(
        -reach, reach + 1
    )
    kicks = low_accents[np.maximum(near, 0)].max(axis=1)
    return float(np.mean(kicks > 0.3 * np.quantile(kicks, 0.9))) < _KICKED


def _trust_octave(accents: Curve, hop_rate: float, tempo: float) -> float:
    """How far accents and custom rule out that half or double the tempo is meant, 0.3 to 1.

    Half of it may be meant where every other beat is weak, double where halves of beats are divided again.
    """
    period = hop_rate * 60 / tempo
    here, half, double = _prior(np.array([tempo, tempo / 2, tempo * 2]))
    # What nothing divides speaks against custom, too.
    usual = 1.0 if _compare_middle(accents, period) < _EMPTY else min(1.0, half / here)
    slower = usual * (1 - _compare_middle(accents, 2 * period))
    faster = min(1.0, double / here) * min(1.0, 2 * _compare_middle(accents, period / 2))
    return float((1 - 0.5 * slower * (tempo / 2 >= SLOWEST)) * (1 - 0.4 * faster * (tempo * 2 <= FASTEST)))


def _find_peaks(curve: Curve) -> list[int]:
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
        far = all(abs(np.log(_GRID[index] / _GRID[other])) > 0.04 for other in chosen)
        if far and curve[index] >= 0.25 * curve.max():
            chosen.append(index)
    return chosen


def _refine(flux: Curve, hop_rate: float, tempo: float, duration_s: float) -> float:
    """The tempo within 3 % at which beats, halves, quarters and eighths of beats add up in phase over the whole clip.

    A clip of up to 64 beats that would be a whole number of beats long at a tempo that is nearly as coherent is taken
    to be a loop: its length is then the better measure.
    """
    # Padding makes interpolation between bins good; beyond ten minutes bins are fine enough by themselves.
    size = 1 << ((8 if duration_s < 600 else 2) * len(flux)).bit_length()
    spectrum = np.abs(np.fft.rfft(flux - flux.mean(), size))
    step = hop_rate / size * 60 / 8  # a quarter of the width of a peak of the highest harmonic, or finer
    tempi = np.arange(tempo * 0.97, tempo * 1.03, step)
    coherence = _coherence(spectrum, tempi, size, hop_rate)
    best = int(np.argmax(coherence))
    refined = float(tempi[best])
    if 0 < best < len(tempi) - 1:
        before, here, after = coherence[best - 1 : best + 2]
        bend = before - 2 * here + after
        refined += step * float(0.5 * (before - after) / bend) if bend < 0 else 0.0
    looped = _fit_loop(duration_s, tempo, refined)
    # Few beats say little about where exactly the maximum is, many leave no doubt.
    beats = duration_s * tempo / 60
    least = 0.8 if beats < 9 else 0.9 if beats < 17 else 0.97
    if looped and _coherence(spectrum, np.array([looped]), size, hop_rate)[0] >= least * coherence[best]:
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


def _coherence(spectrum: Curve, tempi: Curve, size: int, hop_rate: float) -> Curve:
    """Sum of the magnitudes at 1, 2, 4 and 8 times each tempo."""
    bins = tempi / 60 * size / hop_rate
    positions = np.arange(len(spectrum))
    return np.asarray(sum(np.interp(h * bins, positions, spectrum) for h in (1, 2, 4, 8)))
