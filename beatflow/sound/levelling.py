"""Brings a sound to a loudness without its true peak passing a ceiling.

A gain, and where peaks would pass the ceiling a limiter that sees them coming. The gain is corrected until the
loudness, measured again, is the wanted one. Reads the sound several times, block by block, in memory that does not
grow with it. Knows no files.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.limiting import Limiter, Peaks
from beatflow.sound.loudness import measure_loudness

LOUDEST_LUFS, QUIETEST_LUFS = -3.0, -60.0
CLOSE_LU = 0.05
"""How near the loudness must come; half of what can be told apart in a meter of one decimal."""
MOST_LIMITED_DB = 12.0
"""Beyond it a limiter is an effect: rather too quiet than that."""
_MARGIN_DB = 0.03
"""What moving gain and rounding to 16 bits may add to a peak."""
_TRIES = 8
_BLOCK = 1 << 18

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

    ``limiter`` is None where a plain gain is enough. The other figures are those of `Levelled`.
    """

    gain_db: float
    limiter: Limiter | None
    limited_db: float = 0.0
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None

    def apply(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """The sound at its new level, block by block; where it is limited, the blocks come a few milliseconds late."""
        if self.limiter:
            return self.limiter.apply(blocks)
        gain = np.float32(10 ** (self.gain_db / 20))
        return (Audio(block.samples * gain, block.sample_rate) for block in blocks)


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
    if now is None or peak is None or (abs(now - lufs) <= CLOSE_LU and peak <= ceiling_dbtp):
        return Plan(0.0, None, 0.0, now, peak)
    if peak + lufs - now <= ceiling_dbtp - _MARGIN_DB:
        return _judge(read, lufs - now, None)
    return _search(read, lufs, ceiling_dbtp, lufs - now)


def _search(read: Read, lufs: float, ceiling_dbtp: float, gain_db: float) -> Plan:
    """Raise the gain by what is missing, and lower the limiter by what passes it, until both are right."""
    peaks = Peaks(read())
    threshold, highest = ceiling_dbtp - _MARGIN_DB, peaks.highest_db
    best: Plan | None = None
    last: Plan | None = None
    for _ in range(_TRIES):
        gain_db = min(gain_db, threshold + MOST_LIMITED_DB - highest)
        plan = _judge(read, gain_db, Limiter(peaks, gain_db, threshold))
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
        best = _judge(read, threshold - highest, None)
    return best


def _find_slope(last: Plan | None, plan: Plan) -> float:
    """How much louder a decibel of gain makes it: where the limiter is at work, less than one."""
    if last is None or abs(plan.gain_db - last.gain_db) < 0.01:
        return 0.7 if plan.limited_db else 1.0
    louder = (plan.loudness_lufs or 0.0) - (last.loudness_lufs or 0.0)
    return min(1.0, max(0.15, louder / (plan.gain_db - last.gain_db)))


def _judge(read: Read, gain_db: float, limiter: Limiter | None) -> Plan:
    """A plan with what it leads to."""
    plan = Plan(round(gain_db, 4), limiter)
    after = measure_loudness(plan.apply(read()))
    limited_db = round(limiter.most_db, 2) if limiter else 0.0
    return Plan(plan.gain_db, limiter, limited_db, after.integrated_lufs, after.true_peak_dbtp)


def _checked(blocks: Iterable[Audio]) -> Iterator[Audio]:
    for block in blocks:
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers")
        yield block
