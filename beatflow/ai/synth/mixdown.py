"""Stems to a master: balance, loudness, one limiter for all of them, integers whose sum is the mix.

Loudness after ITU-R BS.1770-5 (K-weighting as a finite response, gated), true peak by fourfold oversampling.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.synth.exactmath import RATE, Floats, from_db, log2, ramp, sine, to_db
from beatflow.ai.synth.fir import Fir, apply, quantised
from beatflow.sound.audio import Audio, Samples

BITS = 23
"""Samples are multiples of 2**-23: PCM_24."""
CEILING_DB = -1.25
"""True peak that the limiter aims at; the promise is -1."""
_HOP = RATE // 10
_BLOCK = 32
_AHEAD = 8
_RELEASE = 0.006
_PER_DECADE = 3.010299956639812  # 10 log10(2)

# BS.1770's two sections at 44.1 kHz, as (b0, b1, b2, a1, a2).
_SHELF = (1.5308412300503478, -2.650979995154729, 1.1690790799215869, -1.6636551132560204, 0.7125954280732254)
_HIGHPASS = (1.0, -2.0, 1.0, -1.9891696736297957, 0.9891990357870394)


@dataclass(frozen=True, slots=True)
class Master:
    """Integer stems (int32, shape (frames, 2), units of 2**-23), their sum, and what was measured and done."""

    stems: Mapping[str, NDArray[np.int32]]
    mix: NDArray[np.int32]
    loudness_lufs: float
    gains_db: Mapping[str, float]
    reduction_db: float

    def stems_of(self, parts: Sequence[str]) -> Mapping[str, Audio]:
        """Some of the stems as sound."""
        return {part: _audio(self.stems[part]) for part in parts}

    def mix_of(self, parts: Sequence[str]) -> Audio:
        """The sum of some of the stems."""
        total = np.zeros_like(self.mix)
        for part in parts:
            total += self.stems[part]
        return _audio(total)


def _audio(samples: NDArray[np.int32]) -> Audio:
    """Integers to float32, exactly: 24 bits fit its mantissa."""
    return Audio(samples.astype(np.float32) * np.float32(1.0 / (1 << BITS)), RATE)


def _impulse(frames: int) -> Floats:
    """Response of the K-weighting to one sample, computed in order."""
    signal = [1.0] + [0.0] * (frames - 1)
    for b0, b1, b2, a1, a2 in (_SHELF, _HIGHPASS):
        x1 = x2 = y1 = y2 = 0.0
        out = []
        for x in signal:
            y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x2, x1, y2, y1 = x1, x, y1, y
            out.append(y)
        signal = out
    return np.array(signal)


_K_WEIGHTING = quantised(_impulse(2048), 0)


def _oversampling() -> tuple[Fir, ...]:
    """Three fractional delays of a quarter, a half and three quarters of a frame (24-tap windowed sincs)."""
    filters = []
    for quarter in (1, 2, 3):
        t = ramp(24) - 11.0 - quarter / 4.0
        window = sine((t + 12.0) / 48.0)
        taps = sine(t * 0.5) / (t * 3.141592653589793) * window * window
        filters.append(quantised(taps, 11))
    return tuple(filters)


_OVERSAMPLING = _oversampling()


def hop_energy(samples: Samples) -> NDArray[np.int64]:
    """K-weighted energy of each tenth of a second, both channels, in units of 2**-40; integers, so exact."""
    hops = samples.shape[0] // _HOP
    total = np.zeros(hops, np.int64)
    for channel in range(samples.shape[1]):
        weighted = apply(samples[:, channel].astype(np.float64), _K_WEIGHTING)[: hops * _HOP]
        integers = np.rint(weighted * 1048576.0).astype(np.int64)
        total += np.sum((integers * integers).reshape(hops, _HOP), axis=1)
    return total


def integrated(energy: NDArray[np.int64]) -> float:
    """Integrated loudness (LUFS) from hop energies: blocks of four, gated at -70 LUFS and 10 LU under the mean."""
    count = min(4, energy.size)
    blocks = [sum(int(value) for value in energy[i : i + count]) for i in range(energy.size - count + 1)]
    unit = count * _HOP * 1099511627776  # 2**40

    def loudness(total: int, number: int) -> float:
        return -0.691 + _PER_DECADE * log2(total / (unit * number)) if total else -200.0

    loud = [block for block in blocks if loudness(block, 1) > -70.0]
    if not loud:
        return -200.0
    gate = loudness(sum(loud), len(loud)) - 10.0
    kept = [block for block in loud if loudness(block, 1) > gate]
    return loudness(sum(kept), len(kept))


def master(
    stems: dict[str, Samples], levels_db: Mapping[str, float], target_lufs: float, loop: bool, check: Callable[[], None]
) -> Master:  # fmt: skip
    """Balance the stems, bring their sum to a loudness, hold the ceiling, and round.

    Parameters
    ----------
    stems : dict of str to ndarray of float32, shape (frames, 2)
        They are scaled in place.
    levels_db : mapping of str to float
        Loudness of each stem against the others.
    target_lufs : float
    loop : bool
        The limiter then looks round the seam.
    check : callable
        Called between steps.
    """
    gains = {}
    for name, samples in stems.items():
        check()
        measured = integrated(hop_energy(samples))
        gains[name] = levels_db[name] - measured - 20.0 if measured > -70.0 else 0.0
        samples *= np.float32(from_db(gains[name]))
    mix = np.zeros_like(next(iter(stems.values())))
    for samples in stems.values():
        mix += samples
    check()
    energy = hop_energy(mix)
    peaks = np.maximum(_true_peaks(mix, check), _block_peaks(list(stems.values())))
    gain, curve = _find_gain(energy, peaks, target_lufs, loop)
    check()
    total = np.zeros(mix.shape, np.int32)
    rounded = {}
    fine = _expanded(curve, mix.shape[0], loop) * (gain * (1 << BITS))
    for name, samples in stems.items():
        check()
        rounded[name] = np.empty(samples.shape, np.int32)
        for channel in range(2):
            rounded[name][:, channel] = np.rint(samples[:, channel] * fine)
        total += rounded[name]
    change = to_db(gain)
    loudness = integrated(_reduced(energy, curve, gain))
    gains = {name: value + change for name, value in gains.items()}
    return Master(rounded, total, loudness, gains, max(0.0, -to_db(float(np.min(curve)))))


def _padded(values: Floats | Samples) -> Floats:
    """Values in rows of one block."""
    blocks = -(-values.size // _BLOCK)
    result = np.zeros(blocks * _BLOCK)
    result[: values.size] = values
    return result.reshape(blocks, _BLOCK)


def _block_peaks(stems: list[Samples]) -> Floats:
    """The loudest sample of any stem in each block of 32 frames."""
    peaks = np.zeros(-(-stems[0].shape[0] // _BLOCK))
    for samples in stems:
        for channel in range(2):
            np.maximum(peaks, np.max(np.abs(_padded(samples[:, channel])), axis=1), out=peaks)
    return peaks


def _true_peaks(mix: Samples, check: Callable[[], None]) -> Floats:
    """True peak of each block: the samples and three points between each two."""
    peaks = _block_peaks([mix])
    for channel in range(2):
        for fir in _OVERSAMPLING:
            check()
            between = np.abs(
                apply(mix[:, channel].astype(np.float64), fir)[fir.delay : fir.delay + mix.shape[0]]
            )
            np.maximum(peaks, np.max(_padded(between), axis=1), out=peaks)
    return peaks


def _find_gain(
    energy: NDArray[np.int64], peaks: Floats, target_lufs: float, loop: bool
) -> tuple[float, Floats]:
    """The gain and limiter curve that together give the loudness; four rounds settle within 0.05 LU."""
    loudness = integrated(energy)
    if loudness < -100.0:
        return 1.0, np.ones(peaks.size)
    wanted = target_lufs - loudness
    gain, curve = from_db(wanted), np.ones(peaks.size)
    for _ in range(4):
        curve = _limit(peaks * gain, loop)
        missing = target_lufs - integrated(_reduced(energy, curve, gain))
        # Past 6 dB more than without a limiter it would only squash.
        gain = from_db(min(wanted + 6.0, to_db(gain) + missing))
    return gain, _limit(peaks * gain, loop)


def _reduced(energy: NDArray[np.int64], curve: Floats, gain: float) -> NDArray[np.int64]:
    """Hop energies after gain and limiter, with the curve's value in the middle of each quarter of a hop."""
    hops = np.arange(energy.size)
    power = np.zeros(energy.size)
    for quarter in (1, 3, 5, 7):
        place = np.minimum((hops * 8 + quarter) * _HOP // (8 * _BLOCK), curve.size - 1)
        power += curve[place] * curve[place]
    return np.rint(energy * (power * (0.25 * gain * gain))).astype(np.int64)


def _limit(peaks: Floats, loop: bool) -> Floats:
    """Gain of each block: down before a peak (8 blocks ahead), held over it, slowly back, without corners.

    A minimum over ±8 blocks, then a release, then a mean over ±7: at each block the mean covers only values at or
    below what that block and its neighbours need.
    """
    ceiling = from_db(CEILING_DB)
    need = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    mode = "wrap" if loop else "edge"
    wide = np.pad(need, _AHEAD, mode=mode)  # type: ignore[call-overload]
    held = need.copy()
    for shift in range(2 * _AHEAD + 1):
        np.minimum(held, wide[shift : shift + need.size], out=held)
    values = held.tolist()
    state = 1.0
    for _ in range(2 if loop else 1):
        for place, value in enumerate(held.tolist()):
            state = min(value, state + (1.0 - state) * _RELEASE)
            values[place] = state
    spread = _AHEAD - 1
    padded = np.pad(np.array(values), spread, mode=mode)  # type: ignore[call-overload]
    total: Floats = padded[: need.size].copy()
    for shift in range(1, 2 * spread + 1):
        total += padded[shift : shift + need.size]
    total /= 2.0 * spread + 1.0
    return total


def _expanded(curve: Floats, frames: int, loop: bool) -> Floats:
    """A gain for every frame: straight lines from block to block."""
    following = np.append(curve[1:], curve[0] if loop else curve[-1])
    steps = (following - curve)[:, None] * (ramp(_BLOCK) / _BLOCK)[None, :]
    return (curve[:, None] + steps).ravel()[:frames]
