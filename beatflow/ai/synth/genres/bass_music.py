"""Fast or half-time, and deep: drum and bass, dubstep."""

from beatflow.ai.synth.drums_midi import CLAP, RIDE, RIM, SHAKER, SNARE
from beatflow.ai.synth.genres.genre import Genre

DRUM_AND_BASS = Genre(
    "drum and bass", (172, 176), (0.5, 0.53), 0.85, "breaks",
    ("X.........X.....", "X.........X..o..", "X.x.......X.....", "X......o..X....."),
    ("....X..g.g..X..g", "....X....g..X...", "....X..g.g..X.g.", "....X..g....X..g"),
    ("x.x.x.x.x.x.x.x.", "x.xox.xox.xox.xo", "x.o.x.o.x.o.x.o."), SNARE,
    ("reese",), ("reese", "sub"), ("long", "stab"), ("pad", "strings", "rhodes", "warm pad"),
    ("sparse", "lyric", "chops"), ("pluck", "bells", "soft lead", "arp", "vocal chop"), 4,
    ("i VI III VII", "i i VI VI", "i VI iv v", "i III VI VII", "i iv VI V7"),
    ("I V vi IV", "IV I V I", "I iii IV iv"),
    percussion=((RIDE, "x...x...x...x..."), (SHAKER, "o.o.o.o.o.o.o.o.")),
    open_hats=("................", "......o........."),
    feel="broken", fills="breaks",
    humanise_s=0.0025, sidechain=0.35, room=0.09, space=0.28, echo=0.2, levels=(1.0, -3.5, -7.0, -6.5),
)  # fmt: skip

# Half-time at 140: the kick on one, the snare on three, and the bass moves its filter in eighths and triplets.
DUBSTEP = Genre(
    "dubstep", (138, 142), (0.5, 0.52), 0.95, "dubstep",
    ("X...............", "X.....x.........", "X..x..........x.", "X.........x....."),
    ("........X.......", "........X......g", "........X....g.."),
    ("x...x...x...x...", "x.o.x.o.x.o.x.o.", "..x...x...x..xx."), SNARE,
    ("wobble",), ("wobble", "growl"), ("long", "stab"), ("dark pad", "supersaw", "choir"), ("sparse", "pulse", "riff"),
    ("pluck", "sync lead", "bells", "vocal chop", "square lead"), 3,
    ("i i VI VI", "i i i bII", "i VI VII i", "i i iv V", "i i VI V"),
    ("I V vi IV", "I I IV V"),
    percussion=((RIM, "...?..o......?.."), (CLAP, "........x.......")), open_hats=("..............o.",
        "................"),
    lifts=((RIDE, "x...x...x...x..."),), feel="half", fills="breaks", turnaround=False,
    humanise_s=0.0015, sidechain=0.4, room=0.1, space=0.3, echo=0.2,
    levels=(1.0, -1.5, -7.5, -6.5),
)  # fmt: skip

GENRES = (DRUM_AND_BASS, DUBSTEP)
