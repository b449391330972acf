"""From a brief to everything that is decided before a note is written: genre, tempo, key, sounds, styles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from beatflow.ai.engine import QUARTERS, Brief
from beatflow.ai.synth.composing import comping, motifs
from beatflow.ai.synth.composing.bass import STYLES as BASS_STYLES
from beatflow.ai.synth.composing.chords import SLOW
from beatflow.ai.synth.genres import GENRES, Genre
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.words.moods import MOODS, Mood
from beatflow.ai.synth.words.precedent import Precedent
from beatflow.ai.synth.words.prompt import Request, understand
from beatflow.ai.synth.words.vocabulary import PARTS
from beatflow.errors import UsageError
from beatflow.sound.tonality import Key, parse_key

TEMPO_RANGE = (40.0, 300.0)
BARS_RANGE = (1, 512)
SWING_RANGE = (50.0, 75.0)
HUMANIZE_RANGE = (0.0, 2.0)
LONGEST_S = 600
_DEFAULT_BARS = 8
_HINTS: Mapping[str, str] = {
    "808": "trap", "acid": "techno", "reese": "drum and bass", "rhodes": "lofi", "upright": "jazz", "909": "house",
    "dusty": "lofi", "gated": "synthwave", "supersaw": "synthwave", "warm pad": "ambient", "pad": "ambient",
    "nylon": "bossa nova", "felt piano": "lofi", "harp": "ambient", "organ": "house", "breaks": "drum and bass",
    "distorted guitar": "rock", "lead guitar": "rock", "rock": "rock", "slap bass": "funk", "clavinet": "funk",
    "wah guitar": "funk", "muted guitar": "funk", "taiko": "cinematic", "choir": "cinematic", "spiccato": "cinematic",
    "tremolo strings": "cinematic", "french horn": "cinematic", "cello": "cinematic", "violin": "cinematic",
    "low brass": "cinematic", "contrabass": "cinematic", "strings": "cinematic", "wobble": "dubstep",
    "growl": "dubstep", "log drum": "amapiano", "steel drum": "reggaeton", "brushes": "jazz", "jazz guitar": "jazz",
    "muted trumpet": "jazz", "saxophone": "jazz", "trumpet": "jazz", "clarinet": "jazz", "jazz": "jazz",
    "cowbell": "phonk", "dub bass": "reggae", "melodica": "reggae", "harmonica": "blues", "steel guitar": "pop",
    "vocal chop": "uk garage", "square lead": "synthwave", "moog bass": "synthwave", "sync lead": "synthwave",
    "brass section": "funk", "disco": "disco", "clean guitar": "pop", "koto": "cinematic", "glass pad": "ambient",
}  # fmt: skip
"""The genre that an instrument suggests where the prompt names none."""
_SHORT: Mapping[str, str] = {
    "spiccato": "ostinato", "pizzicato": "ostinato", "muted guitar": "funk", "stab": "stab", "deep stab": "deep stab",
    "clavinet": "funk", "wah guitar": "funk", "distorted guitar": "power", "pluck": "pluck comp",
    "marimba": "pluck comp",
    "steel guitar": "strum", "koto": "pluck comp", "kalimba": "pluck comp", "glockenspiel": "arpeggio",
    "harp": "arpeggio",
    "music box": "arpeggio", "celesta": "arpeggio", "arp": "arpeggio",
}  # fmt: skip
"""How an instrument that cannot hold a chord plays where the style would."""
_BASS_MANNERS: Mapping[str, str] = {"acid": "acid", "wobble": "wobble", "growl": "wobble"}


@dataclass(frozen=True, slots=True)
class Choices:
    """What was decided, and the stream that the composition draws from.

    ``melody_stream`` is another where a piece goes on: its grooves and chords stay, its tune is new.
    """

    request: Request
    genre: Genre
    mood: Mood
    tempo: Fraction
    key: Key
    bars: int
    meter: str
    swing: float
    swing_unit: int
    humanize: float
    tones: int
    sounds: Mapping[str, str]
    styles: Mapping[str, str]
    parts: tuple[str, ...]
    textures: tuple[str, ...]
    stream: Stream
    melody_stream: Stream
    bends: Mapping[str, Mood]

    def mood_of(self, part: str) -> Mood:
        """The mood as one part has it ("darker bass")."""
        return self.mood + self.bends.get(part, Mood())


def choose(
    brief: Brief,
    default_bars: int | None = None,
    default_key: Key | None = None,
    lead: str = "",
    going_on: bool = False,
) -> Choices:
    """Decide.

    Parameters
    ----------
    brief : Brief
    default_bars, default_key : int, Key, optional
        What a given melody suggests.
    lead : str
        The part that is given: it is played whatever the prompt says.
    going_on : bool
        The piece of ``brief.context`` goes on: with its own parts, grooves and chords.

    Raises
    ------
    UsageError
        Tempo, bars, meter, key, swing, form, seed or stems that cannot be.
    """
    _validate(brief)
    request = understand(brief.prompt)
    before = Precedent.of(brief.context)
    # Known words act through what they mean, so that naming an instrument keeps the notes; others flavour the seed.
    own = Stream("synth", brief.seed, *sorted(request.ignored))
    stream = Stream("synth", before.seed, *before.words) if going_on and before.seed is not None else own
    mood = request.bends.get("all", Mood())
    for name in request.moods or before.moods:
        mood = mood + MOODS[name]
    named = request.genre or (before.genre if not request.genre else None)
    genre = GENRES[named] if named else _genre(request, mood, stream.fork("genre"))
    if genre.name != before.genre:
        before = before.without_manners()
    tempo = _tempo(brief, request, before, genre, mood, stream.fork("tempo"))
    drawn = _key(genre, mood, stream.fork("key"))
    key_name = brief.key or request.key or before.key
    key = parse_key(key_name) if key_name else default_key or drawn
    bars = _bars(brief, tempo, default_bars)
    _check_length(bars, brief.meter, tempo)
    sounds, styles = _sounds(genre, request, before, stream)
    bends = {part: bend for part, bend in request.bends.items() if part != "all"}
    return Choices(
        request, _voiced(genre, sounds["drums"], sounds["chords"]), mood, tempo, key, bars, brief.meter,
        _swing(brief, before, genre, mood, stream), 1 if brief.meter == "6/8" else genre.swing_unit,
        1.0 if brief.humanize is None else brief.humanize, max(3, min(5, genre.tones + round(mood.colour))),
        sounds, styles, _parts(brief, request, before if going_on else Precedent(), lead),
        request.textures or (before.textures if going_on else ()), stream, own, bends,
    )  # fmt: skip


def _validate(brief: Brief) -> None:
    if brief.meter not in QUARTERS:
        raise UsageError(f"synth cannot play in {brief.meter}", hint=f"choose one of {', '.join(QUARTERS)}")
    _check_tempo(brief.tempo)
    if brief.bars is not None and not BARS_RANGE[0] <= brief.bars <= BARS_RANGE[1]:
        raise UsageError(f"{brief.bars} bars: synth makes {BARS_RANGE[0]} to {BARS_RANGE[1]}")
    if brief.duration_s is not None and not 0 < brief.duration_s <= LONGEST_S:
        raise UsageError(f"{brief.duration_s:g} s: synth makes more than 0 and at most {LONGEST_S} s")
    if not 0 <= brief.seed < 2**63:
        raise UsageError(f"the seed must be from 0 to 2**63 - 1, not {brief.seed}")
    low, high = SWING_RANGE
    if brief.swing is not None and not low <= brief.swing <= high:
        raise UsageError(f"swing {brief.swing:g}: from {low:g} (straight) to {high:g} percent")
    low, high = HUMANIZE_RANGE
    if brief.humanize is not None and not low <= brief.humanize <= high:
        raise UsageError(f"humanize {brief.humanize:g}: from {low:g} (a machine) to {high:g}")
    _check_structure(brief)


def _check_structure(brief: Brief) -> None:
    for name, bars in brief.structure:
        if bars < 1 or not name.strip():
            raise UsageError(f"section {name!r} of {bars} bars cannot be", hint="write intro:4,verse:8")
    total = sum(bars for _, bars in brief.structure)
    if brief.structure and not BARS_RANGE[0] <= total <= BARS_RANGE[1]:
        raise UsageError(f"the form has {total} bars: synth makes {BARS_RANGE[0]} to {BARS_RANGE[1]}")
    if brief.structure and brief.bars is not None and brief.bars != total:
        raise UsageError(f"the form has {total} bars, not {brief.bars}", hint="leave out one of the two")


def _check_tempo(tempo: float | None) -> None:
    low, high = TEMPO_RANGE
    if tempo is not None and not low <= tempo <= high:
        raise UsageError(f"{tempo:g} BPM: synth plays at {low:g} to {high:g} BPM")


def _bars(brief: Brief, tempo: Fraction, default: int | None) -> int:
    """As the form has them, as asked for, or the whole bars nearest to the length in seconds."""
    if brief.structure:
        return sum(bars for _, bars in brief.structure)
    if brief.bars or brief.duration_s is None:
        return brief.bars or default or _DEFAULT_BARS
    bars = round(Fraction(brief.duration_s) * tempo / 60 / QUARTERS[brief.meter])
    return min(max(bars, BARS_RANGE[0]), BARS_RANGE[1])


def _check_length(bars: int, meter: str, tempo: Fraction) -> None:
    seconds = bars * QUARTERS[meter] * 60 / tempo
    if seconds > LONGEST_S:
        raise UsageError(
            f"{bars} bars of {meter} at {float(tempo):g} BPM last {float(seconds):.0f} s: at most {LONGEST_S} s",
            hint=f"ask for {int(LONGEST_S * tempo / 60 / QUARTERS[meter])} bars or fewer, and loop them",
        )


def _genre(request: Request, mood: Mood, stream: Stream) -> Genre:
    drawn = stream.uniform()
    for sound in request.sounds.values():
        if sound in _HINTS:
            return GENRES[_HINTS[sound]]
    if mood.energy > 0.25:
        names = ["house", "techno", "drum and bass", "trap", "synthwave", "rock", "funk", "trance", "disco"]
    elif mood.energy < -0.15 or mood.space > 0.4:
        names = ["lofi", "ambient", "lofi", "bossa nova", "cinematic", "r&b"]
    else:
        names = list(GENRES)
    return GENRES[names[int(drawn * len(names))]]


def _tempo(
    brief: Brief, request: Request, before: Precedent, genre: Genre, mood: Mood, stream: Stream
) -> Fraction:
    low, high = genre.tempo
    drawn = round((low + high) / 2 + (stream.uniform(-0.5, 0.5) * 0.6 + mood.tempo * 0.5) * (high - low))
    _check_tempo(request.tempo)
    asked = (
        brief.tempo
        if brief.tempo is not None
        else request.tempo
        if request.tempo is not None
        else before.tempo
    )
    return Fraction(min(max(drawn, low), high) if asked is None else asked)


def _key(genre: Genre, mood: Mood, stream: Stream) -> Key:
    minor = stream.uniform() < genre.minor + 0.7 * mood.minor
    # Keys that keyboards and guitars fall into, more often than the others.
    tonic = stream.choice((9, 0, 2, 4, 5, 7, 9, 0, 2, 4, 5, 7, 10, 3, 11, 6, 8, 1))
    return Key(tonic, "min" if minor else "maj")


def _swing(brief: Brief, before: Precedent, genre: Genre, mood: Mood, stream: Stream) -> float:
    """The share of a pair that its first half takes: as asked, as before, or the genre's, bent by the mood."""
    low, high = genre.swing
    drawn = stream.fork("swing").uniform(low, high) + 0.04 * mood.swing
    if brief.swing is not None:
        return brief.swing / 100.0
    if before.swing is not None:
        return before.swing
    return 0.5 if brief.meter == "6/8" else round(min(max(drawn, 0.5), 0.667), 3)


def _voiced(genre: Genre, kit: str, sound: str) -> Genre:
    """The genre on the instruments at hand: power chords are for distorted guitars, and only for them."""
    if sound == "distorted guitar":
        return replace(genre, kit=kit, voicing="power")
    return replace(genre, kit=kit, voicing="close" if genre.voicing == "power" else genre.voicing)


def _sounds(
    genre: Genre, request: Request, before: Precedent, stream: Stream
) -> tuple[dict[str, str], dict[str, str]]:
    own = stream.fork("sounds")
    sounds = {
        "drums": genre.kit, "bass": own.choice(genre.bass_sounds), "chords": own.choice(genre.chord_sounds),
        "melody": own.choice(genre.melody_sounds),
    }  # fmt: skip
    styles = {
        "bass": own.choice(genre.bass), "chords": own.choice(genre.comping), "melody": own.choice(genre.melody),
    }  # fmt: skip
    sounds |= dict(before.sounds) | dict(request.sounds)
    known = {"bass": BASS_STYLES, "chords": comping.STYLES, "melody": motifs.STYLES}
    styles |= {part: style for part, style in before.styles.items() if style in known.get(part, ())}
    if sounds["bass"] in _BASS_MANNERS:
        styles["bass"] = _BASS_MANNERS[sounds["bass"]]
    elif styles["bass"] in ("wobble", "acid"):
        styles["bass"] = "reese"
    _suit_chords(genre, request, sounds, styles)
    if sounds["melody"] == sounds["chords"] and "melody" not in {**before.sounds, **request.sounds}:
        others = [sound for sound in genre.melody_sounds if sound != sounds["chords"]]
        sounds["melody"] = (others or ["pluck"])[0]
    return sounds, {**styles, **request.styles}


def _suit_chords(genre: Genre, request: Request, sounds: dict[str, str], styles: dict[str, str]) -> None:
    """A slow sound holds chords, a short one repeats them, and only a guitar with distortion plays power chords."""
    held = comping.HELD | {"arpeggio"}
    if sounds["chords"] in SLOW and styles["chords"] == "arpeggio":
        sounds["chords"] = request.sounds.get("chords", "pluck" if genre.name in ("trap", "drill") else "arp")
    if sounds["chords"] in SLOW and styles["chords"] not in held:
        styles["chords"] = "gate" if sounds["chords"] == "supersaw" and styles["chords"] == "gate" else "long"
    elif sounds["chords"] in SLOW and styles["chords"] == "arpeggio":
        styles["chords"] = "long"
    elif sounds["chords"] in _SHORT and styles["chords"] in comping.HELD:
        styles["chords"] = _SHORT[sounds["chords"]]
    elif styles["chords"] in ("power", "chug") and sounds["chords"] != "distorted guitar":
        styles["chords"] = _SHORT.get(sounds["chords"], "strum")


def _parts(brief: Brief, request: Request, before: Precedent, lead: str) -> tuple[str, ...]:
    """The stems of the whole piece, whether asked for or not."""
    textures = request.textures or before.textures
    gone = set(request.left_out)
    if before.parts:
        gone |= set(PARTS) - set(before.parts) - set(request.sounds) - ({"texture"} if textures else set())
    whole = [part for part in PARTS if part not in gone and (part != "texture" or textures)]
    if lead and lead not in whole:
        whole.append(lead)
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
