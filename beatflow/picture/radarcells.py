"""A radar in cells of a terminal: its web in dots of Braille, and its figures as bars. Knows no moods."""

from collections.abc import Iterator, Sequence

import numpy as np

from beatflow.picture.cells import BLANK, Cell, cut, put
from beatflow.picture.figure import Radar, Series
from beatflow.picture.lanecells import lay
from beatflow.picture.radar import spoke
from beatflow.picture.screen import GUTTER, Screen

_ROWS, _WIDE = 14, 42
_ROOM_FOR_WEB = 70


def draw_radar_cells(radar: Radar, screen: Screen) -> Iterator[list[Cell]]:
    """Yield the lines of a radar: the web on the left, where there is room for it, and the figures."""
    web = (
        _draw_web(radar, screen)
        if screen.unicode and screen.columns >= _ROOM_FOR_WEB and radar.series
        else []
    )
    table = list(_draw_shares(radar, screen, screen.columns + GUTTER - (_WIDE + 2 if web else 2)))
    lead = max(0, (len(web) - len(table)) // 2)
    for row in range(max(len(web), len(table))):
        left = web[row] if row < len(web) else [BLANK] * (_WIDE if web else 0)
        right = table[row - lead] if 0 <= row - lead < len(table) else []
        yield [*left, BLANK, BLANK, *right]


def _draw_web(radar: Radar, screen: Screen) -> list[list[Cell]]:
    """The radar itself, in dots, with names at its spokes."""
    wide, rows = _WIDE, _ROWS
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
        lay(grid, screen.draw_mask(mask, "*"), screen.role("dim" if role == "line" else role))
    for number, name in enumerate(radar.axes):
        x, y = (middle + (radius + 3.5) * np.array(spoke(number, count))) / (2, 4)
        side = spoke(number, count)[0]
        at = x - len(name) / 2 if abs(side) < 0.1 else x + 0.5 if side > 0 else x - len(name)
        put(grid[min(max(int(y), 0), rows - 1)], max(0, min(int(at), wide - len(name))), name, dim=True)
    return grid


def _draw_shares(radar: Radar, screen: Screen, width: int) -> Iterator[list[Cell]]:
    """A bar and a figure for each quality, a column for each sound; what has no room beside others comes below."""
    name_wide = max((len(name) for name in radar.axes), default=0) + 1
    columns = max(1, min(len(radar.series), (width - name_wide) // 16))
    for first in range(0, len(radar.series), columns):
        if first:
            yield []
        few = radar.series[first : first + columns]
        yield from _draw_few(few, radar, screen, name_wide, (width - name_wide) // columns)


def _draw_few(
    few: Sequence[Series], radar: Radar, screen: Screen, name_wide: int, each: int
) -> Iterator[list[Cell]]:
    """The columns of a few sounds of a radar, each so wide."""
    bar = max(4, min(each - 7, 30))
    width = name_wide + each * len(few)
    if len(radar.series) > 1:
        cells = [BLANK] * width
        for number, (role, whose, _) in enumerate(few):
            put(cells, name_wide + number * each, cut(whose, each - 2), screen.role(role), bold=True)
        yield cells
    blocks = "▏▎▍▌▋▊▉█" if screen.unicode else "-" * 7 + "#"
    for name in radar.axes:
        cells = [BLANK] * width
        put(cells, 0, name)
        for number, (role, _, shares) in enumerate(few):
            share = shares.get(name, 0.0)
            eighths = round(bar * 8 * share / radar.reach)
            text = blocks[7] * (eighths // 8) + (blocks[eighths % 8 - 1] if eighths % 8 else "")
            at = name_wide + number * each
            put(cells, at, text, screen.role(role))
            put(cells, at + bar + 1, f"{share * 100:3.0f} %", dim=True)
        yield cells
