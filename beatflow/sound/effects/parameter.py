"""Parameters of effects: quantities with units, ranges and defaults, read from text and written back.

Knows no effect and no sound.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from beatflow.errors import UsageError


@dataclass(frozen=True, slots=True)
class Note:
    """A note value, as a share of a whole note; how long it is depends on the tempo in quarter notes per minute."""

    share: Fraction

    def seconds(self, tempo: float) -> float:
        """Its length."""
        return float(self.share) * 240.0 / tempo

    def __str__(self) -> str:
        return f"{self.share.numerator}/{self.share.denominator}"


@dataclass(frozen=True, slots=True)
class Band:
    """A band of an equaliser: ``bell`` around a frequency, or a shelf: ``low`` below it, ``high`` above."""

    frequency_hz: float
    gain_db: float
    shape: str
    q: float

    def __str__(self) -> str:
        last = f"{self.q:.10g}" if self.shape == "bell" else self.shape
        return f"{self.frequency_hz:.10g}Hz:{self.gain_db:+.10g}dB:{last}"


Value = float | Note | str | Band


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a parameter's numbers mean: its units (lower case) with their factors, and the one that is written."""

    name: str
    units: dict[str, float]
    written: str
    notes: bool = False


FREQUENCY = Quantity("frequency", {"": 1.0, "hz": 1.0, "k": 1e3, "khz": 1e3}, "Hz")
LEVEL = Quantity("level", {"": 1.0, "db": 1.0, "dbfs": 1.0, "dbtp": 1.0}, "dB")
TIME = Quantity("time", {"": 1.0, "s": 1.0, "ms": 1e-3}, "s", notes=True)
RATE = Quantity("rate", {"": 1.0, "hz": 1.0}, "Hz", notes=True)
SHARE = Quantity("share", {"": 1.0, "%": 0.01}, "")
RATIO = Quantity("ratio", {"": 1.0, ":1": 1.0}, ":1")
CENTS = Quantity("pitch", {"": 1.0, "ct": 1.0, "cent": 1.0, "cents": 1.0}, "ct")
NUMBER = Quantity("number", {"": 1.0}, "")
WORD = Quantity("word", {}, "")
BAND = Quantity("band", {}, "")

MOST_Q, LEAST_Q = 20.0, 0.1
_BELL_Q = 1.0
_STEPS = ("", ", a whole number", ", an even number")
_NUMBER = re.compile(r"([-+−]?(?:\d+(?:\.\d*)?|\.\d+))\s*([a-z%]*|:1)", re.IGNORECASE)
_NOTE = re.compile(r"(\d{1,3})/(\d{1,3})([.t]?)", re.IGNORECASE)
_EXAMPLES = {
    "frequency": "800, 800Hz or 3k",
    "level": "-18dB",
    "time": "250ms, .25s or a note value such as 1/8, 1/8. or 1/8t",
    "rate": ".5Hz or a note value such as 1/4",
    "share": ".3 or 30%",
    "ratio": "4:1",
    "pitch": "12ct",
    "number": "2",
    "band": "3k:+2dB, 3k:+2dB:1.4 (with its Q), 80:+3dB:low or 10k:-2dB:high",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an effect.

    Parameters
    ----------
    name : str
    quantity : Quantity
    default : number, Note, str or None
        None where it may be left out and has then no value of its own (``meaning`` says what happens).
    low, high : float
        The range, in the unit that is written.
    meaning : str
        What it does, in a few words.
    words : tuple of str
        What may be said instead of a number.
    many : bool
        Whether it takes any number of values; only the bands of an equaliser do.
    step : int
        1 or 2 where only whole or even numbers make sense; 0 where all do.
    """

    name: str
    quantity: Quantity
    default: Value | None
    low: float
    high: float
    meaning: str
    words: tuple[str, ...] = ()
    many: bool = False
    step: int = 0

    @property
    def range_text(self) -> str:
        """The range as people write it: ``20 Hz to 20 kHz``, ``on or off``."""
        words = " or ".join(self.words)
        if self.quantity is WORD:
            return words
        if self.quantity is BAND:
            hertz = f"{_tell(FREQUENCY, 10.0)} to {_tell(FREQUENCY, 20_000.0)}"
            return (
                f"{hertz}, {_tell(LEVEL, self.low)} to {_tell(LEVEL, self.high)}, Q {LEAST_Q:g} to {MOST_Q:g}"
            )
        numbers = f"{_tell(self.quantity, self.low)} to {_tell(self.quantity, self.high)}{_STEPS[self.step]}"
        return f"{numbers}, or {words}" if words else numbers

    def parse(self, effect: str, text: str) -> Value:
        """Read a value.

        Raises
        ------
        UsageError
            It is none of this kind, or out of range; both say what would be right.
        """
        text = text.strip()
        if text.lower() in self.words:
            return text.lower()
        if self.quantity is BAND:
            return self._parse_band(effect, text)
        note = _NOTE.fullmatch(text) if self.quantity.notes else None
        if note:
            return self._parse_note(effect, text, note)
        number = _parse_number(self.quantity, text)
        if number is None:
            raise UsageError(
                f"{effect}'s {self.name} cannot be {repr(text) if text else 'nothing'}",
                hint=f"it is {self._ways()}",
            )
        return self.check(effect, number)

    def check(self, effect: str, number: float) -> float:
        """Give a number back that is in range.

        Raises
        ------
        UsageError
            It is not.
        """
        if not self.low <= number <= self.high or (self.step and number % self.step):
            raise UsageError(
                f"{effect}'s {self.name} cannot be {_tell(self.quantity, number)}",
                hint=f"it may be {self.range_text}",
            )
        return number

    def format(self, value: Value) -> str:
        """Write a value so that `parse` reads it again, the same to ten digits."""
        if isinstance(value, float | int):
            return f"{value:.10g}{self.quantity.written}"
        return str(value)

    def to_json(self) -> dict[str, object]:
        """Under the names that BeatFlow's JSON uses."""
        default = None if self.default is None else self.format(self.default)
        return {
            "name": self.name,
            "kind": self.quantity.name,
            "default": default,
            "range": self.range_text,
            "meaning": self.meaning,
        }

    def _ways(self) -> str:
        words = " or ".join(self.words)
        if self.quantity is WORD:
            return words
        kind = f"a {self.quantity.name}: {_EXAMPLES[self.quantity.name]}"
        return f"{kind}; or {words}" if words else kind

    def _parse_note(self, effect: str, text: str, note: re.Match[str]) -> Note:
        above, below = int(note[1]), int(note[2])
        if not above or not below:
            raise UsageError(f"{effect}'s {self.name} cannot be {text!r}", hint=f"it is {self._ways()}")
        share = (
            Fraction(above, below)
            * {".": Fraction(3, 2), "t": Fraction(2, 3), "": Fraction(1)}[note[3].lower()]
        )
        return Note(share)

    def _parse_band(self, effect: str, text: str) -> Band:
        parts = [part.strip() for part in text.split(":")]
        frequency = _parse_number(FREQUENCY, parts[0])
        gain = _parse_number(LEVEL, parts[1]) if len(parts) in (2, 3) else None
        last = parts[2].lower() if len(parts) == 3 else ""
        q: float | None = _BELL_Q
        if last and last not in ("low", "high"):
            q = _parse_number(NUMBER, last)
        if frequency is None or gain is None or q is None:
            raise UsageError(
                f"{repr(text) if text else 'nothing'} is no band of {effect}",
                hint=f"a band is {_EXAMPLES['band']}",
            )
        if not (10 <= frequency <= 20_000 and self.low <= gain <= self.high and LEAST_Q <= q <= MOST_Q):
            raise UsageError(f"{effect}'s band {text!r} is out of range", hint=f"it may be {self.range_text}")
        return Band(frequency, gain, last if last in ("low", "high") else "bell", q)


def _parse_number(quantity: Quantity, text: str) -> float | None:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in quantity.units:
        return None
    return float(match[1].replace("−", "-")) * quantity.units[match[2].lower()]


def _tell(quantity: Quantity, number: float) -> str:
    """A number in the unit that suits its size."""
    if quantity is TIME and abs(number) < 1:
        return f"{number * 1000:.6g} ms"
    if quantity is FREQUENCY and abs(number) >= 1000:
        return f"{number / 1000:.6g} kHz"
    space = "" if quantity.written.startswith(":") else " "
    return f"{number:.6g}{space}{quantity.written}".strip()
