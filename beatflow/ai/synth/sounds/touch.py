"""How a note is touched, and what an instrument is. Knows no sound."""

from dataclasses import dataclass
from typing import Protocol

from beatflow.ai.synth.exactmath import Floats


@dataclass(frozen=True, slots=True)
class Touch:
    """What tells one tone of an instrument from another.

    Parameters
    ----------
    midi : int
    hardness : float
        0 the softest, 1 the hardest.
    glide : int
        Slid into from so many semitones away; a note that is slid into has no new attack.
    take : int
        Tells the round robin's tones apart.
    wobble : int
        Frames of one turn of a bass's filter; 0 leaves it at rest.
    """

    midi: int
    hardness: float
    glide: int = 0
    take: int = 0
    wobble: int = 0


class Instrument(Protocol):
    """A pitched sound."""

    @property
    def release_s(self) -> float:
        """How long a note rings on after its end (s)."""
        ...

    def tone(self, touch: Touch, frames: int) -> Floats:
        """A held tone, shape (frames,) or (frames, 2).

        The first n frames do not depend on ``frames``.
        """
        ...
