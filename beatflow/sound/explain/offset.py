"""How much later a sound is in another one: cross-correlation with phase transform (Knapp and Carter, 1976).

Each frequency has one vote, whatever its strength: an equaliser changes nothing, a held chord is not like itself
at each of its periods, and what is not the same recording does not line up at all. Knows nothing of files.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

REACH_S = 10.0
_PROBE_S = 6.0
_PROBES = 5
# A peak of the correlation above this many times the noise beside it is no chance: of a million lags of noise
# the largest is 5.3 times their spread.
_CHANCE = 9.0
_RIVALS = 3
_TAPER = 2048


class Offset(NamedTuple):
    """A new sound is ``frames`` later than an old one; its peak is so many times as high as the noise beside it."""

    frames: int
    height: float


def find_offsets(old: Array, new: Array, sample_rate: int, reach_s: float = REACH_S) -> list[Offset]:
    """Return the offsets at which stretches of a new sound are found in an old one, the best first.

    The loudest stretch of 6 s in each fifth of the new sound is looked for. Of equally good places (an exact
    loop has many) the one with the smallest offset is taken.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames,)
    sample_rate : int
        In Hz, of both.
    reach_s : float
        How far apart they may be.
    """
    found: dict[int, float] = {}
    for start, end in choose_probes(new, sample_rate):
        for offset in locate(old, new, start, end, round(reach_s * sample_rate)):
            found[offset.frames] = found.get(offset.frames, 0.0) + offset.height
    return [Offset(frames, height) for frames, height in sorted(found.items(), key=lambda item: -item[1])]


def choose_probes(new: Array, sample_rate: int) -> list[tuple[int, int]]:
    """Return the loudest stretch in each fifth of a sound that is long enough for that, else all of it."""
    length = round(_PROBE_S * sample_rate)
    if len(new) <= 2 * length:
        return [(0, len(new))] if new.any() else []
    step = sample_rate // 4
    power = np.array([float(np.dot(part, part)) for part in np.split(new, range(step, len(new), step))])
    probes = []
    for part in np.array_split(np.arange(len(power)), min(_PROBES, max(1, len(new) // length))):
        if power[part].any():
            middle = int(part[np.argmax(power[part])]) * step + step // 2
            start = min(max(middle - length // 2, 0), len(new) - length)
            probes.append((start, start + length))
    return probes


def locate(old: Array, new: Array, start: int, end: int, reach: int) -> list[Offset]:
    """Return the offsets, at most ``reach``, at which a stretch of a new sound may be found in an old one."""
    low, high = max(start - reach, 0), min(end + reach, len(old))
    if high - low < 2 or end - start < 2 or not old[low:high].any() or not new[start:end].any():
        return []
    size = _choose_size(high - low + end - start)
    left, right = (np.fft.rfft(_taper(part), size) for part in (old[low:high], new[start:end]))
    cross = right * np.conj(left)
    magnitude = np.abs(cross)
    # What is 100 dB below the rest is rounding noise, and has no vote.
    cross /= np.maximum(magnitude, 1e-10 * float(magnitude.max()) + 1e-30)
    lags = np.fft.irfft(cross, size)
    # lag k: new[start + n + ...] = old[low + n - k]; beyond the middle they are negative.
    first, last = start - high + 1, end - low
    offsets = np.arange(first, last)
    heights = np.abs(lags[(offsets - (start - low)) % size]) / (float(np.sqrt(np.mean(lags * lags))) + 1e-30)
    near = np.abs(offsets) <= reach
    offsets, heights = offsets[near], heights[near]
    return _pick_peaks(offsets, heights)


def _taper(part: Array) -> Array:
    """Fade both ends: cut off hard, they would sound at all frequencies, and be like each other."""
    length = min(_TAPER, len(part) // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, length, dtype=np.float32)) ** 2
    part = part.copy()
    part[:length] *= ramp
    part[len(part) - length :] *= ramp[::-1]
    return part


def _pick_peaks(offsets: NDArray[np.int64], heights: NDArray[np.float64]) -> list[Offset]:
    """Return the highest peaks that are no chance, no two of them side by side."""
    peaks: list[Offset] = []
    heights = heights.copy()
    for _ in range(_RIVALS):
        top = float(heights.max(initial=0.0))
        if top < _CHANCE or (peaks and top < 0.5 * peaks[0].height):
            break
        best = np.flatnonzero(heights >= top * (1 - 1e-3))
        chosen = int(best[np.argmin(np.abs(offsets[best]))])
        peaks.append(Offset(int(offsets[chosen]), top))
        heights[max(0, chosen - 32) : chosen + 33] = 0
    return peaks


def _choose_size(least: int) -> int:
    """Return the next number of frames that a Fourier transform is quick at."""
    size = 1 << max(4, (least - 1).bit_length())
    return next((quick for quick in (size * 9 // 16, size * 5 // 8, size * 3 // 4) if quick >= least), size)
