"""Two versions of a sound: how one lies on the other, and how little is left when it is taken away.

A null test without alignment lies: one sample of offset reads as -3.7 dB. So the offset is found first, then the
gain, then what remains. Where the two do not fit, no figures are made up. Knows nothing of files.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import mix_down

_PROBE_S = 10.0  # what is correlated at once; also limits the memory of the transforms
_PROBES = 3
_BLOCK_S = 0.1
# Half of what is there must be explained to better than this for two sounds to be versions of each other.
_FIT_DB = -6.0
_FLOOR_DB = -200.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """How ``b`` is made from ``a``: ``b[n + offset_frames] = polarity * gain * a[n]``, as far as that goes.

    Parameters
    ----------
    new_take : bool
        They do not fit; all other figures are then None.
    offset_frames : int or None
        Positive when ``b`` is later.
    gain_db : float or None
        By least squares over the parts that fit.
    polarity : int or None
        1 or -1.
    null_depth_db : float or None
        Energy of what remains relative to ``b``, where both overlap; more negative is closer, -200 is exact.
    typical_null_db : float or None
        The same of the median of all blocks of 0.1 s: it stays deep when only a part was replaced.
    worst_start_s : float or None
        Where in ``b`` the block with the loudest remainder starts; None when nothing remains.
    """

    new_take: bool
    offset_frames: int | None = None
    gain_db: float | None = None
    polarity: int | None = None
    null_depth_db: float | None = None
    typical_null_db: float | None = None
    worst_start_s: float | None = None


NEW_TAKE = Alignment(True)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two sounds.

    Parameters
    ----------
    identical : bool
        Same sample rate, channels, length and samples.
    length_change_frames : int or None
        Frames that ``b`` has more than ``a``; None where the sample rates differ.
    channels_change : int
        Channels that ``b`` has more than ``a``. Sounds with different channels are aligned by their mono mixes.
    rates_differ : bool
        Nothing else is compared then: frames of different length have no common null.
    alignment : Alignment or None
        None where the sample rates differ.
    """

    identical: bool
    length_change_frames: int | None
    channels_change: int
    rates_differ: bool
    alignment: Alignment | None


def compare(a: Audio, b: Audio, max_offset_s: float = 10.0) -> Comparison:
    """Say what differs between an old version ``a`` and a new one ``b``."""
    channels_change = b.channels - a.channels
    if a.sample_rate != b.sample_rate:
        return Comparison(False, None, channels_change, True, None)
    length_change = b.frames - a.frames
    if np.array_equal(a.samples, b.samples):
        return Comparison(True, 0, 0, False, Alignment(False, 0, 0.0, 1, _FLOOR_DB, _FLOOR_DB, None))
    return Comparison(False, length_change, channels_change, False, align(a, b, max_offset_s))


def align(a: Audio, b: Audio, max_offset_s: float = 10.0) -> Alignment:
    """Find the offset to the sample, then the gain.

    The loudest stretch of 10 s in each third of ``a`` is looked for in ``b`` by normalised cross-correlation; the
    offset under which the whole fits best is taken. Among equally good offsets (an exact loop has many)
    it is the smallest.

    Parameters
    ----------
    a, b : Audio
        At the same sample rate; lengths and channels may differ.
    max_offset_s : float
        How far apart they may be.
    """
    if a.sample_rate != b.sample_rate or not a.samples.any() or not b.samples.any():
        return NEW_TAKE
    old, new = (a.samples, b.samples) if a.channels == b.channels else (_mono(a), _mono(b))
    reach = round(max_offset_s * a.sample_rate)
    fits: list[_Fit] = []
    for start, end in _choose_probes(old, a.sample_rate):
        offset = _find_offset(old[start:end], new, start, reach)
        if offset is not None and offset not in [fit.offset for fit in fits]:
            fits.append(_Fit(old, new, offset, a.sample_rate))
    if not fits:
        return NEW_TAKE
    return min(fits, key=lambda fit: (fit.typical_db, fit.depth_db)).describe()


def _mono(audio: Audio) -> Samples:
    return mix_down(audio.samples)[:, None]


def _choose_probes(samples: Samples, sample_rate: int) -> Iterator[tuple[int, int]]:
    """The loudest stretch in each third of a sound that is long enough for that, else all of it."""
    length = round(_PROBE_S * sample_rate)
    if len(samples) <= length:
        yield 0, len(samples)
        return
    seconds = len(samples) // sample_rate
    power = np.array(
        [float(np.square(samples[i * sample_rate : (i + 1) * sample_rate]).mean()) for i in range(seconds)]
    )
    for third in np.array_split(np.arange(seconds), min(_PROBES, seconds)):
        if third.size and power[third].any():
            middle = int(third[np.argmax(power[third])]) * sample_rate + sample_rate // 2
            start = min(max(middle - length // 2, 0), len(samples) - length)
            yield start, start + length


def _find_offset(probe: Samples, new: Samples, start: int, reach: int) -> int | None:
    """The offset, in -reach … reach, at which a stretch that starts at ``start`` correlates best, whatever the sign."""
    low = max(start - reach, -len(probe) + 1)
    high = min(start + reach + len(probe), len(new) + len(probe) - 1)
    if high - low < len(probe):
        return None
    region = np.zeros((high - low, new.shape[1]), np.float32)
    inside = slice(max(low, 0), max(min(high, len(new)), 0))
    region[inside.start - low : inside.stop - low] = new[inside]
    size = 1 << (len(region) + len(probe)).bit_length()
    lags = len(region) - len(probe) + 1
    product = np.zeros(lags)
    for channel in range(new.shape[1]):
        spectrum = np.fft.rfft(region[:, channel], size) * np.conj(np.fft.rfft(probe[:, channel], size))
        product += np.fft.irfft(spectrum, size)[:lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(region, dtype=np.float64).sum(axis=1))])
    local = energy[len(probe) :] - energy[: -len(probe)] if len(probe) else energy
    # Stretches of next to nothing correlate with anything; they must not win by dividing by it.
    likeness = np.abs(product) / np.sqrt(np.maximum(local, 1e-3 * local.max() + 1e-20))
    offsets = np.arange(lags) + low - start
    best = np.flatnonzero(likeness >= likeness.max() * (1 - 1e-6))
    return int(offsets[best[np.argmin(np.abs(offsets[best]))]])


class _Fit:
    """Gain and remainder at one offset, from the energies of blocks of 0.1 s."""

    def __init__(self, old: Samples, new: Samples, offset: int, sample_rate: int) -> None:
        self.offset = offset
        self._rate = sample_rate
        first, last = max(offset, 0), min(len(old) + offset, len(new))
        self._first = first
        self._block = max(1, round(_BLOCK_S * sample_rate))
        left, right = old[first - offset : last - offset], new[first:last]
        self._aa, self._ab, self._bb = (
            self._sum(x, y) for x, y in ((left, left), (left, right), (right, right))
        )
        self.gain = self._fit_gain()
        # Sums of squares cancel at -70 dB in float32 products; the remainder itself does not.
        rest = right - left * np.float32(self.gain) if self.gain else right
        self._rest = self._sum(rest, rest)
        self.depth_db = _ratio_db(float(self._rest.sum()), float(self._bb.sum()))
        audible = self._bb > 1e-8 * self._bb.max(initial=0.0)
        ratios = [
            _ratio_db(float(r), float(b)) for r, b in zip(self._rest[audible], self._bb[audible], strict=True)
        ]
        self.typical_db = float(np.median(ratios)) if ratios else 0.0

    def describe(self) -> Alignment:
        """The alignment, or that there is none."""
        if min(self.typical_db, self.depth_db) > _FIT_DB or self.gain == 0:
            return NEW_TAKE
        worst = (
            (self._first + int(np.argmax(self._rest)) * self._block) / self._rate
            if self._rest.any()
            else None
        )
        return Alignment(
            new_take=False,
            offset_frames=self.offset,
            gain_db=round(20 * float(np.log10(abs(self.gain))), 3) + 0.0,
            polarity=1 if self.gain > 0 else -1,
            null_depth_db=round(self.depth_db, 1),
            typical_null_db=round(self.typical_db, 1),
            worst_start_s=None if worst is None else round(worst, 3),
        )

    def _sum(self, x: Samples, y: Samples) -> NDArray[np.float64]:
        """Products summed over each block."""
        products = np.einsum("fc,fc->f", x, y, dtype=np.float64)
        if not len(products):
            return np.zeros(0)
        return np.asarray(np.add.reduceat(products, np.arange(0, len(products), self._block)))

    def _fit_gain(self) -> float:
        """Least squares over the blocks that agree with the median gain, so that a replaced part has no say."""
        heard = (self._aa > 1e-8 * self._aa.max(initial=0.0)) & (self._aa > 0)
        if not heard.any():
            return 0.0
        gains = self._ab[heard] / self._aa[heard]
        order = np.argsort(gains)
        weight = np.cumsum(self._aa[heard][order])
        middle = gains[order][np.searchsorted(weight, weight[-1] / 2)]
        rest = self._bb - 2 * middle * self._ab + middle**2 * self._aa
        agree = heard & (rest < 0.01 * self._bb)
        chosen = agree if agree.any() else heard
        return float(self._ab[chosen].sum() / self._aa[chosen].sum())


def _ratio_db(part: float, whole: float) -> float:
    """Energy ratio in dB, not below the floor; 0 where there is nothing to compare with."""
    if whole <= 0:
        return 0.0
    return max(_FLOOR_DB, 10 * float(np.log10(max(part, 1e-30 * whole) / whole)))
