"""What a genre is made of: tempo, swing, drum grammar, harmony, sounds, space. Data; no code that plays it.

Drum patterns are sixteenths of one 4/4 bar, or of two: ``X`` accent, ``x`` hit, ``o`` soft, ``g`` ghost (three times in
four), ``?`` a coin toss, ``.`` rest. Progressions are Roman numerals in the key, a bar each; a comma parts chords that
share a bar (see ``chord.parse_numeral``).
"""

from dataclasses import dataclass

Patterns = tuple[str, ...]
Rows = tuple[tuple[int, str], ...]
Points = tuple[tuple[float, float], ...]

FEELS = ("backbeat", "four", "half", "broken", "swing", "latin", "tresillo", "still")
"""How a genre carries over into three: see ``feels``."""


@dataclass(frozen=True, slots=True)
class Genre:
    """One genre's habits; ranges are (low, high), choices are drawn from tuples.

    Parameters
    ----------
    name : str
    tempo : (int, int)
        BPM as the genre counts it: half-time genres at their usual 140.
    swing : (float, float)
        Share that the first of a pair takes.
    minor : float
        Chance of a minor key.
    kit : str
    kicks, snares, hats, open_hats : tuple of str
        Patterns; two are drawn and take turns.
    backbeat, hat : int
        The drums that play ``snares`` and ``hats``.
    percussion, lifts : tuple of (int, str)
        Rows of other drums: most of them are in every bar, those of ``lifts`` where the energy is high.
    bass, comping, melody : tuple of str
        Styles of the players.
    bass_sounds, chord_sounds, melody_sounds : tuple of str
    tones : int
        Of a chord: 3 triads, 4 sevenths, 5 ninths.
    minor_progressions, major_progressions : tuple of str
    feel : str
        Of ``FEELS``.
    swing_unit : int
        Sixteenths that swing as one (2: the eighths swing).
    fills : str
        A row of ``fills.FILLS``.
    colours : tuple of str
        Of plain triads: ``sus2``, ``sus4``, ``add9``, ``5``.
    rolls : float
        Chance of a roll on the hats in a bar.
    chromatic, tritone : float
        Chance that a chord is led to by its own dominant, and that a dominant gives way to its tritone substitute.
    turnaround : bool
        The dominant may lead from the end of eight bars back to their start.
    voicing : str
        ``close``, ``open`` (spread over two octaves) or ``power`` (root and fifth).
    humanise_s, drag_s : float
        Looseness of the hands, and how late the backbeat lies.
    sidechain, room, space, echo, levels, chords_eq
        For the studio: depth, reverb, repeats, balance of drums, bass, chords and melody, the chords' equaliser.
    """

    name: str
    tempo: tuple[int, int]
    swing: tuple[float, float]
    minor: float
    kit: str
    kicks: Patterns
    snares: Patterns
    hats: Patterns
    backbeat: int
    bass: tuple[str, ...]
    bass_sounds: Patterns
    comping: tuple[str, ...]
    chord_sounds: Patterns
    melody: tuple[str, ...]
    melody_sounds: Patterns
    tones: int
    minor_progressions: Patterns
    major_progressions: Patterns
    open_hats: Patterns = ("................",)
    percussion: Rows = ()
    lifts: Rows = ()
    feel: str = "backbeat"
    swing_unit: int = 1
    fills: str = "kit"
    colours: Patterns = ("",)
    hat: int = 42
    rolls: float = 0.0
    chromatic: float = 0.0
    tritone: float = 0.0
    turnaround: bool = True
    voicing: str = "close"
    humanise_s: float = 0.0
    drag_s: float = 0.0
    sidechain: float = 0.0
    room: float = 0.08
    space: float = 0.18
    echo: float = 0.0
    levels: tuple[float, float, float, float] = (0.0, -4.0, -5.5, -5.5)
    chords_eq: Points = ((120.0, -14.0), (250.0, 0.0), (6000.0, 0.0), (16000.0, 0.0))
