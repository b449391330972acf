"""Claves, bells and shakers: reggaeton, afrobeat, afrobeats, amapiano."""

from beatflow.ai.synth.drums_midi import (
    AGOGO_HIGH,
    AGOGO_LOW,
    CABASA,
    CLAP,
    CLAVES,
    CONGA,
    CONGA_MUTE,
    COWBELL,
    OPEN_HAT,
    RIM,
    SHAKER,
    SNARE,
    TUMBA,
    WOODBLOCK_HIGH,
)
from beatflow.ai.synth.genres.genre import Genre

# Dembow: four on the floor, and the snare on the second and third onset of 3-3-2 in each half bar.
REGGAETON = Genre(
    "reggaeton", (88, 100), (0.5, 0.5), 0.85, "dembow",
    ("X...X...X...X...", "X...x...X...x..."),
    ("...X..X....X..X.",),
    ("x.x.x.x.x.x.x.x.", "o.o.o.o.o.o.o.o.", "xooxxoxoxooxxoxo"), SNARE,
    ("dembow",), ("808", "sub", "synth bass"), ("dembow", "pluck comp"), ("pluck", "marimba", "synth brass",
    "steel guitar"),
    ("riff", "vocal", "answers"), ("vocal chop", "pluck", "flute", "marimba", "steel drum"), 3,
    ("i VI III VII", "i VII VI V", "i iv VII III", "i iv VI V", "VI VII i i", "i VI VII V"),
    ("I V vi IV", "I IV vi V", "I vi IV V"),
    percussion=((SHAKER, "o.xoo.xoo.xoo.xo"), (RIM, "...o..o....o..o.")), lifts=((OPEN_HAT, "..o...o...o...o."),),
    feel="tresillo", fills="timbales", turnaround=False,
    humanise_s=0.0015, sidechain=0.3, room=0.06, space=0.18, echo=0.14, levels=(0.5, -2.5, -5.5, -5.0),
)  # fmt: skip

# Lagos, 1970s: a bell and a shaker that never stop, interlocking guitars, horns that answer, one chord for long.
AFROBEAT = Genre(
    "afrobeat", (102, 122), (0.52, 0.56), 0.9, "afro",
    ("X..x..x...x..x..", "X.....x..x....x.", "X..x....X..x..o."),
    ("....x..g..x..g..", "..g.x..g..x..gx.", "....X..g.g.xX..."),
    ("x.xox.xox.xox.xo", "xooxxooxxooxxoxo", "x.x.x.xxx.x.x.xx"), SNARE,
    ("afro",), ("electric bass", "fretless bass"), ("highlife", "funk", "stab"), ("clean guitar", "muted guitar",
    "organ", "rhodes"),
    ("answers", "riff"), ("brass section", "saxophone", "trumpet", "organ"), 4,
    ("i7 i7 i7 i7", "i7 i7 IV9 IV9", "i7 i7 VII7 VII7", "i7 iv7 i7 iv7"),
    ("I6 I6 IV6 IV6", "I6 I6 ii7 V9", "I6 IV6 I6 V9"),
    percussion=(
        (SHAKER, "XooxXooxXooxXoox"), (CLAVES, "x..x..x...x.x..."), (AGOGO_HIGH, "x.x...x...x....."),
        (AGOGO_LOW, "....x.......x.x."), (CONGA, "..x....x..x....x"), (CONGA_MUTE, "....o.......o..."), (TUMBA,
        "......xx......xx"),
    ),
    open_hats=("......x.......x.", "..x...x...x...x."), feel="tresillo", fills="timbales", turnaround=False,
    humanise_s=0.005, room=0.1, space=0.14, echo=0.08, levels=(0.0, -2.5, -6.0, -4.5),
)  # fmt: skip

# Lagos and Accra, today: slow and soft, the tresillo in the kick and the snare, log and shaker.
AFROBEATS = Genre(
    "afrobeats", (98, 112), (0.5, 0.55), 0.55, "afro",
    ("X..x..x.X..x..x.", "X.....x.X.....x.", "X..x....X..x...."),
    ("...x..x....x..x.", "......x.......x.", "...x..x.......x."),
    ("o.x.o.x.o.x.o.x.", "x.xxx.x.x.xxx.x.", "..x...x...x...x."), RIM,
    ("tresillo", "dembow"), ("sub", "log drum", "electric bass"), ("highlife", "pluck comp"),
    ("clean guitar", "marimba", "rhodes", "pluck"), ("vocal", "answers", "riff"),
    ("voice", "vocal chop", "saxophone", "kalimba", "marimba"), 4,
    ("i VI III VII", "VI VII i i", "i iv VII III", "iv v i i"),
    ("I V vi IV", "I IV ii V", "IV V I vi", "I iii IV V", "ii V I vi"),
    percussion=(
        (SHAKER, "XoxoXoxoXoxoXoxo"), (CONGA, "...x..x....x..xx"), (WOODBLOCK_HIGH, "x..x..x...x.x..."), (SNARE,
        "............g..."),
    ),
    feel="tresillo", fills="timbales", turnaround=False,
    humanise_s=0.004, drag_s=0.003, sidechain=0.2, room=0.08, space=0.2, echo=0.14, levels=(0.0, -2.5, -5.5, -4.5),
)  # fmt: skip

# The log drum leads: it answers the sparse kick, and shakers run through.
AMAPIANO = Genre(
    "amapiano", (110, 114), (0.52, 0.57), 0.8, "amapiano",
    ("X...X...X...X...", "X.....x...x.....", "X...x...x...x..."),
    ("..........x..x..", "...o......x...x.", "......x...x..x.."),
    ("..x...x...x...x.", "..x...x...x..xx."), RIM,
    ("log",), ("log drum",), ("comp", "hold", "deep stab"), ("rhodes", "piano", "organ"), ("sparse", "vocal",
    "answers"),
    ("saxophone", "flute", "vocal chop", "voice", "piano"), 5,
    ("im9 ivm9 VImaj7 V7", "ivm9 vm7 im9 im9", "im9 VImaj7 ivm9 V7", "im9 IIImaj7 ivm9 V7"),
    ("iim9 V9 Imaj9 Imaj9", "IVmaj9 iiim7 iim9 Imaj9", "Imaj9 vim9 iim9 V9"),
    percussion=(
        (SHAKER, "XoxoXoxoXoxoXoxo"), (CABASA, "..x...x...x...x."), (CONGA, "...x..x....x...x"), (COWBELL,
        "......?.....?..."),
        (CLAP, "....o.......o..."),
    ),
    feel="tresillo", fills="timbales",
    humanise_s=0.004, sidechain=0.25, room=0.1, space=0.24, echo=0.16, levels=(0.0, -1.5, -5.0, -5.5),
)  # fmt: skip

GENRES = (REGGAETON, AFROBEAT, AFROBEATS, AMAPIANO)
