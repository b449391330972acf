"""What is left when an old sound, laid on a new one, is taken away: block by block, and to the frame.

Knows which stretches agree, follow another gain or are something else; names no changes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.matching import Stretch

Array = NDArray[np.float64]

BLOCK = 256
FLOOR_DB = -200.0


def lay(made: Samples, stretches: Sequence[Stretch], frames: int) -> Samples:
    """Lay stretches of a sound where they belong in one of so many frames; silence elsewhere."""
    if len(stretches) == 1 and stretches[0] == (0, frames, 0) and len(made) == frames:
        return made
    laid = np.zeros((frames, made.shape[1]), np.float32)
    for start, length, source in stretches:
        laid[start : start + length] = made[source : source + length]
    return laid


class Blocks(NamedTuple):
    """Sums over blocks of `BLOCK` frames, all channels: products of what is laid and what is there; what is left."""

    laid: Array
    cross: Array
    there: Array
    left: Array

    @classmethod
    def measure(cls, laid: Samples, new: Samples) -> "Blocks":
        """Sum it up; shape (blocks,) each."""
        sums = [np.zeros(-(-len(new) // BLOCK)) for _ in range(4)]
        part = BLOCK * 1024
        for start in range(0, len(new), part):
            one, two = laid[start : start + part], new[start : start + part]
            rest = two - one
            for total, left, right in zip(sums, (one, one, two, rest), (one, two, two, rest), strict=True):
                block = start // BLOCK
                values = _sum_blocks(left, right)
                total[block : block + len(values)] = values
        return cls(*sums)

    def find_gains(self, width: int) -> tuple[Array, Array]:
        """Return the gain of what is there over what is laid around each block, and how alike they are, 0 to 1."""
        laid, cross, there = (_smooth(sums, width) for sums in (self.laid, self.cross, self.there))
        floor = 1e-9 * max(float(laid.max(initial=0.0)), 1e-20)
        gains = cross / np.maximum(laid, floor)
        return gains, np.clip(cross / np.sqrt(np.maximum(laid * there, floor**2)), 0, 1)


def _sum_blocks(left: Samples, right: Samples) -> Array:
    channels = left.shape[1]
    whole = len(left) // BLOCK * BLOCK
    sums = np.einsum(
        "bk,bk->b",
        left[:whole].reshape(-1, BLOCK * channels),
        right[:whole].reshape(-1, BLOCK * channels),
    ).astype(np.float64)
    if whole == len(left):
        return np.asarray(sums)
    return np.append(sums, float((left[whole:] * right[whole:]).sum(dtype=np.float64)))


def _smooth(sums: Array, width: int) -> Array:
    """Sum over so many blocks around each."""
    if width <= 1:
        return np.asarray(sums)
    total = np.concatenate([[0.0], np.cumsum(sums)])
    numbers = np.arange(len(sums))
    low = np.maximum(numbers - width // 2, 0)
    high = np.minimum(numbers + (width + 1) // 2, len(sums))
    return np.asarray(total[high] - total[low])


def ratio_db(part: float, whole: float) -> float:
    """Energy ratio in dB, not below the floor; 0 where there is nothing to compare with."""
    if whole <= 0:
        return 0.0 if part > 0 else FLOOR_DB
    return max(FLOOR_DB, 10 * float(np.log10(max(part, 1e-30 * whole) / whole)))
