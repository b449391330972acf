"""How one sound is made of others: gains, faders, filters and offsets by least squares.

Pure numpy on samples; knows no files and no store. What the audio store predicts with is what a diff explains with.
Samples are float64, shape (frames, channels), in any unit; powers are means of squares in that unit squared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_POORLY = 0.5
_PRODUCT_FRAMES = 512
_WHITE = 1.6


@dataclass(frozen=True, slots=True)
class Fit:
    """``target[:, c] ≈ sum over features k of weights[k, c] * features[k]``.

    Attributes
    ----------
    weights : ndarray
        Shape (features, channels of the target).
    power : float
        Of what is left.
    """

    weights: Array
    power: float


def solve_gains(target: Array, features: Sequence[Array]) -> Fit:
    """Fit one gain per feature, the same for all channels.

    Parameters
    ----------
    target : ndarray
        Shape (frames, channels).
    features : sequence of ndarray
        At least one, each in the target's shape.
    """
    rows = np.stack([feature.reshape(-1) for feature in features])
    wanted = target.reshape(-1)
    gains = _solve(rows, wanted)
    power = _power_of(wanted - np.einsum("k,kn->n", gains, rows))
    return Fit(np.repeat(gains[:, None], target.shape[1], axis=1), power)


def solve_channels(target: Array, features: Sequence[Array]) -> Fit:
    """Fit each channel of the target by itself; each feature is one channel, shape (frames,)."""
    rows = np.stack(features)
    weights = _solve(rows, target)
    return Fit(weights, _power_of(target - np.einsum("kn,k...->n...", rows, weights)))


class Filter(NamedTuple):
    """A filter per channel, shape (2 * lags + 1, channels), lag -lags first, and the bits per sample that it leaves."""

    weights: Array
    bits: float


def solve_filter(target: Array, source: Array) -> Filter | None:
    """Fit a finite filter from each channel of a source to the same one of the target, as an equaliser is.

    Least squares counts what is loud, and what is left may be anything but white: a short filter misses an equaliser's
    lows, which are loud and cost next to nothing to write down. So the fit is tried on second differences too, and
    judged by what a plain coder needs for what it leaves.

    Parameters
    ----------
    target : ndarray
        Shape (blocks, frames, channels).
    source : ndarray
        Shape (blocks, frames + 2 * lags, channels): each block begins `lags` frames before the target's.

    Returns
    -------
    Filter or None
        None where even a gain explains less than half of what is there.
    """
    frames = target.shape[1]
    taps = source.shape[1] - frames + 1
    # Row k holds the source delayed by k - lags frames.
    rows = np.stack([source[:, taps - 1 - tap : taps - 1 - tap + frames] for tap in range(taps)])
    middle = np.diff(rows[taps // 2], n=2, axis=1)
    wanted = np.diff(target, n=2, axis=1)
    if solve_gains(wanted.reshape(-1, 1), [middle.reshape(-1, 1)]).power > _POORLY * _power_of(wanted):
        return None
    fits = []
    for order in (0, 2):
        features = np.diff(rows, n=order, axis=2)
        weights = np.stack(
            [
                _solve(
                    features[..., channel].reshape(taps, -1),
                    np.diff(target[..., channel], n=order, axis=1).reshape(-1),
                )
                for channel in range(target.shape[2])
            ],
            axis=1,
        )
        rest = target - np.einsum("kbfc,kc->bfc", rows, weights)
        fits.append(Filter(weights, count_plain_bits(rest)))
    return min(fits, key=lambda fit: fit.bits)


def _solve(rows: Array, wanted: Array) -> Array:
    """Least squares by normal equations; of features that say the same, none is preferred."""
    scale = np.sqrt(np.einsum("kn,kn->k", rows, rows))
    scale[scale == 0] = 1.0
    unit = rows / scale[:, None]
    moment = np.einsum("kn,n...->k...", unit, wanted)
    solution = np.linalg.lstsq(_multiply(unit), moment, rcond=1e-10)[0]
    return np.asarray((solution.T / scale).T)


def _multiply(rows: Array) -> Array:
    """Return all products of two rows.

    In pieces that the linear algebra library takes one thread for. Fits run on a thread per core already: two of them
    with threads of their own each got in each other's way, 77 ms for what takes .4.
    """
    total = np.zeros((len(rows), len(rows)))
    for at in range(0, rows.shape[1], _PRODUCT_FRAMES):
        part = rows[:, at : at + _PRODUCT_FRAMES]
        total += part @ part.T
    return total


def _power_of(rest: Array) -> float:
    flat = rest.reshape(-1)
    return float(np.einsum("n,n->", flat, flat)) / max(1, flat.size)


def choose_features(target: Array, features: Sequence[Array], prices: Sequence[float]) -> list[int]:
    """Return which features are worth having, ascending: gains are fitted with all, then the least useful leave.

    Parameters
    ----------
    target : ndarray
        Shape (frames, channels).
    features : sequence of ndarray
        Each in the target's shape.
    prices : sequence of float
        How many bits per sample each must save.
    """
    chosen = [number for number, feature in enumerate(features) if feature.any()]
    products = _multiply(np.stack([*(feature.reshape(-1) for feature in features), target.reshape(-1)]))

    def bits_of(kept: Sequence[int]) -> float:
        return count_bits(_rest_of(products, kept) / max(1, target.size))

    while chosen:
        now = bits_of(chosen)
        gains = {
            number: bits_of([other for other in chosen if other != number]) - now - prices[number]
            for number in chosen
        }
        least = min(chosen, key=lambda number: gains[number])
        if gains[least] >= 0:
            break
        chosen.remove(least)
    return chosen


def _rest_of(products: Array, kept: Sequence[int]) -> float:
    """Energy that is left by the best gains of some features, from all their products; the target's come last."""
    moment = products[list(kept), -1]
    gains = np.linalg.lstsq(products[np.ix_(kept, kept)], moment, rcond=1e-10)[0] if kept else moment
    return max(0.0, float(products[-1, -1]) - float(gains @ moment))


def count_bits(power: float) -> float:
    """Bits per sample of white noise rounded to integers: the entropy of a normal distribution of that power,
    made wider by the rounding, ``log2(2 pi e (power + 1/12)) / 2``.
    """
    return max(0.0, 0.5 * float(np.log2(2 * np.pi * np.e * (power + 1 / 12))))


def count_plain_bits(blocks: Array) -> float:
    """Bits per sample without any reference, by the best of the fixed predictors of order 0 to 2.

    As in Shorten (T. Robinson, 1994) and FLAC; a longer predictor may do better.

    Parameters
    ----------
    blocks : ndarray
        Shape (blocks, frames, channels): stretches that need not follow each other.
    """
    orders = range(min(3, blocks.shape[1]))
    return min((count_bits(_power_of(np.diff(blocks, n=order, axis=1))) for order in orders), default=0.0)


def is_noise(blocks: Array) -> bool:
    """Say whether neighbouring frames have next to nothing to do with each other, so that no filter can explain more.

    The difference of white noise has twice its power.

    Parameters
    ----------
    blocks : ndarray
        Shape (blocks, frames, channels).
    """
    return _power_of(np.diff(blocks, axis=1)) > _WHITE * _power_of(blocks)


def find_offset(probe: Array, region: Array) -> tuple[int, float]:
    """Return where in a region a stretch is most like it, whatever its gain and sign, and how much.

    Parameters
    ----------
    probe : ndarray
        Shape (frames,).
    region : ndarray
        Shape (more frames,).

    Returns
    -------
    offset : int
        Frame of the region at which the probe's first frame lies.
    likeness : float
        Normalised cross-correlation, 0 to 1.
    """
    # Second differences count the highs as much as the lows: a held chord is like itself at each of its periods.
    lags = _correlate(np.diff(probe, n=2), np.diff(region, n=2))
    if not len(lags):
        return 0, 0.0
    best = int(np.argmax(lags))
    return best, float(lags[best])


def _correlate(probe: Array, region: Array) -> Array:
    """Normalised cross-correlation, its magnitude, at every place where the whole probe lies in the region."""
    lags = len(region) - len(probe) + 1
    if lags < 1 or not len(probe):
        return np.zeros(0)
    size = 1 << (len(region) - 1).bit_length()
    spectrum = np.fft.rfft(region.astype(np.float32), size) * np.conj(
        np.fft.rfft(probe.astype(np.float32), size)
    )
    product = np.fft.irfft(spectrum, size)[:lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(region))])
    local = energy[len(probe) :] - energy[: -len(probe)]
    # Stretches of next to nothing correlate with anything; they must not win by dividing by it.
    floor = 1e-3 * local.max(initial=0.0) + 1e-20
    norm = np.sqrt(np.maximum(local, floor) * float(probe @ probe)) + 1e-20
    return np.asarray(np.abs(product) / norm)
