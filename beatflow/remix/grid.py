"""Where the drums of another genre go: their tempo, bars and quarters on a piece, and how hard they play in each bar.

Joins figures, reads no sound.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import QUARTERS
from beatflow.remix.hearing import LEVELS_PER_S, Heard, Source
from beatflow.remix.plan import Groove, Plan
from beatflow.remix.styles import Style, find_feel

_RANGE_DB = 24.0
"""A bar that is this much softer than the loudest one has no energy left."""
_LONGEST_S = 240.0
"""How much of a part an engine makes at most; a longer piece hears it again and again."""
_MOST_BARS = 512

Times = NDArray[np.float64]


def lay_grid(groove: Groove, style: Style, plan: Plan, heard: Heard, source: Source, tempo: float) -> Groove:
    """Add to a groove where its bars are, in time of the result.

    Parameters
    ----------
    groove : Groove
        With its meter.
    tempo : float
        Of the result, BPM.
    """
    length_s = plan.length_frames / heard.sample_rate
    beats, first = _move_beats(plan, heard, source)
    # In 6/8 a beat that is heard is a dotted quarter, and what an engine counts are quarters.
    per_beat = 1.5 if groove.meter == "6/8" else 1.0
    feel = find_feel(tempo * per_beat, style)
    steady = source.steady or len(beats) < 2
    own = tempo * per_beat * feel
    bar_s = QUARTERS[groove.meter] * 60 / own
    start_s = float(beats[first]) if len(beats) else 0.0
    if steady:
        offset_s = start_s - math.ceil(max(0.0, start_s) / bar_s - 1e-9) * bar_s
        count = max(1, math.ceil((length_s - offset_s) / bar_s - 0.01))
        grid: tuple[float, ...] = ()
    else:
        # What is heard as beats may be half or twice as many as what is taken for them.
        level = (60 / float(np.median(np.diff(beats)))) / tempo
        level = min((0.5, 1.0, 2.0), key=lambda near: abs(math.log2(near / level)))
        grid, count = _lay_quarters(beats, first, level / (per_beat * feel), groove.meter, length_s)
        offset_s = grid[0]
    longest = max(1, min(_MOST_BARS, int(_LONGEST_S / bar_s)))
    bars = min(count, longest)
    return replace(
        groove,
        tempo=round(own, 6),
        bars=bars,
        offset_s=round(min(offset_s, 0.0), 6),
        beats=tuple(round(beat, 5) for beat in grid),
        energy=_measure_energy(heard, plan, offset_s, bar_s, bars),
    )


def _move_beats(plan: Plan, heard: Heard, source: Source) -> tuple[Times, int]:
    """The beats in time of the result, and which of them begins a bar."""
    found = heard.measured.tempo if heard.measured else None
    begin_s, kept_s = plan.start_frame / heard.sample_rate, plan.frames / heard.sample_rate
    if source.exact:
        return np.array([kept_s + begin_s if plan.reverse else -begin_s]) * plan.ratio, 0
    if found is None or not found.beats:
        return np.zeros(0), 0
    beats = np.array(found.beats) - begin_s
    downs = np.array(found.downbeats[:1] or found.beats[:1]) - begin_s
    if plan.reverse:
        beats, downs = (kept_s - beats)[::-1], kept_s - downs
    inside = (beats >= -1e-3) & (beats <= kept_s)
    beats = beats[inside] if inside.any() else beats
    nearest = int(np.argmin(np.abs(beats - downs[0])))
    return beats * plan.ratio, nearest


def _lay_quarters(
    beats: Times, first: int, step: float, meter: str, length_s: float
) -> tuple[tuple[float, ...], int]:
    """The times of the drums' quarters in whole bars that cover all of a piece that wanders, and how many bars.

    Between beats time runs evenly; before the first and after the last beat as in the four nearest.
    """
    known = [float(beat) for beat in beats]
    edge = min(4, len(known) - 1)
    before = (known[edge] - known[0]) / edge
    after = (known[-1] - known[-1 - edge]) / edge

    def time(position: float) -> float:
        if position <= 0:
            return known[0] + position * before
        if position >= len(known) - 1:
            return known[-1] + (position - len(known) + 1) * after
        low = int(position)
        return known[low] + (position - low) * (known[low + 1] - known[low])

    quarters = QUARTERS[meter]
    start = float(first)
    while time(start) > 1e-6:
        start -= quarters * step
    grid: list[float] = []
    count = 0
    while not count or grid[-1] < length_s:
        grid += [time(start + (count * quarters + quarter) * step) for quarter in range(quarters)]
        count += 1
        grid.append(time(start + count * quarters * step))
        end = grid.pop()
        if end >= length_s - 0.01:
            grid.append(end)
            break
    return tuple(grid), count


def _measure_energy(heard: Heard, plan: Plan, offset_s: float, bar_s: float, bars: int) -> tuple[float, ...]:
    """How loud the piece is in each bar, 0 to 1, for drums that follow it."""
    hops = len(heard.levels)
    times = (np.arange(hops) + 0.5) / LEVELS_PER_S - plan.start_frame / heard.sample_rate
    if plan.reverse:
        times = plan.frames / heard.sample_rate - times
    times = times * plan.ratio
    bar = np.floor((times - offset_s) / bar_s).astype(int)
    inside = (bar >= 0) & (bar < bars)
    total = np.bincount(bar[inside], heard.levels[inside].astype(np.float64), bars)
    counts = np.maximum(np.bincount(bar[inside], minlength=bars), 1)
    level = 10 * np.log10(np.maximum(total / counts, 1e-12))
    share = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1)
    return tuple(round(float(one), 2) for one in share)
