"""Four on the floor, and its neighbours: house, deep house, techno, trance, disco, synthwave, UK garage, pop."""

from beatflow.ai.synth.drums_midi import CLAP, COWBELL, MID_TOM, RIDE, RIM, SHAKER, SNAP, SNARE, TAMBOURINE
from beatflow.ai.synth.genres.genre import Genre

HOUSE = Genre(
    "house", (120, 126), (0.52, 0.56), 0.6, "909",
    ("X...X...X...X...", "X...X...X...X..o", "X...X...X..oX..."),
    ("....X.......X...", "....X.......X..g", "....X..g....X..."),
    ("o.oxo.oxo.oxo.ox", "x.o.x.o.x.o.x.o.", "oooooooooooooooo"), CLAP,
    ("offbeat", "riff"), ("house bass", "electric bass", "synth bass"), ("stab", "organ stab", "house piano"),
    ("stab", "organ", "piano", "rhodes"), ("riff", "riff", "sparse"),
    ("pluck", "soft lead", "vocal chop", "vibraphone", "arp"), 4,
    ("i iv VI v", "i VI III VII", "i VII VI VII", "i III iv VI", "i i iv iv", "i iv VII III"),
    ("ii V I vi", "IV V I vi", "I vi IV V", "I V vi IV", "I IV ii V"),
    open_hats=("..X...X...X...X.", "..x...x...x...x."),
    percussion=((SHAKER, "x.oxx.oxx.oxx.ox"), (TAMBOURINE, "....o.......o...")), lifts=((RIDE, "..x...x...x...x."),),
    feel="four", fills="claps",
    humanise_s=0.0015, sidechain=0.6, room=0.06, space=0.2, echo=0.2, levels=(0.5, -4.0, -5.0, -6.5),
)  # fmt: skip

DEEP_HOUSE = Genre(
    "deep house", (118, 124), (0.54, 0.58), 0.9, "deep",
    ("X...X...X...X...", "X...X...X...X.o."),
    ("....x.......x...", "....x.......x.g."),
    ("..x...x...x...x.", "o.x.o.x.o.x.o.xo", "..xg..xg..xg..xg"), CLAP,
    ("deep", "offbeat"), ("house bass", "organ bass", "sub"), ("deep stab", "hold", "comp"),
    ("rhodes", "deep stab", "warm pad", "organ"), ("sparse", "lyric"),
    ("saxophone", "soft lead", "vibraphone", "vocal chop", "muted trumpet"), 5,
    ("im9 im9 ivm9 ivm9", "im9 VImaj7 ivm9 vm7", "ivm9 im9 ivm9 vm7", "im9 IIImaj7 ivm9 VImaj7", "im9 vm7 VImaj7 ivm9"),
    ("Imaj7 vim9 iim9 V7", "IVmaj9 iiim7 iim9 Imaj9", "iim9 V9 Imaj9 Imaj9"),
    open_hats=("..x...x...x...x.", "..............o."),
    percussion=((SHAKER, "o.xoo.xoo.xoo.xo"), (RIM, "...o..o....o..?."), (SNAP, "............o...")),
    feel="four", fills="claps", voicing="close",
    humanise_s=0.003, sidechain=0.5, room=0.08, space=0.26, echo=0.24,
    levels=(0.0, -3.5, -4.0, -6.5),
)  # fmt: skip

TECHNO = Genre(
    "techno", (128, 136), (0.5, 0.52), 0.95, "techno",
    ("X...X...X...X...", "X...X...X...X...", "X...X...X...X..o"),
    ("................", "............x...", "....o.......o..."),
    ("..x...x...x...x.", "o.xoo.xoo.xoo.xo", "oxoxoxoxoxoxoxox"), CLAP,
    ("rolling",), ("rumble", "synth bass"), ("stab", "pulse"), ("stab", "dark pad", "organ"), ("riff", "pulse"),
    ("arp", "pluck", "bells", "square lead"), 3,
    ("i i i i", "i i VI VI", "i i VII VII", "i i i iv", "i i bII i"), ("I I IV IV", "I I V V", "I I IV I"),
    open_hats=("..X...X...X...X.", "..x...x...x...x."),
    percussion=((RIDE, "x.x.x.x.x.x.x.x."), (RIM, "...o..o....o..?."), (MID_TOM, "..............?.")),
    feel="four", fills="claps", turnaround=False, humanise_s=0.0, sidechain=0.65, room=0.14, space=0.28, echo=0.35,
    colours=("", "5", "sus4"), levels=(0.5, -4.5, -5.5, -5.5),
)  # fmt: skip

TRANCE = Genre(
    "trance", (134, 140), (0.5, 0.5), 0.85, "trance",
    ("X...X...X...X...",), ("....X.......X...", "....X.......X..o"),
    ("o.xoo.xoo.xoo.xo", "xoxoxoxoxoxoxoxo"), CLAP,
    ("offbeat", "rolling"), ("synth bass", "moog bass"), ("long", "gate", "arpeggio"), ("supersaw", "pad", "strings"),
    ("anthem", "arps"), ("pluck", "supersaw", "lead", "arp"), 3,
    ("i VI III VII", "VI VII i i", "i VI iv V", "i VII VI VII", "i v VI VII"),
    ("I IV vi V", "I V vi IV", "I IV V vi"),
    open_hats=("..X...X...X...X.",), percussion=((SHAKER, "oxoxoxoxoxoxoxox"),), lifts=((RIDE, "x.x.x.x.x.x.x.x."),),
    feel="four", fills="snare", colours=("", "", "add9"),
    humanise_s=0.0, sidechain=0.65, room=0.1, space=0.32, echo=0.32,
    levels=(0.5, -4.0, -5.0, -5.0),
)  # fmt: skip

DISCO = Genre(
    "disco", (112, 124), (0.5, 0.53), 0.6, "disco",
    ("X...X...X...X...",), ("....X.......X...", "....X..g....X..g", "....X.......X.g."),
    ("o.x.o.x.o.x.o.x.", "oxo.oxo.oxo.oxo.", "oooooooooooooooo"), SNARE,
    ("octaves", "slap"), ("electric bass", "pick bass", "slap bass"), ("funk", "stab", "strum"),
    ("muted guitar", "clavinet", "piano", "wah guitar"), ("anthem", "answers", "riff"),
    ("strings", "brass section", "string runs", "synth brass"), 4,
    ("i VII VI V7", "i iv VII i", "i i iv V7", "i VI VII i", "iv v i i"),
    ("I vi ii V", "ii V I IV", "I iii IV V", "IV V I vi"),
    open_hats=("..X...X...X...X.", "..x...x...x...x."),
    percussion=((TAMBOURINE, "o.x.o.x.o.x.o.x."), (CLAP, "....o.......o...")), lifts=((COWBELL, "x...x...x...x..."),),
    feel="four", fills="toms", chromatic=0.1,
    humanise_s=0.003, sidechain=0.2, room=0.08, space=0.18, echo=0.06, levels=(0.0, -3.0, -6.0, -5.0),
)  # fmt: skip

SYNTHWAVE = Genre(
    "synthwave", (84, 112), (0.5, 0.5), 0.75, "gated",
    ("X...X...X...X...", "X.......X.x.....", "X.......X......."),
    ("....X.......X...", "....X.......X...", "....X.......X..x"),
    ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "..x...x...x...x."), SNARE,
    ("pulse", "octaves"), ("synth bass", "moog bass"), ("long", "arpeggio"), ("supersaw", "pad", "strings"),
    ("anthem", "lyric"), ("lead", "soft lead", "arp", "synth brass", "sync lead"), 3,
    ("i VI III VII", "i VI iv V", "i VII VI VII", "VI VII i i", "i III VII iv"),
    ("I V vi IV", "I IV vi V", "I vi IV V", "I bVII IV I"),
    percussion=((TAMBOURINE, "....o.......o..."),), open_hats=("................", "..x...x...x...x."),
    fills="toms", colours=("", "", "add9", "sus2"),
    humanise_s=0.001, sidechain=0.4, room=0.16, space=0.26, echo=0.3, levels=(0.5, -3.5, -5.0, -5.0),
)  # fmt: skip

# Two-step: the second and the fourth kick are missing or moved, the hats shuffle.
GARAGE = Genre(
    "uk garage", (130, 136), (0.58, 0.64), 0.75, "garage",
    ("X.........x.....", "X......x..x.....", "X..x......x....o"),
    ("....X.......X...", "....X..g....X..g", "....X.....g.X..."),
    ("..xo..x...xo..xo", "..x..ox...x..ox.", "..xo.ox...xo.oxo"), SNARE,
    ("garage", "reese"), ("organ bass", "sub", "house bass"), ("organ stab", "stab"),
    ("organ", "rhodes", "deep stab", "piano"), ("chops", "riff"),
    ("vocal chop", "pluck", "soft lead", "bells"), 5,
    ("im9 VImaj7 ivm9 vm7", "ivm9 vm7 im9 im9", "im9 IIImaj7 ivm9 V7", "im9 im9 VImaj7 V7"),
    ("iim9 V9 Imaj9 Imaj9", "IVmaj9 iiim7 iim9 Imaj9"),
    open_hats=("......x.......x.", "..............x."),
    percussion=((SHAKER, "oxoxoxoxoxoxoxox"), (RIM, "...o..?....o....")),
    feel="broken", chromatic=0.1,
    humanise_s=0.002, sidechain=0.3, room=0.08, space=0.2, echo=0.18, levels=(0.5, -3.0, -5.5, -5.5),
)  # fmt: skip

POP = Genre(
    "pop", (96, 124), (0.5, 0.52), 0.3, "pop",
    ("X.......X.x.....", "X......xX.......", "X...X...X...X...", "X..x..x.X......."),
    ("....X.......X...", "....X.......X..g"),
    ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "x.o.x.o.x.o.x.o."), SNARE,
    ("pulse", "walk"), ("electric bass", "synth bass", "sub"), ("comp", "arpeggio", "strum"),
    ("piano", "steel guitar", "clean guitar", "supersaw"), ("vocal", "anthem"),
    ("voice", "lead", "vocal chop", "pluck", "bells"), 3,
    ("i VI III VII", "VI VII i III", "i iv VI V", "i III VII iv"),
    ("I V vi IV", "IV V I vi", "I vi IV V", "IV I V I", "I iii IV iv", "I V7/vi vi IV"),
    open_hats=("................", "..............x."), percussion=((SHAKER, "o.o.o.o.o.o.o.o."),),
    lifts=((TAMBOURINE, "..x...x...x...x."), (CLAP, "....x.......x...")), colours=("", "add9", "", ""),
    humanise_s=0.003, sidechain=0.3, room=0.09, space=0.2, echo=0.14, levels=(0.0, -3.5, -5.0, -4.0),
)  # fmt: skip

GENRES = (HOUSE, DEEP_HOUSE, TECHNO, TRANCE, DISCO, SYNTHWAVE, GARAGE, POP)
