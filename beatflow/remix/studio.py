"""Where a remix is worked on: its engines, its tapes, and how far it is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beatflow.ai.engine import Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.remix.tape import Tape, record
from beatflow.sound.audio import Audio


@dataclass(frozen=True, slots=True)
class Crew:
    """The engines of a remix: what makes music, and what takes old drums out; None where none is needed."""

    maker: Choice | None = None
    separator: Choice | None = None


NOBODY = Crew()


class Studio:
    """A place to work: gives names for tapes, and tells how far it is.

    Parameters
    ----------
    new_file : callable
        Gives a fresh path for a suffix.
    crew : Crew
    progress : callable
    """

    def __init__(
        self,
        new_file: Callable[[str], Path],
        crew: Crew = NOBODY,
        progress: Progress = no_progress,
    ) -> None:
        self._new_file = new_file
        self.crew = crew
        self.progress = progress

    def record(self, blocks: Iterable[Audio], what: str, frames: int, share: tuple[float, float]) -> Tape:
        """Put blocks on a new tape, and tell of it as a share of the whole work."""
        return record(self._watch(blocks, what, frames, share), self._new_file(".wav"))

    def _watch(
        self, blocks: Iterable[Audio], what: str, frames: int, share: tuple[float, float]
    ) -> Iterator[Audio]:
        done = 0
        low, high = share
        for block in blocks:
            done += block.frames
            self.progress(low + (high - low) * min(1.0, done / max(frames, 1)), what)
            yield block
