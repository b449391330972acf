"""The grid of bars and beats under a recording, as a tempo that changes in steps: what sequencers call a tempo map.

A tempo counts quarter notes per minute. Where the score names one, bar 1 begins at 0 and the tempo holds. Where it was
heard, bar lines are laid on the downbeats: one tempo where it is steady, one for each bar where it drifts. Pure
arithmetic.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

UNKNOWN_TEMPO = 120.0
"""What sequencers assume."""
SLOWEST, FASTEST = 10.0, 900.0
"""Beyond these some sequencers refuse a project."""

_METER = re.compile(r"([1-9]\d?)/(1|2|4|8|16|32)")
_ON_THE_LINE_S = 0.03
_CONFIDENT = 0.3
_FEWEST_DOWNBEATS = 3


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """From ``start_s`` on: quarter notes per minute, and the meter as two numbers."""

    start_s: float
    tempo: float
    meter: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Tempi in order of time, the first at 0; ``known`` is False where nobody knows any."""

    points: tuple[TempoPoint, ...]
    known: bool = True

    @property
    def tempo(self) -> float:
        """The one that holds longest but for the last, which has no end: that one where there are only two."""
        if len(self.points) < 3:
            return self.points[-1].tempo
        lengths: dict[float, float] = {}
        for one, other in pairwise(self.points):
            lengths[one.tempo] = lengths.get(one.tempo, 0.0) + other.start_s - one.start_s
        return max(lengths, key=lambda tempo: lengths[tempo])

    @property
    def meter(self) -> tuple[int, int]:
        """The last one: only a lead-in has another."""
        return self.points[-1].meter

    def quarters_at(self, time_s: float) -> float:
        """Return how many quarter notes go by from 0 to a time."""
        quarters = 0.0
        for number, point in enumerate(self.points):
            last = number + 1 == len(self.points)
            end_s = time_s if last else min(self.points[number + 1].start_s, time_s)
            if end_s <= point.start_s and number:
                break
            quarters += (end_s - point.start_s) * point.tempo / 60
        return quarters


def read_meter(text: str | None) -> tuple[int, int]:
    """Read ``6/8``; what is no meter counts as 4/4."""
    found = _METER.fullmatch(text or "")
    return (int(found[1]), int(found[2])) if found else (4, 4)


def make_map(tempo: float | None, meter: str | None, heard: Mapping[str, Any]) -> TempoMap:
    """Return the tempo map of a piece.

    Parameters
    ----------
    tempo, meter : float, str or None
        What the score says.
    heard : mapping
        Figures of `sound.analysis.Analysis` of its mix, as far as they are known: ``tempo``, ``tempo_confidence``,
        ``tempo_steady``, ``meter``, ``downbeats``, ``downbeat_confidence``.
    """
    signature = read_meter(meter or heard.get("meter"))
    if tempo:
        return TempoMap((TempoPoint(0.0, tempo, signature),))
    found = heard.get("tempo")
    if not found or heard.get("tempo_confidence", 1.0) < _CONFIDENT:
        return TempoMap((TempoPoint(0.0, UNKNOWN_TEMPO, signature),), known=False)
    lines = heard.get("downbeats") or ()
    # Bars need a meter that was heard: one that is only declared may count another number of beats.
    sure = heard.get("downbeat_confidence", 0.0) >= _CONFIDENT and signature == read_meter(heard.get("meter"))
    if len(lines) < _FEWEST_DOWNBEATS or not sure:
        return TempoMap((TempoPoint(0.0, float(found), signature),))
    return TempoMap(tuple(_lay_bars(lines, signature, bool(heard.get("tempo_steady", True)))))


def _lay_bars(lines: Sequence[float], meter: tuple[int, int], steady: bool) -> list[TempoPoint]:
    """Return tempi that put bar lines on downbeats."""
    bar_s = median(after - before for before, after in pairwise(lines))
    counted = _count_bars(lines, bar_s)
    quarters = meter[0] * 4 / meter[1]
    if steady:
        first_s, bar_s = _fit_line(counted)
        first_s %= bar_s
        if bar_s - first_s < _ON_THE_LINE_S:
            first_s = 0.0
        bars = [(first_s, _clip(quarters * 60 / bar_s))]
    else:
        bars = [
            (start_s, _clip((after - number) * quarters * 60 / (end_s - start_s)))
            for (number, start_s), (after, end_s) in pairwise(counted)
        ]
        first_s = counted[0][1]
    points = [TempoPoint(start_s, tempo, meter) for start_s, tempo in bars]
    if first_s < _ON_THE_LINE_S:
        return [TempoPoint(0.0, points[0].tempo, meter), *points[1:]]
    return _lead_in(points, bar_s)


def _lead_in(points: Sequence[TempoPoint], bar_s: float) -> list[TempoPoint]:
    """Return tempi for what comes before the first bar line as well.

    The beats before it make a bar of their own, with whole ones behind it where there is room; less than half a beat
    makes the first bar longer instead.
    """
    first, rest = points[0], points[1:]
    beats, unit = first.meter
    whole = int(first.start_s / bar_s)
    count = round((first.start_s - whole * bar_s) / (bar_s / beats))
    before = count + whole * beats
    tempo = _clip(before * 4 / unit * 60 / first.start_s)
    if not before:
        line = rest[0] if rest else TempoPoint(first.start_s + bar_s, first.tempo, first.meter)
        bars = max(round((line.start_s - first.start_s) / bar_s), 1)
        slower = _clip(bars * beats * 4 / unit * 60 / line.start_s)
        return [TempoPoint(0.0, slower, first.meter), line, *rest[1:]]
    if not count % beats:
        return [TempoPoint(0.0, tempo, first.meter), *points]
    short = TempoPoint(0.0, tempo, (count, unit))
    bars_s = first.start_s * count / before
    return [short, *([TempoPoint(bars_s, tempo, first.meter)] if whole else []), *points]


def _count_bars(lines: Sequence[float], bar_s: float) -> list[tuple[int, float]]:
    """Number downbeats, ones that were missed counted too; what follows too soon is left out."""
    counted = [(0, float(lines[0]))]
    for line in lines[1:]:
        bars = round((line - counted[-1][1]) / bar_s)
        if bars:
            counted.append((counted[-1][0] + bars, float(line)))
    return counted


def _fit_line(counted: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Return where bar 0 begins and how long a bar is, by least squares."""
    count = len(counted)
    mean_bar = sum(bar for bar, _ in counted) / count
    mean_s = sum(line for _, line in counted) / count
    spread = sum((bar - mean_bar) ** 2 for bar, _ in counted)
    slope = sum((bar - mean_bar) * (line - mean_s) for bar, line in counted) / spread
    return mean_s - slope * mean_bar, slope


def _clip(tempo: float) -> float:
    return min(max(tempo, SLOWEST), FASTEST)
