"""Keys as values: parsing, formatting, scales. Light on purpose: no numpy, so commands may validate with it."""

import re
from dataclasses import dataclass

from beatflow.errors import UsageError

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {
    "": "maj", "M": "maj", "maj": "maj", "major": "maj", "dur": "maj",
    "m": "min", "min": "min", "minor": "min", "moll": "min", "-": "min",
}  # fmt: skip
_KEY = re.compile(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s*:?\s*([A-Za-z-]*)\s*")
SCALES = {"maj": (0, 2, 4, 5, 7, 9, 11), "min": (0, 2, 3, 5, 7, 8, 10)}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: ``tonic`` is a pitch class (0 is C), ``mode`` is ``maj`` or ``min`` (natural minor)."""

    tonic: int
    mode: str

    def __str__(self) -> str:
        return f"{NOTE_NAMES[self.tonic]}:{self.mode}"

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The seven pitch classes of the scale, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in SCALES[self.mode])


def parse_key(text: str) -> Key:
    """Read a key as musicians write it: ``Am``, ``A:min``, ``F# minor``, ``Bb``, ``c``.

    Raises
    ------
    UsageError
        The text names no key.
    """
    match = _KEY.fullmatch(text)
    if match:
        letter, accidental, word = match.groups()
        mode = _MODES.get(word) or _MODES.get(word.lower())
        if letter.islower() and word == "":
            mode = "min"
        if mode:
            shift = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]
            return Key((_NATURALS[letter.upper()] + shift) % 12, mode)
    raise UsageError(f"{text!r} is not a key", hint="write it like Am, A:min, F# minor or Bb")
