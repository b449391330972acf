"""Axes: that what is written stands where it belongs, and never too much of it."""

import pytest

from beatflow.picture.axis import (
    choose_bars,
    iter_bars,
    iter_seconds,
    list_amplitudes,
    list_frequencies,
    list_levels,
    round_reach,
)
from beatflow.picture.figure import Figure
from beatflow.timecode import Clock


@pytest.mark.parametrize("span_s", [0.005, 0.3, 7.0, 185.0, 18_000.0, 200_000.0])
@pytest.mark.parametrize("start_s", [0.0, 61.3])
def test_times_lie_inside_and_are_few(start_s: float, span_s: float) -> None:
    ticks = list(iter_seconds(start_s, span_s, 10))
    assert 1 <= len(ticks) <= 30
    assert all(-1e-9 <= at <= span_s + 1e-6 for at, _ in ticks)
    assert len({word for _, word in ticks}) == len(ticks)


def test_times_are_written_as_they_are() -> None:
    assert list(iter_seconds(59.5, 2.0, 2)) == [(0.5, "1:00"), (1.5, "1:01")]
    assert [word for _, word in iter_seconds(3599, 3, 4)] == ["59:59", "1:00:00", "1:00:01", "1:00:02"]


def test_bars_of_a_stretch_keep_their_numbers() -> None:
    assert list(iter_bars(Clock(1, 120.0), 4.0, 4.0, 10)) == [(0.0, "3"), (2.0, "4"), (4.0, "5")]
    assert list(iter_bars(Clock(1), 0.0, 4.0, 10)) == []


def test_bars_that_were_heard_go_before_the_clock() -> None:
    figure = Figure("a", "", 0, 10, Clock(1, 120.0), downbeats=(0.3, 2.4, 4.5, 6.6), first_bar=5)
    assert choose_bars(figure, 9) == [(0.3, "5"), (2.4, "6"), (4.5, "7"), (6.6, "8")]
    assert choose_bars(figure, 2) == [(0.3, "5"), (4.5, "7")]


def test_frequencies_lie_between_their_rows() -> None:
    ticks = {word: place for place, word in list_frequencies([50.0, 100.0, 200.0, 2000.0])}
    assert ticks["100"] == pytest.approx(1.5 / 4)
    assert 2.5 / 4 < ticks["1k"] < 3.5 / 4
    assert "5k" not in ticks


def test_levels_and_amplitudes_are_in_order_and_apart() -> None:
    for reach in (1.0, 0.5, 0.309, 0.02, 4.0):
        places = [place for place, _ in list_amplitudes(reach)]
        assert places == sorted(places)
        assert all(0 < place < 1 for place in places)
        # None on the middle line, where those above it and below it would meet.
        assert all(abs(place - 0.5) > 0.04 for place in places)
    assert list_levels(-30, 0, 5) == [
        (0.0, "−30"),
        (0.2, "−24"),
        (0.4, "−18"),
        (0.6, "−12"),
        (0.8, "−6"),
        (1.0, "0"),
    ]


@pytest.mark.parametrize("peak", [0.0, 1e-9, 0.01, 0.3, 0.7, 1.0, 3.0])
def test_a_wave_fits_into_its_lane(peak: float) -> None:
    assert round_reach(peak) >= peak
    assert round_reach(peak) >= 0.01
