"""A drawn picture as shapes, which PNG and SVG are made of. Places in pixels from the top left; colours are roles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    role: str
    opacity: float = 1.0
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points."""

    points: Sequence[Point]
    role: str
    width: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    points: Sequence[Point]
    role: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Values of 0 to 1, shape (rows, columns), the top row first, in a colour map, stretched over a rectangle."""

    x: float
    y: float
    width: float
    height: float
    values: NDArray[np.floating]
    map: str


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; ``y`` is its base line, ``anchor`` is ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    role: str = "ink"
    size: float = 12.0
    anchor: str = "start"
    bold: bool = False


Shape = Rect | Line | Area | Image | Text


@dataclass(frozen=True, slots=True)
class Strip:
    """Where a lane lies, and which of the sounds it is of."""

    y: float
    height: float
    sound: int | None


@dataclass(slots=True)
class Scene:
    """A picture.

    Parameters
    ----------
    width, height : int
        Pixels.
    left, span : float
        Where the axis of time begins, and how long it is, in pixels.
    title : str
        For those who cannot see it.
    shapes : list
        In the order in which they are drawn.
    strips : list of Strip
        The lanes.
    """

    width: int
    height: int
    left: float
    span: float
    title: str
    shapes: list[Shape] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Draw on top of what is there."""
        self.shapes.extend(shapes)


def measure_text(text: str, size: float, bold: bool = False) -> float:
    """Return about how wide a text is, in pixels, rather more than less, whatever the font."""
    wide = sum(1.0 if ord(letter) > 0x2E80 else 0.32 if letter in " .,:;il|'-·" else 0.58 for letter in text)
    return size * wide * (1.06 if bold else 1.0)


def shorten(text: str, width: float, size: float, bold: bool = False) -> str:
    """Cut the middle out of a text that is wider than this."""
    if measure_text(text, size, bold) <= width:
        return text
    keep = len(text)
    while (
        keep > 2 and measure_text(text[: keep // 2] + "…" + text[-(keep - keep // 2) :], size, bold) > width
    ):
        keep -= 1
    return text[: keep // 2] + "…" + text[-(keep - keep // 2) :]
