"""What a measured response is: a delay, a sign, a gain, a filter; as taps, and applied.

A filter turns phases too. What its magnitude alone would turn as a minimum-phase filter (most equalisers are) is
taken out before a delay is read off; a linear-phase equaliser turns none. Knows no bands.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from beatflow.sound.audio import Samples
from beatflow.sound.explain.transfer import Transfer

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TRUSTED = 0.7
_HEARD = 1e-8
_FRACTION = 0.04
_STRAIGHT = 0.06
_BLOCK = 1 << 14


class Turn(NamedTuple):
    """What a response does to phases.

    ``frames`` of delay beyond alignment, each channel's sign, and how far phases stray from that, in radians. ``slope``
    is how far a delay of one frame turns them on average. It is ``straight`` where no filter is needed to explain them.
    """

    frames: float
    signs: tuple[int, ...]
    stray: float
    slope: float
    straight: bool

    @property
    def is_shift(self) -> bool:
        """Whether there is a delay of a part of a frame, well above what it may be wrong by."""
        return (
            self.straight
            and self.stray < _STRAIGHT
            and _FRACTION < abs(self.frames) < 1
            and abs(self.frames) * self.slope > 4 * self.stray
        )


def find_turn(transfer: Transfer, hint: float | None = None) -> Turn:
    """Read the delay and the signs off the phases.

    Parameters
    ----------
    transfer : Transfer
    hint : float, optional
        A delay that is taken where it explains the phases about as well as the best one.
    """
    trusted = find_trusted(transfer)
    channels = transfer.response.shape[1]
    if np.count_nonzero(trusted) < 4:
        return Turn(0.0, (1,) * channels, np.pi, 0.0, False)
    magnitude = np.abs(transfer.response)
    plain = _fit_turn(transfer, trusted, np.ones_like(magnitude), True)
    least = _turn_least(magnitude, trusted)
    filtered = _fit_turn(transfer, trusted, least, False)
    if plain.stray <= max(1.05 * filtered.stray, 0.01):
        return plain
    if hint is not None:
        hinted = _fit_turn(transfer, trusted, least, False, hint)
        if hinted.stray < max(1.6 * filtered.stray, 0.2):
            return hinted
    return filtered


def find_trusted(transfer: Transfer) -> NDArray[np.bool_]:
    """Say at which frequencies the response is worth something."""
    trusted = (transfer.coherence > _TRUSTED) & (transfer.power > _HEARD)
    trusted[:1] = False
    return trusted


def _fit_turn(
    transfer: Transfer,
    trusted: NDArray[np.bool_],
    expected: Complex | Array,
    straight: bool,
    delay: float | None = None,
) -> Turn:
    """Fit a delay, or take the one given, and signs to the phases beyond those expected."""
    rest = transfer.response * np.conj(expected)
    rest /= np.maximum(np.abs(rest), 1e-30)
    weights = transfer.coherence * trusted
    size = 2 * (len(weights) - 1)
    frequencies = np.arange(len(weights)) / size
    if delay is None:
        # Squared, a sign is gone, and a delay is twice as long: first the nearest half frame, then the slope.
        squared = (rest**2).mean(axis=1)
        lags = np.abs(np.fft.ifft(weights * squared, size))
        lags[size // 8 : -size // 8] = 0
        lag = int(np.argmax(lags))
        delay = (lag if lag < size // 2 else lag - size) / 2
        for _ in range(3):
            turned = squared * np.exp(4j * np.pi * frequencies * delay)
            left = np.angle(turned) / 2
            slope = float((weights * frequencies * left).sum() / (weights * frequencies**2).sum())
            delay -= slope / (2 * np.pi)
    turned = rest * np.exp(2j * np.pi * frequencies * delay)[:, None]
    sums = (turned * weights[:, None]).sum(axis=0)
    signs = tuple(-1 if total.real < 0 else 1 for total in sums)
    errors = np.angle(turned * np.array(signs))
    stray = float(np.sqrt((weights[:, None] * errors**2).sum() / (weights.sum() * rest.shape[1])))
    slope = 2 * np.pi * float(np.sqrt((weights * frequencies**2).sum() / weights.sum()))
    return Turn(delay, signs, stray, slope, straight)


def _turn_least(magnitude: Array, trusted: NDArray[np.bool_]) -> Complex:
    """The phases of the minimum-phase filter of a magnitude, by the folded cepstrum (Oppenheim and Schafer)."""
    numbers = np.arange(len(trusted))
    logs = np.stack(
        [
            _extend(numbers, numbers[trusted], np.log(np.maximum(column[trusted], 1e-9)))
            for column in magnitude.T
        ],
        axis=1,
    )
    size = 2 * (len(trusted) - 1)
    cepstrum = np.fft.irfft(logs, size, axis=0)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 1
    fold[1 : size // 2] = 2
    return np.asarray(np.exp(1j * np.fft.rfft(cepstrum * fold[:, None], axis=0).imag))


def _extend(numbers: NDArray[np.int64], known: NDArray[np.int64], logs: Array) -> Array:
    """Fill in what is not known: beyond the last known ones a slope goes on as steep as it was there."""
    octaves = np.log2(np.maximum(numbers, 0.5))
    extended = np.interp(octaves, octaves[known], logs)
    for end, beyond in ((known[0], numbers < known[0]), (known[-1], numbers > known[-1])):
        near = np.abs(octaves[known] - octaves[end]) < 0.5
        if np.count_nonzero(near) > 4:
            slope = np.polyfit(octaves[known][near], logs[near], 1)[0]
            # A measured slope of a flat response is noise.
            if abs(slope) > 0.3:
                extended[beyond] += slope * (octaves[beyond] - octaves[end])
    return np.asarray(extended)


@dataclass(frozen=True, slots=True)
class Chain:
    """What makes the new sound of the aligned old one, before gains over time.

    Parameters
    ----------
    matrix : ndarray, shape (new channels, old channels)
    gains : ndarray, shape (new channels,)
        Linear, with signs.
    taps : ndarray of float32, shape (taps, new channels), or None
        A filter with its middle in the middle, without the gains; None where it is flat.
    """

    matrix: Array
    gains: Array
    taps: NDArray[np.float32] | None

    def apply(self, old: Samples) -> Samples:
        """Return what becomes of the old sound."""
        mix = (self.matrix * self.gains[:, None]).astype(np.float32)
        if mix.shape[0] == mix.shape[1] and np.array_equal(mix, np.diag(np.diag(mix))):
            made = old * np.diag(mix)
        else:
            made = old @ mix.T
        if self.taps is not None:
            apply_taps(made, self.taps)
        return made


def make_taps(response: Complex, coherence: Array) -> NDArray[np.float32]:
    """Return the taps of a response, half as many as it has bins times two, its middle in the middle."""
    size = 2 * (len(response) - 1)
    # A frequency at which next to nothing is explained would only add noise.
    shrunk = response * np.minimum(coherence / 0.3, 1)[:, None]
    taps = np.roll(np.fft.irfft(shrunk, size, axis=0), size // 4, axis=0)[: size // 2]
    edge = size // 16
    ramp = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    taps[:edge] *= ramp[:, None]
    taps[len(taps) - edge :] *= ramp[::-1, None]
    return taps.astype(np.float32)


def apply_taps(samples: Samples, taps: NDArray[np.float32]) -> None:
    """Filter in place, block by block (overlap-save); the middle tap delays nothing."""
    size = max(_BLOCK, 1 << (2 * len(taps) - 1).bit_length())
    step, behind = size - len(taps) + 1, len(taps) - 1 - len(taps) // 2
    spectrum = fft.rfft(taps, size, axis=0)
    before = np.zeros((behind, taps.shape[1]), np.float32)
    for start in range(0, len(samples), step):
        part = np.zeros((size, taps.shape[1]), np.float32)
        part[:behind] = before
        inside = samples[start : start + size - behind]
        part[behind : behind + len(inside)] = inside
        before = part[step : step + behind].copy()
        filtered = fft.irfft(fft.rfft(part, axis=0) * spectrum, size, axis=0, overwrite_x=True)
        block = samples[start : start + step]
        block[:] = filtered[len(taps) - 1 : len(taps) - 1 + len(block)]
