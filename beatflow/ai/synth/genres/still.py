"""Without a dance floor: ambient, cinematic."""

from beatflow.ai.synth.drums_midi import BOOM, HIGH_TOM, LOW_TOM, MID_TOM, RIM, SHAKER, SNARE
from beatflow.ai.synth.genres.genre import Genre

AMBIENT = Genre(
    "ambient", (62, 84), (0.5, 0.5), 0.5, "soft",
    ("x...............", "x.........o.....", "................"), ("................", "........o......."),
    ("................", "....o.......o...", "..g...g...g...g."), RIM,
    ("drone",), ("soft sub", "soft sub", "warm pad"), ("swell",), ("warm pad", "pad", "strings", "glass pad"),
    ("sparse", "bells"), ("bells", "harp", "vibraphone", "felt piano", "flute", "music box"), 4,
    ("i VI III VII", "i iv VI iv", "i VI iv VI", "VI III i VII"),
    ("I IV I IV", "I vi IV V", "IV I V I", "I iii IV IV", "I bVII IV I", "I iv I IV"),
    percussion=((SHAKER, "..?...?...?...?."),), colours=("", "add9", "sus2", ""), feel="still", fills="none",
    turnaround=False, voicing="open", humanise_s=0.014, sidechain=0.0, room=0.3, space=0.5, echo=0.3,
    levels=(-7.0, -5.0, 0.0, -3.0),
    chords_eq=((110.0, -10.0), (220.0, 0.0), (6000.0, 1.0), (16000.0, 0.0)),
)  # fmt: skip

CINEMATIC = Genre(
    "cinematic", (72, 108), (0.5, 0.5), 0.9, "taiko",
    ("X.......x.......", "X.....x...x.....", "X..x..x.X......."),
    ("................", "..........x...x.", "....x.......x.xx"),
    ("................", "..o...o...o...o.", "o.ooo.ooo.ooo.oo"), LOW_TOM,
    ("pedal", "ostinato"), ("contrabass", "low brass", "cello"), ("ostinato", "ostinato", "swell"),
    ("spiccato", "strings", "tremolo strings", "choir", "french horn"), ("anthem", "lyric", "sparse"),
    ("french horn", "violin", "cello", "choir", "trumpet"), 3,
    ("i VI III VII", "i VI iv V", "i iv VI V", "i III VII iv", "i bII VI V", "i VII VI V"),
    ("I V vi IV", "I IV iv I", "I bVII IV iv", "I IV vi V", "I iii IV iv"),
    percussion=((BOOM, "X..............."), (MID_TOM, "......o.....o.o."), (SNARE, "..............oo")),
    lifts=((HIGH_TOM, "..xx..xx..xx..xx"), (LOW_TOM, "x...x...x...x...")), hat=HIGH_TOM,
    colours=("", "", "add9"), feel="still", fills="taiko", turnaround=False, voicing="open",
    humanise_s=0.006, room=0.35, space=0.42, echo=0.0, levels=(0.0, -4.0, -2.0, -3.0),
    chords_eq=((60.0, -14.0), (140.0, 0.0), (6000.0, 0.0), (16000.0, 0.0)),
)  # fmt: skip

GENRES = (AMBIENT, CINEMATIC)
