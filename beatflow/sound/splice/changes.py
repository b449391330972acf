"""Where a sound differs from another, sample for sample, as stretches of frames. Reads block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.layout import Layout
from beatflow.sound.splice.pcm import PcmFile, Rows, decode_rows

BLOCK_FRAMES = 65_536
NEAR_S = 0.05
"""Changes that are nearer to each other than this are one: within a new take, samples agree by chance."""

DITHER_STEPS = 3
"""The most that two bounces of one sound can differ by if each was rounded with triangular dither: 1.5 steps each."""

Range = tuple[int, int]
"""Frames from the first up to, not including, the second."""

Advance = Callable[[int], None]
"""Called with the frames read since the last call."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one version changed.

    Parameters
    ----------
    ranges : tuple of Range
        In order. Where the version is longer, the last one ends with it; where it is shorter, with the former.
    frames : int
        Length of the version.
    resized : bool
        Whether that is another one than before.
    """

    ranges: tuple[Range, ...]
    frames: int
    resized: bool


def find_changes(base: PcmFile, side: PcmFile, advance: Advance | None = None, steps: int = 0) -> Changes:
    """Compare two sounds of one layout, both from their first frame on.

    Parameters
    ----------
    base, side : PcmFile
    advance : callable, optional
        Called with the frames compared.
    steps : int
        Samples of integers that differ by no more than this count as the same.
    """
    near = round(NEAR_S * base.layout.sample_rate)
    shared = min(base.frames, side.frames)
    ranges: list[Range] = []
    for start in range(0, shared, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, shared - start)
        one, two = base.read(start, count), side.read(start, count)
        if advance:
            advance(count)
        unlike = differ_by(one, two, base.layout, steps) if steps else differ(one, two)
        for first, end in iter_runs(unlike, near):
            _append(ranges, (start + first, start + end), near)
    if base.frames != side.frames:
        _append(ranges, (shared, max(base.frames, side.frames)), near)
    return Changes(tuple(ranges), side.frames, base.frames != side.frames)


def differ(one: Rows, two: Rows) -> NDArray[np.bool_]:
    """Say for each frame whether any of its bytes differs."""
    width = one.shape[1]
    # Words instead of bytes: there are fewer of them.
    word = next(size for size in (8, 4, 2, 1) if width % size == 0)
    kind = np.dtype(f"u{word}")
    unlike = one.view(kind) != two.view(kind)
    result: NDArray[np.bool_] = unlike[:, 0].copy() if unlike.shape[1] == 1 else unlike.any(axis=1)
    return result


def differ_by(one: Rows, two: Rows, layout: Layout, steps: int) -> NDArray[np.bool_]:
    """Say for each frame whether any of its samples differs by more than some steps of the integers."""
    apart: NDArray[np.bool_] = np.abs(decode_rows(one, layout) - decode_rows(two, layout)) > steps
    return np.asarray(apart.any(axis=1))


def iter_runs(marked: NDArray[np.bool_], near: int) -> Iterator[Range]:
    """Yield the stretches of marked frames, those joined that are at most ``near`` frames apart."""
    places = np.flatnonzero(marked)
    if not len(places):
        return
    cuts = np.flatnonzero(np.diff(places) > near)
    firsts = places[np.concatenate(([0], cuts + 1))]
    lasts = places[np.concatenate((cuts, [len(places) - 1]))]
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        yield first, last + 1


def _append(ranges: list[Range], new: Range, near: int) -> None:
    if ranges and new[0] - ranges[-1][1] <= near:
        ranges[-1] = (ranges[-1][0], new[1])
    else:
        ranges.append(new)


def list_apart(one: PcmFile, two: PcmFile, start: int, end: int) -> list[Range]:
    """Return where two sounds differ within a stretch; beyond the end of one of them they do."""
    near = round(NEAR_S * one.layout.sample_rate)
    shared = max(start, min(end, one.frames, two.frames))
    ranges: list[Range] = []
    for at in range(start, shared, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, shared - at)
        for first, last in iter_runs(differ(one.read(at, count), two.read(at, count)), near):
            _append(ranges, (at + first, at + last), near)
    longest = min(end, max(one.frames, two.frames))
    if shared < longest:
        _append(ranges, (shared, longest), near)
    return ranges


def is_same(one: PcmFile, two: PcmFile, start: int, end: int) -> bool:
    """Say whether two sounds agree in a stretch; beyond the end of both they do."""
    for at in range(start, end, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, end - at)
        left, right = one.read(at, count), two.read(at, count)
        if len(left) != len(right) or differ(left, right).any():
            return False
    return True
