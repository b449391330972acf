"""Beats to rap over, or to study by: lofi, boom bap, trap, drill, phonk, R&B."""

from beatflow.ai.synth.drums_midi import CLAP, COWBELL, RIM, SHAKER, SNAP, SNARE
from beatflow.ai.synth.genres.genre import Genre

LOFI = Genre(
    "lofi", (70, 90), (0.57, 0.63), 0.6, "dusty",
    ("X......xo.x.....", "X.....x...x..o..", "X..o....x.X.....", "X.....o..xX....."),
    ("....X..g.g..X..g", "....X....g..X...", "....X..g....X.g."),
    ("x.o.x.o.x.o.x.o.", "x.oox.o.x.o.xgo.", "o.x.o.x.o.x.o.xo"), SNARE,
    ("walk",), ("upright", "electric bass", "sub"), ("comp", "hold"), ("rhodes", "felt piano", "wurlitzer"),
    ("lyric", "lyric", "sparse"), ("vibraphone", "nylon", "kalimba", "soft lead", "jazz guitar"), 5,
    ("i iv VII III", "i VI iiø7 V7", "iv v i i", "i VI III VII", "VI III i v", "i iv VI V7", "i III VI iiø7,V7"),
    ("ii V I vi", "I vi ii V", "IV iii ii I", "I V IV iv", "I iii IV iv", "I V7/vi IV iv", "I V7/ii ii V"),
    percussion=((SHAKER, "..o...o...o...o."), (RIM, "......?.......g.")),
    open_hats=("................", "..............o."),
    chromatic=0.12, humanise_s=0.008, drag_s=0.006, sidechain=0.25, room=0.07, space=0.16, echo=0.1,
    levels=(0.0, -3.5, -3.5, -5.5),
    chords_eq=((110.0, -12.0), (220.0, -1.0), (3000.0, 0.0), (7000.0, -5.0), (11000.0, -20.0)),
)  # fmt: skip

BOOM_BAP = Genre(
    "boom bap", (84, 98), (0.56, 0.62), 0.75, "boombap",
    ("X.....x..xX.....", "X..x..x...X..x..", "X.x.....x.X....x", "X......x.xX....."),
    ("....X..g.g..X...", "....X.....g.X..g", "....X..g....X..."),
    ("x.x.x.x.x.x.x.x.", "x.xox.x.x.xox.x.", "x.o.x.o.x.o.x.oo"), SNARE,
    ("walk", "riff"), ("electric bass", "upright", "sub"), ("chop", "comp"), ("piano", "rhodes", "brass section"),
    ("riff", "lyric", "answers"), ("flute", "vibraphone", "trumpet", "saxophone", "pluck"), 4,
    ("i VI iv v", "i i iv V7", "i VI i VI", "i iv i v", "i VII VI V7", "i i VI iiø7,V7"),
    ("ii V I I", "I vi ii V", "I IV ii V", "I IV I V"),
    open_hats=("................", "......o.........", "..............o."),
    chromatic=0.08, humanise_s=0.006, drag_s=0.004, sidechain=0.15, room=0.08, space=0.13, echo=0.1,
    levels=(0.5, -3.5, -5.5, -5.5),
    chords_eq=((120.0, -12.0), (250.0, 0.0), (6000.0, 0.0), (12000.0, -6.0)),
)  # fmt: skip

TRAP = Genre(
    "trap", (132, 150), (0.5, 0.5), 0.95, "808",
    ("X......x..x.....", "X.....x....x..x.", "X..x......x..x..", "X.........x..o..", "X.....X...x....."),
    ("........X.......", "........X......g", "........X.....g."),
    ("x.x.x.x.x.x.x.x.", "x.xxx.x.x.x.x.xx", "x.x.x.xxx.x.x.x."), CLAP,
    ("808",), ("808",), ("long", "arpeggio"), ("bells", "piano", "dark pad", "choir", "strings"),
    ("riff", "riff", "sparse"), ("bells", "flute", "pluck", "piano", "glockenspiel"), 3,
    ("i i VI VI", "i VI iv V", "i iv VI V", "i i VI V", "i VII VI VI", "i i bII i"),
    ("I vi I V", "I iii vi IV", "I V vi IV"),
    percussion=((RIM, "...?......o...?."),), open_hats=("..............o.", "......o........."),
    feel="half", fills="rolls", rolls=0.55, turnaround=False,
    humanise_s=0.0015, sidechain=0.3, room=0.05, space=0.26, echo=0.18, levels=(0.0, -2.5, -7.0, -5.5),
)  # fmt: skip

# The snare falls on three of the first bar and on four of the second; hats count threes across the beat.
DRILL = Genre(
    "drill", (138, 146), (0.5, 0.5), 1.0, "drill",
    ("X.....x......x..X..x......x.....", "X..x........x...X.....x..x......", "X.........x..x..X..x..x........."),
    ("........X...................X...", "........X......g............X..g"),
    ("x..x..x...x..x..x..x..x...x.x...", "x..x..x.x..x..x.x..x..x...x..xx."), SNARE,
    ("slide",), ("808",), ("long", "arpeggio", "pulse"), ("piano", "strings", "choir", "dark pad"),
    ("riff", "sparse", "answers"), ("violin", "bells", "piano", "flute", "pluck"), 3,
    ("i i VI V", "i VI i V", "i i iv V", "i bII i V", "i iv VI V"),
    ("I vi I V", "I vi IV V"),
    percussion=((RIM, "...o......?....o...o..........?."), (CLAP, "........x...................x...")),
    open_hats=("..............o...........o.....",),
    feel="half", fills="rolls", rolls=0.5, turnaround=False,
    humanise_s=0.0015, sidechain=0.3, room=0.06, space=0.26, echo=0.16, levels=(0.0, -2.5, -7.0, -5.5),
)  # fmt: skip

PHONK = Genre(
    "phonk", (128, 142), (0.5, 0.52), 1.0, "phonk",
    ("X..x..x...x.....", "X.....x...x..x..", "X...X...X...X..x"),
    ("....X.......X...", "....X.......X..g"),
    ("x.x.x.x.x.x.x.x.", "xxx.xxx.xxx.xxx.", "x.xox.xox.xox.xo"), CLAP,
    ("808", "riff"), ("808",), ("long", "stab"), ("dark pad", "choir", "stab"), ("cowbells",), ("cowbell",), 3,
    ("i i VI V", "i i bII i", "i VI i VII", "i i i bII"),
    ("I I IV V", "I vi IV V"),
    percussion=((COWBELL, "..?...?...?...?."),), open_hats=("..o...o...o...o.", "..............o."),
    fills="rolls", rolls=0.25, turnaround=False,
    humanise_s=0.002, sidechain=0.45, room=0.07, space=0.2, echo=0.12, levels=(0.5, -2.0, -7.5, -4.0),
)  # fmt: skip

RNB = Genre(
    "r&b", (66, 92), (0.54, 0.6), 0.5, "rnb",
    ("X.....x...x.....", "X..x......x..x..", "X......x..x....x"),
    ("....X..g....X..g", "....X.......X.g.", "....X..g.g..X..."),
    ("x.x.x.xxx.x.x.x.", "x.o.x.o.x.oox.o.", "xoxoxoxxxoxoxoxo"), SNAP,
    ("walk", "808"), ("sub", "fretless bass", "808"), ("comp", "hold"), ("rhodes", "wurlitzer", "piano", "choir"),
    ("lyric", "vocal"), ("voice", "saxophone", "soft lead", "vocal chop", "clean guitar"), 5,
    ("i iv VII III", "i v VI iv", "i iv iiø7 V7", "i VI v i", "i III iv V7b9"),
    ("I V7/vi IV iv", "ii V I I", "I V7/vi vi iv", "IV iii ii I", "I iii IV iv"),
    percussion=((SHAKER, "o.o.o.o.o.o.o.o."), (CLAP, "............o...")), open_hats=("..............o.",),
    chromatic=0.2, rolls=0.15, humanise_s=0.007, drag_s=0.007, sidechain=0.25, room=0.08, space=0.2, echo=0.12,
    levels=(0.0, -3.0, -4.0, -5.0),
)  # fmt: skip

GENRES = (LOFI, BOOM_BAP, TRAP, DRILL, PHONK, RNB)
