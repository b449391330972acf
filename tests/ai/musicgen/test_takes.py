"""What is tried when memory runs out, and that nothing that was done is done again."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.takes import Effort, Job, draw_takes
from beatflow.errors import MemoryShortError

from .test_windows import Counter


@dataclass
class Short(Counter):
    """A runtime that holds so many steps of all takes together, and once makes room for twice as many."""

    holds: int = 100
    spare: bool = False
    drawn: list[int] = field(default_factory=list)

    def sample_tokens(
        self, prompts, steps, sampling, seeds, lead=None, melodies=None, report=lambda done: None
    ):
        if len(prompts) * (steps + (0 if lead is None else lead.shape[2])) > self.holds:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.drawn += seeds
        return super().sample_tokens(prompts, steps, sampling, seeds, lead, melodies, report)

    def make_room(self):
        if self.spare:
            self.spare = False
            self.holds *= 2
            return True
        return False


def draw(runtime: Short, takes: int, steps: int = 50):
    told: list[str] = []
    seen: list[int] = []
    made, effort = draw_takes(
        runtime,
        Job("x", steps, Sampling()),
        list(range(takes)),
        Effort(takes, 5.0),
        seen.append,
        told.append,
        "less",
    )
    assert seen == sorted(seen)
    assert seen[-1] == takes * steps
    return made, effort, told


def test_all_at_once_where_it_fits() -> None:
    made, effort, told = draw(Short(holds=200), 4)
    assert [(take.batch, take.index) for take in made] == [((0, 1, 2, 3), index) for index in range(4)]
    assert (effort.takes, told) == (4, [])


def test_fewer_takes_at_once() -> None:
    runtime = Short(holds=100)
    made, effort, told = draw(runtime, 5)
    assert [take.batch for take in made] == [(0, 1), (0, 1), (2, 3), (2, 3), (4,)]
    assert told == ["memory ran out: trying again with 2 takes at once"]
    assert effort.takes == 2
    assert runtime.drawn == [0, 1, 2, 3, 4], "no take is drawn twice"


def test_the_text_encoder_goes_first() -> None:
    made, effort, told = draw(Short(holds=100, spare=True), 4)
    assert len(made) == effort.takes == 4
    assert told == ["memory ran out: trying again with the text encoder on the CPU"]


def test_shorter_windows_come_last() -> None:
    made, effort, told = draw(Short(holds=30), 2)
    assert effort == Effort(1, 2.5)
    assert [window.steps for window in made[0].windows] == [25, 15, 10]
    np.testing.assert_array_equal(made[1].tokens[0], np.arange(50))
    assert told == [
        "memory ran out: trying again with 1 take at once",
        "memory ran out: trying again with windows of 2.5 s, which hold together less well",
    ]


def test_then_it_is_an_error_with_advice() -> None:
    with pytest.raises(MemoryShortError, match="not enough memory") as caught:
        draw(Short(holds=5), 3)
    assert caught.value.hint == "less"
    assert caught.value.exit_code == 6


def test_other_errors_are_not_swallowed() -> None:
    class Broken(Counter):
        def sample_tokens(self, *given):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        draw(Broken(), 1)
