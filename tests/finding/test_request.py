"""Reading what is looked for, and refusing what makes no sense."""

import math

import pytest

from beatflow.errors import UsageError
from beatflow.finding.request import Range, Request, check_aspect, parse_durations, parse_request, parse_tempi


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("90", 89.5, 90.5),
        ("87.5", 87.45, 87.55),
        ("88..92", 88, 92),
        ("120..", 120, math.inf),
        ("..100bpm", 0, 100),
    ],
)
def test_tempi(text: str, low: float, high: float) -> None:
    found = parse_tempi(text)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "..", "fast", "92..88", "5", "1000..", "nan", "90 92", "-90", "1e3"])
def test_no_tempi(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_tempi(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10s..1m", 10, 60),
        ("2:30", 142.5, 157.5),
        ("1m30s..", 90, math.inf),
        ("..45", 0, 45),
        ("1h..2:00:00", 3600, 7200),
        (".5s..5s", 0.5, 5),
    ],
)
def test_durations(text: str, low: float, high: float) -> None:
    found = parse_durations(text)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "..", "long", "1m..10s", "-5s", "5x", "s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UsageError):
        parse_durations(text)


def test_everything_at_once() -> None:
    request = parse_request("Night Drive", "88..92", "am", "Calm", "SYNTH", "10s..1m")
    assert request == Request(("night", "drive"), Range(88, 92), "A:min", "calm", "synth", Range(10, 60))
    assert parse_request().is_empty
    assert not parse_request("x").is_empty


def test_nearest_names() -> None:
    with pytest.raises(UsageError, match="did you mean energetic"):
        parse_request(mood="energetik")
    with pytest.raises(UsageError, match="did you mean melody"):
        check_aspect("melodie")
    with pytest.raises(UsageError, match="not a key"):
        parse_request(key="H#")
    assert check_aspect("timbre") == "timbre"
