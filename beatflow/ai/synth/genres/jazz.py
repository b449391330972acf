"""Changes: jazz, bossa nova."""

from beatflow.ai.synth.drums_midi import CABASA, PEDAL_HAT, RIDE, RIM, SHAKER, SNARE, TRIANGLE_MUTE
from beatflow.ai.synth.genres.genre import Genre

# Spang-a-lang on the ride, the foot on two and four, the left hand comments, the kick is feathered.
JAZZ = Genre(
    "jazz", (112, 168), (0.62, 0.67), 0.45, "jazz",
    ("o...o...o...o...", "o...o...o...o...", "o...o...o..?o.x."),
    (".......g......g.", "......g....g....", "..g...........x.", "...........g...."),
    ("x...X.x.x...X.x.", "x...X.x.x...X.x.", "x...X.x.x.x.X.x."), SNARE,
    ("walking",), ("upright",), ("charleston",), ("piano", "jazz guitar", "vibraphone"), ("bebop", "bebop", "lyric"),
    ("saxophone", "trumpet", "muted trumpet", "clarinet", "vibraphone"), 5,
    ("i6 iiø7,V7 i6 iiø7,V7", "i7 iv7 iiø7 V7", "iiø7 V7 i7 i7 iv7 VII7 IIImaj7 VImaj7",
     "i7 VI7 iiø7,V7 i7 iv7 i7 VI7,V7 i7"),
    ("Imaj7 vi7 ii7 V7", "ii7 V7 Imaj7 Imaj7", "iii7 V7/ii ii7,V7 Imaj7", "Imaj7 V7/ii ii7 V7 iii7 V7/ii ii7,V7 Imaj7",
     "Imaj7 Imaj7 ii7 V7 iiø7 V7 Imaj7 ii7,V7"),
    hat=RIDE, percussion=((PEDAL_HAT, "....x.......x..."),),
    feel="swing", swing_unit=2, fills="brushes", chromatic=0.12, tritone=0.3,
    humanise_s=0.006, room=0.14, space=0.14, levels=(-3.0, -2.5, -4.5, -3.0),
)  # fmt: skip

# The cross-stick has the clave of two bars, the kick the surdo's dotted pulse.
BOSSA_NOVA = Genre(
    "bossa nova", (116, 140), (0.5, 0.5), 0.4, "bossa",
    ("x.....oox.....oo", "x.....o.x.....o."),
    ("x.....x.....x.......x.....x.....", "....x.....x.....x.....x.....x..."),
    ("o.o.o.o.o.o.o.o.", "ooxoooxoooxoooxo", "x.o.x.o.x.o.x.o."), RIM,
    ("bossa",), ("upright", "electric bass"), ("bossa",), ("nylon", "jazz guitar"), ("lyric", "bossa"),
    ("flute", "saxophone", "piano", "clarinet", "voice"), 5,
    ("i7 iiø7,V7b9 i7 i7", "i6 iv7 iiø7 V7b9", "i7 V7/iv iv7 VII9 IIImaj7 VImaj7 iiø7 V7b9", "i7 bII7 i7 bII7"),
    ("Imaj7 V7/ii ii7 V7", "Imaj7 V7/ii ii9 V9", "ii9 V9 Imaj9 VI7b9", "Imaj9 Imaj9 II9 II9 ii9 V9 Imaj9 bII7"),
    percussion=((SHAKER, "xooxxooxxooxxoox"), (CABASA, "..o...o...o...o."), (TRIANGLE_MUTE, "..o...x...o...x.")),
    feel="latin", fills="brushes", chromatic=0.15, tritone=0.3,
    humanise_s=0.005, room=0.08, space=0.14, levels=(-4.0, -3.0, -2.5, -3.5),
)  # fmt: skip

GENRES = (JAZZ, BOSSA_NOVA)
