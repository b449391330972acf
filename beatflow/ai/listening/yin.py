"""The pitch of a monophonic sound, moment by moment; knows nothing of notes.

The measure is the cumulative mean normalised difference of YIN (de Cheveigné and Kawahara 2002, J. Acoust. Soc. Am.
111:1917), computed from the autocorrelation of a windowed spectrum divided by that of the window (Boersma 1993, Proc.
Inst. Phonetic Sciences 17:97). Padding the spectrum with zeros gives lags finer than samples, so that a whistle at
4 kHz is as exact as a hum, and no resampling is needed. A Viterbi search then picks one path through the minima.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from beatflow.sound.audio import Audio

Float = NDArray[np.float32]

HOP_S = 0.01
LOWEST_HZ = 60.0
HIGHEST_HZ = 4400.0

_WINDOW_S = 0.06
_BAND_HZ = (25.0, 7000.0)
_LAG_RATE = 48000.0
_CANDIDATES = 6
_BATCH = 512  # moments per FFT call: 512 windows of 4096 lags are 8 MiB

# Costs of the path, in units of the normalised difference (0 periodic, 1 noise), per moment.
_UNVOICED = 0.245
_SWITCH = 0.12
_PER_OCTAVE = 0.6
_LOW_OCTAVE = 0.03
_QUIET_DB = 42.0


@dataclass(frozen=True, slots=True)
class Contour:
    """Pitch and level of a sound every ``HOP_S`` seconds.

    Parameters
    ----------
    midi : ndarray of float32, shape (moments,)
        MIDI note number with its fraction; NaN where nothing has a pitch.
    level_db : ndarray of float32, shape (moments,)
        Level in a window of 20 ms; 0 is the loudest moment.
    clarity : ndarray of float32, shape (moments,)
        1 for a perfectly periodic moment, 0 for noise.
    """

    midi: Float
    level_db: Float
    clarity: Float


def track_pitch(audio: Audio) -> Contour:
    """Follow the pitch of a hum, whistle or voice between 60 Hz and 4.4 kHz.

    The k-th moment is centred on ``k * HOP_S`` seconds.
    """
    mono = to_mono(audio)
    mono = mono / (np.max(np.abs(mono), initial=0.0) or 1.0)
    moments = max(1, round(audio.duration_s / HOP_S))
    level = _levels(mono, audio.sample_rate, moments)
    lags, costs = _find_candidates(mono, audio.sample_rate, moments)
    octave = -np.log2(lags * np.float32(HIGHEST_HZ))
    # Whether there is a pitch is no matter of how low it is.
    price = -_LOW_OCTAVE * octave[np.arange(moments), costs.argmin(axis=1)]
    unvoiced = np.where(level < -_QUIET_DB, 0.0, _UNVOICED + price).astype(np.float32)
    path = _viterbi(octave, costs, unvoiced)
    rows = np.arange(moments)
    voiced = path < _CANDIDATES
    column = np.minimum(path, _CANDIDATES - 1)
    hz = 1.0 / lags[rows, column]
    midi = np.where(voiced, 69.0 + 12.0 * np.log2(hz / 440.0), np.nan)
    difference = costs[rows, column] + _LOW_OCTAVE * octave[rows, column]  # without the price of length
    clarity = np.where(voiced, np.clip(1.0 - difference, 0.0, 1.0), 0.0)
    return Contour(midi.astype(np.float32), level, clarity.astype(np.float32))


def to_mono(audio: Audio) -> Float:
    """The mean of all channels; of two that cancel each other out, half their difference. Shape (frames,)."""
    mean = audio.samples.mean(axis=1, dtype=np.float32)
    if audio.channels == 2:
        side = 0.5 * (audio.samples[:, 0] - audio.samples[:, 1])
        if np.vdot(side, side) > 4.0 * np.vdot(mean, mean):
            return np.asarray(side, dtype=np.float32)
    return np.asarray(mean, dtype=np.float32)


def _levels(mono: Float, sample_rate: int, moments: int) -> Float:
    """Level around each moment in dB below the loudest; -120 for silence."""
    total = np.concatenate([[0.0], np.cumsum(mono.astype(np.float64) ** 2)])
    centres = np.arange(moments) * HOP_S * sample_rate
    reach = 0.01 * sample_rate
    start = np.clip(centres - reach, 0, mono.size).astype(int)
    stop = np.clip(centres + reach, 0, mono.size).astype(int)
    power = (total[stop] - total[start]) / np.maximum(1, stop - start)
    db = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.asarray(np.maximum(db - db.max(), -120.0), dtype=np.float32)


def _find_candidates(mono: Float, sample_rate: int, moments: int) -> tuple[Float, Float]:
    """Lags in seconds and their normalised differences, the best first; shape (moments, candidates).

    Places without a candidate hold the longest lag at a cost that no path takes.
    """
    size = max(16, 2 * int(_WINDOW_S * sample_rate / 2))
    window = np.asarray(np.hanning(size + 1)[:size], dtype=np.float32)
    fft_size = next_fast_len(size + int(sample_rate / LOWEST_HZ) + 1, real=True)
    low, high = (int(hz * fft_size / sample_rate) for hz in _BAND_HZ)
    high = min(high, fft_size // 2)
    fine = next_fast_len(max(fft_size, int(fft_size * _LAG_RATE / sample_rate)), real=True)
    lag_rate = sample_rate * fine / fft_size
    shortest, longest = max(1, int(lag_rate / HIGHEST_HZ) - 1), int(lag_rate / LOWEST_HZ)
    taper = irfft(np.abs(rfft(window, fft_size)) ** 2, fine)[: longest + 2]
    taper = np.asarray(taper / taper[0], dtype=np.float32)
    padded = np.pad(mono, (size // 2, size))
    starts = np.minimum((np.arange(moments) * HOP_S * sample_rate).astype(int), padded.size - size)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    lags = np.full((moments, _CANDIDATES), 1.0 / LOWEST_HZ, dtype=np.float32)
    costs = np.full((moments, _CANDIDATES), 9.0, dtype=np.float32)
    for first in range(0, moments, _BATCH):
        part = slice(first, min(moments, first + _BATCH))
        spectrum = rfft(views[starts[part]] * window, fft_size, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        power[:, :low] = 0.0
        power[:, high:] = 0.0
        correlation = irfft(power, fine, axis=1)[:, : longest + 2]
        likeness = correlation / (correlation[:, :1] + np.float32(1e-9)) / taper
        difference = np.maximum(1.0 - likeness, 0.0)
        mean = np.cumsum(difference, axis=1)[:, 1:] / np.arange(1, longest + 2, dtype=np.float32)
        normal = difference[:, 1:] / np.maximum(mean, np.float32(1e-6))
        _pick_minima(normal, shortest, lag_rate, lags[part], costs[part])
    return lags, costs


def _pick_minima(normal: Float, shortest: int, lag_rate: float, lags: Float, costs: Float) -> None:
    """Write the deepest minima of each row, refined by a parabola; ``normal[:, k]`` is lag ``k + 1``."""
    inner = normal[:, 1:-1]
    dips = (inner < normal[:, :-2]) & (inner <= normal[:, 2:])
    dips[:, : max(0, shortest - 2)] = False
    left, right = normal[:, :-2], normal[:, 2:]
    bend = np.maximum(left - 2.0 * inner + right, np.float32(1e-9))
    shift = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    # A multiple of the period fits as well as the period itself; the price of length decides, and has to be paid
    # before the best few are kept, because a whistle has 60 multiples.
    lag = np.arange(2, inner.shape[1] + 2, dtype=np.float32)
    depth = inner - 0.25 * (left - right) * shift + _LOW_OCTAVE * np.log2(lag / np.float32(shortest))
    depth = np.where(dips, depth, np.float32(9.0))
    count = min(_CANDIDATES, depth.shape[1])
    best = np.argpartition(depth, count - 1, axis=1)[:, :count]
    rows = np.arange(depth.shape[0])[:, None]
    found = depth[rows, best]
    lags[:, :count] = np.where(found < 9.0, (best + 2 + shift[rows, best]) / lag_rate, lags[:, :count])
    costs[:, :count] = found


def _viterbi(octave: Float, costs: Float, unvoiced: Float) -> NDArray[np.intp]:
    """Cheapest path through the candidates and the unvoiced state (the last column).

    Moving costs by the distance in octaves, so a glide is cheap and an octave error is not.
    """
    moments, count = costs.shape
    emission = np.concatenate([costs, unvoiced[:, None]], axis=1)
    back = np.zeros((moments, count + 1), dtype=np.int8)
    move = np.full((count + 1, count + 1), _SWITCH, dtype=np.float32)
    move[count, count] = 0.0
    total = emission[0]
    columns = np.arange(count + 1)
    for moment in range(1, moments):
        np.abs(octave[moment][None, :] - octave[moment - 1][:, None], out=move[:count, :count])
        move[:count, :count] *= _PER_OCTAVE
        reach = total[:, None] + move
        chosen = reach.argmin(axis=0)
        back[moment] = chosen
        total = reach[chosen, columns] + emission[moment]
    path = np.empty(moments, dtype=np.intp)
    path[-1] = total.argmin()
    for moment in range(moments - 1, 0, -1):
        path[moment - 1] = back[moment, path[moment]]
    return path
