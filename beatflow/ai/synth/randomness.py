"""Random numbers that are the same on every machine: SplitMix64 streams, each named by its labels.

Knows nothing of music. Streams with different labels are independent, so that what one part draws never
moves what another part plays.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
T = TypeVar("T")


class Stream:
    """A stream of random numbers named by labels (Steele, Lea and Flood 2014, SplitMix64).

    Parameters
    ----------
    *labels : object
        Anything with a stable ``str``; the same labels give the same stream.
    """

    __slots__ = ("_labels", "_state")

    def __init__(self, *labels: object) -> None:
        self._labels = labels
        digest = hashlib.sha256("\x1f".join(str(label) for label in labels).encode()).digest()
        self._state = int.from_bytes(digest[:8], "little")

    def fork(self, *labels: object) -> "Stream":
        """A stream of its own; what this one has drawn so far does not matter."""
        return Stream(*self._labels, *labels)

    def bits(self) -> int:
        """64 random bits."""
        self._state = (self._state + _GOLDEN) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
        z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
        return z ^ (z >> 31)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number in ``[low, high)``."""
        return low + (high - low) * ((self.bits() >> 11) * 2.0**-53)

    def below(self, count: int) -> int:
        """An integer in ``0 .. count - 1``."""
        return (self.bits() * count) >> 64

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def bell(self) -> float:
        """A bell-shaped number in ``(-1, 1)`` around 0 (the mean of three uniform ones)."""
        return (self.uniform() + self.uniform() + self.uniform()) / 1.5 - 1.0

    def noise(self, frames: int) -> NDArray[np.float64]:
        """White noise in ``[-1, 1)``, shape (frames,)."""
        z = np.arange(1, frames + 1, dtype=np.uint64) * np.array([_GOLDEN], np.uint64)
        z += np.array([self.bits()], np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.array([_MIX_1], np.uint64)
        z = (z ^ (z >> np.uint64(27))) * np.array([_MIX_2], np.uint64)
        z ^= z >> np.uint64(31)
        return (z >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
