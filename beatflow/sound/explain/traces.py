"""Traces that a way of storing sound leaves in it: word length, dither, lossy codecs.

Knows what a fit leaves, and what files say of themselves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.fitting import Fit
from beatflow.sound.explain.pair import Pair
from beatflow.sound.explain.remains import BLOCK, ratio_db
from beatflow.sound.explanation import Change

Array = NDArray[np.float64]

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 25, "DOUBLE": 25}
_SUBTYPES = {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24"}
_LOSSY = ("MPEG_LAYER", "VORBIS", "OPUS", "MPEG")
_PROBE = 1 << 15
# In powers of plain rounding: dither of two rectangles has 3, shaped one some hundreds.
_DITHERED, _PLAIN, _SHAPED = 1.7, 9.0, 3000.0
_STEADY = 2.5
_STEPS = 120.0


class _Rest(NamedTuple):
    """Power spectra of what is there and what is left, at frequencies in Hz."""

    hz: Array
    old: Array
    there: Array
    left: Array


def name_depth(fit: Fit, pair: Pair) -> list[Change]:
    """Return what became of the word length, and whether with dither."""
    before, after = pair.before.subtype, pair.after.subtype
    if before not in _BITS or after not in _BITS:
        return []
    bits = {"before": count_bits(pair.old, before), "after": count_bits(pair.new, after)}
    dithered = not fit.exact and _is_dithered(fit, bits["after"], pair.new, pair.sample_rate)
    if before == after and bits["after"] < bits["before"] and not fit.exact:
        after = _SUBTYPES[bits["after"]]
    if before != after:
        return [Change("bit_depth", {"before": before, "after": after, "dither": dithered})]
    return []


def count_bits(samples: Samples, subtype: str) -> int:
    """Return how many bits the samples use of those that their subtype has: 8, 16, 24 or all."""
    full = _BITS[subtype]
    step = max(1, len(samples) // 200_000)
    some = samples[::step]
    for bits in (8, 16, 24):
        if bits >= full:
            break
        scaled = some * np.float32(1 << (bits - 1))
        if np.array_equal(scaled, np.rint(scaled)):
            return bits
    return full


def _is_dithered(fit: Fit, bits: int, new: Samples, sample_rate: int) -> bool:
    """Whether what is left is steady noise well above rounding (a step squared over 12), as dither leaves it.

    Told where the sound is some steps high; below that rounding is not noise, but follows the sound.
    """
    if bits > 24:
        return False
    rounding = 4.0 ** (1 - bits) / 12
    frame = BLOCK * fit.laid.shape[1]
    told = fit.covered & (fit.blocks.there > _STEPS * rounding * frame)
    told[-1:] = False
    if np.count_nonzero(told) < 8:
        return False
    longest = max(fit.stretches, key=lambda stretch: stretch.frames)
    span = slice(longest.start, longest.end)
    # Cut off instead of rounded, samples are half a step too low.
    offset = new[span].mean(axis=0, dtype=np.float64) - fit.laid[span].mean(axis=0, dtype=np.float64)
    powers = fit.blocks.left[told] / frame - float(np.square(offset).mean())
    low, noise, high = np.percentile(powers, [10, 50, 90]) / rounding
    if not _DITHERED < noise < _SHAPED or high > _STEADY * low:
        return False
    return bool(noise < _PLAIN or _rises(fit, new, sample_rate))


def _rises(fit: Fit, new: Samples, sample_rate: int) -> bool:
    """Whether what is left is far more of it high up, where shaped dither puts it."""
    size = 4096
    sums = np.zeros(size // 2 + 1)
    for stretch in fit.stretches:
        for start in range(stretch.start, stretch.end - size + 1, max(size, stretch.frames // 32)):
            rest = new[start : start + size, 0] - fit.laid[start : start + size, 0]
            sums += np.square(np.abs(np.fft.rfft(rest * np.hanning(size))))
    hz = np.fft.rfftfreq(size, 1 / sample_rate)
    top = min(18000.0, sample_rate / 2.4)
    lows, highs = (
        float(sums[part].mean()) for part in ((hz > 500) & (hz < 5000), (hz > 0.7 * top) & (hz < top))
    )
    return highs > 10 * lows


def name_lossy(fit: Fit, pair: Pair) -> list[Change]:
    """Return that it went through a lossy codec, where that shows.

    A codec leaves out what is masked: what is left follows the sound's own spectrum, more of it the higher up, under
    a response that is flat, and often nothing at all is there above some frequency.
    """
    if fit.exact or not -60 < fit.depth_db < -12:
        return []
    rest = _measure_rest(fit, pair)
    if rest is None:
        return []
    cutoff = _find_cutoff(rest)
    said = pair.after.subtype.startswith(_LOSSY) and not pair.before.subtype.startswith(_LOSSY)
    steady = fit.level is None or float(fit.level.active.mean()) < 0.3
    if said or (steady and _is_masked(rest, cutoff, pair.sample_rate) and _follows(fit)):
        return [Change("lossy", {"cutoff_hz": cutoff})]
    return []


def _follows(fit: Fit) -> bool:
    """Whether there is more left where the sound is louder: what a codec leaves does so, quantisation does not."""
    told = fit.covered & (fit.blocks.left > 0) & (fit.blocks.there > 0)
    if np.count_nonzero(told) < 8:
        return False
    left, there = np.log(fit.blocks.left[told]), np.log(fit.blocks.there[told])
    return bool(np.std(left) > 0 and np.std(there) > 0 and np.corrcoef(left, there)[0, 1] > 0.5)


def _measure_rest(fit: Fit, pair: Pair) -> _Rest | None:
    """Average the power spectra of what is laid, there and left over loud stretches."""
    size = 2048
    places = np.flatnonzero(fit.covered[: -size // BLOCK])
    if len(places) < 8:
        return None
    energy = fit.blocks.there[places]
    chosen = np.sort(places[np.argsort(-energy)[: max(8, len(places) // 2)]])
    chosen = chosen[:: max(1, len(chosen) // 400)]
    window = np.hanning(size).astype(np.float32)[:, None]
    sums = np.zeros((3, size // 2 + 1))
    for block in chosen * BLOCK:
        there, laid = pair.new[block : block + size], fit.laid[block : block + size]
        if len(there) < size:
            continue
        for total, part in zip(sums, (laid, there, there - laid), strict=True):
            total += np.square(np.abs(np.fft.rfft(part * window, axis=0))).sum(axis=1)
    hz = np.fft.rfftfreq(size, 1 / pair.sample_rate).astype(np.float64)
    return _Rest(hz, *sums) if sums.any() else None


def _find_cutoff(rest: _Rest) -> float | None:
    """Return the frequency above which nothing is left of what there was."""
    floor = 1e-11 * float(rest.there.max())
    ratio = 10 * np.log10((rest.there + floor) / (rest.old + floor))
    smooth = np.convolve(ratio, np.ones(5) / 5, "same")
    heard = rest.old > 1e-9 * rest.old.max()
    gone = heard & (smooth < -12)
    if not gone.any() or rest.hz[gone][-1] < 8000:
        return None
    # From the last frequency that is still there on, all that there was is gone.
    kept = np.flatnonzero(heard & (smooth > -3))
    if not len(kept):
        return None
    first = int(kept[-1])
    beyond = heard[first + 1 :]
    if rest.hz[first] < 3000 or np.count_nonzero(beyond) < 8 or gone[first + 1 :][beyond].mean() < 0.7:
        return None
    # A filter slopes, a codec stops.
    fallen = np.flatnonzero(gone[first:])
    if not len(fallen) or rest.hz[first + int(fallen[0])] > 1.12 * rest.hz[first]:
        return None
    return round(float(rest.hz[first]), -2)


def _is_masked(rest: _Rest, cutoff: float | None, sample_rate: int) -> bool:
    """Whether much more is left of the highs than of the lows, as ears allow."""
    top = min(sample_rate / 2.2, cutoff or 14000.0)
    low, high = (
        ratio_db(float(rest.left[part].sum()), float(rest.there[part].sum()))
        for part in ((rest.hz > 100) & (rest.hz < 2000), (rest.hz > top / 2) & (rest.hz < top))
    )
    if cutoff is None and not _falls(rest):
        return False
    return low < -17 and high > max(-18, low + 8) and (cutoff is not None or high > -13)


def _falls(rest: _Rest) -> bool:
    """Whether what is left is less the higher up, as the sound is; hiss and coarse steps are not."""
    lows, highs = (
        float(rest.left[part].mean())
        for part in ((rest.hz > 100) & (rest.hz < 2000), (rest.hz > 7000) & (rest.hz < 14000))
    )
    return lows > 4 * highs
