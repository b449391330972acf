"""Locks in words. Pure text."""

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING

from beatflow.sharing.locks.known import Held

if TYPE_CHECKING:
    from beatflow.sharing.remote import BrokenLock

Style = Callable[[str, str], str]


def format_moment(time_s: float, offset_min: int) -> str:
    """Write a moment in the clock of who reads it: ``2026-11-22 18:00``."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset_min))
    try:
        return datetime.datetime.fromtimestamp(time_s, zone).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return "an impossible time"


def format_end(lock: Held, offset_min: int) -> str:
    """Write until when a lock holds."""
    if lock.expires_at_s is None:
        return "until it is given up"
    return f"until {format_moment(lock.expires_at_s, offset_min)}"


def format_lock(lock: Held, offset_min: int, style: Style) -> str:
    """Write a lock as a line of a list."""
    who = "you" if lock.mine else lock.owner
    return f"{style(lock.path, 'changed')}  {who}, {format_end(lock, offset_min)}"


def format_broken(broken: "BrokenLock", offset_min: int) -> str:
    """Write what became of a lock that was broken."""
    when = format_moment(broken.broken_at_s, offset_min)
    return f"{broken.lock.path}  {broken.lock.owner}'s, broken by {broken.broken_by} on {when}"
