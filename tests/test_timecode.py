"""Times in bars, beats and seconds."""

import pytest

from beatflow.errors import UsageError
from beatflow.timecode import Clock, Span

PLAIN = Clock(48000)
WALTZ = Clock(48000, 90.0, "3/4")
FOUR = Clock(44100, 120.0)


@pytest.mark.parametrize(
    ("clock", "text", "start", "end"),
    [
        (PLAIN, "0:30-0:45", 30 * 48000, 45 * 48000),
        (PLAIN, "1:00:00.5-", 172_824_000, None),
        (PLAIN, "12.5s", 600_000, None),
        (FOUR, "b2", 2 * 44100, 4 * 44100),
        (FOUR, "b33-b34", 64 * 44100, 68 * 44100),
        (FOUR, "b33-34", 64 * 44100, 68 * 44100),
        (FOUR, "b1.2-b1.3", 22050, 66150),
        (WALTZ, "b2", 96000, 192000),
    ],
)
def test_a_stretch_is_read(clock: Clock, text: str, start: int, end: int | None) -> None:
    assert clock.parse_span(text) == Span(start, end)


@pytest.mark.parametrize("text", ["", "x", "b0", "b1.5", "5-3", "b3-b1", "1:2:3:4", "-5", "b", "nan", "1e5"])
def test_what_is_no_stretch_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        FOUR.parse_span(text)


@pytest.mark.parametrize(
    ("clock", "start", "end", "span"),
    [
        (PLAIN, None, None, Span(0, None)),
        (PLAIN, "0:30", None, Span(30 * 48000, None)),
        (FOUR, "b2", "b2", Span(2 * 44100, 4 * 44100)),
        (FOUR, None, " b1.2 ", Span(0, 44100)),
        (FOUR, "b33", "1:10", Span(64 * 44100, 70 * 44100)),
    ],
)
def test_a_stretch_is_read_from_its_two_ends(
    clock: Clock, start: str | None, end: str | None, span: Span
) -> None:
    assert clock.parse_between(start, end) == span


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [("x", None, "'x' is no time"), (None, "1-2", "'1-2' is no time"), ("5", "3", "3 is not after 5")],
)
def test_an_end_that_is_no_time_is_named(start: str | None, end: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FOUR.parse_between(start, end)


def test_bars_need_a_tempo() -> None:
    with pytest.raises(UsageError, match="tempo"):
        PLAIN.parse_span("b3")


@pytest.mark.parametrize(
    ("start_s", "duration_s", "said"),
    [
        (64.0, 4.0, "bars 33–34"),
        (64.01, 1.98, "bar 33"),
        (64.5, 1.0, "bar 33, beats 2–3"),
        (64.5, 0.5, "bar 33, beat 2"),
        (64.5, 2.0, "bar 33 beat 2 to bar 34 beat 1"),
        (64.2, 2.0, "bars 33–34 (1:04.200–1:06.200)"),
        (64.2, 0.1, "bar 33 (1:04.200–1:04.300)"),
    ],
)
def test_a_stretch_is_written(start_s: float, duration_s: float, said: str) -> None:
    assert FOUR.format_span(round(start_s * 44100), round(duration_s * 44100)) == said


def test_without_a_tempo_it_is_seconds() -> None:
    assert PLAIN.format_span(48000, 24000) == "0:01.000–0:01.500"


def test_a_short_stretch_stays_in_its_bar() -> None:
    clock = Clock(44100, 90.0)
    start, end = 587_080, 588_000  # 21 ms, up to the end of bar 5
    assert clock.name_bars(start, end - start) == "bar 5"
    assert clock.name_bars(588_000, 100) == "bar 6"
