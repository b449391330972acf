"""What lies between an old sound and a new one that are aligned: which channel is which, gains, and a filter.

Short spectra of both are compared, block by block (an H1 estimate: cross spectrum over the old one's power, Bendat and
Piersol, *Random Data*, chapter 6). A block that was replaced is like nothing, and has no say; a block's own gain
is taken out first, so that automation does not look like a filter. Knows nothing of files, and names no bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.matching import Stretch

Array = NDArray[np.float64]
Spectrum = NDArray[np.complex64]

_BLOCK_S = 0.37
_MOST_BLOCKS = 200
_ROUNDS = 4
# 90 dB below the loudest frequency there is rounding and dither.
_AUDIBLE = 1e-9
# How much less a freer arrangement of channels must leave before it is believed.
_SIMPLER = 0.5
_MIXED = 0.25
_MATRIX_BLOCKS = 64


class Spectra(NamedTuple):
    """Spectra of blocks of two sounds, shape (blocks, bins, channels), and where the blocks start in the new one."""

    old: Spectrum
    new: Spectrum
    starts: NDArray[np.int64]
    frames: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A new sound is the old one through a matrix of channels, then a filter per channel, then a gain over time.

    Parameters
    ----------
    matrix : ndarray, shape (new channels, old channels)
        Which channel is which, with signs and the relations between the channels; no overall gain.
    response : ndarray of complex, shape (bins, new channels)
        The filter with the gain, at evenly spaced frequencies from 0 to half the sample rate.
    coherence : ndarray, shape (bins,)
        0 to 1: how much of the new sound's power the old one explains.
    power : ndarray, shape (bins,)
        Of the old sound after the matrix, relative to the loudest frequency.
    likeness : ndarray, shape (blocks,)
        Normalised correlation of each block's whitened spectra, under the response.
    starts : ndarray, shape (blocks,)
        First frame of each block in the new sound.
    """

    matrix: Array
    response: NDArray[np.complex128]
    coherence: Array
    power: Array
    likeness: Array
    starts: NDArray[np.int64]

    @property
    def typical(self) -> float:
        """Likeness that half of the blocks reach."""
        return float(np.median(self.likeness)) if len(self.likeness) else 0.0


def measure_spectra(
    old: Samples, new: Samples, stretches: Sequence[Stretch], sample_rate: int
) -> Spectra | None:
    """Transform blocks of both sounds where stretches say they lie on each other; None where no block fits.

    Parameters
    ----------
    old, new : ndarray of float32, shape (frames, channels)
    stretches : sequence of Stretch
        Which frames of the new sound may be which of the old one.
    """
    longest = max((stretch.frames for stretch in stretches), default=0)
    if longest < 32:
        return None
    size = 1 << round(np.log2(_BLOCK_S * sample_rate))
    # A short sound is better told by some blocks than by fine frequencies.
    size = min(size, max(1 << (longest.bit_length() - 4), min(8192, 1 << (longest.bit_length() - 1))))
    # A short sound has few blocks; they overlap by three quarters, as Hann windows may.
    places = [
        (start, start - stretch.start + stretch.source)
        for stretch in stretches
        for start in range(stretch.start, stretch.end - size + 1, size // 4)
    ]
    if len(places) > _MOST_BLOCKS:
        energy = np.array([float(np.square(new[start : start + size : 16]).sum()) for start, _ in places])
        places = _choose_loud(places, energy)
    window = np.hanning(size).astype(np.float32)[:, None]
    pairs = [(new[at : at + size], old[source : source + size], at) for at, source in places]
    pairs = [pair for pair in pairs if pair[0].any() and pair[1].any()]
    if not pairs:
        return None
    return Spectra(
        np.stack([np.fft.rfft(was * window, axis=0) for _, was, _ in pairs]),
        np.stack([np.fft.rfft(now * window, axis=0) for now, _, _ in pairs]),
        np.array([at for _, _, at in pairs]),
        size,
    )


def _choose_loud(places: list[tuple[int, int]], energy: Array) -> list[tuple[int, int]]:
    """Keep the loudest block of each of as many equal groups as may be looked at."""
    groups = np.array_split(np.arange(len(places)), _MOST_BLOCKS)
    return [places[int(group[np.argmax(energy[group])])] for group in groups]


def fit_transfer(spectra: Spectra) -> Transfer | None:
    """Estimate what lies between; None where one of the sounds is silent.

    The blocks that are least like the old sound are left out in a few rounds.
    """
    weights = _whiten(spectra)
    if weights is None:
        return None
    matrix = _fit_matrix(spectra, weights)
    source = spectra.old if _is_plain(matrix) else np.matmul(spectra.old, matrix.T.astype(np.complex64))
    products = _Products(source, spectra.new, weights)
    keep = np.ones(len(spectra.starts), bool)
    # Frequencies at which there is but noise would make all blocks unlike.
    coherence = products.measure_coherence(keep, np.ones(len(keep)))
    products.weigh(weights * coherence / max(float(coherence.max()), 1e-9))
    for round_ in range(_ROUNDS):
        response = products.estimate(keep, None)
        likeness, gains = products.judge(response)
        limit = float(np.percentile(likeness[keep], 85))
        # What is left of a good block, four times over, is still a good block.
        chosen = (1 - likeness**2 <= max(4 * (1 - limit**2), 0.02)) & (likeness > 0.2) & (gains > 0)
        if not chosen.any() or (round_ and np.array_equal(chosen, keep)):
            break
        keep = chosen
    middle = float(np.median(gains[keep]))
    steady = np.ones(np.count_nonzero(keep))
    levels = gains[keep] / middle if middle > 0 else steady
    levels = min(steady, levels, key=lambda each: products.measure_rest(keep, each))
    return Transfer(
        matrix,
        products.estimate(keep, levels),
        products.measure_coherence(keep, levels),
        products.get_power(keep),
        likeness,
        spectra.starts,
    )


def _is_plain(matrix: Array) -> bool:
    return matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))


class _Products:
    """Products of two sounds' spectra, summed in whatever way is asked for."""

    def __init__(self, source: Spectrum, new: Spectrum, weights: Array) -> None:
        blocks, self._bins, self._channels = source.shape
        self._cross = (np.conj(source) * new).reshape(blocks, -1)
        self._was = _square(source).reshape(blocks, -1)
        self._now = _square(new).reshape(blocks, -1)
        self.weigh(weights)

    def weigh(self, weights: Array) -> None:
        """Let each frequency count so much; shape (bins,)."""
        self._weights = np.repeat(
            (weights / max(float(weights.max()), 1e-30)).astype(np.float32), self._channels
        )

    def estimate(self, keep: NDArray[np.bool_], levels: Array | None) -> NDArray[np.complex128]:
        """Return the response that explains some blocks best, whose gains are ``levels`` times the usual."""
        first = (keep if levels is None else _spread(keep, levels)).astype(np.float32)
        second = (keep if levels is None else _spread(keep, levels**2)).astype(np.float32)
        was = (second @ self._was).astype(np.float64)
        response = (first @ self._cross).astype(np.complex128) / np.maximum(was, 1e-12 * was.max() + 1e-30)
        return np.asarray(response.reshape(self._bins, self._channels))

    def judge(self, response: NDArray[np.complex128]) -> tuple[Array, Array]:
        """Return each block's likeness to what the response makes of the old one, and its gain over that."""
        flat = response.reshape(-1)
        toward = (np.conj(flat) * self._weights).astype(np.complex64)
        cross = (self._cross @ toward).real.astype(np.float64)
        was = (self._was @ (np.square(np.abs(flat)) * self._weights).astype(np.float32)).astype(np.float64)
        now = (self._now @ self._weights).astype(np.float64)
        return cross / np.sqrt(was * now + 1e-60), cross / (was + 1e-60)

    def measure_coherence(self, keep: NDArray[np.bool_], levels: Array) -> Array:
        """Return how much of each frequency's power is explained, 0 to 1."""
        cross = _spread(keep, levels).astype(np.float32) @ self._cross
        was = _spread(keep, levels**2).astype(np.float32) @ self._was
        now = keep.astype(np.float32) @ self._now
        shape = (self._bins, self._channels)
        explained = (_square(cross) / (was + np.float32(1e-30))).reshape(shape).sum(axis=1, dtype=np.float64)
        there = now.reshape(shape).sum(axis=1, dtype=np.float64)
        return np.asarray(np.clip(explained / (there + 1e-30), 0, 1))

    def measure_rest(self, keep: NDArray[np.bool_], levels: Array) -> float:
        """Return the power that the best response leaves with such gains."""
        cross = _spread(keep, levels).astype(np.float32) @ self._cross
        was = _spread(keep, levels**2).astype(np.float32) @ self._was
        now = keep.astype(np.float32) @ self._now
        return float((now - _square(cross) / (was + np.float32(1e-30))).sum(dtype=np.float64))

    def get_power(self, keep: NDArray[np.bool_]) -> Array:
        """Return the old sound's power at each frequency, at most 1."""
        was = (keep.astype(np.float32) @ self._was).reshape(self._bins, self._channels).sum(axis=1)
        return np.asarray(was / max(float(was.max()), 1e-30), np.float64)


def _spread(keep: NDArray[np.bool_], values: Array) -> Array:
    spread = np.zeros(len(keep))
    spread[keep] = values
    return spread


def _square(spectrum: Spectrum) -> NDArray[np.float32]:
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def _whiten(spectra: Spectra) -> Array | None:
    """Weights that make all audible frequencies count alike, shape (bins,)."""
    powers = [_square(side).mean(axis=(0, 2), dtype=np.float64) for side in spectra[:2]]
    if not all(power.max(initial=0.0) > 0 for power in powers):
        return None
    heard = np.logical_and(*(power > _AUDIBLE * power.max() for power in powers))
    heard[:2] = False
    if not heard.any():
        heard[:] = True
    weights = np.zeros(len(heard))
    weights[heard] = 1 / np.sqrt(powers[0][heard] * powers[1][heard] + 1e-60)
    return np.asarray(weights / weights.max())


def _fit_matrix(spectra: Spectra, weights: Array) -> Array:
    """Find which channels make which; the simplest arrangement that does it wins.

    Each arrangement may have any filter in it. One that mixes channels must leave far less than one that does not.
    """
    step = max(1, len(spectra.starts) // _MATRIX_BLOCKS)
    old, new = (np.moveaxis(side[::step], 1, 0) for side in spectra[:2])
    ins, outs = old.shape[2], new.shape[2]
    if ins == outs == 1:
        return np.ones((1, 1))
    # Shapes (bins, …, …): cross spectra of all pairs of channels, summed over blocks.
    adjoint = np.conj(np.swapaxes(old, 1, 2))
    own, cross = np.matmul(adjoint, old), np.matmul(adjoint, new)
    scale = np.sqrt(weights)[:, None]
    energy = _square(new).sum(axis=1) * scale
    powers = np.einsum("fii->fi", own).real[:, :, None] + 1e-30
    explained = (_square(cross) / powers * scale[:, :, None]).sum(axis=0)
    total = energy.sum(axis=0)
    plain = [min(number, ins - 1) for number in range(outs)]
    best = [int(np.argmax(explained[:, out])) for out in range(outs)]
    # Of channels that are equal, each is its own.
    slack = 1e-4 * total
    order = [
        first
        if total[out] - explained[other, out] + slack[out]
        > _SIMPLER * (total[out] - explained[first, out] + slack[out])
        else other
        for out, (first, other) in enumerate(zip(plain, best, strict=True))
    ]
    single = np.zeros((outs, ins))
    single[np.arange(outs), order] = 1
    rest = float(sum(total[out] - explained[order[out], out] for out in range(outs)))
    ridge = 1e-4 * np.einsum("fii->f", own).real[:, None, None] / ins * np.eye(ins) + 1e-30 * np.eye(ins)
    mixed = np.linalg.solve(own + ridge, cross)
    all_explained = float((np.einsum("fio,fio->fo", np.conj(mixed), cross).real * scale).sum())
    floor = 1e-4 * float(total.sum())
    if float(total.sum()) - all_explained + floor > _MIXED * (rest + floor):
        return single
    return _fit_mix((own * scale[:, :, None]).sum(axis=0).real, (cross * scale[:, :, None]).sum(axis=0).real)


def _fit_mix(own: Array, cross: Array) -> Array:
    """The gains from each old channel to each new one, each new one's scaled to a power of 1."""
    matrix = np.linalg.solve(own + 1e-6 * np.trace(own) * np.eye(len(own)), cross).T
    norms = np.sqrt(np.square(matrix).sum(axis=1, keepdims=True))
    return np.asarray(matrix / np.maximum(norms, 1e-12), np.float64)
