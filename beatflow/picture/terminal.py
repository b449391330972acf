"""A figure as lines of text for a terminal, in as many colours as it has, down to ASCII in black and white.

Text from figures; knows no terminal, only how wide it is and what it can show.
"""

from collections.abc import Iterator

import numpy as np

from beatflow.picture.axis import choose_bars, iter_seconds
from beatflow.picture.cells import BLANK, Cell, cut, put
from beatflow.picture.colour import paint
from beatflow.picture.figure import Figure, Lane, Radar, Shades, fit_note
from beatflow.picture.lanecells import paint_content
from beatflow.picture.radarcells import draw_radar_cells
from beatflow.picture.screen import GUTTER, Screen

_TICK_COLUMNS = 9
_ROWS_PER_WEIGHT = 6.0


def draw_text(figure: Figure, screen: Screen) -> Iterator[str]:
    """Yield the lines of a picture."""
    painter = _Painter(figure, screen)
    yield from painter.head()
    for lane in figure.lanes:
        yield from painter.lane(lane)
    if figure.lanes:
        yield from painter.axis()
    if figure.radar:
        yield from painter.radar(figure.radar)


class _Painter:
    """Draws one figure on one screen."""

    def __init__(self, figure: Figure, screen: Screen) -> None:
        self._figure, self._screen, self._theme = figure, screen, screen.theme
        self._columns = screen.columns
        most = max(2, self._columns // _TICK_COLUMNS)
        self._bars = choose_bars(figure, most)
        self._seconds = list(iter_seconds(figure.start_s, figure.span_s, most))
        weights = sum(lane.weight for lane in figure.lanes)
        self._unit = _ROWS_PER_WEIGHT
        if screen.height and weights:
            self._unit = max(0.0, screen.height - 3 - 2 * len(figure.lanes)) / weights

    def _line(self, left: str, right: str, bold: bool = True) -> str:
        """A line of words: what it is, and figures at its end where there is room for both."""
        width = GUTTER + self._columns
        cells = [BLANK] * width
        left = cut(left, width)
        put(cells, 0, left, bold=bold)
        room = width - len(left) - 3
        right = _fit(right, room)
        if right:
            put(cells, width - len(right), right, dim=True)
        return self._screen.write(cells)

    def head(self) -> Iterator[str]:
        title, note = self._figure.title, self._figure.note
        if len(title) + len(note) + 3 <= GUTTER + self._columns:
            yield self._line(title, note)
        else:
            yield self._line(title, "")
            if note:
                yield self._line(_fit(note, GUTTER + self._columns), "", bold=False)

    def lane(self, lane: Lane) -> Iterator[str]:
        yield ""
        yield self._screen.write(self._name(lane))
        rows = self._count_rows(lane)
        grid = None
        for content in lane.contents:
            grid = paint_content(content, rows, self._figure.span_s, self._screen, grid)
        labels = _place_labels(lane, rows)
        for label, line in zip(labels, grid or [], strict=True):
            gutter = [BLANK] * GUTTER
            put(gutter, GUTTER - 1 - len(label), label, dim=True)
            yield self._screen.write(gutter + line)
        if lane.beats or lane.downbeats:
            yield self._screen.write([BLANK] * GUTTER + self._beats(lane))

    def _count_rows(self, lane: Lane) -> int:
        few = [len(content.values) for content in lane.contents if isinstance(content, Shades)]
        if few and few[0] <= 12:
            # A row for each pitch class: others would have some of them twice.
            return few[0] // 2 if self._screen.pictures else few[0]
        return max(4 if lane.weight >= 1 else 2, round(lane.weight * self._unit / 2) * 2)

    def _name(self, lane: Lane) -> list[Cell]:
        width = GUTTER + self._columns
        cells = [BLANK] * width
        name = cut(lane.name, width)
        put(cells, 0, name, bold=True)
        end = width
        if lane.scale and self._screen.pictures and width >= 60:
            table, low, high = lane.scale
            colours = paint(np.linspace(0, 1, 10), self._theme.table(table))
            put(cells, end - len(high), high, dim=True)
            end -= len(high) + 11
            for number, colour in enumerate(colours):
                cells[end + number] = Cell("█", (int(colour[0]), int(colour[1]), int(colour[2])))
            end -= len(low) + 1
            put(cells, end, low, dim=True)
            end -= 2
        at = len(name) + 3
        note = _fit(lane.note, end - at)
        if note:
            end -= len(note) + 3
            put(cells, end + 3, note, dim=True)
        mark = "━━" if self._screen.unicode else "--"
        legend = lane.legend if self._screen.coloured and len(lane.legend) > 1 else ()
        if sum(len(what) + 6 for _, what in legend) <= end - at:
            for role, what in legend:
                put(cells, at, mark, self._screen.role(role))
                put(cells, at + 3, what, dim=True)
                at += len(what) + 6
        return cells

    def _beats(self, lane: Lane) -> list[Cell]:
        """A line of marks: beats where there is room for them, and bars."""
        cells = [BLANK] * self._columns
        per_s = self._columns / self._figure.span_s if self._figure.span_s else 0.0
        beat, bar = ("╵", "╹") if self._screen.unicode else ("'", "|")
        for times, sign, role in ((lane.beats, beat, "beat"), (lane.downbeats, bar, "downbeat")):
            if len(times) > 1 and (times[-1] - times[0]) / (len(times) - 1) * per_s < 1.9:
                continue
            for time in times:
                column = min(int(time * per_s), self._columns - 1)
                put(cells, column, sign, self._screen.role(role), bold=sign == bar)
        return cells

    def axis(self) -> Iterator[str]:
        per_s = self._columns / self._figure.span_s if self._figure.span_s else 0.0
        for name, ticks in (("bar", self._bars), ("time", self._seconds)):
            if not ticks:
                continue
            cells = [BLANK] * (GUTTER + self._columns)
            put(cells, GUTTER - 1 - len(name), name, dim=True)
            end = 0
            for at, word in ticks:
                column = GUTTER + int(at * per_s + 1e-6)
                if column >= end and column + len(word) <= len(cells):
                    put(cells, column, word, dim=name == "time")
                    end = column + len(word) + 1
            yield self._screen.write(cells)

    def radar(self, radar: Radar) -> Iterator[str]:
        yield ""
        yield self._line("mood", radar.note)
        for cells in draw_radar_cells(radar, self._screen):
            yield self._screen.write(cells)


def _place_labels(lane: Lane, rows: int) -> list[str]:
    """The labels of a lane's scale, each in the row that it belongs to, no two in one."""
    labels = [""] * rows
    # The one that is nearest to a row's middle, of two the lower one.
    for place, word in sorted(
        lane.ticks, key=lambda tick: (-round(abs((tick[0] * rows) % 1 - 0.5), 3), -tick[0])
    ):
        labels[min(rows - 1, int((1 - place) * rows))] = word[: GUTTER - 1]
    return labels


def _fit(note: str, width: int) -> str:
    return fit_note(note, lambda text: len(text) <= width)
