"""What a picture shows, as values: lanes above each other on one axis of time, and radars beside each other.

Figures and words only: no pixels, no colours but roles, no files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.outline import Outline
from beatflow.timecode import Clock

Array = NDArray[np.floating]
SEPARATOR = "  ·  "
"""Stands between the figures of a note."""
Tick = tuple[float, str]
"""A place, 0 at the bottom and 1 at the top, and what to write there."""


def fit_note(note: str, fits: Callable[[str], bool]) -> str:
    """Leave out the last of some figures until the others fit."""
    parts = note.split(SEPARATOR)
    while parts and not fits(SEPARATOR.join(parts)):
        parts.pop()
    return SEPARATOR.join(parts)


@dataclass(frozen=True, slots=True)
class Wave:
    """A waveform: peaks, and the level (RMS) within them.

    ``reach`` is the amplitude at the lane's edges, ``role`` its colour; ``faint`` for what is not to be heard.
    """

    outline: Outline
    reach: float
    role: str = "wave"
    faint: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shades:
    """A picture of values, shape (rows, columns), low row first: 0 to 1 of a colour map."""

    values: Array
    map: str
    column_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values over time, 0 at the bottom of the lane and 1 at its top; NaN leaves a gap.

    ``filled`` draws the area below it.
    """

    values: Array
    start_s: float
    column_s: float
    role: str
    name: str | None = None
    thick: bool = True
    filled: bool = False


Content = Wave | Shades | Curve


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip of a picture.

    Parameters
    ----------
    name, note : str
        What it is, and figures that go with it.
    contents : sequence
        What is drawn, in order.
    weight : float
        Its height relative to a waveform's.
    ticks : sequence of (float, str)
        Its own scale, from the bottom up.
    beats, downbeats : sequence of float
        Where to draw lines of time, seconds from the start of the picture.
    legend : sequence of (str, str)
        Roles and what they stand for, where there are several.
    scale : (str, str, str) or None
        For shades: the map, and what its two ends mean.
    sound : int or None
        Which of the figure's sounds is heard in it.
    """

    name: str
    contents: Sequence[Content]
    note: str = ""
    weight: float = 1.0
    ticks: Sequence[Tick] = ()
    beats: Sequence[float] = ()
    downbeats: Sequence[float] = ()
    legend: Sequence[tuple[str, str]] = ()
    scale: tuple[str, str, str] | None = None
    sound: int | None = None


Series = tuple[str, str, Mapping[str, float]]
"""A role, whose qualities these are, and the share of each."""


@dataclass(frozen=True, slots=True)
class Radar:
    """How strong each of some qualities is.

    Parameters
    ----------
    axes : sequence of str
        Qualities, clockwise from the top.
    series : sequence of (str, str, mapping)
        A role, whose it is, and the share of each quality.
    note : str
        What else is to be said.
    """

    axes: Sequence[str]
    series: Sequence[Series]
    note: str = ""

    @property
    def reach(self) -> float:
        """The share at the radar's edge: the next round one above all shares."""
        most = max((share for _, _, shares in self.series for share in shares.values()), default=0.0)
        return next((step for step in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8) if most <= step), 1.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A whole picture.

    Parameters
    ----------
    title, note : str
        What it shows, and figures of it.
    start_s, span_s : float
        Which time the picture begins with, and how much of it there is.
    clock : Clock
        For bars, where the tempo is known.
    lanes : sequence of Lane
    radar : Radar or None
    downbeats : sequence of float
        Where bars begin as they were heard, seconds from the picture's start, and ``first_bar`` the number of the first
        of them; they go before the clock's.
    sounds : sequence of str
        Names of the sounds in it.
    """

    title: str
    note: str
    start_s: float
    span_s: float
    clock: Clock
    lanes: Sequence[Lane] = ()
    radar: Radar | None = None
    downbeats: Sequence[float] = ()
    first_bar: int = 1
    sounds: Sequence[str] = ()
