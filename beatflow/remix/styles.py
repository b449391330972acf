"""The genres that a sound can be brought to, as data: a row each.

A row says which drums an engine is asked for and what happens to the old ones, and which effects what is kept, the
drums and both together go through. Measures nothing and plays nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from beatflow.errors import UsageError

REPLACED, LAYERED, REMOVED = "replaced", "layered", "removed"
"""What becomes of the old drums: others come in their place, others come on top, or they just go."""


@dataclass(frozen=True, slots=True)
class Style:
    """One genre.

    Parameters
    ----------
    name : str
    words : tuple of str
        Other names for it.
    about : str
        What is done, in one line.
    prompt : str
        What the engine is asked for; without drums only one that makes all of it anew.
    tempo : (float, float)
        In which range its drums count, BPM: a piece outside is felt at half or at double time.
    drums : str
        `REPLACED`, `LAYERED` or `REMOVED`.
    drums_lu : float
        How much louder than what is kept the drums are.
    bed, kit, master : str
        Chains of effects for what is kept, for the drums, and for both together.
    swing : float or None
        Percent of a pair that its first takes; None leaves it to the engine.
    pump_db : float
        By how much each beat of the drums pushes down what is kept.
    """

    name: str
    words: tuple[str, ...]
    about: str
    prompt: str
    tempo: tuple[float, float]
    drums: str
    drums_lu: float
    bed: str
    kit: str = ""
    master: str = ""
    swing: float | None = None
    pump_db: float = 0.0


_ROWS = (
    Style(
        "edm", ("house", "dance", "club"),
        "a four-on-the-floor kit, everything else ducks under the kick",
        "house", (112.0, 140.0), REPLACED, -3.0,
        bed="highpass(35) | eq(300:-1.5dB, 9k:+2dB) | compressor(-20dB,3:1)",
        master="compressor(-14dB,2:1) | limiter", pump_db=7.0,
    ),
    Style(
        "techno", ("rave", "industrial"), "a hard kit in straight sixteenths, dark and narrow",
        "minimal techno", (120.0, 150.0), REPLACED, -2.0,
        bed="highpass(40) | distortion(9dB,wet=.35) | lowpass(7k) | delay(1/8,.25,wet=.15)",
        master="compressor(-14dB,2:1) | limiter", pump_db=6.0,
    ),
    Style(
        "jazz", ("swing", "bebop", "jazz club"), "brushes that swing, a small warm room",
        "jazz brushes", (90.0, 240.0), REPLACED, -5.0,
        bed="eq(250:+1.5dB, 6k:-2dB) | saturation(3dB) | reverb(size=.35,wet=.14)",
        kit="reverb(size=.35,wet=.12)", master="compressor(-16dB,1.5:1)", swing=64.0,
    ),
    Style(
        "hiphop", ("hip hop", "boom bap", "rap"), "boom bap drums behind the beat, a dusty sample of what was there",
        "boom bap dusty drums", (74.0, 108.0), REPLACED, 0.0,
        bed="highpass(60) | lowpass(8k) | saturation(7dB) | compressor(-20dB,4:1)",
        kit="saturation(4dB)", master="compressor(-14dB,2:1)",
    ),
    Style(
        "trap", ("drill",), "808 drums at half time with rolling hats, what was there dark and wide",
        "trap", (125.0, 165.0), REPLACED, 0.0,
        bed="highpass(90) | lowpass(6k) | reverb(size=.6,wet=.2)", master="compressor(-14dB,2:1) | limiter",
    ),
    Style(
        "rock", ("indie", "punk", "metal"), "a rock kit on top, driven and glued",
        "rock", (95.0, 180.0), LAYERED, -1.0,
        bed="highpass(50) | distortion(10dB,wet=.3) | eq(2.5k:+2dB) | compressor(-18dB,4:1)",
        kit="reverb(size=.4,wet=.1)", master="compressor(-14dB,2:1)",
    ),
    Style(
        "classical", ("orchestral", "chamber"), "no drums, a concert hall",
        "classical orchestra", (40.0, 200.0), REMOVED, 0.0,
        bed="eq(120:+1dB, 8k:-1.5dB) | reverb(size=.85,wet=.28)",
    ),
    Style(
        "ambient", ("drone", "new age", "sleep"), "no drums, everything far away and slowly moving",
        "ambient drone", (40.0, 200.0), REMOVED, 0.0,
        bed="lowpass(4k) | chorus | delay(1/4,.45,wet=.25) | reverb(size=.95,wet=.45)",
    ),
    Style(
        "lofi", ("lo-fi", "chillhop", "study beats"), "a dusty half-awake kit, tape that wavers, vinyl",
        "lofi dusty drums", (65.0, 100.0), REPLACED, -2.0,
        bed="highpass(90) | lowpass(3.8k) | saturation(8dB) | vibrato(.6,9)",
        kit="lowpass(7k) | saturation(4dB)", master="vinyl | compressor(-18dB,2.5:1)",
    ),
    Style(
        "drum and bass", ("dnb", "jungle", "breakbeat"), "fast breaks, what was there above them at half time",
        "drum and bass", (155.0, 180.0), REPLACED, 0.0,
        bed="highpass(110) | reverb(size=.5,wet=.18) | compressor(-20dB,3:1)",
        master="compressor(-14dB,2:1) | limiter", pump_db=3.0,
    ),
    Style(
        "reggae", ("dub", "ska"), "a one drop, echoes that fall behind",
        "reggae", (65.0, 100.0), REPLACED, -2.0,
        bed="highpass(70) | eq(800:+1.5dB) | delay(3/16,.45,wet=.22)",
        kit="delay(3/16,.3,wet=.1) | reverb(size=.5,wet=.12)", master="compressor(-16dB,2:1)",
    ),
    Style(
        "synthwave", ("retrowave", "80s", "outrun"), "gated drums of the eighties, wide and shimmering",
        "synthwave", (85.0, 125.0), REPLACED, -1.0,
        bed="highpass(40) | chorus | eq(10k:+2dB) | delay(1/8,.3,wet=.15)",
        kit="reverb(size=.5,wet=.15)", master="compressor(-14dB,2:1) | limiter", pump_db=3.0,
    ),
    Style(
        "disco", ("funk", "nu disco"), "a live kit with open hats on top, bright and tight",
        "disco", (108.0, 130.0), LAYERED, -2.0,
        bed="highpass(45) | eq(8k:+2dB) | compressor(-18dB,3:1)", master="compressor(-14dB,2:1)", pump_db=2.0,
    ),
    Style(
        "bossa nova", ("bossa", "samba", "latin jazz"), "soft Latin percussion, close and dry",
        "bossa nova", (110.0, 170.0), REPLACED, -6.0,
        bed="eq(200:+1dB, 7k:-2dB) | reverb(size=.3,wet=.1)", master="compressor(-18dB,1.5:1)",
    ),
    Style(
        "reggaeton", ("dembow", "latin"), "a dembow kit in front of what was there",
        "reggaeton", (85.0, 105.0), REPLACED, 0.0,
        bed="highpass(80) | compressor(-20dB,3:1)", master="compressor(-14dB,2:1) | limiter", pump_db=3.0,
    ),
)  # fmt: skip

STYLES: Mapping[str, Style] = {style.name: style for style in _ROWS}
_WORDS = {word: style for style in _ROWS for word in (style.name, *style.words)}


def get_style(name: str) -> Style:
    """Return a genre by any of its names.

    Raises
    ------
    UsageError
        There is no such genre.
    """
    word = " ".join(name.lower().replace("_", " ").split())
    plain = {known.replace("-", "").replace(" ", ""): style for known, style in _WORDS.items()}
    found = _WORDS.get(word) or plain.get(word.replace("-", "").replace(" ", ""))
    if found is None:
        near = get_close_matches(word, _WORDS, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no genre {name!r}", hint=f"{meant}there are {', '.join(STYLES)}")
    return found


def find_feel(tempo: float, style: Style) -> float:
    """How many times as fast as a piece its drums count: 1, or 0.5 or 2 where that suits the genre better.

    >>> find_feel(70.0, STYLES["trap"])
    2.0
    """
    low, high = style.tempo

    def distance(factor: float) -> float:
        felt = tempo * factor
        return max(low / felt, felt / high, 1.0)

    return min((1.0, 0.5, 2.0), key=distance)
