"""Finds by how much a sound was played faster or slower, and higher or lower.

However that was done, what is heard when, and how high, agrees again when it is undone: rises of level are compared at
many tempos, then levels per half semitone at many pitches. Says nothing where one does not stand out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from beatflow.sound.audio import Samples
from beatflow.sound.explain.offset import mix_down

Array = NDArray[np.float64]

_HOP_S = 0.02
_WINDOW = 2048
_BANDS_PER_OCTAVE = 24
_LOWEST_HZ = 80.0
_OCTAVES = 6
_SLOWEST, _FASTEST = 0.66, 1.52
_COARSE = 0.004
_LEAST_HINT = 0.25
_CONVINCING = 0.55
_LEAD = 1.12
_LONGEST_S = 240.0
_SHORTEST_S = 3.0
_EVENTFUL_DB = 0.15
_FINE_SEMITONES = 24


class Stretch(NamedTuple):
    """A new tempo over the old one, a shift in semitones, and how alike the two are after both, 0 to 1."""

    tempo: float
    semitones: float
    likeness: float

    @property
    def is_speed(self) -> bool:
        """Whether both fit one other speed, as of a tape."""
        return abs(12 * float(np.log2(self.tempo)) - self.semitones) < 0.16 and abs(self.tempo - 1) > 0.002


class _Features(NamedTuple):
    """Rises of level per band and hop, and the mean level per fine band; with the hop in seconds."""

    rises: Array
    levels: Array


def find_stretch(old: Samples, new: Samples, sample_rate: int) -> Stretch | None:
    """Compare two sounds at many tempos; None where none of them stands out.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
    sample_rate : int
        In Hz, of both.
    """
    if min(len(old), len(new)) < _SHORTEST_S * sample_rate:
        return None
    limit = int(_LONGEST_S * sample_rate)
    one, two = (_analyse(side[:limit], sample_rate) for side in (old, new))
    was, new_rises = _find_rises(one), _find_rises(two)
    if not was.any() or not new_rises.any():
        return None
    whole = len(old) / len(new)
    hints = [whole] if _LEAST_HINT < whole < 1 / _LEAST_HINT else []
    now = _Rises.transform(new_rises, int(len(was) / min(_SLOWEST, *hints, _SLOWEST) * 1.02))
    ratios = np.exp(np.arange(np.log(_SLOWEST), np.log(_FASTEST), _COARSE))
    scores = np.array([_correlate(was, now, ratio)[0] for ratio in ratios])
    candidates = [float(ratios[int(np.argmax(scores))]), *hints, 1.0]
    best = max((_refine(was, now, ratio) for ratio in candidates), key=lambda fit: fit[1])
    tempo, score, lag = best
    others = scores[np.abs(np.log(ratios / tempo)) > 0.03]
    if score < _CONVINCING or score < _LEAD * float(others.max(initial=0.0)):
        return None
    semitones, likeness = _find_pitch(one, two, tempo, lag)
    if likeness < _CONVINCING:
        return None
    if abs(tempo - 1) < 0.0015 and abs(semitones) < 0.15:
        return None
    return Stretch(tempo, semitones, likeness)


def _analyse(samples: Samples, sample_rate: int) -> Array:
    """Levels in dB over hops of 20 ms and bands of half a semitone."""
    hop = round(_HOP_S * sample_rate)
    size = _WINDOW * max(1, round(sample_rate / 44100)) * 2
    window = np.hanning(size).astype(np.float32)
    hz = _LOWEST_HZ * 2 ** (np.arange(_OCTAVES * _BANDS_PER_OCTAVE) / _BANDS_PER_OCTAVE)
    bins = hz / sample_rate * size
    bins = bins[bins < size / 2 - 2]
    count = max(0, (len(samples) - size) // hop + 1)
    levels = np.empty((count, len(bins)), np.float32)
    for first in range(0, count, 256):
        last = min(first + 256, count)
        part = mix_down(samples[first * hop : (last - 1) * hop + size])
        rows = np.stack([part[at * hop : at * hop + size] for at in range(last - first)])
        rows *= window
        spectrum = np.abs(fft.rfft(rows, axis=1, overwrite_x=True))
        low = bins.astype(int)
        share = (bins - low).astype(np.float32)
        levels[first : first + len(rows)] = spectrum[:, low] * (1 - share) + spectrum[:, low + 1] * share
    top = float(levels.max(initial=0.0))
    return np.asarray(20 * np.log10(np.maximum(levels, 1e-3 * top + 1e-12)), np.float64)


class _Rises(NamedTuple):
    """The new sound's rises as spectra of ``size`` hops, shape (groups, bins): all tempos are compared with them."""

    spectra: NDArray[np.complex64]
    size: int
    energy: float

    @classmethod
    def transform(cls, rises: Array, longest: int) -> "_Rises":
        """Prepare for comparison with an old sound of at most so many hops, after its stretch."""
        size = fft.next_fast_len(longest + len(rises), real=True)
        spectra = np.asarray(fft.rfft(np.ascontiguousarray(rises.T, np.float32), size), np.complex64)
        return cls(spectra, size, float(np.square(rises).sum()))


def _find_rises(levels: Array) -> Array:
    """Where it grows louder, in four groups of bands, each hop relative to its surroundings."""
    rise = np.maximum(np.diff(levels, axis=0), 0)
    groups = np.stack([part.mean(axis=1) for part in np.array_split(rise, 4, axis=1)], axis=1)
    if float(groups.std()) < _EVENTFUL_DB:
        return np.zeros_like(groups)
    kernel = np.ones(51) / 51
    smooth = np.stack([np.convolve(column, kernel, "same") for column in groups.T], axis=1)
    flat = np.stack(
        [np.convolve(column, (0.25, 0.5, 0.25), "same") for column in (groups - smooth).T], axis=1
    )
    return np.asarray(flat / (flat.std(axis=0) + 1e-9))


def _stretch(rows: Array, ratio: float) -> Array:
    """Rows as they would be played ``ratio`` times as fast."""
    at = np.arange(int(len(rows) / ratio)) * ratio
    low = np.minimum(at.astype(int), len(rows) - 2)
    share = (at - low)[:, None]
    return np.asarray(rows[low] * (1 - share) + rows[low + 1] * share)


def _correlate(old: Array, new: _Rises, ratio: float) -> tuple[float, int]:
    """Return how alike the old one is at a tempo, at its best lag, and that lag in hops."""
    made = np.ascontiguousarray(_stretch(old, ratio).T, np.float32)
    spectra = fft.rfft(made, new.size)
    cross = fft.irfft(np.einsum("gf,gf->f", new.spectra, np.conj(spectra, out=spectra)), new.size)
    norm = np.sqrt(float(np.square(made).sum(dtype=np.float64)) * new.energy)
    best = int(np.argmax(cross))
    return float(cross[best]) / (norm + 1e-9), best if best < new.size // 2 else best - new.size


def _refine(old: Array, new: _Rises, ratio: float) -> tuple[float, float, int]:
    """Return the best tempo near one, its likeness and lag."""
    score, lag = _correlate(old, new, ratio)
    best = (ratio, score, lag)
    step = _COARSE
    while step > 2e-5:
        for tried in (best[0] * (1 - step), best[0] * (1 + step)):
            score, lag = _correlate(old, new, tried)
            if score > best[1]:
                best = (tried, score, lag)
        step /= 2
    return best


def _find_pitch(old: Array, new: Array, tempo: float, lag: int) -> tuple[float, float]:
    """Return by how many semitones the new levels are higher, hop for hop, and how alike they then are."""
    made = _stretch(old, tempo)
    first, last = max(lag, 0), min(len(made) + lag, len(new))
    if last - first < 50:
        return 0.0, 0.0
    one, two = made[first - lag : last - lag], new[first:last]
    one, two = (side - side.mean(axis=1, keepdims=True) for side in (one, two))
    one, two = (side - _smooth_bands(side) for side in (one, two))
    shifts = np.arange(-_FINE_SEMITONES, _FINE_SEMITONES + 1)
    scores = np.array([_compare(one, two, int(shift)) for shift in shifts])
    best = int(np.argmax(scores))
    fine = 0.0
    if 0 < best < len(shifts) - 1:
        left, middle, right = scores[best - 1 : best + 2]
        fine = 0.5 * float(left - right) / float(left - 2 * middle + right - 1e-12)
    return float(shifts[best] + fine) * 12 / _BANDS_PER_OCTAVE, float(scores[best])


def _smooth_bands(levels: Array) -> Array:
    total = np.cumsum(np.pad(levels, ((0, 0), (12, 12)), mode="edge"), axis=1)
    return np.asarray((total[:, 23:] - np.pad(total[:, :-23], ((0, 0), (0, 0))))[:, : levels.shape[1]] / 23)


def _compare(old: Array, new: Array, shift: int) -> float:
    bands = old.shape[1]
    one = old[:, max(0, -shift) : bands - max(0, shift)]
    two = new[:, max(0, shift) : bands - max(0, -shift)]
    norm = np.sqrt(float(np.square(one).sum()) * float(np.square(two).sum()))
    return float((one * two).sum() / (norm + 1e-9))
