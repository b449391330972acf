"""Progressions over the bars: each section its own, dominants that lead on, cadences; or what is there already.

Knows chords, no voices and no sounds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beatflow.ai.engine import Context
from beatflow.ai.synth.composing.chord import (
    Chord,
    Span,
    dominant_of,
    parse_chord,
    parse_numeral,
    scale_chord,
    tritone_of,
)
from beatflow.ai.synth.composing.form import Bar
from beatflow.ai.synth.genres import Genre
from beatflow.ai.synth.grid import TICKS, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.sound.tonality import Key

_HOME = re.compile(r"[iI](?![iIvV])")
"""A progression that begins on the tonic."""
Cells = list[tuple[int, Chord]]
"""(ticks after the bar line, chord) of one bar."""


@dataclass(frozen=True, slots=True)
class Harmony:
    """What chords are drawn from."""

    grid: Grid
    key: Key
    genre: Genre
    tones: int
    colour: float
    stream: Stream

    @property
    def half(self) -> int:
        """Where a bar's second chord begins (ticks)."""
        return 2 * TICKS if self.grid.meter != "6/8" else self.grid.bar // 2

    def progression(self, slot: str) -> list[Cells]:
        """A slot's progression: the verse's begins at home, the chorus has another, the bridge one that begins away."""
        tables = self.genre.minor_progressions if self.key.mode == "min" else self.genre.major_progressions
        rest = list(tables)
        home = [table for table in rest if _HOME.match(table)] or rest
        drawn = home[self.stream.below(len(home))]
        for other in "bc"[: "abc".index(slot)]:
            rest = [table for table in rest if table != drawn] or list(tables)
            if other == "c":
                rest = [table for table in rest if not _HOME.match(table)] or rest
            drawn = self.stream.fork(other).choice(rest)
        own = self.stream.fork("colour", slot)
        return [self._cells(text.split(","), own.choice(self.genre.colours)) for text in drawn.split()]

    def _cells(self, numerals: Sequence[str], colour: str) -> Cells:
        # A suspended tonic leaves open whether the key is major or minor.
        chords = [
            parse_numeral(
                text, self.key, self.tones, "" if _HOME.fullmatch(text) and colour != "add9" else colour
            )
            for text in numerals
        ]
        return [(place * self.half, chord) for place, chord in enumerate(chords[:2])]


def lay_chords(harmony: Harmony, bars: Sequence[Bar], resolve: bool) -> list[Span]:
    """A progression for every section, led on at its seams; home at a real ending."""
    tables = {slot: harmony.progression(slot) for slot in sorted({bar.slot for bar in bars})}
    cells: list[Cells] = []
    for bar in bars:
        table = tables[bar.slot]
        cells.append(list(_fold(table, bar.size)[bar.inside % min(len(table), max(bar.size, 1))]))
    for bar in bars:
        following = bars[(bar.index + 1) % len(bars)]
        if len(cells[bar.index]) == 1:
            _lead_on(harmony, bar, cells, cells[following.index][0][1])
    if resolve and len(bars) > 1:
        _cadence(harmony, cells)
    return to_spans(harmony.grid, cells)


def _fold(table: list[Cells], size: int) -> list[Cells]:
    """A progression for a section shorter than itself: its beginning and its end."""
    if size >= len(table):
        return table
    head = size // 2
    return table[:head] + table[len(table) - (size - head) :]


def _lead_on(harmony: Harmony, bar: Bar, cells: list[Cells], goal: Chord) -> None:
    """The second half of a bar may lead to the next chord: by the key's dominant at a seam, by its own elsewhere."""
    own = harmony.stream.fork("leading", bar.material, bar.inside)
    here = cells[bar.index][0][1]
    genre, key = harmony.genre, harmony.key
    seam, secondary, tritone, minor = own.uniform(), own.uniform(), own.uniform(), own.uniform()
    dominant = "v" if key.mode == "min" and minor < 0.3 else "V"
    if bar.inside % 8 == 7 or (bar.inside == bar.size - 1 and bar.size >= 8):
        away = here.root not in (key.tonic, (key.tonic + 7) % 12)
        if genre.turnaround and away and goal.root == key.tonic and seam < 0.45:
            cells[bar.index].append((harmony.half, parse_numeral(dominant, key, harmony.tones)))
        return
    chance = genre.chromatic * (1.0 + harmony.colour) + 0.06 * max(0.0, harmony.colour)
    apart = here.root != goal.root and (here.root - goal.root) % 12 != 7
    if bar.inside % 2 == 1 and apart and 7 in goal.intervals and secondary < chance:
        leading = dominant_of(goal, harmony.tones > 4)
        if tritone < genre.tritone:
            leading = tritone_of(leading)
        cells[bar.index].append((harmony.half, leading))


def _cadence(harmony: Harmony, cells: list[Cells]) -> None:
    """Home in the last bar, and the dominant before it where the genre has one."""
    key = harmony.key
    home = next(
        (
            chord
            for bar in cells
            for _, chord in bar
            if chord.root == key.tonic and chord.third == scale_third(key)
        ),
        scale_chord(key, 0, harmony.tones),
    )
    cells[-1] = [(0, home)]
    last = cells[-2][-1][1]
    if harmony.genre.turnaround and len(cells) > 2 and last.root == key.tonic:
        cells[-2] = [(0, last), (harmony.half, parse_numeral("V", key, harmony.tones))]


def scale_third(key: Key) -> int:
    """Semitones from the tonic to the key's third."""
    return 3 if key.mode == "min" else 4


def to_spans(grid: Grid, cells: Sequence[Cells]) -> list[Span]:
    """Spans of chords, bar by bar; one that is out of the bar is left out."""
    spans = []
    for bar, inside in enumerate(cells):
        fitting = [(offset, chord) for offset, chord in inside if offset < grid.bar]
        ends = [offset for offset, _ in fitting[1:]] + [grid.bar]
        for (offset, chord), end in zip(fitting, ends, strict=True):
            spans.append(Span(bar * grid.bar + offset, end - offset, chord))
    return spans


def follow_chords(context: Context, grid: Grid, key: Key, resolve: bool) -> list[Span]:
    """The chords that are there already, and after them the same ones over again.

    Chords before the start are taken as what a continuation goes on with, in periods of eight, four, two or one bars.

    Parameters
    ----------
    context : Context
        With chords.
    grid : Grid
        Whose first bar line lies ``context.phase`` quarters before the new music.
    key : Key
    resolve : bool
        Home in the last bar.
    """
    known = _heard(context, grid, key)
    if not known:
        return []
    before = [bar for bar in known if bar < 0]
    period = _period(known, before) if before else max(known) + 1
    cells: list[Cells] = []
    for bar in range(grid.bars):
        while bar not in known:
            source = bar - period
            known[bar] = known[source] if source in known else known[max(b for b in known if b < bar)]
        cells.append(known[bar])
    if resolve and grid.bars > 1 and before:
        cells[-1] = [(0, scale_chord(key, 0, 3))]
    return to_spans(grid, cells)


def _heard(context: Context, grid: Grid, key: Key) -> dict[int, Cells]:
    """Bar to what sounds in it, from the first chord's bar to the last one's; changes lie on quarters."""
    quarters = grid.tempo / 60
    changes: dict[int, Chord] = {}
    for start_s, name in sorted(context.chords):
        chord = parse_chord(name, key)
        if chord is not None:
            changes[round(start_s * float(quarters) + context.phase) * TICKS] = chord
    if not changes:
        return {}
    ticks = sorted(changes)
    # A chord that began in the first bar sounded from its start; the last one holds to the end of its bar.
    known: dict[int, Cells] = {}
    first = ticks[0] // grid.bar
    last = max(ticks[-1] // grid.bar, -1 if ticks[0] < 0 else 0)
    current = changes[ticks[0]]
    for bar in range(first, last + 1):
        start = bar * grid.bar
        inside = [(tick - start, changes[tick]) for tick in ticks if start <= tick < start + grid.bar]
        if not inside or inside[0][0] > 0:
            inside.insert(0, (0, current))
        known[bar] = [cell for i, cell in enumerate(inside) if i == 0 or cell[1] != inside[i - 1][1]]
        current = inside[-1][1]
    return known


def _period(known: Mapping[int, Cells], before: Sequence[int]) -> int:
    """After how many bars the chords come round: the shortest that holds, at most eight."""
    for period in (1, 2, 4, 8):
        pairs = [(bar, bar - period) for bar in before if bar - period in known]
        if pairs and len(pairs) >= period and all(known[a] == known[b] for a, b in pairs):
            return period
    return 8 if len(before) >= 8 else 4 if len(before) >= 4 else len(before)
