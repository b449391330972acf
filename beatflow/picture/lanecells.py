"""What a lane shows, painted into cells of a terminal: half blocks, eighths of blocks, dots of Braille, or plain signs.

Knows no words and no axes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.cells import BLANK, BLOCKS, Cell
from beatflow.picture.colour import Rgb, paint, parse_hex
from beatflow.picture.figure import Content, Curve, Shades, Wave
from beatflow.picture.screen import Screen

Grid = list[list[Cell]]
Array = NDArray[np.floating]
_SHADES, _ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
_ASCII_BLOCKS = " .:-=+*##"
_FULL_SCALE = 0.9999
_HATCHED = 1.6
"""Five signs for all that a colour map spans would look alike: they take the louder part of it, 50 dB."""


def paint_content(
    content: Content, rows: int, span_s: float, screen: Screen, below: Grid | None = None
) -> Grid:
    """Return the cells of what a lane shows.

    Parameters
    ----------
    content : Wave, Shades or Curve
    rows : int
    span_s : float
        How long the axis of time is.
    screen : Screen
    below : list of list of Cell, optional
        What is painted over; it is changed.
    """
    grid = below or [[BLANK] * screen.columns for _ in range(rows)]
    brush = _Brush(screen, span_s)
    if isinstance(content, Wave):
        brush.wave(grid, content)
    elif isinstance(content, Shades):
        brush.shades(grid, content)
    elif content.filled:
        brush.filled(grid, content)
    else:
        brush.curve(grid, content)
    return grid


class _Brush:
    """Paints on one screen."""

    def __init__(self, screen: Screen, span_s: float) -> None:
        self._screen, self._span_s = screen, span_s
        self._columns = screen.columns

    def shades(self, grid: Grid, shades: Shades) -> None:
        pictured = self._screen.many
        fine = len(grid) * (2 if pictured and self._screen.unicode else 1)
        values = spread(shades.values, shades.column_s, self._span_s, self._columns)
        known = np.flatnonzero(np.isfinite(values).all(axis=0))
        values = spread(np.nan_to_num(values).T, 1.0, float(len(values)), fine).T[::-1]
        if not pictured:
            self._hatch(grid, values, known, shades.map)
            return
        colours = paint(values, self._screen.theme.table(shades.map))
        for row, line in enumerate(grid):
            for column in known:
                if self._screen.unicode:
                    upper, lower = colours[2 * row, column], colours[2 * row + 1, column]
                    line[column] = Cell("▀", _rgb(upper), _rgb(lower))
                else:
                    line[column] = Cell(" ", None, _rgb(colours[row, column]))

    def _hatch(self, grid: Grid, values: Array, known: NDArray[np.intp], map: str) -> None:
        """Signs that are denser where there is more; sixteen colours are too few for more than what it is."""
        ramp = _SHADES if self._screen.unicode else _ASCII_SHADES
        for row, line in enumerate(grid):
            for column in known:
                value = float(values[row, column])
                role = "wave" if map == "tone" else "second"
                if map == "heat":
                    value = max(0.0, 1 - (1 - value) * _HATCHED)
                if map == "change":
                    role = "fifth" if value > 0.5 else "sixth"
                    value = abs(value - 0.5) * 2
                line[column] = Cell(ramp[round(value * (len(ramp) - 1))], self._screen.role(role))

    def wave(self, grid: Grid, wave: Wave) -> None:
        outline = wave.outline
        rows = len(grid)
        peaks = np.stack([outline.high, -outline.low, np.sqrt(outline.power)])
        spans = outline.column_s, self._span_s
        if not self._screen.coloured:
            self._plain_wave(
                grid, spread(peaks, *spans, self._columns * self._screen.across, largest=True), wave.reach
            )
            return
        peaks = spread(peaks, *spans, self._columns, largest=True)
        role = self._screen.role(wave.role)
        paper = parse_hex(self._screen.theme["paper"])
        assert role is not None
        strength = 0.35 if wave.faint else 1.0
        body, peak = _mix(role, paper, strength), _mix(role, paper, 0.5 * strength)
        half = rows // 2
        for column in range(self._columns):
            if not np.isfinite(peaks[0, column]):
                continue
            high, low, level = (float(value) / wave.reach for value in peaks[:, column])
            clipped = max(high, low) * wave.reach >= _FULL_SCALE
            tip = parse_hex(self._screen.theme["clip"]) if clipped else peak
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

    def _plain_wave(self, grid: Grid, peaks: Array, reach: float) -> None:
        """Dots of Braille, or signs, and no colours."""
        rows = len(grid) * (4 if self._screen.unicode else 1)
        places = (np.arange(rows)[:, None] + 0.5) / (rows / 2) - 1
        high, low = (np.nan_to_num(side, nan=-1.0) / reach for side in peaks[:2])
        mask = (places > -np.maximum(high, 0.02)) & (places < np.maximum(low, 0.02)) & np.isfinite(peaks[0])
        lay(grid, self._screen.draw_mask(mask, "#"), None)

    def filled(self, grid: Grid, curve: Curve) -> None:
        rows = len(grid)
        blocks = BLOCKS if self._screen.unicode else _ASCII_BLOCKS
        values = spread(curve.values[None], curve.column_s, self._span_s, self._columns, largest=True)[0]
        ink = self._screen.role(curve.role)
        for column in np.flatnonzero(np.isfinite(values)):
            for row in range(rows):
                part = _part(float(values[column]), rows, row)
                if part:
                    grid[rows - 1 - row][column] = Cell(blocks[part], ink)

    def curve(self, grid: Grid, curve: Curve) -> None:
        rows = len(grid)
        wide, high = self._columns * self._screen.across, rows * (4 if self._screen.unicode else 1)
        lead = np.full(max(0, round(curve.start_s / curve.column_s)), np.nan)
        values = spread(
            np.concatenate([lead, curve.values])[None],
            curve.column_s,
            self._span_s,
            wide,
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
        lay(grid, self._screen.draw_mask(mask, "*"), self._screen.role(curve.role))


def lay(grid: Grid, lines: Sequence[str], ink: Rgb | None) -> None:
    """Lay signs over what is there; dots join those below them."""
    for line, text in zip(grid, lines, strict=True):
        for column, sign in enumerate(text):
            below = line[column].text
            if sign == " ":
                continue
            if 0x2800 <= ord(below) < 0x2900 and 0x2800 <= ord(sign) < 0x2900:
                sign = chr(ord(sign) | ord(below))
            line[column] = Cell(sign, ink)


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


def _mix(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (
        round(share * one + (1 - share) * two) for one, two in zip(colour, other, strict=True)
    )
    return red, green, blue


def _rgb(colour: NDArray[np.uint8]) -> Rgb:
    return int(colour[0]), int(colour[1]), int(colour[2])
