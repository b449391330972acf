"""A blind test of whether two sounds can be told apart: ABX. Which of the two is X, what was answered, what it means.

Each trial, X is A or B by the throw of a coin. Who guesses is right in half of the trials; how likely it is to be right
so often by guessing is the one-sided binomial probability.
"""

import math
import random
from dataclasses import dataclass, field

TOLD_APART = 0.05
"""Below it, guessing is no longer believed: once in twenty tests it would still be that."""
MOST_TRIALS = 100


@dataclass(slots=True)
class Trials:
    """The trials of one test.

    Parameters
    ----------
    count : int
    seed : int
        Decides what X is in each.
    answers : list of int
        What X was taken for: 0 for A, 1 for B.
    """

    count: int
    seed: int
    answers: list[int] = field(default_factory=list)

    @property
    def truth(self) -> list[int]:
        """What X is in each trial."""
        coin = random.Random(self.seed)
        return [coin.getrandbits(1) for _ in range(self.count)]

    @property
    def finished(self) -> bool:
        """Whether all trials were answered."""
        return len(self.answers) >= self.count

    @property
    def x(self) -> int:
        """What X is now."""
        return self.truth[min(len(self.answers), self.count - 1)]

    @property
    def right(self) -> int:
        """How many answers are right so far."""
        return sum(answer == x for answer, x in zip(self.answers, self.truth, strict=False))

    @property
    def p_value(self) -> float | None:
        """How likely so many right answers, or more, are by guessing.

        None while trials are left: who stops when the figure pleases has shown nothing.
        """
        return guess_probability(self.right, self.count) if self.finished else None


def guess_probability(right: int, count: int) -> float:
    """Return how likely at least ``right`` of ``count`` throws of a coin come out right."""
    return float(sum(math.comb(count, hits) for hits in range(right, count + 1)) / (1 << count))


def find_needed(count: int) -> int | None:
    """Return how many right answers tell two sounds apart in so many trials; None where not even all do."""
    return next((right for right in range(count + 1) if guess_probability(right, count) < TOLD_APART), None)
