"""Outlines: what a sound is drawn from."""

from itertools import pairwise

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.outline import choose_step, trace


def split(samples: np.ndarray, sizes: list[int]) -> list[Audio]:
    edges = np.cumsum([0, *sizes])
    return [Audio(samples[a:b].astype(np.float32), 100) for a, b in pairwise(edges)]


@pytest.mark.parametrize("sizes", [[10], [1] * 10, [3, 7], [9, 0, 1], [4, 4, 2]])
def test_blocks_of_any_length_give_the_same(sizes: list[int]) -> None:
    samples = np.stack([np.arange(10.0), -np.arange(10.0)], axis=1) / 10
    outline = trace(split(samples, sizes), 100, 10, 4)
    assert outline.high == pytest.approx([0.3, 0.7, 0.9])
    assert outline.low == pytest.approx([-0.3, -0.7, -0.9])
    assert outline.power == pytest.approx([0.035, 0.315, 0.725])
    assert (outline.duration_s, outline.column_s) == (0.1, 0.04)


def test_what_is_too_long_or_too_short() -> None:
    samples = np.ones((10, 1))
    assert trace(split(samples, [10]), 100, 4, 4).high == pytest.approx([1])
    assert trace(split(samples, [10]), 100, 16, 4).high == pytest.approx([1, 1, 1, 0])
    assert len(trace([], 100, 0, 4).high) == 0


def test_levels_have_a_floor() -> None:
    outline = trace(split(np.array([[1.0], [0.0]]), [2]), 100, 2, 1)
    assert outline.levels_db(-90) == pytest.approx([0, -90])


def test_columns() -> None:
    assert [choose_step(frames, 100) for frames in (0, 5, 100, 101, 1000)] == [1, 1, 1, 2, 10]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_joined_columns_are_those_of_a_longer_step(count: int) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, (84, 2))
    joined = trace(split(samples, [84]), 100, 84, 4).join(count)
    coarse = trace(split(samples, [84]), 100, 84, 4 * count)
    assert joined.step == coarse.step
    assert joined.low == pytest.approx(coarse.low)
    assert joined.high == pytest.approx(coarse.high)
    assert joined.power == pytest.approx(coarse.power)
    assert len(trace([], 100, 0, 4).join(count).low) == 0
