"""The arithmetic of windows, and that what they draw is joined in order."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.engine import RunFacts, Sampling
from beatflow.ai.musicgen.runtime import Geometry, PromptFit
from beatflow.ai.musicgen.windows import Window, cut_melody, derive_seed, plan_windows, sample_windows


@dataclass
class Counter:
    """A runtime that draws numbers in a row, so that order and leads show."""

    geometry: Geometry = field(default_factory=lambda: Geometry(1000, 1, 2, 10.0, 5.0, True))
    facts: RunFacts = field(default_factory=RunFacts)
    calls: list[tuple[int, list[int], object]] = field(default_factory=list)
    melodies: list[object] = field(default_factory=list)

    def sample_tokens(
        self, prompts, steps, sampling, seeds, lead=None, melodies=None, report=lambda done: None
    ):
        first = 0 if lead is None else lead[0, 0, -1] + 1
        self.calls.append((steps, list(seeds), None if lead is None else lead[0, 0].tolist()))
        self.melodies.append(melodies)
        report(steps)
        return np.broadcast_to(np.arange(first, first + steps), (len(prompts), 2, steps)).copy()

    def fit_prompt(self, prompt):
        return PromptFit(prompt, 1, 0)

    def make_room(self):
        return False

    def encode_audio(self, wave):
        raise NotImplementedError

    def decode_tokens(self, tokens):
        raise NotImplementedError


def test_as_audiocraft_does_it() -> None:
    # 70 s: a window of 30 s, then every 18 s one that is led by 12 s.
    assert plan_windows(3500, 1500) == [
        Window(0, 0, 1500), Window(900, 600, 900), Window(1800, 600, 900), Window(2700, 600, 200),
    ]  # fmt: skip
    assert plan_windows(1500, 1500) == [Window(0, 0, 1500)]
    assert plan_windows(100, 1500, lead=3000) == [Window(-600, 600, 100)]


@given(st.integers(1, 5000), st.integers(2, 1500), st.integers(0, 2000))
def test_windows_cover_the_piece_once_and_fit(steps: int, length: int, lead: int) -> None:
    done = 0
    for number, window in enumerate(plan_windows(steps, length, lead)):
        assert window.steps >= 1
        assert window.lead + window.steps <= length
        assert window.start + window.lead == done
        assert window.start >= -lead
        assert number == 0 or window.lead > 0
        done += window.steps
    assert done == steps


def test_each_window_is_led_by_what_came_before() -> None:
    runtime, seen = Counter(), []
    tokens = sample_windows(
        runtime, plan_windows(90, 50), ["a", "a"], Sampling(), [3, 4], None, None, seen.append
    )
    assert tokens.shape == (2, 2, 90)
    np.testing.assert_array_equal(tokens[1, 1], np.arange(90))
    assert [call[0] for call in runtime.calls] == [50, 30, 10]
    assert runtime.calls[0][1:] == ([3, 4], None)
    assert runtime.calls[1][2] == list(range(30, 50))
    assert seen == [50, 80, 90]
    drawn = [seed for call in runtime.calls for seed in call[1]]
    assert len(set(drawn)) == 6, "windows that share a seed would repeat each other"


def test_continuation_gives_only_what_is_new() -> None:
    lead = np.broadcast_to(np.arange(35), (1, 2, 35))
    runtime = Counter()
    tokens = sample_windows(runtime, plan_windows(40, 50, 35), ["a"], Sampling(), [0], lead)
    np.testing.assert_array_equal(tokens[0, 0], np.arange(35, 75))
    assert runtime.calls[0][2] == list(range(15, 35))


def test_melody_moves_along_and_begins_again() -> None:
    runtime = Counter()
    melody = np.arange(8000, dtype=np.float32)[None]  # 8 s at 1 kHz, windows of 5 s
    assert cut_melody(runtime, melody, Window(0, 0, 50)).tolist() == [list(range(5000))]
    later = cut_melody(runtime, melody, Window(60, 20, 30))[0]
    assert later.size == 5000
    np.testing.assert_array_equal(later[:2000], np.arange(6000, 8000))
    np.testing.assert_array_equal(later[2000:], np.arange(3000))
    # What is shorter than a window is the runtime's to repeat, as both libraries do.
    assert cut_melody(runtime, melody[:, :100], Window(0, 0, 50)).shape == (1, 100)
    sample_windows(runtime, plan_windows(60, 50), ["a"], Sampling(), [0], None, melody)
    assert runtime.melodies[1][0][0, 0] == 3000.0


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_small_seeds_are_the_libraries_own(seed: int) -> None:
    assert derive_seed(seed, 0) == seed


@given(st.integers(0, 2**63 - 1), st.integers(0, 20))
def test_every_seed_fits_torch(seed: int, window: int) -> None:
    assert 0 <= derive_seed(seed, window) < 2**32


def test_seeds_that_torch_would_confuse_differ() -> None:
    assert len({derive_seed(7 + k * 2**32, 0) for k in range(100)}) == 100
