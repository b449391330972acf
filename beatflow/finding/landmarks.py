"""The landmarks of a sound: the moments and pitches at which it is louder than all around, and how they are kept.

A peak of a spectrogram survives what is done to a sample in a mix: a gain moves none, an equaliser, a codec or a sound
beside it only some. Streams; what is kept is two bytes for each landmark, some 100 bytes a second.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.finding.bands import BANDS, Bands

HOPS_AROUND, BANDS_AROUND = 5, 4
"""A landmark is the loudest within 80 ms and a semitone and a third on all sides."""
_STANDS_OUT_DB = 3.0
"""Above the mean of what is around it; noise has peaks of 2 dB in bands as wide as these, and many."""
_RANGE_DB = 66.0
"""Below the loudest of the second around it nothing is a landmark."""
_AROUND_HOPS = 31
_SILENCE_DB = -100.0
_NONE = 255
"""Stands for no band: a gap longer than a byte can say."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Where landmarks are.

    Parameters
    ----------
    hops : ndarray of int64, shape (landmarks,)
        When, in hops; in order.
    bands : ndarray of int64, shape (landmarks,)
        Which band.
    """

    hops: NDArray[np.int64]
    bands: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hops)

    def between(self, first: int, end: int) -> "Landmarks":
        """Those from one hop up to another."""
        part = slice(*np.searchsorted(self.hops, (first, end)))
        return Landmarks(self.hops[part], self.bands[part])

    def to_bytes(self) -> bytes:
        """Two bytes each: hops since the one before, and the band."""
        steps = np.diff(self.hops, prepend=0)
        gaps = steps // 255
        pairs = np.zeros((len(self) + int(gaps.sum()), 2), np.uint8)
        places = np.arange(len(self)) + np.cumsum(gaps)
        pairs[:] = (255, _NONE)
        pairs[places] = np.stack([steps - 255 * gaps, self.bands], axis=1)
        return pairs.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Landmarks":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            It is none.
        """
        pairs = np.frombuffer(data, np.uint8).reshape(-1, 2).astype(np.int64)
        hops, bands = np.cumsum(pairs[:, 0]), pairs[:, 1]
        kept = bands != _NONE
        if (bands[kept] >= BANDS).any():
            raise ValueError("no such band")
        return cls(hops[kept], bands[kept])


class LandmarkFinder:
    """Takes bands block by block, gives the landmarks at the end."""

    def __init__(self) -> None:
        self._rest: NDArray[np.float32] | None = None
        self._before = 0  # hops of the rest that were looked at already
        self._first = 0
        self._found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def add(self, bands: Bands) -> None:
        """Take the next hops."""
        level = np.float32(10.0) * np.log10(np.maximum(bands, np.float32(1e-12)))
        held = level if self._rest is None else np.concatenate([self._rest, level])
        self._look(held, len(held) - _AROUND_HOPS)

    def result(self) -> Landmarks:
        """Find what is near the end, and give all; nothing can be added afterwards."""
        if self._rest is not None:
            self._look(self._rest, len(self._rest))
        none = np.zeros(0, np.int64)
        return Landmarks(
            np.concatenate([none, *(hops for hops, _ in self._found)]),
            np.concatenate([none, *(bands for _, bands in self._found)]),
        )

    def _look(self, level: NDArray[np.float32], end: int) -> None:
        """Find landmarks up to a hop, and keep what those behind it need to be compared with."""
        from scipy.ndimage import maximum_filter, maximum_filter1d, uniform_filter

        if end <= self._before:
            self._rest = level
            return
        around = (2 * HOPS_AROUND + 1, 2 * BANDS_AROUND + 1)
        highest = maximum_filter(level, around, mode="nearest")
        mean = uniform_filter(level, around, mode="nearest")
        loudest = maximum_filter1d(level.max(axis=1), 2 * _AROUND_HOPS + 1, mode="nearest")[:, None]
        found = (level == highest) & (level > mean + _STANDS_OUT_DB)
        found &= level > np.maximum(loudest - _RANGE_DB, _SILENCE_DB)
        hops, bands = np.nonzero(found[self._before : end])
        self._found.append((hops + self._before + self._first, bands))
        kept = max(0, end - _AROUND_HOPS)
        self._rest, self._before = level[kept:], end - kept
        self._first += kept


def find_landmarks(bands: Iterable[Bands]) -> Landmarks:
    """Find the landmarks of a sound whose bands come in blocks."""
    finder = LandmarkFinder()
    for block in bands:
        finder.add(block)
    return finder.result()


def iter_parts(landmarks: Landmarks, hops: int, every: int) -> Iterator[Landmarks]:
    """Yield the landmarks in stretches of so many hops, one every so many; the last reaches the end."""
    if not len(landmarks):
        return
    first, last = int(landmarks.hops[0]), int(landmarks.hops[-1])
    starts = list(range(first, max(first + 1, last + 2 - hops), every))
    if starts[-1] + hops <= last:
        starts.append(last + 1 - hops)
    for start in starts:
        yield landmarks.between(start, start + hops)
