"""A silhouette is what was measured, whatever blocks it came in, and its drawings show where it is loud."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.sound.audio import Audio
from beatflow.sound.picture import SilhouetteMeter
from beatflow.sound.silhouette import (
    COLUMNS,
    Silhouette,
    draw_levels,
    draw_wave,
    encode_level,
    mark_columns,
    paint_columns,
)

RATE = 1000


def measure(samples: np.ndarray, *cuts: int) -> Silhouette:
    audio = Audio(samples.astype(np.float32), RATE)
    meter = SilhouetteMeter(audio.frames, RATE)
    for block in np.split(audio.samples, sorted(cuts)):
        meter.add(block)
    return meter.result()


def steps(*levels: float) -> np.ndarray:
    """Stretches of a square wave, a second each."""
    signs = np.resize([1.0, -1.0], RATE)
    return np.concatenate([level * signs for level in levels])[:, None].repeat(2, axis=1)


def test_peaks_and_levels_of_each_stretch() -> None:
    found = measure(steps(1.0, 0.0, 0.5, 0.1))
    assert (len(found.peaks), len(found.levels), found.duration_s) == (COLUMNS, COLUMNS, 4.0)
    quarter = COLUMNS // 4
    assert set(found.peaks[:quarter]) == {255}
    assert set(found.peaks[quarter : 2 * quarter]) == {0}
    assert set(found.peaks[2 * quarter : 3 * quarter]) == {128}
    assert set(found.levels[:quarter]) == {encode_level(0.0)} == {255}
    assert set(found.levels[quarter : 2 * quarter]) == {0}
    assert set(found.levels[2 * quarter : 3 * quarter]) == {encode_level(-6.02)}


@given(st.integers(1, 700), st.lists(st.integers(0, 700), max_size=6), st.integers(1, 3))
@settings(deadline=None)
def test_blocks_make_no_difference(frames: int, cuts: list[int], channels: int) -> None:
    samples = np.random.default_rng(frames).uniform(-1, 1, (frames, channels))
    whole, parts = measure(samples), measure(samples, *cuts)
    assert whole.peaks == parts.peaks
    assert all(abs(one - two) <= 1 for one, two in zip(whole.levels, parts.levels, strict=True))
    assert len(whole.peaks) == min(frames, COLUMNS)
    assert max(whole.peaks) == int(np.ceil(np.float32(np.abs(samples.astype(np.float32)).max()) * 255))


def test_what_comes_after_the_announced_end_is_left_out() -> None:
    meter = SilhouetteMeter(RATE, RATE)
    meter.add(steps(0.5))
    meter.add(steps(1.0))
    assert set(meter.result().peaks) == {128}


def test_nothing_draws_nothing() -> None:
    empty = measure(np.zeros((0, 2)))
    assert empty == Silhouette(b"", b"", 0.0)
    assert draw_levels(empty, 10) == ""
    assert draw_wave(empty, 10) == [""] * 4


def test_remembered_and_read_back() -> None:
    found = measure(steps(0.3, 0.9))
    assert Silhouette.from_json(found.to_json()) == found
    for broken in ({}, {"peaks": "zz", "levels": "", "duration_s": 1}, found.to_json() | {"levels": "00"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Silhouette.from_json(broken)


def test_levels_as_blocks() -> None:
    found = measure(steps(1.0, 0.5, 0.2, 0.001, 0.0, 1.0))
    assert draw_levels(found, 6) == "█▆▄▁ █"
    assert draw_levels(found, 6, ascii_only=True) == "#+-. #"
    # A quiet sound has the same form.
    assert draw_levels(measure(steps(0.1, 0.05, 0.02)), 3) == "█▆▄"


def test_a_wave_is_as_high_as_its_peak_and_even() -> None:
    found = measure(steps(0.5, 0.25, 0.0))
    assert draw_wave(found, 3, 4, ascii_only=True) == ["#  ", "## ", "## ", "#  "]
    rows = draw_wave(found, 6, 2)
    assert rows == ["⣿⣿⣤⣤⠀⠀", "⣿⣿⠛⠛⠀⠀"]


def test_columns_are_marked_and_painted() -> None:
    assert mark_columns([(2.0, 4.0)], 10.0, 5) == [False, True, False, False, False]
    assert mark_columns([(0.0, 0.1), (9.0, 99.0)], 10.0, 5) == [True, False, False, False, True]
    assert mark_columns([(5.0, 5.0)], 10.0, 5) == [False, False, True, False, False], "a cut is a place"
    assert mark_columns([(11.0, 12.0)], 10.0, 5) == mark_columns([(1.0, 2.0)], 0.0, 5) == [False] * 5
    painted = paint_columns("abcde", [True, True, False, False, True], lambda text: text, str.upper)
    assert painted == "ABcdE"
    assert paint_columns("", [], str.upper, str.upper) == ""
