"""People in a room: rock, funk, blues, reggae."""

from beatflow.ai.synth.drums_midi import CONGA, CRASH, RIDE, RIM, SHAKER, SNARE, TAMBOURINE, TUMBA
from beatflow.ai.synth.genres.genre import Genre

ROCK = Genre(
    "rock", (108, 140), (0.5, 0.5), 0.55, "rock",
    ("X.......X.x.....", "X......xX.......", "X.....x.X.x.....", "X.x.....X......x"),
    ("....X.......X...", "....X.......X..g", "....X..g....X..."),
    ("x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x.", "x.o.x.o.x.o.x.o."), SNARE,
    ("roots", "pulse"), ("pick bass", "electric bass"), ("power", "chug"), ("distorted guitar",),
    ("anthem", "riff", "lyric"), ("lead guitar", "organ", "clean guitar"), 3,
    ("i VII VI VII", "i VI III VII", "i III VII iv", "i i VI VII", "i iv VII i", "i VII i V"),
    ("I bVII IV I", "I IV V IV", "I V vi IV", "I IV bVII IV", "I I IV V", "I vi IV V"),
    open_hats=("................", "..............x."), lifts=((CRASH, "X..............................."), (RIDE,
        "x.x.x.x.x.x.x.x.")),
    percussion=((TAMBOURINE, "....o.......o..."),), fills="toms", voicing="power",
    humanise_s=0.004, room=0.16, space=0.12, echo=0.0, levels=(0.5, -3.5, -3.0, -3.5),
    chords_eq=((60.0, -18.0), (110.0, 0.0), (6000.0, 0.0), (14000.0, -6.0)),
)  # fmt: skip

# Everything meets on the one; ghost notes fill the sixteenths around the backbeat.
FUNK = Genre(
    "funk", (96, 112), (0.5, 0.55), 0.85, "funk",
    ("X.x.......x..x..", "X..x..x...x.....", "X.x....x..x.....", "X.....x..xx..x.."),
    ("....X..g.g..X..g", ".g..X..gXg..X.g.", "....X.gg.g..X..g", ".g..X..g.g.gX.g."),
    ("xoxoxoxoxoxoxoxo", "xoxxxoxoxoxxxoxo", "x.xox.xox.xox.xo"), SNARE,
    ("slap", "funk"), ("slap bass", "electric bass"), ("funk",), ("muted guitar", "clavinet", "wah guitar"),
    ("answers", "riff"), ("brass section", "saxophone", "trumpet", "organ", "synth brass"), 4,
    ("i7 i7 i7 IV9", "im9 IV9 im9 IV9", "i7 i7 iv7 V7", "im9 im9 VImaj7 V7"),
    ("I6 I6 IV9 V9", "I6 IV9 I6 V9", "I9 I9 ii7 V9", "I6 I6 ii7 V9"),
    open_hats=("......x.........", "..............x.", ".......x........"),
    percussion=((TAMBOURINE, "..o...o...o...o."), (CONGA, "..oo...x..oo...x"), (TUMBA, "x.......x.....o.")),
    fills="kit", humanise_s=0.004, drag_s=0.002, room=0.07, space=0.1, echo=0.0,
    levels=(0.5, -2.5, -6.0, -5.0),
)  # fmt: skip

BLUES = Genre(
    "blues", (84, 116), (0.64, 0.68), 0.15, "rock",
    ("X.......X.......", "X.......X.....x.", "X.....x.X......."),
    ("....X.......X...", "....X..g....X..g"),
    ("x.x.x.x.x.x.x.x.", "x.o.x.o.x.o.x.o."), SNARE,
    ("shuffle", "walking"), ("electric bass", "upright"), ("shuffle", "comp"), ("piano", "organ", "clean guitar"),
    ("blues", "answers"), ("lead guitar", "harmonica", "saxophone", "clean guitar"), 4,
    ("i7 i7 i7 i7 iv7 iv7 i7 i7 VImaj7 V7 i7 V7", "i7 iv7 i7 i7 iv7 iv7 i7 i7 iiø7 V7 i7 V7"),
    ("I6 I6 I6 I7 IV7 IV7 I6 I6 V7 IV7 I6 V7", "I6 IV7 I6 I7 IV7 IV7 I6 V7/ii ii7 V7 I6 V7"),
    percussion=(), lifts=((RIDE, "x.x.x.x.x.x.x.x."),), open_hats=("................",),
    swing_unit=2, fills="toms", turnaround=False,
    humanise_s=0.006, room=0.12, space=0.12, levels=(0.0, -3.0, -5.0, -4.0),
)  # fmt: skip

# One drop: nothing on one, kick and cross-stick together on three.
REGGAE = Genre(
    "reggae", (68, 84), (0.5, 0.56), 0.55, "reggae",
    ("........X.......", "........X.......", "........X.....o."),
    ("........X.......", "........X......g", "........X..g...."),
    ("..x...x...x...x.", "x.xox.xox.xox.xo", "x.x.x.x.x.x.x.x."), RIM,
    ("one drop",), ("dub bass", "electric bass"), ("skank", "bubble"), ("organ", "clean guitar", "muted guitar",
    "piano"),
    ("lyric", "answers", "sparse"), ("melodica", "trombone", "organ", "brass section"), 3,
    ("i iv i iv", "i VII i VII", "i VI VII i", "i iv VI V", "i VII VI VII"),
    ("I V vi IV", "I IV I IV", "I ii I ii", "I vi ii V", "I IV V IV"),
    open_hats=("......o.........", "..............o.", "................"),
    percussion=((SHAKER, "o.o.o.o.o.o.o.o."), (TAMBOURINE, "........o......."), (CONGA, "......o.......oo")),
    feel="half", fills="timbales", turnaround=False,
    humanise_s=0.006, drag_s=0.005, room=0.1, space=0.16, echo=0.26, levels=(0.0, -1.5, -6.0, -5.5),
)  # fmt: skip

GENRES = (ROCK, FUNK, BLUES, REGGAE)
