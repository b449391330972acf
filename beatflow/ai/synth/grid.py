"""Musical time to frames: ticks, bars, swing; and the events that parts are written in. Knows no sound."""

from dataclasses import dataclass, field
from fractions import Fraction

from beatflow.ai.engine import QUARTERS
from beatflow.ai.synth.exactmath import RATE

TICKS = 960
"""Ticks in a quarter note, the beat that the tempo counts in every meter."""
STEP = TICKS // 4
"""A sixteenth."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A note as played: when (ticks, and frames beside the grid), how long, what, how hard.

    ``glide`` is how many semitones away it slides in from, ``wobble`` the ticks of one cycle of its filter.
    """

    tick: int
    length: int
    midi: int
    velocity: int
    shift: int = 0
    glide: int = 0
    wobble: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """The piece's ruler.

    Parameters
    ----------
    tempo : Fraction
        Quarter notes a minute.
    meter : str
        A key of ``QUARTERS``.
    bars : int
    swing : float
        Share of an eighth that its first sixteenth takes: 0.5 is straight, 0.66 a triplet.
    unit : int
        Sixteenths that swing as one: 1 as hip hop does, 2 where the eighths of a quarter swing, as in jazz.
    """

    tempo: Fraction
    meter: str
    bars: int
    swing: float = 0.5
    unit: int = 1
    bar: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bar", QUARTERS[self.meter] * TICKS)

    @property
    def steps(self) -> int:
        """Sixteenths in a bar."""
        return self.bar // STEP

    @property
    def end(self) -> int:
        """Length in ticks."""
        return self.bars * self.bar

    @property
    def frames(self) -> int:
        """Length in frames, rounded once from the exact rational."""
        return self.frame(self.end)

    def frame(self, tick: int) -> int:
        """The frame nearest to a tick, without swing."""
        return round(Fraction(tick * 60 * RATE, TICKS) / self.tempo)

    def swung(self, tick: int) -> int:
        """A tick moved by the swing: what lies inside a pair is stretched around the pair's middle."""
        half = self.unit * STEP
        whole, inside = divmod(tick, 2 * half)
        middle = round(self.swing * 2 * half)
        if inside <= half:
            return whole * 2 * half + inside * middle // half
        return whole * 2 * half + middle + (inside - half) * (2 * half - middle) // half
