"""Musical time to frames: ticks, bars, swing; and the events that parts are written in. Knows no sound."""

from dataclasses import dataclass, field
from fractions import Fraction

from beatflow.ai.synth.exactmath import RATE

TICKS = 960
"""Ticks in a quarter note, the beat that the tempo counts in every meter."""
STEP = TICKS // 4
"""A sixteenth."""
METERS = {"4/4": 4, "3/4": 3, "6/8": 3}
"""Quarter notes in a bar. As in MIDI and in every sequencer, a 6/8 bar lasts three quarters."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A note as played: when (ticks, and frames beside the grid), how long, what, how hard, from where."""

    tick: int
    length: int
    midi: int
    velocity: int
    shift: int = 0
    glide: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """The piece's ruler.

    Parameters
    ----------
    tempo : Fraction
        Quarter notes a minute.
    meter : str
        A key of ``METERS``.
    bars : int
    swing : float
        Share of an eighth that its first sixteenth takes: 0.5 is straight, 0.66 a triplet.
    """

    tempo: Fraction
    meter: str
    bars: int
    swing: float = 0.5
    bar: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bar", METERS[self.meter] * TICKS)

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
        """A tick moved by the swing: what lies inside an eighth is stretched around its middle."""
        whole, inside = divmod(tick, TICKS // 2)
        middle = round(self.swing * (TICKS // 2))
        if inside <= STEP:
            return whole * (TICKS // 2) + inside * middle // STEP
        return whole * (TICKS // 2) + middle + (inside - STEP) * (TICKS // 2 - middle) // STEP
