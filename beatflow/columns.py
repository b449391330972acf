"""Text for a terminal: made harmless, how many columns it takes, and cut where there is no room. Pure text."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

Style = Callable[[str, str], str]

_COLOUR = r"\x1b\[[0-9;]*m"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
ELLIPSIS = "…"


def safe(text: str) -> str:
    r"""Show control characters as ``\x1b``, so that a file's name cannot steer the terminal."""
    return re.sub(_CONTROL, lambda match: f"\\x{ord(match.group()):02x}", text)


def safe_line(text: str) -> str:
    r"""Show control characters, ``\n`` among them, so that a file's name stays on its line."""
    return safe(text.replace("\n", "\\n"))


def cell_width(text: str) -> int:
    """Return how many columns a text takes; colours take none, marks on letters none, wide letters two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(_letter_width, re.sub(_COLOUR, "", text)))


@lru_cache(4096)
def _letter_width(letter: str) -> int:
    import unicodedata

    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shorten(text: str, width: int | None) -> str:
    """Return a text without colours cut to so many columns, an ellipsis where something is missing; None is any."""
    if width is None or cell_width(text) <= width:
        return text
    if width < 1:
        return ""
    taken = 0
    for at, letter in enumerate(text):
        taken += _letter_width(letter)
        if taken > width - 1:
            return text[:at].rstrip() + ELLIPSIS
    return text


def pad(text: str, width: int) -> str:
    """Fill a text up to so many columns."""
    return text + " " * max(width - cell_width(text), 0)


class Item(NamedTuple):
    """One thing of a line: its text, the name of its style (empty for none), and what parts it from the one before."""

    text: str
    style: str = ""
    lead: str = "; "


def join_fitting(items: Sequence[Item], width: int | None, style: Style) -> str:
    """Write as many items as fit into a line, and how many are left out; None is any width.

    The first is cut where there is no room even for it alone.
    """
    parts: list[str] = []
    taken = 0
    for number, item in enumerate(items):
        rest = len(items) - number - 1
        text, lead = item.text, item.lead if parts else ""
        note = f" {ELLIPSIS} +{rest}" if rest else ""
        need = taken + len(lead) + cell_width(text) + len(note)
        if width is not None and need > width:
            if parts:
                parts.append(f" {ELLIPSIS} +{rest + 1}")
                break
            text = shorten(text, max(width - len(note), 1))
        parts += [lead, style(text, item.style) if item.style else text]
        taken += len(lead) + cell_width(text)
    return "".join(parts)
