"""The answer to what ``bf diff`` is asked: what became of each file and of the mix, and what pictures need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.diff.comparison import Comparer, Difference
from beatflow.diff.composition import Composition, compare_mix
from beatflow.diff.question import Progress, Question
from beatflow.history import MODIFIED
from beatflow.timecode import Clock

if TYPE_CHECKING:
    from beatflow.diff.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted beside the words.

    Parameters
    ----------
    measure : bool
        Tempo and key of sounds of which they are not known.
    columns : int or None
        Drawings of so many columns.
    residual : Path or None
        Where to write the residual of the one sound that changed.
    """

    measure: bool = False
    columns: int | None = None
    residual: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of each file, in the order of their paths; drawings by path, of changed sounds only."""

    question: Question
    items: list[Difference]
    mix: Composition | None
    drawings: Mapping[str, "Drawing"]

    @property
    def different(self) -> bool:
        """Whether there is anything to hear or to read."""
        return any(not item.same for item in self.items)

    @property
    def damaged(self) -> bool:
        """Whether something could not be compared because stored data is missing or damaged."""
        return any(item.damaged for item in self.items)

    def clock_of(self, item: Difference) -> Clock:
        """Return the clock of a sound's new side."""
        rate = item.after.sample_rate if item.after else self.question.clock.sample_rate
        return replace(self.question.clock, sample_rate=rate)


def answer(question: Question, wish: Wish, progress: Progress) -> Answer:
    """Compare everything, file by file; what cannot be compared is told and the rest goes on.

    Raises
    ------
    UsageError
        A residual is wanted, and there is not just one changed sound.
    """
    lend = bool(wish.columns or wish.residual)
    comparer = Comparer(question.repository, question.old, question.new, wish.measure, lend)
    pairs = question.pairs
    chosen = question.get_only_sound() if wish.residual else None
    items: list[Difference] = []
    drawings: dict[str, Drawing] = {}
    for number, pair in enumerate(pairs):
        report = _share(progress, number, len(pairs), pair.path)
        report(0.0, "")
        with comparer.compare(pair, report) as (item, lent):
            items.append(item)
            if lent is None or item.explanation is None:
                continue
            if wish.columns or pair is chosen:
                from beatflow.diff.drawing import draw, write_residual

                if wish.columns:
                    drawings[item.path] = draw(lent, item.explanation, wish.columns)
                if pair is chosen and wish.residual:
                    write_residual(lent, item.explanation, wish.residual)
    changed = [item.path for item in items if item.state == MODIFIED and not item.same]
    mix = compare_mix(question.repository, question.old, question.new, pairs, changed)
    return Answer(question, items, mix, drawings)


def _share(progress: Progress, number: int, count: int, path: str) -> Progress:
    """Return the progress of one file among several."""
    return lambda fraction, _: progress((number + fraction) / count, path)
