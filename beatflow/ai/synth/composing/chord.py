"""Chords as values: spelt from a degree or a Roman numeral, named as on a lead sheet, and read back from a name."""

import re
from dataclasses import dataclass

from beatflow.sound.tonality import NOTE_NAMES, SCALES, Key

_QUALITIES = {
    (0, 4, 7): "", (0, 3, 7): "m", (0, 3, 6): "dim", (0, 4, 8): "aug",
    (0, 4, 7, 11): "maj7", (0, 3, 7, 10): "m7", (0, 4, 7, 10): "7", (0, 3, 6, 10): "m7b5", (0, 3, 6, 9): "dim7",
    (0, 4, 7, 11, 14): "maj9", (0, 3, 7, 10, 14): "m9", (0, 4, 7, 10, 14): "9", (0, 3, 7, 10, 13): "m7b9",
    (0, 3, 6, 10, 13): "m7b5b9", (0, 4, 7, 10, 13): "7b9", (0, 4, 7, 10, 15): "7#9", (0, 4, 7, 9): "6",
    (0, 3, 7, 9): "m6", (0, 4, 7, 9, 14): "69", (0, 4, 10, 14, 21): "13", (0, 3, 7, 10, 17): "m11",
    (0, 3, 7, 11): "mMaj7", (0, 2, 7): "sus2", (0, 5, 7): "sus4", (0, 5, 7, 10): "7sus4", (0, 7): "5",
    (0, 4, 7, 14): "add9", (0, 3, 7, 14): "madd9",
}  # fmt: skip
_INTERVALS = {name: intervals for intervals, name in _QUALITIES.items()} | {
    "maj": (0, 4, 7), "M": (0, 4, 7), "min": (0, 3, 7), "-": (0, 3, 7), "M7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "-7": (0, 3, 7, 10), "ø7": (0, 3, 6, 10), "ø": (0, 3, 6, 10), "°": (0, 3, 6), "°7": (0, 3, 6, 9),
    "min9": (0, 3, 7, 10, 14), "sus": (0, 5, 7), "+": (0, 4, 8), "2": (0, 2, 7),
}  # fmt: skip
_ROMAN = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
_NUMERAL = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)([^/]*)(?:/([b#]?[IViv]+))?")
_NAME = re.compile(r"([A-G])([#b♯♭]?)([^/]*)(?:/[A-G][#b♯♭]?)?")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: intervals above a root; ``degree`` is the step of the key's scale that it stands on, -1 for none."""

    degree: int
    root: int
    intervals: tuple[int, ...]

    @property
    def name(self) -> str:
        """As on a lead sheet: ``Am7``, ``Fmaj9``."""
        return NOTE_NAMES[self.root] + _QUALITIES.get(self.intervals, "")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def is_minor(self) -> bool:
        """Its third is minor."""
        return 3 in self.intervals and 4 not in self.intervals

    @property
    def is_dominant(self) -> bool:
        """A major third and a minor seventh."""
        return 4 in self.intervals and 10 in self.intervals

    @property
    def third(self) -> int:
        """Semitones from the root to the third, or to what stands in its place."""
        return self.intervals[1] if len(self.intervals) > 2 else 7

    @property
    def fifth(self) -> int:
        """Semitones from the root to the fifth, as the chord has it."""
        return next((interval for interval in (7, 6, 8) if interval in self.intervals), 7)

    @property
    def seventh(self) -> int:
        """Semitones to the seventh or sixth; the octave where there is none."""
        return next((interval for interval in (10, 11, 9) if interval in self.intervals), 12)


@dataclass(frozen=True, slots=True)
class Span:
    """A chord and the ticks for which it sounds."""

    tick: int
    length: int
    chord: Chord


def scale_chord(key: Key, degree: int, tones: int, colour: str = "") -> Chord:
    """Stack thirds of the scale on a degree; ``colour`` ``sus2``, ``sus4``, ``add9`` or ``5`` where that stays pure.

    A minor or diminished ninth (b9) sounds wrong in these styles: such chords stay at the seventh.
    """
    scale = SCALES[key.mode]

    def above(steps: int) -> int:
        octave, index = divmod(degree + steps, 7)
        return scale[index] + 12 * octave - scale[degree]

    thirds = tuple(above(2 * i) for i in range(tones))
    if len(thirds) == 5 and thirds[4] == 13:
        thirds = thirds[:4]
    wanted = {
        "sus2": (0, above(1), 7), "sus4": (0, above(3), 7), "5": (0, 7), "add9": (*thirds[:3], above(8)),
    }.get(colour, thirds)  # fmt: skip
    if wanted not in _QUALITIES or thirds[2] != 7:
        wanted = thirds
    return Chord(degree, (key.tonic + scale[degree]) % 12, wanted)


def parse_numeral(text: str, key: Key, tones: int, colour: str = "") -> Chord:
    """A Roman numeral in a key.

    Parameters
    ----------
    text : str
        ``ii``, ``V7``, ``bVII``, ``iiø7``, ``V7/vi``. Capitals are major, small letters minor; degrees count along
        the key's own scale (``VI`` of A minor is F). A bare numeral that the scale has is stacked to ``tones``.
    key : Key
    tones : int
    colour : str
        Of a bare numeral: see `scale_chord`.

    Raises
    ------
    ValueError
        It is no numeral.
    """
    match = _NUMERAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no Roman numeral")
    accidental, numeral, quality, target = match.groups()
    if target:
        goal = parse_numeral(target, key, 3)
        key, accidental = Key(goal.root, "min" if goal.is_minor else "maj"), ""
    degree = _ROMAN[numeral.upper()]
    shift = {"": 0, "b": -1, "#": 1}[accidental]
    root = (key.tonic + SCALES[key.mode][degree] + shift) % 12
    minor = numeral.islower()
    outside = bool(shift or target)
    if not quality:
        natural = scale_chord(key, degree, 3)
        if not outside and natural.is_minor == minor and 7 in natural.intervals:
            return scale_chord(key, degree, tones, colour)
        if not outside and natural.intervals == (0, 3, 6) and minor:
            return scale_chord(key, degree, min(tones, 4))
        return Chord(-1 if outside else degree, root, _stack(minor, degree == 4 and not shift, tones))
    intervals = _INTERVALS.get("m" + quality if minor and quality in ("7", "9", "6", "11") else quality)
    if intervals is None:
        raise ValueError(f"{text!r}: no quality {quality!r}")
    return Chord(-1 if outside else degree, root, _cut(intervals, tones))


def _stack(minor: bool, dominant: bool, tones: int) -> tuple[int, ...]:
    """A chord from outside the scale, of about as many tones as the others; a dominant has its seventh early."""
    if dominant:
        return (0, 4, 7, 10) if tones > 3 else (0, 4, 7)
    if minor:
        return ((0, 3, 7), (0, 3, 7, 9), (0, 3, 7, 9))[min(tones, 5) - 3]
    return ((0, 4, 7), (0, 4, 7, 11), (0, 4, 7, 11))[min(tones, 5) - 3]


def _cut(intervals: tuple[int, ...], tones: int) -> tuple[int, ...]:
    """No ninths where the piece wants plain chords."""
    shorter = intervals[: max(tones, 3)]
    return shorter if shorter in _QUALITIES else intervals


def dominant_of(chord: Chord, ninth: bool = False) -> Chord:
    """The dominant seventh that leads to a chord."""
    flat = (13,) if chord.is_minor else (14,)
    return Chord(-1, (chord.root + 7) % 12, (0, 4, 7, 10, *(flat if ninth else ())))


def tritone_of(chord: Chord) -> Chord:
    """The dominant a tritone away, which shares third and seventh."""
    return Chord(-1, (chord.root + 6) % 12, (0, 4, 7, 10, 14) if len(chord.intervals) > 4 else (0, 4, 7, 10))


def parse_chord(name: str, key: Key) -> Chord | None:
    """Read a chord's name, or None where it is none; a quality that is not known here is heard as a triad.

    ``Am7``, ``F#``, ``Bbmaj7``, ``C/E`` (the bass player chooses the bass).
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    letter, accidental, quality = match.groups()
    root = (_LETTERS[letter] + {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]) % 12
    intervals = _INTERVALS.get(quality.replace(":", "").strip("()"))
    if intervals is None:
        minor = quality.startswith(("m", "-")) and not quality.startswith("maj")
        intervals = (0, 3, 7) if minor else (0, 4, 7)
    steps = [(root - key.tonic - step) % 12 for step in SCALES[key.mode]]
    return Chord(steps.index(0) if 0 in steps else -1, root, intervals)
