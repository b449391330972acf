"""From a brief to everything that is decided before a note is written: genre, tempo, key, sounds, styles."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from beatflow.ai.engine import Brief
from beatflow.ai.synth.chords import SLOW
from beatflow.ai.synth.genre import GENRES, Genre
from beatflow.ai.synth.grid import METERS
from beatflow.ai.synth.prompt import MOODS, PARTS, Mood, Request, understand
from beatflow.ai.synth.randomness import Stream
from beatflow.errors import UsageError
from beatflow.sound.tonality import Key, parse_key

TEMPO_RANGE = (40.0, 300.0)
BARS_RANGE = (1, 512)
LONGEST_S = 600
_DEFAULT_BARS = 8
_HINTS: Mapping[str, str] = {
    "808": "trap", "acid": "techno", "reese": "drum and bass", "rhodes": "lofi", "upright": "hiphop", "909": "house",
    "dusty": "lofi", "gated": "synthwave", "supersaw": "synthwave", "warm pad": "ambient", "pad": "ambient",
    "nylon": "lofi", "felt piano": "lofi", "harp": "ambient", "organ": "house", "breaks": "drum and bass",
}  # fmt: skip
"""The genre that an instrument suggests where the prompt names none."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What was decided, and the stream that the composition draws from."""

    request: Request
    genre: Genre
    mood: Mood
    tempo: Fraction
    key: Key
    bars: int
    meter: str
    swing: float
    tones: int
    sounds: Mapping[str, str]
    styles: Mapping[str, str]
    parts: tuple[str, ...]
    textures: tuple[str, ...]
    stream: Stream


def choose(
    brief: Brief, default_bars: int | None = None, default_key: Key | None = None, lead: bool = False
) -> Choices:
    """Decide.

    Parameters
    ----------
    brief : Brief
    default_bars, default_key : int, Key, optional
        What a given melody suggests.
    lead : bool
        A melody is given: it is played whatever the prompt says.

    Raises
    ------
    UsageError
        Tempo, bars, meter, key, seed or stems that cannot be.
    """
    _validate(brief)
    request = understand(brief.prompt)
    # Known words act through what they mean, so that naming an instrument keeps the notes; others flavour the seed.
    stream = Stream("synth", brief.seed, *sorted(request.ignored))
    mood = Mood()
    for name in request.moods:
        mood = mood + MOODS[name]
    genre = _genre(request, mood, stream.fork("genre"))
    tempo = _tempo(brief, request, genre, mood, stream.fork("tempo"))
    drawn = _key(genre, mood, stream.fork("key"))
    named = brief.key or request.key
    key = parse_key(named) if named else default_key or drawn
    bars = brief.bars or _bars_nearest(brief, tempo) or default_bars or _DEFAULT_BARS
    _check_length(bars, brief.meter, tempo)
    sounds, styles = _sounds(genre, request, stream)
    low, high = genre.swing
    swing = stream.fork("swing").uniform(low, high) + 0.04 * mood.swing
    return Choices(
        request, genre, mood, tempo, key, bars, brief.meter,
        0.5 if brief.meter == "6/8" else round(min(max(swing, 0.5), 0.667), 3),
        max(3, min(5, genre.tones + round(mood.colour))), sounds, styles,
        _parts(brief, request, lead), request.textures, stream,
    )  # fmt: skip


def _validate(brief: Brief) -> None:
    if brief.meter not in METERS:
        raise UsageError(f"synth cannot play in {brief.meter}", hint=f"choose one of {', '.join(METERS)}")
    _check_tempo(brief.tempo)
    if brief.bars is not None and not BARS_RANGE[0] <= brief.bars <= BARS_RANGE[1]:
        raise UsageError(f"{brief.bars} bars: synth makes {BARS_RANGE[0]} to {BARS_RANGE[1]}")
    if brief.duration_s is not None and not 0 < brief.duration_s <= LONGEST_S:
        raise UsageError(f"{brief.duration_s:g} s: synth makes more than 0 and at most {LONGEST_S} s")
    if not 0 <= brief.seed < 2**63:
        raise UsageError(f"the seed must be from 0 to 2**63 - 1, not {brief.seed}")


def _check_tempo(tempo: float | None) -> None:
    low, high = TEMPO_RANGE
    if tempo is not None and not low <= tempo <= high:
        raise UsageError(f"{tempo:g} BPM: synth plays at {low:g} to {high:g} BPM")


def _bars_nearest(brief: Brief, tempo: Fraction) -> int | None:
    """How many whole bars come nearest to the length in seconds, where one is asked for."""
    if brief.duration_s is None:
        return None
    bars = round(Fraction(brief.duration_s) * tempo / 60 / METERS[brief.meter])
    return min(max(bars, BARS_RANGE[0]), BARS_RANGE[1])


def _check_length(bars: int, meter: str, tempo: Fraction) -> None:
    seconds = bars * METERS[meter] * 60 / tempo
    if seconds > LONGEST_S:
        raise UsageError(
            f"{bars} bars of {meter} at {float(tempo):g} BPM last {float(seconds):.0f} s: at most {LONGEST_S} s",
            hint=f"ask for {int(LONGEST_S * tempo / 60 / METERS[meter])} bars or fewer, and loop them",
        )


def _genre(request: Request, mood: Mood, stream: Stream) -> Genre:
    if request.genre:
        return GENRES[request.genre]
    drawn = stream.uniform()
    for sound in request.sounds.values():
        if sound in _HINTS:
            return GENRES[_HINTS[sound]]
    if mood.energy > 0.25:
        names = ["house", "techno", "drum and bass", "trap", "synthwave"]
    elif mood.energy < -0.15 or mood.space > 0.4:
        names = ["lofi", "ambient", "lofi"]
    else:
        names = list(GENRES)
    return GENRES[names[int(drawn * len(names))]]


def _tempo(brief: Brief, request: Request, genre: Genre, mood: Mood, stream: Stream) -> Fraction:
    low, high = genre.tempo
    drawn = round((low + high) / 2 + (stream.uniform(-0.5, 0.5) * 0.6 + mood.tempo * 0.5) * (high - low))
    _check_tempo(request.tempo)
    asked = brief.tempo if brief.tempo is not None else request.tempo
    return Fraction(drawn if asked is None else asked)


def _key(genre: Genre, mood: Mood, stream: Stream) -> Key:
    minor = stream.uniform() < genre.minor + 0.7 * mood.minor
    # Keys that keyboards and guitars fall into, more often than the others.
    tonic = stream.choice((9, 0, 2, 4, 5, 7, 9, 0, 2, 4, 5, 7, 10, 3, 11, 6, 8, 1))
    return Key(tonic, "min" if minor else "maj")


def _sounds(genre: Genre, request: Request, stream: Stream) -> tuple[dict[str, str], dict[str, str]]:
    own = stream.fork("sounds")
    sounds = {
        "drums": genre.kit, "bass": own.choice(genre.bass_sounds), "chords": own.choice(genre.chord_sounds),
        "melody": own.choice(genre.melody_sounds),
    }  # fmt: skip
    styles = {
        "bass": own.choice(genre.bass),
        "chords": own.choice(genre.comping),
        "melody": own.choice(genre.melody),
    }
    sounds.update(request.sounds)
    if sounds["bass"] == "acid":
        styles["bass"] = "acid"
    if sounds["chords"] in SLOW and styles["chords"] not in ("long", "swell", "arpeggio"):
        styles["chords"] = "long"
    if sounds["chords"] in SLOW and styles["chords"] == "arpeggio":
        sounds["chords"] = request.sounds.get("chords", "pluck" if genre.name == "trap" else "arp")
        styles["chords"] = "long" if sounds["chords"] in SLOW else "arpeggio"
    if sounds["melody"] == sounds["chords"] and "melody" not in request.sounds:
        others = [sound for sound in genre.melody_sounds if sound != sounds["chords"]]
        sounds["melody"] = others[0]
    return sounds, styles


def _parts(brief: Brief, request: Request, lead: bool) -> tuple[str, ...]:
    """The stems of the whole piece, whether asked for or not."""
    whole = [
        part for part in PARTS if part not in request.left_out and (part != "texture" or request.textures)
    ]
    if lead and "melody" not in whole:
        whole.append("melody")
    if not whole:
        raise UsageError(
            "the prompt leaves out every part", hint="keep at least one of " + ", ".join(PARTS[:4])
        )
    if brief.stems is not None:
        if not brief.stems:
            raise UsageError("no stems are asked for", hint="name one of " + ", ".join(whole))
        for stem in brief.stems:
            if stem not in PARTS:
                raise UsageError(f"synth makes no stem {stem!r}", hint="name one of " + ", ".join(PARTS))
            if stem not in whole:
                raise UsageError(f"this prompt has no {stem} stem", hint="it has " + ", ".join(whole))
    return tuple(whole)
