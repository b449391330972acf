"""How much later a sound is in another one: cross-correlation with phase transform (Knapp and Carter, 1976).

Each frequency has one vote, whatever its strength: an equaliser changes nothing, a held chord is not like itself
at each of its periods, and what is not the same recording does not line up at all. Knows nothing of files.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from beatflow.sound.audio import Samples

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


def find_offsets(old: Samples, new: Samples, sample_rate: int, reach_s: float = REACH_S) -> list[Offset]:
    """Return the offsets at which stretches of a new sound are found in an old one, the best first.

    The loudest stretch of 6 s in each fifth of the new sound is looked for. Of equally good places (an exact
    loop has many) the one with the smallest offset is taken.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
        What is compared are the means of the channels.
    sample_rate : int
        In Hz, of both.
    reach_s : float
        How far apart they may be.
    """
    found: dict[int, float] = {}
    reach = round(reach_s * sample_rate)
    # On one thread: what numpy sets free on another stays with that one's heap, 45 MB.
    for start, end in choose_probes(new, sample_rate):
        for offset in locate(old, new, start, end, reach):
            found[offset.frames] = found.get(offset.frames, 0.0) + offset.height
    return [Offset(frames, height) for frames, height in sorted(found.items(), key=lambda item: -item[1])]


def mix_down(samples: Samples) -> Array:
    """Return the mean of the channels, shape (frames,); many times as quick as numpy's own for two of them."""
    total = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        total += samples[:, channel]
    if samples.shape[1] > 1:
        total /= np.float32(samples.shape[1])
    return total


def choose_probes(new: Samples, sample_rate: int) -> list[tuple[int, int]]:
    """Return the loudest stretch in each fifth of a sound that is long enough for that, else all of it."""
    length = round(_PROBE_S * sample_rate)
    if len(new) <= 2 * length:
        return [(0, len(new))] if new.any() else []
    step = sample_rate // 4
    parts = (mix_down(new[start : start + step]) for start in range(0, len(new), step))
    power = np.array([float(np.dot(part, part)) for part in parts])
    probes = []
    for part in np.array_split(np.arange(len(power)), min(_PROBES, max(1, len(new) // length))):
        if power[part].any():
            middle = int(part[np.argmax(power[part])]) * step + step // 2
            start = min(max(middle - length // 2, 0), len(new) - length)
            probes.append((start, start + length))
    return probes


def locate(old: Samples, new: Samples, start: int, end: int, reach: int) -> list[Offset]:
    """Return the offsets, at most ``reach``, at which a stretch of a new sound may be found in an old one."""
    low, high = max(start - reach, 0), min(end + reach, len(old))
    if high - low < 2 or end - start < 2:
        return []
    was, now = mix_down(old[low:high]), mix_down(new[start:end])
    if not was.any() or not now.any():
        return []
    size = fft.next_fast_len(high - low + end - start, real=True)
    left = fft.rfft(_taper(was), size)
    cross = fft.rfft(_taper(now), size)
    cross *= np.conj(left, out=left)
    magnitude = np.abs(cross)
    # What is 100 dB below the rest is rounding noise, and has no vote.
    cross /= np.maximum(magnitude, 1e-10 * float(magnitude.max()) + 1e-30, out=magnitude)
    lags = fft.irfft(cross, size, overwrite_x=True)
    # lag k: new[start + n + ...] = old[low + n - k]; beyond the middle they are negative.
    offsets = np.arange(max(start - high + 1, -reach), min(end - low, reach + 1))
    first = int(offsets[0]) - (start - low)
    heights = np.abs(np.roll(lags, -first)[: len(offsets)])
    heights /= np.float32(np.sqrt(np.dot(lags, lags) / size) + 1e-30)
    return _pick_peaks(offsets, heights)


def _taper(part: Array) -> Array:
    """Fade both ends: cut off hard, they would sound at all frequencies, and be like each other."""
    length = min(_TAPER, len(part) // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, length, dtype=np.float32)) ** 2
    part[:length] *= ramp
    part[len(part) - length :] *= ramp[::-1]
    return part


def _pick_peaks(offsets: NDArray[np.int64], heights: Array) -> list[Offset]:
    """Return the highest peaks that are no chance, no two of them side by side."""
    peaks: list[Offset] = []
    for _ in range(_RIVALS):
        top = float(heights.max(initial=0.0))
        if top < _CHANCE or (peaks and top < 0.5 * peaks[0].height):
            break
        best = np.flatnonzero(heights >= top * (1 - 1e-3))
        chosen = int(best[np.argmin(np.abs(offsets[best]))])
        peaks.append(Offset(int(offsets[chosen]), top))
        heights[max(0, chosen - 32) : chosen + 33] = 0
    return peaks
