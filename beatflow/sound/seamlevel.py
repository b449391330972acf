"""How much the wrap of a loop stands out from the ordinary course of its own sound, in dB.

Two things betray a bad cut. A *click*: the waveform goes on otherwise than its own resonances would have it. A *fall*:
what sounded is gone from one moment to the next, which hardly ever happens within music (a sudden rise is merely an
attack, as at the start of any bar). Both are compared with what the sound does elsewhere. That the music does not fit
(a bar missing) is no matter of the wrap, and not told here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples

Signal = NDArray[np.float64]

SMOOTH_DB = -60.0
"""Said of a wrap at which there is nothing to hear at all."""
AUDIBLE_DB = 4.0
"""Calibrated in benchmarks/looping.py: true loops lie below it, cuts at random above."""
_PLACES = 200
_ORDINARY = 0.98
_ORDER, _CONTEXT_S = 24, 0.012
_NEAR = 4
_SILENT = 10 ** (-80 / 20)
_WINDOW_S, _BANDS = 0.0232, 24
_FALL_WEIGHT = 2.0
"""A fall counts in dB averaged over all bands; one that is heard is so in some of them."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How much the wrap of a loop stands out from the ordinary course of its sound.

    Parameters
    ----------
    level_db : float
        The greater of the two others. 0 or less is as smooth as the sound itself; -60 is nothing at all.
    click_db : float
        How far the jump of the waveform exceeds what is ordinary.
    fall_db : float
        How far the sudden loss of sound exceeds what is ordinary.
    """

    level_db: float
    click_db: float
    fall_db: float

    @property
    def audible(self) -> bool:
        """Whether one would hear the wrap."""
        return self.level_db > AUDIBLE_DB


def measure_seam(audio: Audio) -> Seam:
    """Measure the wrap from the last frame of a loop to its first; any length, any channels."""
    samples = audio.samples.astype(np.float64)
    if len(samples) < 2 or not np.abs(samples).max() > _SILENT:
        return Seam(SMOOTH_DB, SMOOTH_DB, SMOOTH_DB)
    context = round(_CONTEXT_S * audio.sample_rate)
    if len(samples) < 4 * context:
        click = _compare_steps(samples)
        return Seam(click, click, SMOOTH_DB)
    click = max(_measure_click(channel, context) for channel in samples.T)
    fall = _measure_fall(audio)
    return Seam(round(max(click, fall), 1), round(click, 1), round(fall, 1))


def _compare_steps(samples: Signal) -> float:
    """Of a sound too short for anything else: its step at the wrap against its greatest one elsewhere."""
    wrap = float(np.abs(samples[0] - samples[-1]).max())
    usual = max(float(np.abs(np.diff(samples, axis=0)).max()), _SILENT)
    return round(max(20 * float(np.log10(max(wrap, _SILENT) / usual)), SMOOTH_DB), 1)


def _measure_click(signal: Signal, context: int) -> float:
    """How far what linear prediction misses at the wrap exceeds what it misses elsewhere, in dB.

    As part of what it misses nearby, and by itself: the smaller excess counts, since a jump that is great only beside
    silence, or only as great as any drum's, is not heard as one.
    """
    places = np.random.default_rng(0).integers(context, len(signal) - context, _PLACES)
    around = np.arange(-context, context)
    wrap = _predict(signal[around], context)
    if wrap is None:
        return SMOOTH_DB
    usual = [found for place in places if (found := _predict(signal[place + around], context)) is not None]
    if not usual:
        return SMOOTH_DB if wrap[1] <= 20 * np.log10(_SILENT) else 40.0
    # Silence is as ordinary as anything.
    quiet = [(SMOOTH_DB, SMOOTH_DB)] * (len(places) - len(usual))
    limits = np.quantile(np.array([*usual, *quiet]), _ORDINARY, axis=0)
    return max(float(np.min(np.array(wrap) - limits)), SMOOTH_DB)


def _predict(signal: Signal, middle: int) -> tuple[float, float] | None:
    """What prediction misses right behind the middle, in dB: relative to what it misses in front of it, and in all."""
    # A third of a second that bf analyze, which reaches this module by the contract's, need not wait for.
    from scipy.linalg import solve_toeplitz

    if not np.abs(signal).max() > _SILENT:
        return None
    size = 1 << (2 * len(signal) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: _ORDER + 1]
    correlation[0] = correlation[0] * (1 + 1e-6) + 1e-12
    model = solve_toeplitz(correlation[:-1], correlation[1:])
    missed = np.abs(np.convolve(signal, np.concatenate([[1.0], -model])))
    here = float(missed[middle : middle + _NEAR].max())
    if here <= _SILENT:
        return None
    before = float(np.sqrt(np.mean(missed[_ORDER : middle - 2] ** 2)))
    return 20 * float(np.log10(here / max(before, _SILENT))), 20 * float(np.log10(here))


def _measure_fall(audio: Audio) -> float:
    """How far the loss of level over all bands at the wrap exceeds the ordinary one, in dB."""
    size = 1 << round(np.log2(_WINDOW_S * audio.sample_rate))
    if audio.frames < 8 * size:
        return SMOOTH_DB
    hop = size // 4
    # An hour has more places than are needed to know what is ordinary.
    starts = np.arange(0, audio.frames - size, hop)
    usual = starts[: len(starts) - 4]
    if len(usual) > 1500:
        usual = usual[:: len(usual) // 1500]
    before = _band_powers(audio.samples, usual, size, audio.sample_rate)
    after = _band_powers(audio.samples, usual + size, size, audio.sample_rate)
    ends = _band_powers(audio.samples, np.array([audio.frames - size, 0]), size, audio.sample_rate)
    floor = before.mean(axis=0) * 1e-3 + 1e-9 * before.sum(axis=1).max() + 1e-12
    falls = _mean_fall(before, after, floor)
    return max(
        _FALL_WEIGHT * float(_mean_fall(ends[:1], ends[1:], floor)[0] - np.quantile(falls, _ORDINARY)),
        SMOOTH_DB,
    )


def _mean_fall(before: Signal, after: Signal, floor: Signal) -> Signal:
    change = 10 * np.log10((before + floor) / (after + floor))
    return np.asarray(np.maximum(change, 0).mean(axis=1))


def _band_powers(samples: Samples, starts: NDArray[np.intp], size: int, sample_rate: int) -> Signal:
    """Power in log-spaced bands of windows that begin there, of all channels together, shape (windows, bands)."""
    edges = np.geomspace(60, min(16_000, 0.45 * sample_rate), _BANDS + 1)
    bins = np.unique(np.round(edges * size / sample_rate).astype(np.intp))
    taper = np.hanning(size)
    powers = np.zeros((len(starts), len(bins) - 1))
    for first in range(0, len(starts), 256):
        part = starts[first : first + 256]
        for channel in samples.T:
            spectra = np.fft.rfft(channel[part[:, None] + np.arange(size)] * taper)
            powers[first : first + 256] += np.add.reduceat(
                spectra.real**2 + spectra.imag**2, bins[:-1], axis=1
            )
    return powers
