"""What each genre is made of, as data: tempo, swing, drum grammar, harmony, sounds, space. No code that plays it.

Drum patterns are sixteenths of a 4/4 bar: ``X`` accent, ``x`` hit, ``o`` soft, ``g`` ghost (three times in four),
``?`` a coin toss, ``.`` rest. Progressions are scale degrees, 0 the tonic.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Patterns = tuple[str, ...]
Degrees = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Genre:
    """One genre's habits; ranges are (low, high), choices are drawn from tuples."""

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
    minor_progressions: Degrees
    major_progressions: Degrees
    open_hats: Patterns = ("................",)
    percussion: tuple[tuple[int, str], ...] = ()
    colours: Patterns = ("",)
    hat: int = 42
    rolls: float = 0.0
    humanise_s: float = 0.0
    sidechain: float = 0.0
    room: float = 0.08
    space: float = 0.18
    echo: float = 0.0
    loudness_lufs: float = -14.0
    levels: tuple[float, float, float, float] = (0.0, -4.0, -5.5, -5.5)
    chords_eq: tuple[tuple[float, float], ...] = ((120.0, -14.0), (250.0, 0.0), (6000.0, 0.0), (16000.0, 0.0))


LOFI = Genre(
    "lofi", (70, 90), (0.57, 0.63), 0.6, "dusty",
    ("X......xo.x.....", "X.....x...x..o..", "X..o....x.X.....", "X.....o..xX....."),
    ("....X..g.g..X..g", "....X....g..X...", "....X..g....X.g."),
    ("x.o.x.o.x.o.x.o.", "x.oox.o.x.o.xgo.", "o.x.o.x.o.x.o.xo"), 38,
    ("walk",), ("upright", "electric bass", "sub"), ("comp", "hold"), ("rhodes", "felt piano", "rhodes"),
    ("lyric", "lyric", "sparse"), ("vibraphone", "nylon", "kalimba", "soft lead"), 5,
    ((0, 3, 6, 2), (0, 5, 3, 4), (3, 4, 0, 0), (0, 5, 2, 6), (5, 3, 0, 4), (0, 3, 5, 4)),
    ((1, 4, 0, 5), (0, 5, 1, 4), (3, 2, 1, 0), (3, 4, 2, 5), (0, 2, 3, 4)),
    percussion=((70, "..o...o...o...o."), (37, "......?.......g.")),
    open_hats=("................", "..............o."),
    humanise_s=0.008, sidechain=0.25, room=0.07, space=0.16, echo=0.1, loudness_lufs=-15.0,
    levels=(0.0, -3.5, -3.5, -5.5),
    chords_eq=((110.0, -12.0), (220.0, -1.0), (3000.0, 0.0), (7000.0, -5.0), (11000.0, -20.0)),
)  # fmt: skip

HIPHOP = Genre(
    "hiphop", (84, 98), (0.56, 0.62), 0.75, "boombap",
    ("X.....x..xX.....", "X..x..x...X..x..", "X.x.....x.X....x", "X......x.xX....."),
    ("....X..g.g..X...", "....X.....g.X..g", "....X..g....X..."),
    ("x.x.x.x.x.x.x.x.", "x.xox.x.x.xox.x.", "x.o.x.o.x.o.x.oo"), 38,
    ("walk", "riff"), ("electric bass", "upright", "sub"), ("chop", "comp"), ("piano", "rhodes", "strings"),
    ("riff", "lyric"), ("flute", "vibraphone", "brass", "pluck"), 4,
    ((0, 5, 3, 4), (0, 0, 3, 4), (0, 5, 0, 5), (0, 3, 0, 4), (0, 6, 5, 4)),
    ((1, 4, 0, 0), (0, 5, 1, 4), (0, 3, 1, 4)),
    open_hats=("................", "......o.........", "..............o."),
    humanise_s=0.006, sidechain=0.15, room=0.08, space=0.13, echo=0.1, levels=(0.5, -3.5, -5.5, -5.5),
    chords_eq=((120.0, -12.0), (250.0, 0.0), (6000.0, 0.0), (12000.0, -6.0)),
)  # fmt: skip

TRAP = Genre(
    "trap", (132, 150), (0.5, 0.5), 0.95, "808",
    ("X......x..x.....", "X.....x....x..x.", "X..x......x..x..", "X.........x..o.."),
    ("........X.......", "........X......g", "........X.....g."),
    ("x.x.x.x.x.x.x.x.", "x.xxx.x.x.x.x.xx", "x.x.x.xxx.x.x.x."), 39,
    ("808",), ("808",), ("long", "arpeggio"), ("bells", "piano", "pad", "strings"), ("riff", "riff", "sparse"),
    ("bells", "flute", "pluck", "piano"), 3,
    ((0, 0, 5, 5), (0, 5, 3, 4), (0, 3, 5, 4), (0, 0, 5, 4), (0, 6, 5, 5)), ((0, 3, 5, 4), (5, 3, 0, 4)),
    percussion=((37, "...?......o...?."),), open_hats=("..............o.", "......o........."), rolls=0.55,
    humanise_s=0.0015, sidechain=0.3, room=0.05, space=0.26, echo=0.18, levels=(0.0, -2.5, -7.0, -5.5),
)  # fmt: skip

HOUSE = Genre(
    "house", (120, 126), (0.52, 0.56), 0.6, "909",
    ("X...X...X...X...", "X...X...X...X..o", "X...X...X..oX..."),
    ("....X.......X...", "....X.......X..g", "....X..g....X..."),
    ("o.oxo.oxo.oxo.ox", "x.o.x.o.x.o.x.o.", "oooooooooooooooo"), 39,
    ("offbeat", "riff"), ("house bass", "electric bass", "synth bass"), ("stab", "organ stab"),
    ("stab", "organ", "piano", "rhodes"), ("riff", "riff", "sparse"), ("pluck", "soft lead", "vibraphone", "arp"), 4,
    ((0, 3, 5, 4), (0, 5, 2, 6), (0, 6, 5, 6), (0, 2, 3, 5), (0, 0, 3, 3)),
    ((1, 4, 0, 5), (3, 4, 2, 5), (0, 5, 3, 4), (0, 4, 5, 3)),
    open_hats=("..X...X...X...X.", "..x...x...x...x."),
    percussion=((70, "x.oxx.oxx.oxx.ox"), (54, "....o.......o...")),
    humanise_s=0.0015, sidechain=0.6, room=0.06, space=0.2, echo=0.2, levels=(0.5, -4.0, -5.0, -6.5),
)  # fmt: skip

TECHNO = Genre(
    "techno", (128, 136), (0.5, 0.52), 0.95, "techno",
    ("X...X...X...X...", "X...X...X...X...", "X...X...X...X..o"),
    ("................", "............x...", "....o.......o..."),
    ("..x...x...x...x.", "o.xoo.xoo.xoo.xo", "oxoxoxoxoxoxoxox"), 39,
    ("rolling",), ("rumble", "synth bass"), ("stab", "pulse"), ("stab", "pad", "organ"), ("riff", "pulse"),
    ("arp", "pluck", "bells", "lead"), 3,
    ((0, 0, 0, 0), (0, 0, 5, 5), (0, 0, 6, 6), (0, 0, 0, 3)), ((0, 0, 3, 3), (0, 0, 4, 4)),
    open_hats=("..X...X...X...X.", "..x...x...x...x."),
    percussion=((51, "x.x.x.x.x.x.x.x."), (37, "...o..o....o..?."), (45, "..............?.")),
    humanise_s=0.0, sidechain=0.65, room=0.14, space=0.28, echo=0.35, colours=("", "5", "sus4"),
    loudness_lufs=-13.0,
    levels=(0.5, -4.5, -5.5, -5.5),
)  # fmt: skip

DNB = Genre(
    "drum and bass", (172, 176), (0.5, 0.53), 0.85, "breaks",
    ("X.........X.....", "X.........X..o..", "X.x.......X.....", "X......o..X....."),
    ("....X..g.g..X..g", "....X....g..X...", "....X..g.g..X.g.", "....X..g....X..g"),
    ("x.x.x.x.x.x.x.x.", "x.xox.xox.xox.xo", "x.o.x.o.x.o.x.o."), 38,
    ("reese",), ("reese", "sub"), ("long", "stab"), ("pad", "strings", "rhodes", "warm pad"),
    ("sparse", "lyric"),
    ("pluck", "bells", "soft lead", "arp"), 4,
    ((0, 5, 2, 6), (0, 0, 5, 5), (0, 5, 3, 4), (0, 2, 5, 6)), ((0, 4, 5, 3), (3, 0, 4, 5)),
    percussion=((51, "x...x...x...x..."), (70, "o.o.o.o.o.o.o.o.")),
    open_hats=("................", "......o........."),
    humanise_s=0.0025, sidechain=0.35, room=0.09, space=0.28, echo=0.2, levels=(1.0, -3.5, -7.0, -6.5),
)  # fmt: skip

AMBIENT = Genre(
    "ambient", (62, 84), (0.5, 0.5), 0.5, "soft",
    ("x...............", "x.........o.....", "................"), ("................", "........o......."),
    ("................", "....o.......o...", "..g...g...g...g."), 37,
    ("drone",), ("soft sub", "soft sub", "warm pad"), ("swell",), ("warm pad", "pad", "strings"),
    ("sparse", "bells"),
    ("bells", "harp", "vibraphone", "felt piano", "flute"), 4,
    ((0, 5, 2, 6), (0, 3, 5, 3), (0, 5, 3, 5), (5, 2, 0, 6)),
    ((0, 3, 0, 3), (0, 5, 3, 4), (3, 0, 4, 5), (0, 2, 3, 3)),
    percussion=((70, "..?...?...?...?."),), colours=("", "add9", "sus2", ""), humanise_s=0.014,
    sidechain=0.0, room=0.3,
    space=0.5, echo=0.3, loudness_lufs=-17.0, levels=(-7.0, -5.0, 0.0, -3.0),
    chords_eq=((110.0, -10.0), (220.0, 0.0), (6000.0, 1.0), (16000.0, 0.0)),
)  # fmt: skip

SYNTHWAVE = Genre(
    "synthwave", (84, 112), (0.5, 0.5), 0.75, "gated",
    ("X...X...X...X...", "X.......X.x.....", "X.......X......."),
    ("....X.......X...", "....X.......X...", "....X.......X..x"),
    ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "..x...x...x...x."), 38,
    ("pulse", "octaves"), ("synth bass",), ("long", "arpeggio"), ("supersaw", "pad", "strings"),
    ("anthem", "lyric"),
    ("lead", "soft lead", "arp", "brass"), 3,
    ((0, 5, 2, 6), (0, 5, 3, 4), (0, 6, 5, 6), (5, 6, 0, 0), (0, 2, 6, 3)),
    ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4)),
    percussion=((54, "....o.......o..."),), open_hats=("................", "..x...x...x...x."),
    colours=("", "", "add9", "sus2"),
    humanise_s=0.001, sidechain=0.4, room=0.16, space=0.26, echo=0.3, levels=(0.5, -3.5, -5.0, -5.0),
)  # fmt: skip

GENRES: Mapping[str, Genre] = {
    genre.name: genre for genre in (LOFI, HIPHOP, TRAP, HOUSE, TECHNO, DNB, AMBIENT, SYNTHWAVE)
}
