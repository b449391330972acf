"""Windows and passes: plain arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.demucs.windows import Grid, plan_passes


@given(
    segment=st.integers(2, 300),
    overlap=st.floats(0.0, 0.95),
    length=st.integers(1, 2000),
    origin=st.integers(-99, 0),
)
def test_windows_cover_every_frame_with_weights_that_sum_to_one(
    segment: int, overlap: float, length: int, origin: int
) -> None:
    grid = Grid(segment, overlap)
    total = np.zeros(length)
    for index in range(grid.count(origin, length)):
        window = grid.place(origin, index, length)
        assert window.start <= window.first
        assert window.first + window.frames <= min(length, window.start + segment)
        for offset in range(window.frames):
            if window.first + offset >= 0:
                total[window.first + offset] += grid.weights(index)[offset]
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


def test_a_window_at_the_end_looks_back_as_far_as_ahead() -> None:
    window = Grid(100, 0.25).place(0, 2, 190)
    assert (window.first, window.frames, window.start) == (150, 40, 120)
    assert Grid(100, 0.25).place(0, 2).start == 150


def test_shifts_come_of_the_seed_and_shares_sum_to_one() -> None:
    bag = [[1.0, 0.0], [0.0, 1.0]]
    passes = plan_passes(bag, 3, 7, 44100)
    assert passes == plan_passes(bag, 3, 7, 44100)
    assert passes != plan_passes(bag, 3, 8, 44100)
    assert all(-22050 <= one.origin <= 0 for one in passes)
    assert sum(one.shares[0] for one in passes) == pytest.approx(1.0)
    assert [one.origin for one in plan_passes(bag, 0, 7, 44100)] == [0, 0]


def test_models_that_count_nothing_are_left_out_and_the_others_keep_their_shifts() -> None:
    bag = [[1.0, 0.0], [0.0, 1.0]]
    whole = plan_passes(bag, 2, 7, 44100)
    assert plan_passes(bag, 2, 7, 44100, source=1) == whole[2:]
