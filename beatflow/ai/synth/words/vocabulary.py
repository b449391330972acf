"""The words that prompts are made of: genres, instruments, textures, parts, drums, comparisons. Tables only."""

from collections.abc import Mapping

from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.words.moods import Mood

PARTS = ("drums", "bass", "chords", "melody", "texture")

_NAMES: Mapping[str, tuple[str, ...]] = {
    "lofi": ("lo-fi", "lo fi", "chillhop", "study beats", "jazzhop", "lofi hip hop", "lo-fi hip hop", "chill hop"),
    "boom bap": ("hip hop", "hip-hop", "hiphop", "boombap", "boom-bap", "rap", "old school", "golden era"),
    "trap": ("trap beat", "plugg"),
    "drill": ("uk drill", "ny drill"),
    "phonk": ("drift phonk", "memphis"),
    "r&b": ("rnb", "r and b", "rhythm and blues", "neo soul", "neo-soul", "soul", "slow jam"),
    "house": ("tech house", "edm", "dance", "club", "french house", "piano house"),
    "deep house": ("deephouse", "organic house", "melodic house", "lounge"),
    "techno": ("minimal techno", "acid techno", "industrial", "rave", "acid house", "hard techno"),
    "trance": ("progressive trance", "psytrance", "psy trance", "uplifting trance"),
    "disco": ("nu disco", "nu-disco", "italo disco", "boogie"),
    "synthwave": ("retrowave", "outrun", "vaporwave", "80s", "synthpop", "synth pop", "darksynth"),
    "uk garage": ("garage", "ukg", "two step", "2-step", "2 step", "speed garage"),
    "pop": ("dance pop", "pop song", "indie pop", "bedroom pop", "k-pop", "kpop"),
    "drum and bass": ("drum n bass", "drum & bass", "dnb", "d&b", "jungle", "liquid", "breakbeat", "breakcore"),
    "dubstep": ("brostep", "riddim", "half-time bass"),
    "ambient": ("drone", "new age", "meditation", "soundscape", "space music", "sleep music"),
    "cinematic": (
        "film score", "film music", "soundtrack", "orchestral", "orchestra", "trailer", "trailer music", "score",
        "epic orchestral", "symphonic", "fantasy",
    ),
    "rock": ("indie rock", "hard rock", "punk", "punk rock", "grunge", "alternative", "alt rock", "metal", "indie",
        "garage rock"),
    "funk": ("funk groove", "p-funk", "jazz funk", "soul funk"),
    "blues": ("blues rock", "rhythm & blues shuffle", "chicago blues", "shuffle", "twelve bar", "12 bar blues"),
    "reggae": ("dub", "one drop", "rocksteady", "ska", "roots reggae", "dancehall dub"),
    "jazz": ("swing", "bebop", "bop", "big band", "jazz trio", "hard bop", "cool jazz", "jazz waltz", "jazz club"),
    "bossa nova": ("bossa", "bossanova", "samba", "latin jazz", "brazilian"),
    "reggaeton": ("dembow", "perreo", "latin", "latin pop", "moombahton", "urbano"),
    "afrobeat": ("afro beat", "afro-beat", "afro funk", "fela", "highlife"),
    "afrobeats": ("afropop", "afro pop", "afroswing", "dancehall", "naija"),
    "amapiano": ("piano amapiano", "yanos", "afro house"),
}  # fmt: skip

GENRE_WORDS: Mapping[str, str] = {word: genre for genre, words in _NAMES.items() for word in (genre, *words)}

_CHORDS: Mapping[str, tuple[str, ...]] = {
    "rhodes": ("electric piano", "e-piano", "epiano", "keys", "fender rhodes"), "wurlitzer": ("wurli",),
    "piano": ("grand piano", "keyboard"), "felt piano": ("soft piano",), "upright piano": ("honky tonk", "tack piano"),
    "clavinet": ("clav",), "harpsichord": (), "celesta": (), "organ": ("hammond", "church organ", "b3"),
    "accordion": ("bandoneon",), "pad": ("pads", "synth pad"), "warm pad": (), "dark pad": (), "glass pad": (),
    "choir": ("choirs", "choral"), "strings": ("string section", "violins", "orchestra strings", "string ensemble"),
    "spiccato": ("staccato strings", "short strings"), "tremolo strings": (), "pizzicato": ("pizzicato strings",),
    "brass section": ("horn section", "horns", "brass"), "low brass": (), "synth brass": (),
    "nylon": ("nylon guitar", "classical guitar", "spanish guitar", "guitar", "nylon string guitar"),
    "steel guitar": ("acoustic guitar", "acoustic", "folk guitar", "steel string guitar"),
    "clean guitar": ("electric guitar", "guitars"), "muted guitar": ("palm muted guitar", "funk guitar",
        "guitar scratches"),
    "wah guitar": ("wah wah", "wah-wah", "wah"), "jazz guitar": (),
    "distorted guitar": ("distortion", "power chords", "overdriven guitar", "distorted guitars", "heavy guitar",
        "heavy guitars"),
    "stab": ("stabs", "chord stabs"), "deep stab": ("dub chords",), "supersaw": ("supersaws", "saws", "hoover"),
    "sitar": (), "koto": (),
}  # fmt: skip
_MELODY: Mapping[str, tuple[str, ...]] = {
    "pluck": ("plucks", "plucked synth"), "bells": ("bell", "chimes"), "kalimba": ("mbira", "thumb piano"),
        "marimba": ("xylophone", "balafon"),
    "vibraphone": ("vibes section", "vibraharp"), "harp": (), "music box": (), "glockenspiel": ("glock",),
    "steel drum": ("steel drums", "steelpan", "steel pan"), "flute": ("flutes",), "pan flute": ("panpipes",),
        "ocarina": (),
    "clarinet": (), "oboe": (), "saxophone": ("sax", "tenor sax", "alto sax", "saxophones"), "trumpet": ("trumpets",),
    "muted trumpet": ("harmon mute",), "trombone": (), "french horn": ("french horns",), "harmonica": (),
        "melodica": (),
    "violin": ("fiddle", "solo violin"), "viola": (), "cello": ("cellos", "solo cello"), "voice": ("vocals", "vocal",
        "singer", "humming"),
    "vocal chop": ("vocal chops", "chopped vocals"), "lead": ("synth lead", "leads"), "soft lead": (),
        "square lead": ("chiptune", "8-bit", "8 bit"),
    "sync lead": (), "lead guitar": ("guitar solo", "electric lead", "solo guitar"), "whistle": ("whistling",),
        "theremin": (),
    "arp": ("arpeggio", "arpeggios", "arps", "arpeggiator"), "string runs": (), "cowbell": ("phonk cowbell",
        "cowbell melody"),
}  # fmt: skip
_BASS: Mapping[str, tuple[str, ...]] = {
    "808": ("808s", "808 bass", "sliding 808s", "sliding 808"), "sub": ("sub bass", "subbass", "deep bass"),
        "acid": ("303", "acid bass"), "reese": ("reese bass",),
    "upright": ("upright bass", "double bass", "acoustic bass", "walking bass"), "contrabass": ("bowed bass",),
    "electric bass": ("bass guitar", "fingered bass", "p-bass"), "pick bass": ("picked bass",), "slap bass": ("slap",
        "slapped bass"),
    "fretless bass": ("fretless",), "synth bass": (), "moog bass": ("moog", "minimoog"), "house bass": (),
        "dub bass": (),
    "organ bass": ("m1 bass", "donk bass"), "log drum": ("log drums", "logdrum"), "wobble": ("wobble bass", "wobbles",
        "wub", "wubs"),
    "growl": ("growl bass", "growls"), "tuba": ("sousaphone",), "donk": (), "rumble": ("rumble bass",),
}  # fmt: skip
_KITS: Mapping[str, tuple[str, ...]] = {
    "909": ("909 drums", "tr-909"), "dusty": ("dusty drums",), "gated": ("gated drums", "gated snare", "gated reverb"),
    "brushes": ("brush", "brushed drums"), "808": ("808 drums", "tr-808", "808 kit"), "breaks": ("breakbeats", "amen",
        "amen break"),
    "taiko": ("taikos", "taiko drums", "war drums", "epic drums"), "rock": ("rock drums", "live drums",
        "acoustic drums", "drum kit"),
    "jazz": ("jazz drums",), "disco": ("disco drums",), "techno": ("techno drums",), "soft": ("soft drums",),
}  # fmt: skip


def _instruments() -> dict[str, tuple[str, str]]:
    """Word to part and sound; a kit or bass answers to its bare name only where no other thing is called so."""
    words: dict[str, tuple[str, str]] = {}
    for part, table in (("chords", _CHORDS), ("melody", _MELODY), ("bass", _BASS)):
        for sound, others in table.items():
            for word in (sound, *others):
                words[word] = (part, sound)
    for kit, others in _KITS.items():
        for word in others if kit in GENRE_WORDS or kit in words or kit == "soft" else (kit, *others):
            words[word] = ("drums", kit)
    words["dusty drums"] = ("drums", "dusty")
    words.pop("dusty", None)
    return words


INSTRUMENTS: Mapping[str, tuple[str, str]] = _instruments()

TEXTURES: Mapping[str, str] = {
    "vinyl": "vinyl", "vinyl crackle": "vinyl", "crackle": "vinyl", "dusty": "vinyl", "record noise": "vinyl",
    "vinyl noise": "vinyl", "tape": "tape", "tape hiss": "tape", "hiss": "tape", "cassette": "tape", "rain": "rain",
    "rainy": "rain", "rainfall": "rain", "waves": "waves", "ocean": "waves", "sea": "waves", "wind": "wind",
    "windy": "wind", "birds": "birds", "birdsong": "birds", "forest": "birds", "fire": "fire", "fireplace": "fire",
    "campfire": "fire", "radio": "static", "static": "static", "crickets": "night", "city": "city", "street": "city",
    "traffic": "city",
}  # fmt: skip

PART_WORDS: Mapping[str, tuple[str, ...]] = {
    "drums": ("drums",), "drum": ("drums",), "beat": ("drums",), "beats": ("drums",), "drumming": ("drums",),
    "rhythm": ("drums",), "bass": ("bass",), "bassline": ("bass",), "bass line": ("bass",), "chords": ("chords",),
    "chord": ("chords",), "harmony": ("chords",), "harmonies": ("chords",), "comping": ("chords",),
        "melody": ("melody",),
    "melodies": ("melody",), "lead line": ("melody",), "tune": ("melody",), "solo": ("melody",), "hook": ("melody",),
    "texture": ("texture",), "noise": ("texture",),
}  # fmt: skip

DRUM_WORDS: Mapping[str, tuple[str, ...]] = {
    "hats": ("hats",), "hat": ("hats",), "hi-hats": ("hats",), "hi-hat": ("hats",), "hihats": ("hats",),
        "hihat": ("hats",),
    "hi hats": ("hats",), "high hats": ("hats",), "kick": ("kick",), "kicks": ("kick",), "bass drum": ("kick",),
    "snare": ("snare",), "snares": ("snare",), "clap": ("snare",), "claps": ("claps",), "handclaps": ("claps",),
    "rimshot": ("rim",), "rim": ("rim",), "cross-stick": ("rim",), "cymbal": ("cymbals",), "cymbals": ("cymbals",),
    "crash": ("cymbals",), "ride": ("ride",), "toms": ("toms",), "tom": ("toms",), "fill": ("fills",),
    "fills": ("fills",), "drum fills": ("fills",), "ghost notes": ("ghosts",), "rolls": ("rolls",),
        "hat rolls": ("rolls",),
    "percussion": ("percussion",), "perc": ("percussion",), "shaker": ("shaker",), "shakers": ("shaker",),
    "tambourine": ("tambourine",), "congas": ("congas",), "conga": ("congas",), "bongos": ("bongos",),
    "bongo": ("bongos",), "claves": ("claves",), "clave": ("claves",), "timbales": ("timbales",),
    "agogo": ("agogo",), "cabasa": ("cabasa",), "guiro": ("guiro",), "woodblock": ("woodblock",),
    "triangle": ("triangle",), "finger snaps": ("snaps",), "snaps": ("snaps",), "handdrums": ("congas",),
}  # fmt: skip
"""Parts of the drum part: to add, to have more of, or to leave out."""

ADDED: Mapping[str, tuple[tuple[int, str], ...]] = {
    "shaker": ((drum.SHAKER, "xoooxoooxoooxooo"),), "tambourine": ((drum.TAMBOURINE, "o.x.o.x.o.x.o.x."),),
    "congas": (
        (drum.CONGA_MUTE, "x...o...x...o..."), (drum.CONGA, "......xx......xx"), (drum.TUMBA, "...x.......x...."),
    ),
    "bongos": ((drum.BONGO_HIGH, "x.oox.oox.oox.oo"), (drum.BONGO_LOW, "......x.......x.")),
    "claves": ((drum.CLAVES, "x..x..x.....x.x."),), "timbales": ((drum.TIMBALE_HIGH, "x.x.xx.xx.x.xx.x"),),
    "agogo": ((drum.AGOGO_HIGH, "x.x...x.....x..."), (drum.AGOGO_LOW, "....x.....xx..x.")),
    "cabasa": ((drum.CABASA, "o.xoo.xoo.xoo.xo"),), "guiro": ((drum.GUIRO_LONG, "x.......x......."), (drum.GUIRO_SHORT,
        "....x.x.....x.x.")),
    "woodblock": ((drum.WOODBLOCK_HIGH, "x..x..x...x.x..."),), "triangle": ((drum.TRIANGLE, "......x.......x."),
        (drum.TRIANGLE_MUTE, "x.o...o.x.o...o.")),
    "snaps": ((drum.SNAP, "....x.......x..."),), "ride": ((drum.RIDE, "x.o.x.o.x.o.x.o."),), "rim": ((drum.RIM,
        "...x..x....x..x."),),
    "claps": ((drum.CLAP, "....x.......x..."),),
}  # fmt: skip
"""What a drum plays where the genre has no row for it."""

COMPARATIVES: Mapping[str, Mood] = {
    "busier": Mood(density=0.9, energy=0.1), "denser": Mood(density=0.9), "fuller": Mood(density=0.6, energy=0.2),
    "simpler": Mood(density=-0.9), "sparser": Mood(density=-0.9), "emptier": Mood(density=-0.9),
    "calmer": Mood(energy=-0.6, density=-0.4), "softer": Mood(energy=-0.8, brightness=-0.3),
    "gentler": Mood(energy=-0.7, density=-0.2), "quieter": Mood(energy=-0.8), "louder": Mood(energy=0.8),
    "harder": Mood(energy=0.9, brightness=0.3), "heavier": Mood(energy=0.8, brightness=-0.2, register=-0.3),
    "punchier": Mood(energy=0.7, space=-0.3), "lighter": Mood(energy=-0.4, brightness=0.3, density=-0.3),
    "darker": Mood(minor=0.6, brightness=-0.9, register=-0.6), "brighter": Mood(brightness=0.9, register=0.3),
    "warmer": Mood(brightness=-0.6), "colder": Mood(brightness=0.4, space=0.3), "happier": Mood(minor=-0.8,
    brightness=0.4),
    "sadder": Mood(minor=0.8, energy=-0.3, brightness=-0.3), "higher": Mood(register=1.0), "lower": Mood(register=-1.0),
    "deeper": Mood(register=-0.8, brightness=-0.4), "wetter": Mood(space=0.9), "bigger": Mood(space=0.6, energy=0.5),
    "wider": Mood(space=0.6), "drier": Mood(space=-0.9), "dryer": Mood(space=-0.9), "tighter": Mood(space=-0.5),
    "looser": Mood(swing=0.4), "groovier": Mood(swing=0.5, density=0.4), "jazzier": Mood(colour=1.0, swing=0.3),
    "swingier": Mood(swing=0.7), "straighter": Mood(swing=-1.0), "faster": Mood(tempo=1.0), "slower": Mood(tempo=-1.0),
    "richer": Mood(colour=0.8), "plainer": Mood(colour=-0.8, density=-0.3), "smoother": Mood(energy=-0.4, density=-0.2),
    "wilder": Mood(energy=0.7, density=0.7), "funkier": Mood(density=0.6, swing=0.3), "more": Mood(density=0.6,
    energy=0.2),
    "less": Mood(density=-0.6, energy=-0.2), "fewer": Mood(density=-0.7),
}  # fmt: skip

STYLE_WORDS: Mapping[str, tuple[str, str]] = {
    "walking bass": ("bass", "walking"), "sliding 808s": ("bass", "slide"), "sliding 808": ("bass", "slide"),
    "arpeggio": ("chords", "arpeggio"), "arpeggios": ("chords", "arpeggio"), "power chords": ("chords", "power"),
    "slap": ("bass", "slap"), "slap bass": ("bass", "slap"), "slapped bass": ("bass", "slap"),
    "palm muted guitar": ("chords", "chug"), "chord stabs": ("chords", "stab"), "dub chords": ("chords", "deep stab"),
    "piano house": ("chords", "house piano"), "log drum": ("bass", "log"), "log drums": ("bass", "log"),
}  # fmt: skip
"""Words that name how a part is played besides what it is played on."""

FILLERS = frozenset((
    "a", "an", "and", "the", "with", "of", "for", "in", "on", "at", "to", "some", "very", "music", "song",
    "track", "loop", "tune", "feel", "vibe", "vibes", "style", "type", "instrumental", "bpm", "sound",
    "sounds", "synth", "synths", "but", "make", "it", "is", "be", "please", "bit", "little", "much", "key", "notes",
    "add", "give", "me", "my", "that", "this", "same", "by", "from", "like", "or", "as",
))  # fmt: skip
