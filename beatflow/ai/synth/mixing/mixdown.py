"""Stems to a master: balance, one compressor and one limiter for all of them, integers whose sum is the mix.

Every gain is a curve over time that is found on the sum and laid on all stems alike; then each stem is rounded to
24 bits, and the mix is the sum of the integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.synth.exactmath import Floats, exp2, from_db, log2_of, ramp, to_db
from beatflow.ai.synth.mixing.metering import (
    BLOCK,
    PART,
    PER_DECADE,
    UNIT,
    block_peaks,
    integrated,
    part_energy,
    true_peaks,
)
from beatflow.ai.synth.mixing.storage import BLOCK as PIECE
from beatflow.ai.synth.mixing.storage import Shelf, Sounds
from beatflow.ai.synth.threads import Check, together
from beatflow.sound.audio import Audio, Samples

BITS = 23
"""Samples are multiples of 2**-23: PCM_24."""
CEILING_DB = -1.25
"""True peak that the limiter aims at; the promise is -1."""
_AHEAD = 8
_RELEASE = 0.006
_RATIO = 0.5
"""The compressor keeps so much of what lies above its threshold: 2 to 1."""
_KNEE_DB = 6.0
_MOST_DB = 5.0
_HOLD = 0.93
"""What is left of a reduction 11 ms later: a half-life of 0.1 s."""
_EDGE = 4096
"""Frames beside a piece that oversampling looks at; more than it needs."""


@dataclass(frozen=True, slots=True)
class Master:
    """A mastered piece, and what was measured and done.

    ``glue_db`` is the most that the compressor took away, ``reduction_db`` the most that the limiter did.
    """

    shelf: Shelf
    parts: tuple[str, ...]
    loudness_lufs: float
    gains_db: Mapping[str, float]
    reduction_db: float
    glue_db: float

    def stems_of(self, parts: Sequence[str]) -> Mapping[str, Audio]:
        """Some of the stems as sound."""
        return Sounds(self.shelf, {part: f"done {part}" for part in parts})

    def mix_of(self, parts: Sequence[str]) -> Audio:
        """The sum of some of the stems: exact, for 24 bits and a few more fit float32 where nothing clips."""
        name = "mix " + " ".join(parts)
        self.shelf.open(name)
        for start in range(0, self.shelf.frames, PIECE):
            total = np.zeros((min(PIECE, self.shelf.frames - start), 2), np.int64)
            for part in parts:
                piece = self.shelf.read(f"done {part}", start, PIECE).astype(np.float64) * float(1 << BITS)
                total += piece.astype(np.int64)
            self.shelf.write(name, start, (total * 2.0**-BITS).astype(np.float32))
        return self.shelf.audio(name)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the sum of the balanced stems is like: energies by part, true peaks by block, both channels in one."""

    energy: NDArray[np.int64]
    peaks: Floats


def master(
    shelf: Shelf, parts: Sequence[str], levels_db: Mapping[str, float], target_lufs: float, loop: bool,
    check: Check,
) -> Master:  # fmt: skip
    """Balance the stems, glue them, bring their sum to a loudness, hold the ceiling, and round.

    Parameters
    ----------
    shelf : Shelf
        Holds a sound for each of ``parts``; they make way for the mastered ones.
    levels_db : mapping of str to float
        Loudness of each stem against the others.
    target_lufs : float
    loop : bool
        Compressor and limiter then look round the seam.
    check : callable
        Called between steps.
    """
    gains = {}
    workers = 2 if shelf.small else 1
    work = [partial(_stem_energy, shelf, part) for part in parts]
    for part, energy in zip(parts, together(work, lambda _: check(), workers), strict=True):
        measured = integrated(energy)
        gains[part] = levels_db[part] - measured - 20.0 if measured > -70.0 else 0.0
    balance = {part: from_db(value) for part, value in gains.items()}
    mixed = _measure(shelf, parts, balance, check)
    glue = _at_blocks(_compress(mixed.energy, loop), shelf.frames, loop)
    gain, curve = _find_gain(mixed, glue, target_lufs, loop)
    done = np.zeros(mixed.energy.size, np.int64)
    for _ in range(3):
        check()
        done = _lay(shelf, parts, balance, _Gains(glue * curve * gain, shelf.frames, loop), check)
        missing = target_lufs - integrated(done)
        if abs(missing) < 0.05 or integrated(done) < -100.0:
            break
        gain = gain * from_db(missing)
        curve = _limit(mixed.peaks * glue * gain, loop)
    for part in parts:
        shelf.drop(part)
    change = to_db(gain)
    return Master(
        shelf, tuple(parts), integrated(done), {part: value + change for part, value in gains.items()},
        max(0.0, -to_db(float(np.min(curve)))), max(0.0, -to_db(float(np.min(glue)))),
    )  # fmt: skip


def _side_energy(side: Samples, check: Check) -> NDArray[np.int64]:
    check()
    return part_energy(side)


def _side(shelf: Shelf, name: str, channel: int) -> Samples:
    """One channel of a sound."""
    side = np.empty(shelf.frames, np.float32)
    for start in range(0, shelf.frames, PIECE):
        side[start : start + PIECE] = shelf.read(name, start, PIECE)[:, channel]
    return side


def _stem_energy(shelf: Shelf, name: str, check: Check) -> NDArray[np.int64]:
    """Energies of a sound, both channels together."""
    energy = part_energy(_side(shelf, name, 0))
    check()
    return energy + part_energy(_side(shelf, name, 1))


def _measure(shelf: Shelf, parts: Sequence[str], balance: Mapping[str, float], check: Check) -> _Measured:
    """Mix the balanced stems, one channel at a time, and measure."""
    work = [partial(_measure_side, shelf, parts, balance, channel) for channel in range(2)]
    left, right = together(work, lambda _: check(), 2 if shelf.small else 1)
    return _Measured(left.energy + right.energy, np.maximum(left.peaks, right.peaks))


def _measure_side(
    shelf: Shelf, parts: Sequence[str], balance: Mapping[str, float], channel: int, check: Check
) -> _Measured:
    peaks = np.zeros(-(-shelf.frames // BLOCK))

    def heed(start: int, own: Floats) -> None:
        first = start // BLOCK
        np.maximum(peaks[first : first + own.size], own, out=peaks[first : first + own.size])

    side = np.zeros(shelf.frames, np.float32)
    for part in parts:
        check()
        for start in range(0, shelf.frames, PIECE):
            single = shelf.read(part, start, PIECE)[:, channel] * np.float32(balance[part])
            side[start : start + PIECE] += single
            heed(start, block_peaks(single))
    for start in range(0, shelf.frames, PIECE):
        check()
        before = min(start, _EDGE)
        heard = side[start - before : start + PIECE + _EDGE].astype(np.float64)
        heed(start, true_peaks(heard)[before // BLOCK :][: PIECE // BLOCK])
    return _Measured(part_energy(side), peaks)


@dataclass(frozen=True, slots=True)
class _Gains:
    """The gain that every stem gets, by blocks of 32 frames; a loop's blocks are stretched to end where it ends."""

    values: Floats
    frames: int
    loop: bool

    def at(self, start: int, count: int) -> Floats:
        """For some frames: straight lines from block to block."""
        rate = self.values.size / self.frames if self.loop else 1.0 / BLOCK
        return _read(self.values, (ramp(count) + start) * rate, self.loop) * float(1 << BITS)


def _lay(
    shelf: Shelf, parts: Sequence[str], balance: Mapping[str, float], gains: _Gains, check: Check
) -> NDArray[np.int64]:
    """Write the mastered stems; return the energies of their sum."""
    total = np.zeros((2, shelf.frames), np.float32)
    workers = 2 if shelf.small else 1
    for part in parts:
        shelf.drop(f"done {part}")
        shelf.open(f"done {part}")
    for start in range(0, shelf.frames, PIECE):
        count = min(PIECE, shelf.frames - start)
        fine = gains.at(start, count)
        work = [partial(_lay_piece, shelf, part, start, fine, balance[part]) for part in parts]
        for done in together(work, lambda _: check(), workers):
            total[:, start : start + count] += done.T
    left, right = together(
        [partial(_side_energy, side) for side in total],
        lambda _: check(),
        workers,
    )
    return left + right


def _lay_piece(shelf: Shelf, part: str, start: int, fine: Floats, balance: float, check: Check) -> Samples:
    """Write a piece of one mastered stem, and return it; ``fine`` is the gain of each frame."""
    check()
    scaled = np.rint(shelf.read(part, start, PIECE) * (fine * balance)[:, None])
    done = (scaled * 2.0**-BITS).astype(np.float32)
    shelf.write(f"done {part}", start, done)
    return done


def _fading(values: Floats, kept: float, loop: bool) -> Floats:
    """The largest of what came before, less by ``kept`` each step: a release, as a running maximum."""
    result = np.concatenate((values, values)) if loop else values.copy()
    step, power = 1, kept
    while step < result.size and power > 1e-5:
        result[step:] = np.maximum(result[step:], result[:-step] * power)
        step, power = step * 2, power * power
    return result[values.size :] if loop else result


def _smooth(values: Floats, spread: int, loop: bool) -> Floats:
    """The mean over ± ``spread`` steps."""
    padded = _padded(values, spread, loop)
    total: Floats = padded[: values.size].copy()
    for shift in range(1, 2 * spread + 1):
        total += padded[shift : shift + values.size]
    total /= 2.0 * spread + 1.0
    return total


def _padded(values: Floats, width: int, loop: bool) -> Floats:
    """Some values more at both ends: those from round the seam, or the outermost again."""
    place = np.arange(-width, values.size + width)
    return values[place % values.size if loop else np.minimum(np.maximum(place, 0), values.size - 1)]


def _compress(energy: NDArray[np.int64], loop: bool) -> Floats:
    """Gain of each part of 490 frames: what rises above the piece's own loudness comes half as far up.

    Level by the mean over ±2 parts (54 ms), a soft knee of 6 dB around 1 dB above the integrated loudness, release
    with a half-life of 0.1 s.
    """
    loudness = integrated(energy)
    if energy.size < 8 or loudness < -100.0:
        return np.ones(max(energy.size, 1))
    power = _smooth(energy.astype(np.float64) / (PART * UNIT), 2, loop)
    level = log2_of(np.maximum(power, 1e-12)) * PER_DECADE - 0.691
    over = np.maximum(level - (loudness + 1.0) + 0.5 * _KNEE_DB, 0.0)
    bent = np.minimum(over, _KNEE_DB)
    reduction = (bent * bent / (2.0 * _KNEE_DB) + (over - bent)) * (1.0 - _RATIO)
    reduction = _smooth(_fading(np.minimum(reduction, _MOST_DB), _HOLD, loop), 1, loop)
    return exp2(reduction * -0.16609640474436813)


def _read(values: Floats, place: Floats, loop: bool) -> Floats:
    """Figures between their places: straight lines, round the seam or level at the ends."""
    left = np.floor(place).astype(np.int64)
    fraction = place - left
    right = left + 1
    if loop:
        left, right = left % values.size, right % values.size
    else:
        left = np.minimum(np.maximum(left, 0), values.size - 1)
        right = np.minimum(np.maximum(right, 0), values.size - 1)
    return np.asarray(values[left] + (values[right] - values[left]) * fraction)


def _at_blocks(glue: Floats, frames: int, loop: bool) -> Floats:
    """The compressor's gain by blocks of 32 frames. Its parts' middles are where they are, or stretched to a loop."""
    blocks = -(-frames // BLOCK)
    if loop:
        return _read(glue, ramp(blocks) * (glue.size / blocks) - 0.5, loop)
    return _read(glue, ramp(blocks) * (BLOCK / PART) - 0.5, loop)


def _find_gain(mixed: _Measured, glue: Floats, target_lufs: float, loop: bool) -> tuple[float, Floats]:
    """The gain and limiter curve that together give the loudness, nearly."""
    peaks = mixed.peaks * glue
    if integrated(mixed.energy) < -100.0:
        return 1.0, np.ones(peaks.size)
    middle = np.minimum((np.arange(mixed.energy.size) * PART + PART // 2) // BLOCK, peaks.size - 1)
    kept = glue[middle]
    glued = np.rint(mixed.energy * (kept * kept)).astype(np.int64)
    wanted = target_lufs - integrated(glued)
    gain = from_db(wanted)
    for _ in range(4):
        curve = _limit(peaks * gain, loop)[middle] * gain
        missing = target_lufs - integrated(np.rint(glued * (curve * curve)).astype(np.int64))
        # Past 12 dB more than without a limiter it would only squash.
        gain = from_db(min(wanted + 12.0, to_db(gain) + missing))
    return gain, _limit(peaks * gain, loop)


def _limit(peaks: Floats, loop: bool) -> Floats:
    """Gain of each block: down before a peak (8 blocks ahead), held over it, slowly back, without corners.

    A minimum over ±8 blocks, then a release, then a mean over ±6: at each block the mean covers only values at or
    below what that block and two on either side need.
    """
    ceiling = from_db(CEILING_DB)
    taken = 1.0 - np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    wide = _padded(taken, _AHEAD, loop)
    held = taken.copy()
    for shift in range(2 * _AHEAD + 1):
        np.maximum(held, wide[shift : shift + taken.size], out=held)
    return 1.0 - _smooth(_fading(held, 1.0 - _RELEASE, loop), _AHEAD - 2, loop)
