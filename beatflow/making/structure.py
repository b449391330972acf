"""Form in words: ``intro:4,verse:8,chorus:8,outro:4``, and how many bars and seconds that makes.

Loads no numpy. Which sections mean something, and how they are played, is the engine's.
"""

import re

from beatflow.ai.engine import QUARTERS
from beatflow.errors import UsageError

Structure = tuple[tuple[str, int], ...]

MOST_SECTIONS = 64
ENDINGS = frozenset({"outro", "ending", "end", "coda"})
"""Sections after which nothing comes, so that nothing loops."""
_SECTION = re.compile(r"\s*([A-Za-z][A-Za-z0-9 _-]{0,31}?)\s*[:=]\s*([0-9]{1,4})\s*")
_EXAMPLE = "write it like intro:4,verse:8,chorus:8,outro:4"


def parse_structure(text: str) -> Structure:
    """Read sections and their bars, in order.

    >>> parse_structure("intro:4, Verse:8")
    (('intro', 4), ('verse', 8))

    Raises
    ------
    UsageError
        It is not written like that, or a section has no bars.
    """
    sections = []
    for part in text.split(","):
        match = _SECTION.fullmatch(part)
        if match is None:
            raise UsageError(f"{part.strip()!r} is no section of a structure", hint=_EXAMPLE)
        name, bars = match.group(1).lower(), int(match.group(2))
        if not bars:
            raise UsageError(f"the section {name} has no bars", hint=_EXAMPLE)
        sections.append((name, bars))
    if len(sections) > MOST_SECTIONS:
        raise UsageError(f"{len(sections)} sections: a structure has at most {MOST_SECTIONS}")
    return tuple(sections)


def format_structure(structure: Structure) -> str:
    """As `parse_structure` reads it."""
    return ",".join(f"{name}:{bars}" for name, bars in structure)


def count_bars(structure: Structure) -> int:
    """How many bars all sections are together."""
    return sum(bars for _, bars in structure)


def has_ending(structure: Structure) -> bool:
    """Whether the piece comes to an end, so that it does not loop."""
    return any(name in ENDINGS for name, _ in structure)


def bars_to_seconds(bars: float, tempo: float, meter: str) -> float:
    """How long bars last, seconds."""
    return bars * QUARTERS[meter] * 60 / tempo
