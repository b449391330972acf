"""A filter that is all that was done to a sound, found by least squares and proved block by block.

For putting together an equalised version and one with something new in it: ``equalised + filter * (new - base)``.
Knows no repository.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.splice.pcm import PcmFile, decode_rows

Array = NDArray[np.float64]

AHEAD, BEHIND = 1024, 7168
"""Taps before and after the middle: room for linear phase, and for a low cut that rings."""

_BLOCK_FRAMES = 65_536
_FIT_S = 30.0
_ROUNDS = 3
_FLOOR = 1e-9
_UNEXPLAINED = 1e-6
_QUIETEST = 1e-6
_STEPS = 2.0
_FLOAT_FLOOR = 1e-6
_SPECTRUM_FRAMES = 4096
_HEARD, _UNHEARD = 1e-7, 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Equaliser:
    """Taps per channel, shape (AHEAD + 1 + BEHIND, channels), and the frequencies at which they could be found."""

    taps: Array = field(repr=False)
    heard: NDArray[np.bool_] = field(repr=False)

    def apply(self, around: Array) -> Array:
        """Filter frames that begin BEHIND before and end AHEAD after those that are wanted."""
        from scipy.signal import fftconvolve

        result: Array = fftconvolve(around, self.taps, mode="valid", axes=0)
        return result

    def hears(self, file: PcmFile, base: PcmFile, start: int, end: int) -> bool:
        """Say whether what is new in a stretch lies at frequencies at which the filter is known."""
        power = np.zeros(self.heard.shape)
        for at in range(start, end, _SPECTRUM_FRAMES):
            new = _read(file, at, _SPECTRUM_FRAMES) - _read(base, at, _SPECTRUM_FRAMES)
            power += _spectrum(new)
        return bool((power * ~self.heard).sum() <= _UNHEARD * power.sum())


def fit_equaliser(before: PcmFile, after: PcmFile) -> Equaliser | None:
    """Return the filter that made one sound into another of its length, if a filter is all that did.

    The normal equations of a windowed excerpt (half a minute from the middle, at most) are nearly a Toeplitz system: it
    is solved, and the solution refined on what is left. What the filter leaves has to be 60 dB below the sound in every
    block, or within two steps of the integers.
    """
    frames = min(before.frames, round(_FIT_S * before.layout.sample_rate))
    start = (before.frames - frames) // 2
    source, target = _read(before, start, frames), _read(after, start, frames)
    if frames < 4 * (AHEAD + BEHIND) or not source.any(axis=0).all():
        return None
    # Mute is no filter: what the other side put in would be gone with it.
    if (np.sum(target**2, axis=0) < _QUIETEST * np.sum(source**2, axis=0)).any():
        return None
    taps = [_solve(source[:, channel], target[:, channel]) for channel in range(source.shape[1])]
    equaliser = Equaliser(np.stack(taps, axis=1), _find_heard(source))
    return equaliser if _explains(equaliser, before, after) else None


def _solve(source: Array, target: Array) -> Array:
    """Fit one channel: where nothing sounds, the filter stays the plain gain that the rest has on the whole."""
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.linalg import solve_toeplitz

    count = AHEAD + 1 + BEHIND
    size = next_fast_len(len(source) + count, real=True)
    spectrum = rfft(source, size)
    window = np.hanning(len(source))
    lags = irfft(np.abs(rfft(source * window, size)) ** 2, size)[:count]
    lags[0] *= 1 + _FLOOR
    # At the ends the filter hears what lies outside the excerpt.
    weight = window**2
    weight[:BEHIND] = weight[len(weight) - AHEAD :] = 0
    taps = np.zeros(count)
    taps[AHEAD] = np.dot(source, target) / np.dot(source, source)
    for _ in range(_ROUNDS):
        filtered = irfft(spectrum * rfft(taps, size), size)[AHEAD : AHEAD + len(source)]
        products = irfft(np.conj(spectrum) * rfft((target - filtered) * weight, size), size)
        taps += solve_toeplitz(lags, np.concatenate([products[size - AHEAD :], products[: BEHIND + 1]]))
    return taps


def _explains(equaliser: Equaliser, before: PcmFile, after: PcmFile) -> bool:
    allowed = _FLOAT_FLOOR if before.bits is None else _STEPS
    for start, filtered in _iter_filtered(equaliser, before):
        two = _read(after, start, len(filtered))
        rest = two - filtered
        if float(np.abs(rest).max()) > allowed and not (
            float(np.sum(rest**2)) <= _UNEXPLAINED * float(np.sum(two**2))
        ):
            return False
    return True


def _iter_filtered(equaliser: Equaliser, file: PcmFile) -> Iterator[tuple[int, Array]]:
    for start in range(0, file.frames, _BLOCK_FRAMES):
        frames = min(_BLOCK_FRAMES, file.frames - start)
        yield start, equaliser.apply(_read(file, start - BEHIND, frames + BEHIND + AHEAD))


def read_around(file: PcmFile, start: int, frames: int) -> Array:
    """Return what `Equaliser.apply` wants for these frames; silence beyond the ends."""
    return _read(file, start - BEHIND, frames + BEHIND + AHEAD)


def _read(file: PcmFile, start: int, frames: int) -> Array:
    """Return frames as numbers, with silence before the first and behind the last."""
    result = np.zeros((frames, file.layout.channels))
    first = max(0, start)
    found = decode_rows(file.read(first, start + frames - first), file.layout)
    if len(found):
        result[first - start : first - start + len(found)] = found
    return result


def _find_heard(sound: Array) -> NDArray[np.bool_]:
    """Say at which frequencies, per channel, there is enough of a sound to tell what became of it."""
    power = np.zeros((_SPECTRUM_FRAMES // 2 + 1, sound.shape[1]))
    for at in range(0, len(sound), _SPECTRUM_FRAMES):
        power += _spectrum(sound[at : at + _SPECTRUM_FRAMES])
    heard: NDArray[np.bool_] = power > _HEARD * power.mean(axis=0)
    return heard


def _spectrum(part: Array) -> Array:
    window = np.hanning(len(part))[:, None]
    spectrum: Array = np.abs(np.fft.rfft(part * window, _SPECTRUM_FRAMES, axis=0)) ** 2
    return spectrum
