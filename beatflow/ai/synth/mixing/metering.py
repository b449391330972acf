"""Loudness and true peak in integers: what the master steers by.

Loudness after ITU-R BS.1770-5 (K-weighting as a finite response, gated), true peak by fourfold oversampling.
"""

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.synth.exactmath import Floats, log2, ramp, sine
from beatflow.ai.synth.fir import Fir, apply, quantised, responses
from beatflow.sound.audio import Samples

PART = 490
"""Frames of one figure of energy; nine of them are a tenth of a second."""
_PARTS = 9
BLOCK = 32
"""Frames of one figure of peak."""
PER_DECADE = 3.010299956639812
"""10 log10(2)."""
UNIT = float(1 << 40)
"""Energies are in units of 2**-40."""

# BS.1770's two sections at 44.1 kHz, as (b0, b1, b2, a1, a2).
_SHELF = (1.5308412300503478, -2.650979995154729, 1.1690790799215869, -1.6636551132560204, 0.7125954280732254)
_HIGHPASS = (1.0, -2.0, 1.0, -1.9891696736297957, 0.9891990357870394)


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


K_WEIGHTING = quantised(_impulse(2048), 0)


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


def part_energy(signal: Samples | Floats) -> NDArray[np.int64]:
    """K-weighted energy of one channel in parts of 490 frames; what is left at the end belongs to none."""
    parts = signal.size // PART
    total = np.zeros(parts, np.int64)
    left = np.zeros(0, np.int64)
    done = 0
    for _, piece in responses(signal, K_WEIGHTING):
        integers = np.concatenate((left, np.rint(piece * 1048576.0).astype(np.int64)))
        count = min(integers.size // PART, parts - done)
        whole = integers[: count * PART].reshape(count, PART)
        total[done : done + count] = np.sum(whole * whole, axis=1)
        left = integers[count * PART :]
        done += count
    return total


def integrated(parts: NDArray[np.int64]) -> float:
    """Integrated loudness (LUFS) from energies: blocks of 0.4 s, gated at -70 LUFS and 10 LU under the mean."""
    hops = parts.size // _PARTS
    energy = np.sum(parts[: hops * _PARTS].reshape(hops, _PARTS), axis=1)
    if not hops:  # too short for a tenth of a second
        energy = np.sum(parts, keepdims=True)
    count = min(4, energy.size)
    running = np.cumsum(np.concatenate((np.zeros(1, np.int64), energy)))
    blocks = [int(value) for value in (running[count:] - running[:-count]).tolist()]
    unit = count * (_PARTS if hops else max(parts.size, 1)) * PART * UNIT

    def loudness(total: int, number: int) -> float:
        return -0.691 + PER_DECADE * log2(total / (unit * number)) if total else -200.0

    loud = [block for block in blocks if loudness(block, 1) > -70.0]
    if not loud:
        return -200.0
    gate = loudness(sum(loud), len(loud)) - 10.0
    kept = [block for block in loud if loudness(block, 1) > gate]
    return loudness(sum(kept), len(kept))


def block_peaks(signal: Samples | Floats) -> Floats:
    """The largest sample of each block of 32 frames, whatever its sign."""
    blocks = -(-signal.size // BLOCK)
    padded = np.zeros(blocks * BLOCK)
    np.abs(signal, out=padded[: signal.size])
    return np.asarray(np.max(padded.reshape(blocks, BLOCK), axis=1))


def true_peaks(signal: Floats) -> Floats:
    """True peak of each block: the samples and three points between each two."""
    peaks = block_peaks(signal)
    for fir in _OVERSAMPLING:
        between = apply(signal, fir)[fir.delay : fir.delay + signal.size]
        np.maximum(peaks, block_peaks(between), out=peaks)
    return peaks
