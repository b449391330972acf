"""What is looked for: words and figures, read from what people type. Light: parsing loads no numpy."""

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches

from beatflow.errors import UsageError
from beatflow.sound.mood.rating import MOODS
from beatflow.sound.tonality import parse_key

ASPECTS = ("sound", "melody", "timbre", "rhythm", "harmony")
"""What likeness may go by; ``sound`` is the last three together."""
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_TEMPI = re.compile(rf"({_NUMBER})?\s*(\.\.)?\s*({_NUMBER})?\s*(?:bpm)?", re.IGNORECASE)
_LENGTH = re.compile(
    rf"(?:(\d+):)?(?:(\d+):)?({_NUMBER})|(?:({_NUMBER})h)?(?:({_NUMBER})m(?:in)?)?(?:({_NUMBER})s)?"
)
_NEARLY = 0.05


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Request:
    """What sounds have to be like to be found; None for what does not matter.

    Parameters
    ----------
    words : tuple of str
        Each in the path, the commit's message, the prompt or the title.
    tempo : Range or None
        BPM.
    key : str or None
        As ``A:min``.
    mood : str or None
        One of `MOODS`.
    engine : str or None
        Part of the name of what made it.
    duration_s : Range or None
    """

    words: tuple[str, ...] = ()
    tempo: Range | None = None
    key: str | None = None
    mood: str | None = None
    engine: str | None = None
    duration_s: Range | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is asked for."""
        return self == Request()


def parse_request(
    text: str | None = None,
    tempo: str | None = None,
    key: str | None = None,
    mood: str | None = None,
    engine: str | None = None,
    duration: str | None = None,
) -> Request:
    """Read what was typed.

    Raises
    ------
    UsageError
        A figure is none, a range ends before it begins, or there is no such mood; the nearest is named.
    """
    return Request(
        tuple(text.casefold().split()) if text else (),
        parse_tempi(tempo) if tempo is not None else None,
        str(parse_key(key)) if key is not None else None,
        _parse_mood(mood) if mood is not None else None,
        engine.casefold() if engine is not None else None,
        parse_durations(duration) if duration is not None else None,
    )


def parse_tempi(text: str) -> Range:
    """Read ``90`` (as far as it is written: 89.5 to 90.5), ``88..92``, ``88..``, ``..92``.

    Raises
    ------
    UsageError
        It is none of these, or lies outside 20 to 400 BPM.
    """
    match = _TEMPI.fullmatch(text.strip())
    low, dots, high = match.groups() if match else ("", "", "")
    if not (low or high) or (not dots and high):
        raise UsageError(f"{text!r} is not a tempo or a range", hint="--tempo 90, 88..92, 120.. or ..100")
    for figure in (low, high):
        if figure and not 20.0 <= float(figure) <= 400.0:
            raise UsageError(f"the tempo must be 20 to 400 BPM, not {figure}", hint="--tempo 88..92")
    if not dots:
        half = 0.5 * 10.0 ** -len(str(low).partition(".")[2])
        return Range(float(low) - half, float(low) + half)
    return _bounded("--tempo", text, float(low) if low else 0.0, float(high) if high else math.inf)


def parse_durations(text: str) -> Range:
    """Read ``10s..1m``, ``30s`` (within 5 %), ``..2:30``, ``1m30s..``.

    Raises
    ------
    UsageError
        It is none of these.
    """
    low, dots, high = text.strip().partition("..")
    if not dots:
        length = _parse_length(low, text)
        return Range(length * (1 - _NEARLY), length * (1 + _NEARLY))
    if not low and not high:
        raise _no_length(text)
    return _bounded(
        "--duration",
        text,
        _parse_length(low, text) if low else 0.0,
        _parse_length(high, text) if high else math.inf,
    )


def _parse_length(text: str, whole: str) -> float:
    match = _LENGTH.fullmatch(text.strip().lower())
    if not match or not any(match.groups()):
        raise _no_length(whole)
    first, second, last, hours, minutes, seconds = match.groups()
    if last is not None:
        # H:M:S, or M:S where there is but one colon.
        parts = [float(part) for part in (first, second, last) if part is not None]
        return math.fsum(part * 60.0**place for place, part in enumerate(reversed(parts)))
    return float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds or 0)


def _no_length(text: str) -> UsageError:
    return UsageError(f"{text!r} is not a length or a range", hint="--duration 10s..1m, 2:30, ..45s or 1h..")


def _bounded(option: str, text: str, low: float, high: float) -> Range:
    if low > high:
        first, _, last = text.partition("..")
        raise UsageError(f"{option} {text} ends before it begins", hint=f"{option} {last}..{first}")
    return Range(low, high)


def _parse_mood(text: str) -> str:
    mood = text.strip().casefold()
    if mood in MOODS:
        return mood
    near = get_close_matches(mood, MOODS, 1, 0.5)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"no mood {text!r}{guess}", hint=f"there are {', '.join(MOODS)}")


def check_aspect(text: str) -> str:
    """Return what likeness is to go by.

    Raises
    ------
    UsageError
        There is no such thing; the nearest is named.
    """
    if text in ASPECTS:
        return text
    near = get_close_matches(text, ASPECTS, 1, 0.5)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"nothing is like another by {text!r}{guess}", hint=f"--by {', '.join(ASPECTS)}")
