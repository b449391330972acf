"""What there is to draw on in a terminal: how wide, in how many colours, with which signs. Draws nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.cells import Cell, draw_dots, write_cells
from beatflow.picture.colour import DARK, Rgb, Theme, parse_hex

GUTTER = 7
LEAST_WIDTH = 24
_MANY = ("truecolor", "256")


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
    def many(self) -> bool:
        """Whether there are colours enough for a colour map."""
        return self.depth in _MANY

    @property
    def pictures(self) -> bool:
        """Whether half a character can have one of many colours."""
        return self.many and self.unicode

    @property
    def across(self) -> int:
        """Dots to a column."""
        return 2 if self.unicode else 1

    @property
    def down(self) -> int:
        """Dots to a row."""
        return 4 if self.unicode else 1

    def role(self, role: str) -> Rgb | None:
        """Return a role's colour."""
        return parse_hex(self.theme[role]) if self.coloured else None

    def draw_mask(self, mask: NDArray[np.bool_], sign: str) -> list[str]:
        """Return dots as lines of Braille, or of a sign where there is none."""
        if self.unicode:
            return draw_dots(mask)
        return ["".join(sign if dot else " " for dot in row) for row in mask]

    def write(self, cells: Sequence[Cell]) -> str:
        """Return a line of text."""
        return write_cells(cells, self.depth)
