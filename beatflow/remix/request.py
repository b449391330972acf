"""What a remix is asked for, as values: read from the command line's words, and checked.

Loads no numpy, reads no sound. What becomes of it with a sound at hand, `beatflow.remix.planning` decides.
"""

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches

from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

SLOWEST_RATIO, FASTEST_RATIO = 0.5, 2.0
"""Of the tempo: -50 % to +100 %."""
MOST_SEMITONES = 12.0
LOUDEST_LUFS, QUIETEST_LUFS = -3.0, -60.0
SLOWEST, FASTEST = 20.0, 400.0
"""Tempi that may be asked for, BPM."""
LONGEST_FADE_S = 600.0
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_TEMPO = re.compile(rf"\s*({_NUMBER})\s*(%|bpm|x)?\s*", re.IGNORECASE)
_LOUDNESS = re.compile(rf"\s*({_NUMBER})\s*(?:lufs|lu|db)?\s*", re.IGNORECASE)
_SECONDS = re.compile(rf"\s*({_NUMBER})\s*(ms|s)?\s*", re.IGNORECASE)
_SIDES = ("in", "out")


@dataclass(frozen=True, slots=True)
class TempoWish:
    """A tempo in BPM, or a change: ``factor`` is how many times as fast. One of them is None."""

    tempo: float | None = None
    factor: float | None = None

    def __str__(self) -> str:
        if self.tempo is not None:
            return f"{self.tempo:g}"
        return f"{100 * ((self.factor or 1.0) - 1):+.6g}%"


@dataclass(frozen=True, slots=True)
class RemixRequest:
    """What is wanted; what is None or empty stays as it is. In the order in which it is done.

    Parameters
    ----------
    trim_silence : bool
        Leave out what is silent at both ends.
    reverse : bool
        Play it backwards.
    tempo : TempoWish or None
    semitones : float
        How far to transpose; not together with ``key``.
    key : str or None
        ``A:min``; the sound is transposed by the nearest way.
    formants : bool
        Keep the formants where they are while the pitch moves.
    genre : str or None
        A name of `beatflow.remix.styles`.
    fx : str
        A chain of effects, see docs/effects.md.
    fade_in_s, fade_out_s : float
    loudness_lufs : float or None
    source_tempo : float or None
        The tempo that the sound has, where it is known better than it can be heard.
    source_key : str or None
        The key that it has.
    bpm_range : (float, float) or None
        Where to look for its tempo.
    tolerance : float
        Of a tempo that is asked for, BPM.
    seed : int or None
        Of what an engine adds.
    tail : bool
        Let effects ring out after the end.
    """

    trim_silence: bool = False
    reverse: bool = False
    tempo: TempoWish | None = None
    semitones: float = 0.0
    key: str | None = None
    formants: bool = False
    genre: str | None = None
    fx: str = ""
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loudness_lufs: float | None = None
    source_tempo: float | None = None
    source_key: str | None = None
    bpm_range: tuple[float, float] | None = None
    tolerance: float = DEFAULT_TOLERANCE
    seed: int | None = None
    tail: bool = True

    @property
    def empty(self) -> bool:
        """Nothing at all is asked for."""
        steps = (self.trim_silence, self.reverse, self.tempo, self.semitones, self.key, self.genre, self.fx)
        return not any((*steps, self.fade_in_s, self.fade_out_s, self.loudness_lufs is not None))

    def check(self) -> None:
        """Refuse what cannot be.

        Raises
        ------
        UsageError
            Something is out of range, contradicts something else, or nothing is asked for.
        """
        if self.empty:
            raise UsageError(
                "nothing is asked for", hint='say what: --tempo 100, --fx "reverb", --genre lofi'
            )
        _check_range("--pitch", self.semitones, -MOST_SEMITONES, MOST_SEMITONES, "semitones")
        if self.semitones and self.key:
            raise UsageError("--pitch and --key both say how far to transpose", hint="leave one of them out")
        if self.formants and not (self.semitones or self.key):
            raise UsageError("--formants is about a pitch that moves", hint="add --pitch or --key")
        if self.source_tempo is not None:
            _check_range("--source-tempo", self.source_tempo, SLOWEST, FASTEST, "BPM")
        if self.loudness_lufs is not None:
            _check_range("--normalize", self.loudness_lufs, QUIETEST_LUFS, LOUDEST_LUFS, "LUFS")
        if not 0 < self.tolerance < math.inf:
            raise UsageError(f"a tolerance of {self.tolerance:g} BPM makes no sense", hint="--tolerance 0.5")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise UsageError(f"the seed must be from 0 to 2**63 - 1, not {self.seed}")
        for side, seconds in (("in", self.fade_in_s), ("out", self.fade_out_s)):
            _check_range(f"--fade {side}", seconds, 0.0, LONGEST_FADE_S, "s")
        for key in (self.key, self.source_key):
            if key is not None:
                parse_key(key)


def parse_tempo(text: str) -> TempoWish:
    """Read ``100`` (BPM), ``+10%``, ``-5%`` or ``1.5x``.

    >>> parse_tempo("+10%").factor
    1.1

    Raises
    ------
    UsageError
        It is none, or out of range.
    """
    match = _TEMPO.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no tempo", hint="--tempo 100, --tempo +10% or --tempo -5%")
    value, unit = float(match.group(1)), (match.group(2) or "").lower()
    if unit in ("%", "x"):
        factor = 1 + value / 100 if unit == "%" else value
        if not SLOWEST_RATIO - 1e-9 <= factor <= FASTEST_RATIO + 1e-9:
            raise UsageError(f"--tempo {text.strip()} is out of range", hint="-50% to +100%, or .5x to 2x")
        return TempoWish(factor=round(factor, 12))
    if match.group(1)[0] in "+-":
        raise UsageError(
            f"--tempo {text.strip()} may be BPM or percent",
            hint=f"--tempo {text.strip()}% changes it, --tempo 100 sets it",
        )
    _check_range("--tempo", value, SLOWEST, FASTEST, "BPM")
    return TempoWish(tempo=value)


def parse_loudness(text: str) -> float:
    """Read ``-14LUFS`` or ``-14``.

    Raises
    ------
    UsageError
        It is none, or out of range.
    """
    match = _LOUDNESS.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no loudness", hint="--normalize -14LUFS")
    value = float(match.group(1))
    _check_range("--normalize", value, QUIETEST_LUFS, LOUDEST_LUFS, "LUFS")
    return value


def parse_fades(text: str) -> tuple[float, float]:
    """Read ``in=2,out=3.5s``, ``out=800ms`` or ``2`` (both): the seconds of the fade in and of the fade out.

    >>> parse_fades("out=800ms")
    (0.0, 0.8)

    Raises
    ------
    UsageError
        It is none, or out of range.
    """
    found = dict.fromkeys(_SIDES, 0.0)
    named: set[str] = set()
    for part in text.split(","):
        side, equals, length = part.partition("=")
        if not equals:
            side, length = "", part
        match, side = _SECONDS.fullmatch(length), side.strip().lower()
        if match is None:
            raise UsageError(f"{part.strip()!r} is no fade", hint="--fade in=2,out=3.5")
        if (equals and side not in _SIDES) or side in named or (not equals and "," in text):
            near = get_close_matches(side, _SIDES, 1, 0.3)
            hint = f"did you mean {near[0]}={length.strip()}?" if near else "--fade in=2,out=3.5"
            raise UsageError(f"{part.strip()!r} is no fade", hint=hint)
        seconds = float(match.group(1)) / (1000 if (match.group(2) or "").lower() == "ms" else 1)
        _check_range("--fade", seconds, 0.0, LONGEST_FADE_S, "s")
        named.add(side)
        found |= {side: seconds} if equals else dict.fromkeys(_SIDES, seconds)
    return found["in"], found["out"]


def _check_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} {value:g} is out of range", hint=f"{low:g} to {high:g} {unit}")
