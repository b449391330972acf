"""A figure as lines of text for a terminal, in as many colours as it has, down to ASCII in black and white.

Text from figures; knows no terminal, only how wide it is and what it can show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.axis import choose_bars, iter_seconds
from beatflow.picture.cells import BLANK, BLOCKS, Cell, draw_dots, put, write_cells
from beatflow.picture.colour import DARK, Rgb, Theme, paint, parse_hex
from beatflow.picture.figure import SEPARATOR, Curve, Figure, Lane, Radar, Shades, Wave
from beatflow.picture.radar import spoke

GUTTER = 7
LEAST_WIDTH = 24
_SHADES, _ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
_ASCII_BLOCKS = " .:-=+*##"
_TICK_COLUMNS = 9
_ROWS_PER_WEIGHT = 6.0
_RADAR_ROWS = 12
_FULL_SCALE = 0.9999
_MANY = ("truecolor", "256")
Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Screen:
    """What there is to draw on.

    Parameters
    ----------
    width : int
        Columns.
    height : int or None
        Lines that lanes should take together; None for as many as look well.
    depth : str
        Of `cells.DEPTHS`.
    unicode : bool
        Blocks and Braille can be shown.
    theme : Theme
    """

    width: int = 80
    height: int | None = None
    depth: str = "none"
    unicode: bool = True
    theme: Theme = DARK

    @property
    def columns(self) -> int:
        """How many columns the axis of time has."""
        return max(LEAST_WIDTH, self.width) - GUTTER - 1

    @property
    def coloured(self) -> bool:
        """Whether there are colours."""
        return self.depth != "none"

    @property
    def pictures(self) -> bool:
        """Whether half a character can have one of many colours."""
        return self.depth in _MANY and self.unicode


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

    def _role(self, role: str) -> Rgb | None:
        return parse_hex(self._theme[role]) if self._screen.coloured else None

    def _write(self, cells: Sequence[Cell]) -> str:
        return write_cells(cells, self._screen.depth)

    def _line(self, left: str, right: str, bold: bool = True) -> str:
        """A line of words: what it is, and figures at its end where there is room for both."""
        width = GUTTER + self._columns
        cells = [BLANK] * width
        left = _cut(left, width)
        put(cells, 0, left, bold=bold)
        room = width - len(left) - 3
        right = _fit(right, room)
        if right:
            put(cells, width - len(right), right, dim=True)
        return self._write(cells)

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
        yield self._write(self._name(lane))
        rows = self._count_rows(lane)
        grid = [[BLANK] * self._columns for _ in range(rows)]
        for content in lane.contents:
            if isinstance(content, Wave):
                self._wave(grid, content)
            elif isinstance(content, Shades):
                self._shades(grid, content)
            elif content.filled:
                self._filled(grid, content)
            else:
                self._curve(grid, content)
        labels = _place_labels(lane, rows)
        for label, line in zip(labels, grid, strict=True):
            gutter = [BLANK] * GUTTER
            put(gutter, GUTTER - 1 - len(label), label, dim=True)
            yield self._write(gutter + line)
        if lane.beats or lane.downbeats:
            yield self._write([BLANK] * GUTTER + self._beats(lane))

    def _count_rows(self, lane: Lane) -> int:
        few = [len(content.values) for content in lane.contents if isinstance(content, Shades)]
        if few and few[0] <= 12:
            # A row for each pitch class: others would have some of them twice.
            return few[0] // 2 if self._screen.pictures else few[0]
        return max(4 if lane.weight >= 1 else 2, round(lane.weight * self._unit / 2) * 2)

    def _name(self, lane: Lane) -> list[Cell]:
        width = GUTTER + self._columns
        cells = [BLANK] * width
        name = _cut(lane.name, width)
        put(cells, 0, name, bold=True)
        end = width
        if lane.scale and self._screen.pictures and width >= 60:
            table, low, high = lane.scale
            colours = paint(np.linspace(0, 1, 10), self._theme.table(table))
            put(cells, end - len(high), high, dim=True)
            end -= len(high) + 11
            for number, colour in enumerate(colours):
                cells[end + number] = Cell("█", _rgb(colour))
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
                put(cells, at, mark, self._role(role))
                put(cells, at + 3, what, dim=True)
                at += len(what) + 6
        return cells

    # Contents --------------------------------------------------------------------------------------------

    def _shades(self, grid: list[list[Cell]], shades: Shades) -> None:
        pictured = self._screen.depth in _MANY
        fine = len(grid) * (2 if pictured and self._screen.unicode else 1)
        values = spread(shades.values, shades.column_s, self._figure.span_s, self._columns)
        values = spread(values.T, 1.0, float(len(shades.values)), fine).T[::-1]
        known = np.flatnonzero(np.isfinite(values).all(axis=0))
        values = np.nan_to_num(values)
        if not pictured:
            self._hatch(grid, values, known, shades.map)
            return
        colours = paint(values, self._theme.table(shades.map))
        for row, line in enumerate(grid):
            for column in known:
                if self._screen.unicode:
                    upper, lower = colours[2 * row, column], colours[2 * row + 1, column]
                    line[column] = Cell("▀", _rgb(upper), _rgb(lower))
                else:
                    line[column] = Cell(" ", None, _rgb(colours[row, column]))

    def _hatch(self, grid: list[list[Cell]], values: Array, known: NDArray[np.intp], map: str) -> None:
        """Signs that are denser where there is more; sixteen colours are too few for more than what it is."""
        ramp = _SHADES if self._screen.unicode else _ASCII_SHADES
        for row, line in enumerate(grid):
            for column in known:
                value = float(values[row, column])
                role = "wave" if map == "tone" else "second"
                if map == "change":
                    role = "fifth" if value > 0.5 else "sixth"
                    value = abs(value - 0.5) * 2
                line[column] = Cell(ramp[round(value * (len(ramp) - 1))], self._role(role))

    def _wave(self, grid: list[list[Cell]], wave: Wave) -> None:
        outline = wave.outline
        rows = len(grid)
        peaks = np.stack([outline.high, -outline.low, np.sqrt(outline.power)])
        spans = outline.column_s, self._figure.span_s
        if not self._screen.coloured:
            self._plain_wave(
                grid, spread(peaks, *spans, self._columns * self._across, largest=True), wave.reach
            )
            return
        peaks = spread(peaks, *spans, self._columns, largest=True)
        role = self._role(wave.role)
        paper = parse_hex(self._theme["paper"])
        assert role is not None
        strength = 0.35 if wave.faint else 1.0
        body, peak = _mix(role, paper, strength), _mix(role, paper, 0.5 * strength)
        half = rows // 2
        for column in range(self._columns):
            if not np.isfinite(peaks[0, column]):
                continue
            high, low, level = (float(value) / wave.reach for value in peaks[:, column])
            clipped = max(high, low) * wave.reach >= _FULL_SCALE
            tip = parse_hex(self._theme["clip"]) if clipped else peak
            for side, reach in ((-1, high), (1, low)):
                inner = min(level, max(reach, 0.0))
                for row in range(half):
                    place = half - 1 - row if side < 0 else half + row
                    outer_part, inner_part = (_part(value, half, row) for value in (reach, inner))
                    ink = tip if row == half - 1 else peak
                    grid[place][column] = self._wave_cell(side, inner_part, outer_part, body, ink)

    def _wave_cell(self, side: int, inner: int, outer: int, body: Rgb, peak: Rgb) -> Cell:
        """A cell of a wave's upper (-1) or lower (1) half, filled by so many eighths from the middle line on."""
        blocks = BLOCKS if self._screen.unicode else _ASCII_BLOCKS
        part, ink, paper = (inner, body, peak if outer >= 6 else None) if inner else (outer, peak, None)
        if part == 0:
            return BLANK
        if part == 8 or not self._screen.unicode:
            return Cell(blocks[part], ink)
        if side < 0:
            return Cell(blocks[part], ink, paper)
        # There are no blocks that hang from the top: what is below them is drawn instead.
        return (
            Cell(blocks[8 - part], paper, ink) if paper else Cell(blocks[8 - part], ink, None, swapped=True)
        )

    def _plain_wave(self, grid: list[list[Cell]], peaks: Array, reach: float) -> None:
        """Dots of Braille, or signs, and no colours."""
        rows = len(grid) * (4 if self._screen.unicode else 1)
        places = (np.arange(rows)[:, None] + 0.5) / (rows / 2) - 1
        high, low = (np.nan_to_num(side, nan=-1.0) / reach for side in peaks[:2])
        mask = (places > -np.maximum(high, 0.02)) & (places < np.maximum(low, 0.02)) & np.isfinite(peaks[0])
        self._lay(grid, self._draw_mask(mask, "#"), None)

    @property
    def _across(self) -> int:
        """Dots to a column."""
        return 2 if self._screen.unicode else 1

    def _draw_mask(self, mask: NDArray[np.bool_], sign: str) -> list[str]:
        if self._screen.unicode:
            return draw_dots(mask)
        return ["".join(sign if dot else " " for dot in row) for row in mask]

    def _filled(self, grid: list[list[Cell]], curve: Curve) -> None:
        rows = len(grid)
        blocks = BLOCKS if self._screen.unicode else _ASCII_BLOCKS
        values = spread(curve.values[None], curve.column_s, self._figure.span_s, self._columns, largest=True)[
            0
        ]
        ink = self._role(curve.role)
        for column in np.flatnonzero(np.isfinite(values)):
            for row in range(rows):
                part = _part(float(values[column]), rows, row)
                if part:
                    grid[rows - 1 - row][column] = Cell(blocks[part], ink)

    def _curve(self, grid: list[list[Cell]], curve: Curve) -> None:
        rows = len(grid)
        wide, high = self._columns * self._across, rows * (4 if self._screen.unicode else 1)
        lead = np.full(max(0, round(curve.start_s / curve.column_s)), np.nan)
        values = spread(
            np.concatenate([lead, curve.values])[None],
            curve.column_s,
            self._figure.span_s,
            wide,
            largest=True,
        )[0]
        mask = np.zeros((high, wide), bool)
        before = None
        for column in range(wide):
            if not np.isfinite(values[column]):
                before = None
                continue
            row = high - 1 - min(high - 1, max(0, int(values[column] * high)))
            first, last = sorted((row, row if before is None else before))
            mask[first : last + 1, column] = True
            before = row
        lines = (
            draw_dots(mask)
            if self._screen.unicode
            else ["".join("*" if dot else " " for dot in row) for row in mask]
        )
        self._lay(grid, lines, self._role(curve.role))

    def _lay(self, grid: list[list[Cell]], lines: Sequence[str], ink: Rgb | None) -> None:
        """Lay signs over what is there; dots join those below them."""
        for line, text in zip(grid, lines, strict=True):
            for column, sign in enumerate(text):
                below = line[column].text
                if sign == " ":
                    continue
                if 0x2800 <= ord(below) < 0x2900 and 0x2800 <= ord(sign) < 0x2900:
                    sign = chr(ord(sign) | ord(below))
                line[column] = Cell(sign, ink)

    def _beats(self, lane: Lane) -> list[Cell]:
        """A line of marks: beats where there is room for them, and bars."""
        cells = [BLANK] * self._columns
        per_s = self._columns / self._figure.span_s if self._figure.span_s else 0.0
        beat, bar = ("╵", "╹") if self._screen.unicode else ("'", "|")
        for times, sign, role in ((lane.beats, beat, "beat"), (lane.downbeats, bar, "downbeat")):
            if len(times) > 1 and (times[-1] - times[0]) / (len(times) - 1) * per_s < 1.9:
                continue
            for time in times:
                put(
                    cells, min(int(time * per_s), self._columns - 1), sign, self._role(role), bold=sign == bar
                )
        return cells

    # Below -----------------------------------------------------------------------------------------------

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
            yield self._write(cells)

    def radar(self, radar: Radar) -> Iterator[str]:
        yield ""
        yield self._line("mood", radar.note)
        web = self._web(radar) if self._screen.unicode and self._columns >= 70 and radar.series else []
        table = list(self._shares(radar, self._columns + GUTTER - (44 if web else 2)))
        rows = max(len(web), len(table))
        lead = max(0, (len(web) - len(table)) // 2)
        for row in range(rows):
            left = web[row] if row < len(web) else [BLANK] * (42 if web else 0)
            right = table[row - lead] if 0 <= row - lead < len(table) else []
            yield self._write([*left, BLANK, BLANK, *right])

    def _web(self, radar: Radar) -> list[list[Cell]]:
        """The radar itself, in dots, with names at its spokes."""
        wide, rows = 42, _RADAR_ROWS + 2
        grid = [[BLANK] * wide for _ in range(rows)]
        count = len(radar.axes)
        middle, radius = np.array([wide, rows * 2]), rows * 2 - 6
        for role, _, shares in [("line", "", dict.fromkeys(radar.axes, radar.reach)), *radar.series]:
            mask = np.zeros((rows * 4, wide * 2), bool)
            corners = [
                middle + radius * np.array(spoke(number, count, shares.get(name, 0.0) / radar.reach))
                for number, name in enumerate(radar.axes)
            ]
            for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
                steps = int(np.abs(end - start).max() * 2) + 2
                for x, y in np.linspace(start, end, steps).round().astype(int):
                    if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]:
                        mask[y, x] = True
            self._lay(grid, draw_dots(mask), self._role("dim" if role == "line" else role))
        for number, name in enumerate(radar.axes):
            x, y = (middle + (radius + 3.5) * np.array(spoke(number, count))) / (2, 4)
            side = spoke(number, count)[0]
            at = x - len(name) / 2 if abs(side) < 0.1 else x + 0.5 if side > 0 else x - len(name)
            put(grid[min(max(int(y), 0), rows - 1)], max(0, min(int(at), wide - len(name))), name, dim=True)
        return grid

    def _shares(self, radar: Radar, width: int) -> Iterator[list[Cell]]:
        """A bar and a figure for each quality, a column for each sound as far as there is room."""
        name_wide = max((len(name) for name in radar.axes), default=0) + 1
        columns = max(1, min(len(radar.series), (width - name_wide) // 16))
        each = (width - name_wide) // columns
        bar = max(4, min(each - 7, 30))
        series = radar.series[:columns]
        if len(radar.series) > 1:
            cells = [BLANK] * width
            for number, (role, whose, _) in enumerate(series):
                put(cells, name_wide + number * each, _cut(whose, each - 2), self._role(role), bold=True)
            yield cells
        blocks = "▏▎▍▌▋▊▉█" if self._screen.unicode else "-" * 7 + "#"
        for name in radar.axes if radar.series else ():
            cells = [BLANK] * width
            put(cells, 0, name)
            for number, (role, _, shares) in enumerate(series):
                share = shares.get(name, 0.0)
                eighths = round(bar * 8 * share / radar.reach)
                text = blocks[7] * (eighths // 8) + (blocks[eighths % 8 - 1] if eighths % 8 else "")
                at = name_wide + number * each
                put(cells, at, text, self._role(role))
                put(cells, at + bar + 1, f"{share * 100:3.0f} %", dim=True)
            yield cells


def spread(values: Array, column_s: float, span_s: float, columns: int, largest: bool = False) -> Array:
    """Bring values, shape (rows, n) with so many seconds to a column, to columns that share a span of time.

    Each is the mean, or the largest, of those that lie in it, or the nearest one; NaN beyond the end.
    """
    count = values.shape[1]
    result = np.full((len(values), columns), np.nan)
    if not count or span_s <= 0:
        return result
    edges = np.arange(columns + 1) * (span_s / columns / column_s)
    for column in range(columns):
        first = int(edges[column] + 1e-6)
        if first >= count:
            break
        part = values[:, first : max(first + 1, min(int(np.ceil(edges[column + 1] - 1e-6)), count))]
        known = part[:, np.isfinite(part).all(axis=0)]
        if known.shape[1]:
            result[:, column] = known.max(axis=1) if largest else known.mean(axis=1)
    return result


def _part(value: float, rows: int, row: int) -> int:
    """How many eighths of a row, counted from the bottom, a height of 0 to 1 fills; a little of anything shows."""
    eighths = int(np.ceil(np.clip(value, 0, 1) * rows * 8 - 1e-9))
    return min(max(eighths - 8 * row, 0), 8)


def _place_labels(lane: Lane, rows: int) -> list[str]:
    """The labels of a lane's scale, each in the row that it belongs to, no two in one."""
    labels = [""] * rows
    # The one that is nearest to a row's middle.
    for place, word in sorted(lane.ticks, key=lambda tick: -abs((tick[0] * rows) % 1 - 0.5)):
        labels[min(rows - 1, int((1 - place) * rows))] = word[: GUTTER - 1]
    return labels


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _fit(note: str, width: int) -> str:
    """Leave out the last of some figures until the others fit."""
    parts = note.split(SEPARATOR)
    while parts and len(SEPARATOR.join(parts)) > width:
        parts.pop()
    return SEPARATOR.join(parts)


def _mix(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (
        round(share * one + (1 - share) * two) for one, two in zip(colour, other, strict=True)
    )
    return red, green, blue


def _rgb(colour: NDArray[np.uint8]) -> Rgb:
    return int(colour[0]), int(colour[1]), int(colour[2])
