"""A part laid under a piece: bar for bar where its bars are, beat for beat where its tempo wanders.

Cuts the part at its quarters and puts each where it belongs, as a sampler would, so that attacks stay as they are.
Knows samples and times only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.crossfade import rise

_BEFORE_S = 0.004
"""A cut lies this much before the beat, so that its attack stays whole."""
_FADE_S = 0.004
_DUCK_S = 0.006
_RECOVERED = 0.75
"""Of the time to the next beat."""
_BLOCK_FRAMES = 65_536


@dataclass(frozen=True, slots=True)
class Slice:
    """Frames of a part from ``source`` on that go to ``target``."""

    target: int
    source: int
    frames: int


def slice_steady(
    part_frames: int, offset_s: float, frames: int, sample_rate: int, bars_s: float
) -> list[Slice]:
    """A part that is heard from an offset on, again and again, until a piece of some frames ends.

    Parameters
    ----------
    part_frames : int
        What there is of the part.
    offset_s : float
        Where it begins; 0 or less.
    bars_s : float
        After how many seconds it begins again.
    """
    slices: list[Slice] = []
    number = 0
    while True:
        begin = round((offset_s + number * bars_s) * sample_rate)
        end = min(round((offset_s + (number + 1) * bars_s) * sample_rate), frames)
        if begin >= frames:
            return slices
        last = end >= frames
        # The last time it may ring beyond its own bars.
        count = min(frames - begin if last else end - begin, part_frames)
        if begin + count > 0:
            skip = max(0, -begin)
            slices.append(Slice(begin + skip, skip, count - skip))
        number += 1


def slice_beats(
    beats: tuple[float, ...], quarter_s: float, quarters: int, frames: int, sample_rate: int
) -> list[Slice]:
    """A part whose quarters go to given times, one after the other and again from its start.

    Parameters
    ----------
    beats : tuple of float
        Where the quarters begin, seconds, ascending; the last one ends the last quarter.
    quarter_s : float
        How long a quarter of the part is.
    quarters : int
        How many the part has.
    """
    before = round(_BEFORE_S * sample_rate)
    slices = []
    for number, (begin_s, end_s) in enumerate(pairwise(beats)):
        source = round(number % quarters * quarter_s * sample_rate) - before
        target = round(begin_s * sample_rate) - before
        room = round(end_s * sample_rate) - before - target
        count = min(room, round(quarter_s * sample_rate))
        skip = max(0, -source, -target)
        count = min(count - skip, frames - target - skip)
        if count > 0:
            slices.append(Slice(target + skip, source + skip, count))
    return slices


def lay(part: Samples, slices: list[Slice], frames: int, sample_rate: int) -> Iterator[Audio]:
    """Give a part at the length of a piece, block by block; what joins without a gap joins without a fade.

    Parameters
    ----------
    part : ndarray of float32, shape (part_frames, channels)
    slices : list of Slice
        Ascending, none over another.
    frames : int
    sample_rate : int
    """
    fade = round(_FADE_S * sample_rate)
    number = 0
    for start in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - start)
        block = np.zeros((count, part.shape[1]), np.float32)
        while number < len(slices) and slices[number].target + slices[number].frames <= start:
            number += 1
        for place in range(number, len(slices)):
            one = slices[place]
            if one.target >= start + count:
                break
            begin, end = max(one.target, start), min(one.target + one.frames, start + count)
            taken = part[one.source + begin - one.target : one.source + end - one.target]
            # Where the part itself begins its attack is as it is.
            fade_in = 0 if one.source == 0 or _joins(slices, place - 1) else fade
            fade_out = 0 if _joins(slices, place) else fade
            position = np.arange(begin - one.target, begin - one.target + len(taken))
            weight = _edges(position, one.frames, fade_in, fade_out)
            block[begin - start : begin - start + len(taken)] += taken * weight[:, None]
        yield Audio(block, sample_rate)


def _joins(slices: list[Slice], place: int) -> bool:
    """Whether a slice goes on in the next one as it does in the part; the last one ends as the piece does."""
    if place < 0:
        return False
    if place + 1 >= len(slices):
        return True
    one, two = slices[place], slices[place + 1]
    return one.target + one.frames == two.target and one.source + one.frames == two.source


def _edges(place: NDArray[np.int64], frames: int, fade_in: int, fade_out: int) -> Samples:
    weight = np.ones(len(place), np.float32)
    for length, distance in ((fade_in, place), (fade_out, frames - 1 - place)):
        near = distance < length
        if length and near.any():
            weight[near] *= rise(length)[distance[near]].astype(np.float32)
    return weight


def duck(blocks: Iterator[Audio], beats: NDArray[np.float64], depth_db: float) -> Iterator[Audio]:
    """Push a sound down at each beat, and let it come back before the next.

    Parameters
    ----------
    beats : ndarray of float64, shape (beats,)
        Seconds, ascending.
    depth_db : float
        How far down.
    """
    if len(beats) < 2 or depth_db <= 0:
        yield from blocks
        return
    gaps = np.diff(beats, append=2 * beats[-1] - beats[-2])
    # Held for a moment, then back along a straight line in dB, which the ear hears as even.
    times = np.stack([beats - _DUCK_S, beats, beats + 0.12 * gaps, beats + _RECOVERED * gaps], axis=1).ravel()
    levels = np.tile([0.0, -depth_db, -0.8 * depth_db, 0.0], len(beats))
    at = 0
    for block in blocks:
        moments = np.arange(at, at + block.frames) / block.sample_rate
        near = slice(
            max(0, int(np.searchsorted(times, moments[0])) - 1), int(np.searchsorted(times, moments[-1])) + 1
        )
        gain = 10 ** (np.interp(moments, times[near], levels[near], 0.0, 0.0) / 20)
        yield Audio(block.samples * gain.astype(np.float32)[:, None], block.sample_rate)
        at += block.frames
