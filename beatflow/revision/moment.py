"""Dates and times as people write them: ``2026-11-20``, ``yesterday``, ``2 days ago``, ``monday 10:00``.

Pure arithmetic and text: the time now is passed in, and dates are in its zone.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from beatflow.errors import UsageError
from beatflow.objects.git.value import Signature

HINT = "write it like 2026-11-20, 2026-11, '2026-11-20 10:00', yesterday, 'last friday' or '2 days ago'"

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(z|[+-]\d\d:?\d\d)?")
_AGO = re.compile(r"(\d{1,6}|an?|one|last)\s+(second|minute|hour|day|week|month|year)s?(\s+ago)?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_WEEKDAYS = [name.lower() for name in calendar.day_name]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds since 1970, from ``start_s`` up to, not including, ``end_s``: a day, a month, one second."""

    start_s: int
    end_s: int

    @property
    def at_s(self) -> int:
        """The one second that is meant where one is wanted: a day's or a month's last one, else the first."""
        return self.start_s if self.end_s - self.start_s <= 60 else self.end_s - 1


def parse_moment(text: str, now: Signature) -> Stretch:
    """Read a date, a time or both.

    Parameters
    ----------
    now : Signature
        Gives the time and the zone.

    Raises
    ------
    UsageError
        It is neither.
    """
    words = " ".join(re.sub(r"(?<=\d)[._](?=[a-z])|(?<=[a-z])[._](?=[a-z])", " ", text.lower()).split())
    try:
        here = datetime.fromtimestamp(now.time_s, timezone(timedelta(minutes=now.offset_min)))
        found = _parse_ago(words, here) or _parse_date(words, here)
        if found:
            # Timestamps far outside what a calendar of this platform knows fail here.
            return Stretch(*(int(moment.timestamp()) for moment in found))
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{text!r} is no date: {error}", hint=HINT) from error
    raise UsageError(f"{text!r} is no date", hint=HINT)


def _parse_ago(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """``2 days ago``, ``an hour ago``, ``last week``: exactly so long before now."""
    match = _AGO.fullmatch(words)
    if not match or (match[1] != "last" and not match[3]):
        return None
    count, unit = int(match[1]) if match[1].isdecimal() else 1, match[2]
    if unit in _SECONDS:
        at = now - timedelta(seconds=count * _SECONDS[unit])
    else:
        months = now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        # The 31st of a month that has none is its last day.
        at = now.replace(
            year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1])
        )
    return at, at + timedelta(seconds=1)


def _parse_date(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """A day, month or year, with or without a time of day; a time alone is today's."""
    if words == "now":
        return now, now + timedelta(seconds=1)
    date, time = words, None
    match = re.fullmatch(rf"(?:(.*?)[t ]\s*)?({_TIME.pattern})", words)
    if match:
        date, time = match[1] or "today", match[2]
    days = _parse_days(date, now)
    if days is None or time is None:
        return days
    if days[1] - days[0] > _DAY:
        return None
    return _add_time(days[0], time)


def _add_time(day: datetime, text: str) -> tuple[datetime, datetime]:
    match = _TIME.fullmatch(text)
    assert match
    hour, minute, second, zone = match.groups()
    at = day.replace(hour=int(hour), minute=int(minute), second=int(second or 0))
    if zone == "z":
        at = at.replace(tzinfo=UTC)
    elif zone:
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        at = at.replace(tzinfo=timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes)))
    return at, at + timedelta(seconds=1 if second else 60)


def _parse_days(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if words in ("today", "yesterday"):
        start = today - (_DAY if words == "yesterday" else timedelta())
        return start, start + _DAY
    name = words.removeprefix("last ")
    if name in _WEEKDAYS:
        back = (now.weekday() - _WEEKDAYS.index(name)) % 7
        start = today - timedelta(days=back or (7 if words != name else 0))
        return start, start + _DAY
    match = _DATE.fullmatch(words)
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    start = today.replace(year=year, month=month or 1, day=day or 1)
    if day:
        return start, start + _DAY
    if month:
        return start, start.replace(year=year + month // 12, month=month % 12 + 1)
    return start, start.replace(year=year + 1)
