"""Holds the true peak of a sound below a ceiling, by a gain that falls before a peak comes and rises slowly after it.

What is taken away is known for every third of a millisecond, which is called a hop. Works block by block, in memory
that does not grow with the sound; for what is short enough, the peaks of its hops are remembered. Knows no loudness and
no files.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples

_AHEAD_S, _RELEASE_S = 0.005, 0.12
"""The limiter begins so long before a peak, and lets go with this time constant: longer than a period of the bass, so
that it does not follow single waves, and shorter than what is heard as pumping."""
_HOP_S = 0.00036
_TAPS = 24
_MOST_REMEMBERED = 1 << 22
"""Hops: 16 MB, 25 minutes at 44.1 kHz. Finding peaks again costs as much as all the rest of the limiter."""

Curve = NDArray[np.float64]
Hops = NDArray[np.float32]
Filter = Callable[[Curve], Curve]


class Peaks:
    """True peaks over all channels of the hops of a sound, linear: of a short one remembered, of a long one found anew.

    Parameters
    ----------
    blocks : iterable of Audio
        The sound; at least one block.

    Attributes
    ----------
    highest_db : float
        The highest of them, dBTP.
    """

    def __init__(self, blocks: Iterable[Audio]) -> None:
        highest, hops = 0.0, 0
        kept: list[Hops] | None = []
        for peaks in _follow_peaks(blocks):
            highest = max(highest, float(peaks.max(initial=0.0)))
            hops += len(peaks)
            if kept is not None:
                kept.append(peaks)
            if hops > _MOST_REMEMBERED:
                kept = None
        self._kept = None if kept is None else np.concatenate(kept)
        self.highest_db = 20 * math.log10(highest)

    def follow(self, blocks: Iterable[Audio]) -> Iterator[Hops]:
        """The peaks of that same sound, as its blocks are read."""
        if self._kept is None:
            yield from _follow_peaks(blocks)
            return
        done = frames = 0
        for block in blocks:
            frames += block.frames
            hops = frames // find_hop(block.sample_rate)
            yield self._kept[done:hops]
            done = hops
        yield self._kept[done:]


class Limiter:
    """A gain, and a limiter behind it.

    Parameters
    ----------
    peaks : Peaks
        Of the sound that is to be limited.
    gain_db, threshold_db : float
        The gain that comes first, and what no peak may pass after it, dBTP.

    Attributes
    ----------
    most_db : float
        The most that was taken away so far.
    """

    def __init__(self, peaks: Peaks, gain_db: float, threshold_db: float) -> None:
        self._peaks = peaks
        self._gain_db, self._threshold_db = gain_db, threshold_db
        self._gain = np.float32(10 ** (round(gain_db, 4) / 20))
        self.most_db = 0.0

    def apply(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """The sound, limited, in the same blocks; each comes as soon as the peaks behind it are known."""
        waiting: deque[Audio] = deque()

        def tap() -> Iterator[Audio]:
            for block in blocks:
                waiting.append(block)
                yield block

        start = first = 0  # the frame that the next block begins with, and the hop that `known` begins with
        known = np.zeros(0, np.float32)
        for reduction in self._reduce(tap(), waiting):
            known = np.concatenate([known, reduction])
            self.most_db = max(self.most_db, float(reduction.max(initial=0.0)))
            while waiting:
                hop = find_hop(waiting[0].sample_rate)
                if first + len(known) < (start + waiting[0].frames) // hop + 3:
                    break
                block = waiting.popleft()
                yield self._turn_down(block, start, known, first)
                start += block.frames
                begin = max(first, start // hop - 2)
                known, first = known[begin - first :], begin
        for block in waiting:
            yield self._turn_down(block, start, known, first)
            start += block.frames

    def _reduce(self, blocks: Iterable[Audio], waiting: deque[Audio]) -> Iterator[Hops]:
        """What is taken away at each hop, in dB.

        What is needed is held over the look-ahead to both sides, falls off exponentially, and is then smoothed over the
        look-ahead: each mean is over values that were held up to the peak in its middle, so that it is never less than
        needed.
        """
        # Half a second to import, and most music is not too loud.
        from scipy.ndimage import convolve1d, maximum_filter1d

        peaks = self._peaks.follow(blocks)
        one = next(peaks, None)
        if one is None:
            return
        rate = waiting[0].sample_rate
        hop_rate = rate / find_hop(rate)
        ahead = max(1, math.ceil(_AHEAD_S * hop_rate))
        # One more, since the samples of a hop lie between its centre and the next.
        wide = 2 * (ahead + 1) + 1
        window = np.hanning(2 * ahead + 3)[1:-1]
        window /= window.sum()
        needed = self._find_needed(_chain(one, peaks))
        held = _slide(needed, ahead + 1, lambda curve: maximum_filter1d(curve, wide))
        falling = _fall(held, 1 / (_RELEASE_S * hop_rate))
        for curve in _slide(falling, ahead, lambda curve: convolve1d(curve, window, mode="nearest")):
            yield curve.astype(np.float32)

    def _find_needed(self, peaks: Iterable[Hops]) -> Iterator[Curve]:
        for some in peaks:
            with np.errstate(divide="ignore"):
                level = 20 * np.log10(some.astype(np.float64))
            yield np.maximum(level + self._gain_db - self._threshold_db, 0.0)

    def _turn_down(self, block: Audio, start: int, reduction: Hops, first: int) -> Audio:
        """A block that begins with a frame; the reduction begins with a hop."""
        hop = find_hop(block.sample_rate)
        low, high = max(0, start // hop - 2), (start + block.frames) // hop + 3
        near = reduction[low - first : high - first].astype(np.float64)
        centres = (np.arange(low, low + len(near)) + 0.5) * hop
        curve = np.interp(np.arange(start, start + block.frames), centres, near)
        gain = (self._gain * 10 ** (curve / -20)).astype(np.float32)
        return Audio(block.samples * gain[:, None], block.sample_rate)


def find_hop(sample_rate: int) -> int:
    """Frames of a hop."""
    return max(4, round(_HOP_S * sample_rate))


def _chain(one: Hops, others: Iterator[Hops]) -> Iterator[Hops]:
    yield one
    yield from others


def _slide(pieces: Iterable[Curve], reach: int, work: Filter) -> Iterator[Curve]:
    """A filter that looks so far to both sides, over pieces of a curve; beyond its ends it goes on as it is there."""
    rest = np.zeros(0)
    for piece in pieces:
        if not len(piece):
            continue
        rest = np.concatenate([rest, piece] if len(rest) else [np.full(reach, piece[0]), piece])
        if len(rest) > 2 * reach:
            yield work(rest)[reach:-reach]
            rest = rest[-2 * reach :]
    if len(rest):
        rest = np.concatenate([rest, np.full(reach, rest[-1])])
        yield work(rest)[reach:-reach]


def _fall(pieces: Iterable[Curve], rate: float) -> Iterator[Curve]:
    """The least curve above another that falls no faster than ``exp(-rate n)``: a running maximum in logarithms."""
    done, highest = 0, -np.inf
    for piece in pieces:
        slope = rate * np.arange(done, done + len(piece))
        with np.errstate(divide="ignore"):
            running = np.maximum.accumulate(np.maximum(np.log(piece) + slope, highest))
        done, highest = done + len(piece), running[-1]
        yield np.exp(running - slope)


def _follow_peaks(blocks: Iterable[Audio]) -> Iterator[Hops]:
    """True peak over all channels in each hop, as the blocks are read."""
    tail: Samples | None = None
    hop = 1
    kernel = np.zeros((0, 0), np.float32)
    for block in blocks:
        if tail is None:
            hop = find_hop(block.sample_rate)
            kernel = _interpolate(4 if block.sample_rate < 80_000 else 2, hop)
            tail = np.zeros((_TAPS // 2, block.channels), np.float32)
        signal = np.concatenate([tail, block.samples])
        hops = max(0, (len(signal) - _TAPS) // hop)
        yield _measure_hops(signal, hops, hop, kernel)
        tail = signal[hops * hop :]
    assert tail is not None
    hops = -(-(len(tail) - _TAPS // 2) // hop)
    yield _measure_hops(np.pad(tail, ((0, hop + _TAPS), (0, 0))), hops, hop, kernel)


def _measure_hops(signal: Samples, hops: int, hop: int, kernel: Samples) -> NDArray[np.float32]:
    """True peaks of hops; the first begins ``_TAPS // 2`` frames after the signal."""
    peaks = np.zeros(hops, np.float32)
    if not hops:
        return peaks
    for channel in signal.T:
        windows = np.lib.stride_tricks.sliding_window_view(channel, hop + _TAPS)[: hops * hop : hop]
        peaks = np.maximum(peaks, np.abs(windows[:, _TAPS // 2 : _TAPS // 2 + hop]).max(axis=1))
        peaks = np.maximum(peaks, np.abs(windows @ kernel).max(axis=1))
    return peaks


def _interpolate(factor: int, hop: int) -> Samples:
    """Matrix (hop + taps, hop * (factor - 1)) from a hop and its neighbours to the values between its samples.

    The same windowed sinc as the meter's (BS.1770-5 annex 2), with the values around the hop's first and last sample.
    """
    matrix = np.zeros((hop + _TAPS, hop * (factor - 1)), np.float32)
    for phase in range(1, factor):
        distance = np.arange(_TAPS) - (_TAPS // 2 - 1) - phase / factor
        weights = np.sinc(distance) * np.i0(8.0 * np.sqrt(np.maximum(0, 1 - (distance / (_TAPS / 2)) ** 2)))
        for frame in range(hop):
            matrix[frame + 1 : frame + 1 + _TAPS, (phase - 1) * hop + frame] = weights / weights.sum()
    return matrix
