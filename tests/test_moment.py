"""Dates as people write them."""

from datetime import UTC, datetime

import pytest

from beatflow.errors import UsageError
from beatflow.objects.git.value import Signature
from beatflow.revision.moment import parse_moment

# A Saturday, 17:30 in a zone an hour east.
NOW = Signature("Ada", "ada@example.com", int(datetime(2026, 11, 21, 16, 30, tzinfo=UTC).timestamp()), 60)


def at(*fields: int) -> int:
    return int(datetime(*fields, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "start_s", "end_s"),
    [
        ("2026-11-20", at(2026, 11, 19, 23), at(2026, 11, 20, 23)),
        ("2026-11", at(2026, 10, 31, 23), at(2026, 11, 30, 23)),
        ("2026-12", at(2026, 11, 30, 23), at(2026, 12, 31, 23)),
        ("2026", at(2025, 12, 31, 23), at(2026, 12, 31, 23)),
        ("today", at(2026, 11, 20, 23), at(2026, 11, 21, 23)),
        ("Yesterday", at(2026, 11, 19, 23), at(2026, 11, 20, 23)),
        ("saturday", at(2026, 11, 20, 23), at(2026, 11, 21, 23)),
        ("last saturday", at(2026, 11, 13, 23), at(2026, 11, 14, 23)),
        ("last friday", at(2026, 11, 19, 23), at(2026, 11, 20, 23)),
        ("2026-11-20 10:00", at(2026, 11, 20, 9), at(2026, 11, 20, 9, 1)),
        ("2026-11-20T10:00:05Z", at(2026, 11, 20, 10, 0, 5), at(2026, 11, 20, 10, 0, 6)),
        ("2026-11-20 10:00 -0530", at(2026, 11, 20, 15, 30), at(2026, 11, 20, 15, 31)),
        ("yesterday 18:30", at(2026, 11, 20, 17, 30), at(2026, 11, 20, 17, 31)),
        ("9:15", at(2026, 11, 21, 8, 15), at(2026, 11, 21, 8, 16)),
        ("now", at(2026, 11, 21, 16, 30), at(2026, 11, 21, 16, 30, 1)),
        ("2 days ago", at(2026, 11, 19, 16, 30), at(2026, 11, 19, 16, 30, 1)),
        ("2.days.ago", at(2026, 11, 19, 16, 30), at(2026, 11, 19, 16, 30, 1)),
        ("an hour ago", at(2026, 11, 21, 15, 30), at(2026, 11, 21, 15, 30, 1)),
        ("last week", at(2026, 11, 14, 16, 30), at(2026, 11, 14, 16, 30, 1)),
        ("9 months ago", at(2026, 2, 21, 16, 30), at(2026, 2, 21, 16, 30, 1)),
        ("2 years ago", at(2024, 11, 21, 16, 30), at(2024, 11, 21, 16, 30, 1)),
    ],
)
def test_reads(text: str, start_s: int, end_s: int) -> None:
    found = parse_moment(text, NOW)
    assert (found.start_s, found.end_s) == (start_s, end_s)


def test_a_month_ago_keeps_inside_a_shorter_month() -> None:
    now = Signature("Ada", "ada@example.com", at(2026, 3, 31, 12))
    assert parse_moment("a month ago", now).start_s == at(2026, 2, 28, 12)


def test_one_second_of_a_day_is_its_last() -> None:
    assert parse_moment("2026-11-20", NOW).at_s == at(2026, 11, 20, 22, 59, 59)
    assert parse_moment("2026-11-20 10:00", NOW).at_s == at(2026, 11, 20, 9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13",
        "2026-02-30",
        "25:00",
        "2 fortnights ago",
        "0000",
        "999999 years ago",
        "2026 10:00",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(UsageError, match="is no date"):
        parse_moment(text, NOW)
