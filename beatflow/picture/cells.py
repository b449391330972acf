"""Cells of a terminal: a character, its two colours, and how a line of them is written for what the terminal can show.

Knows no sound. Colours are RGB until a line is written; then they are brought to the nearest the terminal has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.colour import Rgb, to_oklab

DEPTHS = ("truecolor", "256", "16", "none")
"""How many colours a terminal shows."""

BLOCKS = " ▁▂▃▄▅▆▇█"
# What xterm shows for its 16 colours, whatever the user made of them.
_SIXTEEN = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
_CUBE = (0, 95, 135, 175, 215, 255)
# Unicode, Braille patterns: dots 1, 2, 3, 7 down the left side and 4, 5, 6, 8 down the right.
_BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


@dataclass(frozen=True, slots=True)
class Cell:
    """One character; a colour of None is the terminal's own. ``swapped`` shows paper as ink and ink as paper."""

    text: str = " "
    ink: Rgb | None = None
    paper: Rgb | None = None
    swapped: bool = False
    bold: bool = False
    dim: bool = False


BLANK = Cell()


def write_cells(cells: Sequence[Cell], depth: str) -> str:
    """Return a line, without blanks at its end; with no colours at all for a depth of ``none``."""
    cells = list(cells)
    while cells and cells[-1].text == " " and cells[-1].paper is None and not cells[-1].swapped:
        cells.pop()
    if depth == "none":
        return "".join(cell.text for cell in cells)
    parts = []
    style = ""
    for cell in cells:
        wanted = _style(cell, depth)
        if wanted != style:
            parts.append(f"\x1b[0{wanted}m")
            style = wanted
        parts.append(cell.text)
    return "".join(parts) + ("\x1b[0m" if style else "")


def put(
    cells: list[Cell], at: int, text: str, ink: Rgb | None = None, *, bold: bool = False, dim: bool = False
) -> None:
    """Write text into a line from a cell on; what does not fit, or would steer a terminal, is not shown."""
    for number, letter in enumerate(text):
        letter = letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        if 0 <= at + number < len(cells):
            cells[at + number] = Cell(letter, ink, bold=bold, dim=dim)


def cut(text: str, width: int) -> str:
    """Cut off what does not fit."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def draw_dots(mask: NDArray[np.bool_]) -> list[str]:
    """Return a picture of dots, shape (4 * rows, 2 * columns), as lines of Braille; empty cells are blanks."""
    rows, columns = mask.shape[0] // 4, mask.shape[1] // 2
    grouped = mask[: rows * 4, : columns * 2].reshape(rows, 4, columns, 2)
    codes = (grouped * _BRAILLE[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(code)) if code else " " for code in row) for row in codes]


def _style(cell: Cell, depth: str) -> str:
    ink = f";{_code(cell.ink, depth, 38)}" if cell.ink else ""
    paper = f";{_code(cell.paper, depth, 48)}" if cell.paper else ""
    return (
        (";1" if cell.bold else "")
        + (";2" if cell.dim else "")
        + (";7" if cell.swapped else "")
        + ink
        + paper
    )


@cache
def _code(colour: Rgb, depth: str, layer: int) -> str:
    """Return the SGR code of a colour as ink (38) or paper (48)."""
    if depth == "truecolor":
        return f"{layer};2;{colour[0]};{colour[1]};{colour[2]}"
    if depth == "256":
        return f"{layer};5;{16 + _nearest(colour, depth)}"
    number = _nearest(colour, depth)
    bright = 60 if number >= 8 else 0
    return str(layer - 8 + bright + number % 8)


@cache
def _palette(depth: str) -> NDArray[np.float64]:
    """Return xterm's colours in OKLab: its 16, or its cube of 216 and its 24 greys."""
    cube = [(red, green, blue) for red in _CUBE for green in _CUBE for blue in _CUBE]
    greys = [(8 + 10 * step,) * 3 for step in range(24)]
    return to_oklab(np.array(_SIXTEEN if depth == "16" else [*cube, *greys], float) / 255)


def _nearest(colour: Rgb, depth: str) -> int:
    """Return which colour looks most like one; hues count more, so that dark blue does not become grey."""
    distances = (_palette(depth) - to_oklab(np.array(colour, float) / 255)) * (1.0, 2.0, 2.0)
    return int(np.argmin(np.square(distances).sum(axis=1)))
