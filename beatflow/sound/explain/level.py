"""How the gain of one sound over another that lies on it changes over time: fades, automation, compression.

Knows only sums over blocks (`remains`). Where following the gain explains little more than a constant one, there is
none.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.matching import find_stretches
from beatflow.sound.explain.remains import BLOCK, Blocks

Array = NDArray[np.float64]

_WIDTH = 8
_SPAN = 64  # blocks that are judged together: 0.4 s
_LEAST_DB = 0.25
_HALVED = 0.4
_ALIKE = 0.8
_QUIET_DB = -50.0
_FADED = 0.3  # a fade goes at least 10 dB down
_FULL = 0.985
_NEARLY = 0.6
_STEEP = 24.0


class Fade(NamedTuple):
    """A fade in or out, from frame ``start`` on."""

    direction: str
    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class Level:
    """A gain over time.

    Parameters
    ----------
    gains : ndarray, shape (blocks,)
        At the middle of each block of `BLOCK` frames; 1 where it does not differ.
    active : ndarray of bool, shape (blocks,)
        Where it does.
    heard : ndarray of bool, shape (blocks,)
        Where there is enough to tell the gain from.
    """

    gains: Array
    active: NDArray[np.bool_]
    heard: NDArray[np.bool_]

    def apply(self, laid: Samples) -> None:
        """Give what is laid these gains, in place."""
        middles = (np.arange(len(self.gains)) + 0.5) * BLOCK
        for start, end in find_stretches(self.active):
            first, last = max(0, start - 1), min(len(self.gains), end + 1)
            low, high = first * BLOCK, min(last * BLOCK, len(laid))
            gains = np.interp(np.arange(low, high), middles[first:last], self.gains[first:last])
            laid[low:high] *= gains.astype(np.float32)[:, None]

    def get_span(self, frames: int) -> tuple[int, int]:
        """Return the first frame at which it differs, and the one after the last."""
        places = np.flatnonzero(self.active)
        return int(places[0]) * BLOCK, min(frames, (int(places[-1]) + 1) * BLOCK)


def follow_level(blocks: Blocks, usable: NDArray[np.bool_]) -> Level | None:
    """Follow the gain where a constant one leaves much more than a changing one; None where that is nowhere.

    Parameters
    ----------
    blocks : Blocks
    usable : ndarray of bool, shape (blocks,)
        Where the old sound lies on the new one at all.
    """
    gains, alike = blocks.find_gains(_WIDTH)
    loudest = max(float(blocks.laid.max(initial=0.0)), 1e-20)
    heard = usable & (blocks.laid > loudest * 10 ** (_QUIET_DB / 10))
    followed = np.maximum(
        blocks.there - 2 * gains * blocks.cross + gains**2 * blocks.laid, 1e-7 * blocks.there
    )
    before, after = (_spread_sum(np.where(heard, sums, 0)) for sums in (blocks.left, followed))
    there = _spread_sum(np.where(heard, blocks.there, 0))
    off = np.abs(20 * np.log10(np.maximum(gains, 1e-4))) > _LEAST_DB / 2
    spread_off = _spread_sum((off & heard).astype(np.float64)) > 0
    # Beyond 16 bits of dither nothing is told apart; what is replaced is not alike under any gain.
    active = usable & spread_off & (after < _HALVED * before) & (before > 1e-5 * there) & (alike > _ALIKE)
    active |= usable & heard & (((gains < _FADED) & (alike > 0.9)) | (gains < 0.02)) & (blocks.left > 0)
    active = _close(active, _WIDTH)
    for start, end in find_stretches(~active):
        # Where there is nothing to hear, the gain goes on as it was.
        if start > 0 and end < len(active) and not heard[start:end].any():
            active[start:end] = True
    if not active.any():
        return None
    told = active & heard
    if not told.any():
        return None
    between = np.interp(np.arange(len(gains)), np.flatnonzero(told), gains[told])
    return Level(np.where(active, between, 1.0), active, heard)


def _spread_sum(values: Array) -> Array:
    total = np.concatenate([[0.0], np.cumsum(values)])
    numbers = np.arange(len(values))
    low, high = np.maximum(numbers - _SPAN // 2, 0), np.minimum(numbers + _SPAN // 2, len(values))
    return np.asarray(total[high] - total[low])


def _close(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Fill gaps shorter than this many blocks, and drop what is shorter."""
    closed = mask.copy()
    for start, end in find_stretches(~mask):
        if end - start < width and start > 0 and end < len(mask):
            closed[start:end] = True
    for start, end in find_stretches(closed):
        if end - start < (2 * width if start > 0 and end < len(mask) else width):
            closed[start:end] = False
    return closed


def split_fades(level: Level, frames: int) -> tuple[list[Fade], Level | None]:
    """Take the fades at the ends of a sound out of a level; what else there is comes second."""
    fades = []
    active = level.active.copy()
    for direction in ("in", "out"):
        step = slice(None) if direction == "in" else slice(None, None, -1)
        length = _measure_fade(level.gains[step], active[step], level.heard[step])
        if length:
            size = min(length if direction == "in" else length - (-frames % BLOCK), frames)
            fades.append(Fade(direction, 0 if direction == "in" else frames - size, size))
            active[step][: length // BLOCK + _SPAN] = False
    rest = active & level.heard
    if not rest.any():
        return fades, None
    return fades, Level(np.where(active, level.gains, 1.0), active, level.heard)


def _measure_fade(gains: Array, active: NDArray[np.bool_], heard: NDArray[np.bool_]) -> int:
    """Return how many frames from the start on a gain climbs from next to nothing to what it is; 0 for no fade."""
    numbers = np.flatnonzero(heard)
    if not len(numbers) or not active[numbers[0]] or gains[numbers[0]] > 0.5:
        return 0
    ends = np.flatnonzero(~active[numbers[0] :])
    end = int(numbers[0] + ends[0]) if len(ends) else len(gains)
    places = np.arange(numbers[0], end)[heard[numbers[0] : end]]
    climbed = gains[places]
    if len(climbed) < 4 or climbed[: max(4, len(climbed) // 8)].min() > _FADED:
        return 0
    full = np.flatnonzero(climbed >= _FULL)
    if not len(full) and end < len(gains) and climbed[-1] < _NEARLY:
        return 0
    reached = int(full[0]) + 1 if len(full) else len(climbed)
    # Up to small wavering, it only ever climbs.
    if np.any(np.maximum.accumulate(climbed[:reached]) - climbed[:reached] > 0.1):
        return 0
    middle = (climbed[:reached] > 0.2) & (climbed[:reached] < 0.95)
    if np.count_nonzero(middle) > 3:
        slope, start = np.polyfit(places[:reached][middle] + 0.5, climbed[:reached][middle], 1)
        stray = climbed[:reached][middle] - slope * (places[:reached][middle] + 0.5) - start
        if slope > 0 and float(np.sqrt(np.mean(stray**2))) < 0.02:
            return int(min((1 - start) / slope, len(gains)) * BLOCK)
    return int(places[reached - 1] + 1) * BLOCK
