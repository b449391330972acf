"""Brings a sound to a loudness without its true peak passing a ceiling.

A gain, and where peaks would pass the ceiling a limiter that sees them coming. The gain is corrected until the
loudness, measured again, is the wanted one. Reads the sound several times block by block; what is kept is one peak for
each third of a millisecond, 40 MB for an hour. Knows no files.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.loudness import measure_loudness

LOUDEST_LUFS, QUIETEST_LUFS = -3.0, -60.0
CLOSE_LU = 0.05
"""How near the loudness must come; half of what can be told apart in a meter of one decimal."""
MOST_LIMITED_DB = 12.0
"""Beyond it a limiter is an effect: rather too quiet than that."""
_AHEAD_S, _RELEASE_S = 0.005, 0.12
"""The limiter begins so long before a peak, and lets go with this time constant: longer than a period of the bass, so
that it does not follow single waves, and shorter than what is heard as pumping."""
_HOP_S = 0.00036
_MARGIN_DB = 0.03
"""What moving gain and rounding to 16 bits may add to a peak."""
_TRIES = 8
_BLOCK = 1 << 18
_TAPS = 24

Curve = NDArray[np.float64]
Read = Callable[[], Iterable[Audio]]


@dataclass(frozen=True, slots=True)
class Levelled:
    """A sound at its new level.

    Parameters
    ----------
    audio : Audio
    gain_db : float
        The constant gain that was applied before limiting.
    limited_db : float
        The most that the limiter took away at any place; 0 where it did nothing.
    loudness_lufs : float or None
        What it is now; None where there is nothing to measure.
    true_peak_dbtp : float or None
    """

    audio: Audio
    gain_db: float
    limited_db: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How a sound is brought to its level; `apply` does it, block by block.

    ``reduction_db`` is what the limiter takes away at each hop of ``hop`` frames. The other figures are those of
    `Levelled`.
    """

    gain_db: float
    reduction_db: NDArray[np.float32]
    hop: int
    loudness_lufs: float | None
    true_peak_dbtp: float | None

    @property
    def limited_db(self) -> float:
        """The most that the limiter takes away at any place."""
        return round(float(self.reduction_db.max(initial=0.0)), 2)

    def apply(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """The sound at its new level, in the same blocks."""
        return _apply(blocks, self.gain_db, self.reduction_db, self.hop)


def set_loudness(audio: Audio, lufs: float, ceiling_dbtp: float = -1.0) -> Levelled:
    """Bring a sound to an integrated loudness; peaks beyond the ceiling are limited.

    Silence, and what is too short to have a loudness (0.4 s), is left as it is, and so is what is right already. Where
    the limiter would have to take away more than 12 dB, the sound stays quieter than was asked for.

    Raises
    ------
    UsageError
        The loudness or the ceiling is out of range.
    AudioError
        Samples are not numbers.
    """

    def read() -> Iterator[Audio]:
        for start in range(0, max(audio.frames, 1), _BLOCK):
            yield Audio(audio.samples[start : start + _BLOCK], audio.sample_rate)

    plan = plan_level(read, lufs, ceiling_dbtp)
    if plan.gain_db == 0 and not plan.limited_db:
        return Levelled(audio, 0.0, 0.0, plan.loudness_lufs, plan.true_peak_dbtp)
    made = np.concatenate([block.samples for block in plan.apply(read())])
    return Levelled(
        Audio(made, audio.sample_rate), plan.gain_db, plan.limited_db, plan.loudness_lufs, plan.true_peak_dbtp
    )


def plan_level(read: Read, lufs: float, ceiling_dbtp: float = -1.0) -> Plan:
    """Find the gain and the limiting that bring a sound to a loudness.

    Parameters
    ----------
    read : callable
        Gives the blocks of the sound from its start on, each time that it is called.
    lufs, ceiling_dbtp : float
        See `set_loudness`, also for the errors.
    """
    if not QUIETEST_LUFS <= lufs <= LOUDEST_LUFS:
        raise UsageError(
            f"a loudness of {lufs:g} LUFS makes no sense",
            hint=f"-14 is usual for streaming, -23 for broadcast; {QUIETEST_LUFS:g} to {LOUDEST_LUFS:g} can be made",
        )
    if not -20.0 <= ceiling_dbtp <= 0.0:
        raise UsageError(f"a ceiling of {ceiling_dbtp:g} dBTP makes no sense", hint="-1 is usual")
    before = measure_loudness(_checked(read()))
    now, peak = before.integrated_lufs, before.true_peak_dbtp
    nothing = Plan(0.0, np.zeros(1, np.float32), 1, now, peak)
    if now is None or peak is None or (abs(now - lufs) <= CLOSE_LU and peak <= ceiling_dbtp):
        return nothing
    if peak + lufs - now <= ceiling_dbtp - _MARGIN_DB:
        return _judge(read, Plan(lufs - now, np.zeros(1, np.float32), 1, None, None))
    return _search(read, lufs, ceiling_dbtp, lufs - now)


def _search(read: Read, lufs: float, ceiling_dbtp: float, gain_db: float) -> Plan:
    """Raise the gain by what is missing, and lower the limiter by what passes it, until both are right."""
    peaks, hop, rate = _follow_peaks(read())
    threshold, highest = ceiling_dbtp - _MARGIN_DB, 20 * math.log10(float(peaks.max()))
    best: Plan | None = None
    last: Plan | None = None
    for _ in range(_TRIES):
        gain_db = min(gain_db, threshold + MOST_LIMITED_DB - highest)
        plan = _judge(read, Plan(gain_db, _limit(peaks, gain_db, threshold, rate / hop), hop, None, None))
        assert plan.loudness_lufs is not None
        assert plan.true_peak_dbtp is not None
        over = plan.true_peak_dbtp - ceiling_dbtp
        missing = lufs - plan.loudness_lufs
        if over > 0:
            threshold -= over + 0.01
            continue
        if best is None or abs(missing) < abs(lufs - (best.loudness_lufs or 0.0)):
            best = plan
        if abs(missing) <= CLOSE_LU or (missing > 0 and gain_db >= threshold + MOST_LIMITED_DB - highest):
            break
        slope = _find_slope(last, plan)
        last = plan
        gain_db += missing / slope
    if best is None:  # nothing but a plain gain is sure not to pass
        best = _judge(read, Plan(threshold - highest, np.zeros(1, np.float32), 1, None, None))
    return best


def _find_slope(last: Plan | None, plan: Plan) -> float:
    """How much louder a decibel of gain makes it: where the limiter is at work, less than one."""
    if last is None or abs(plan.gain_db - last.gain_db) < 0.01:
        return 0.7 if plan.limited_db else 1.0
    louder = (plan.loudness_lufs or 0.0) - (last.loudness_lufs or 0.0)
    return min(1.0, max(0.15, louder / (plan.gain_db - last.gain_db)))


def _judge(read: Read, plan: Plan) -> Plan:
    """The plan with what it leads to."""
    after = measure_loudness(plan.apply(read()))
    return Plan(
        round(plan.gain_db, 4), plan.reduction_db, plan.hop, after.integrated_lufs, after.true_peak_dbtp
    )


def _checked(blocks: Iterable[Audio]) -> Iterator[Audio]:
    for block in blocks:
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers")
        yield block


def _apply(
    blocks: Iterable[Audio], gain_db: float, reduction_db: NDArray[np.float32], hop: int
) -> Iterator[Audio]:
    start = 0
    steady = not reduction_db.any()
    gain = np.float32(10 ** (round(gain_db, 4) / 20))
    for block in blocks:
        if steady:
            yield Audio(block.samples * gain, block.sample_rate)
            continue
        first, last = max(0, start // hop - 2), (start + block.frames) // hop + 3
        near = reduction_db[first:last].astype(np.float64)
        centres = (np.arange(first, first + len(near)) + 0.5) * hop
        reduction = np.interp(np.arange(start, start + block.frames), centres, near)
        curve = (gain * 10 ** (reduction / -20)).astype(np.float32)
        yield Audio(block.samples * curve[:, None], block.sample_rate)
        start += block.frames


def _limit(
    peaks: NDArray[np.float32], gain_db: float, threshold_db: float, hop_rate: float
) -> NDArray[np.float32]:
    """What a limiter takes away at each hop, in dB.

    What is needed is held over the look-ahead to both sides, falls off exponentially, and is then smoothed over the
    look-ahead: each mean is over values that were held up to the peak in its middle, so that it is never less than
    needed.
    """
    # Half a second to import, and most music is not too loud.
    from scipy.ndimage import convolve1d, maximum_filter1d

    with np.errstate(divide="ignore"):
        needed = np.maximum(20 * np.log10(peaks.astype(np.float64)) + gain_db - threshold_db, 0.0)
    ahead = max(1, math.ceil(_AHEAD_S * hop_rate))
    # One more, since the samples of a hop lie between its centre and the next.
    held = maximum_filter1d(needed, 2 * (ahead + 1) + 1)
    falling = _fall(held, 1 / (_RELEASE_S * hop_rate))
    window = np.hanning(2 * ahead + 3)[1:-1]
    return np.asarray(convolve1d(falling, window / window.sum(), mode="nearest"), np.float32)


def _fall(curve: Curve, rate: float) -> Curve:
    """The least curve above another that falls no faster than ``exp(-rate n)``: a running maximum in logarithms."""
    slope = rate * np.arange(len(curve))
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.maximum.accumulate(np.log(curve) + slope) - slope))


def _follow_peaks(blocks: Iterable[Audio]) -> tuple[NDArray[np.float32], int, int]:
    """True peak over all channels in each hop; how many frames a hop is; and the sample rate."""
    found: list[NDArray[np.float32]] = []
    tail: Samples | None = None
    hop = rate = 1
    kernel = np.zeros((0, 0), np.float32)
    for block in blocks:
        if tail is None:
            rate = block.sample_rate
            hop = max(4, round(_HOP_S * rate))
            kernel = _interpolate(4 if rate < 80_000 else 2, hop)
            tail = np.zeros((_TAPS // 2, block.channels), np.float32)
        signal = np.concatenate([tail, block.samples])
        hops = max(0, (len(signal) - _TAPS) // hop)
        found.append(_measure_hops(signal, hops, hop, kernel))
        tail = signal[hops * hop :]
    assert tail is not None
    hops = -(-(len(tail) - _TAPS // 2) // hop)
    found.append(_measure_hops(np.pad(tail, ((0, hop + _TAPS), (0, 0))), hops, hop, kernel))
    return np.concatenate(found), hop, rate


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
