"""Words of a prompt to musical choices: genre, moods, instruments, textures, parts left out, tempo and key.

A table look-up, longest phrase first; what it does not know it hands back. Knows no sound and no notes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

PARTS = ("drums", "bass", "chords", "melody", "texture")

GENRE_WORDS: Mapping[str, str] = {
    "lofi": "lofi", "lo-fi": "lofi", "lo fi": "lofi", "chillhop": "lofi", "study beats": "lofi",
    "jazzhop": "lofi", "hip hop": "hiphop", "hip-hop": "hiphop", "hiphop": "hiphop", "boom bap": "hiphop",
    "boombap": "hiphop", "boom-bap": "hiphop", "rap": "hiphop", "old school": "hiphop", "trap": "trap",
    "drill": "trap", "phonk": "trap", "house": "house", "deep house": "house", "tech house": "house",
    "disco": "house", "edm": "house", "dance": "house", "techno": "techno", "minimal techno": "techno",
    "acid techno": "techno", "industrial": "techno", "rave": "techno", "drum and bass": "drum and bass",
    "drum n bass": "drum and bass", "drum & bass": "drum and bass", "dnb": "drum and bass",
    "d&b": "drum and bass", "jungle": "drum and bass", "liquid": "drum and bass",
    "breakbeat": "drum and bass", "ambient": "ambient", "drone": "ambient", "new age": "ambient",
    "meditation": "ambient", "cinematic": "ambient", "soundscape": "ambient", "synthwave": "synthwave",
    "retrowave": "synthwave", "outrun": "synthwave", "vaporwave": "synthwave", "80s": "synthwave",
    "synthpop": "synthwave", "pop": "synthwave",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mood:
    """How a mood bends a piece; 0 leaves it alone, ±1 is a strong push (``minor`` is a lean, not a mode)."""

    minor: float = 0.0
    tempo: float = 0.0
    energy: float = 0.0
    brightness: float = 0.0
    space: float = 0.0
    density: float = 0.0
    register: float = 0.0
    swing: float = 0.0
    colour: float = 0.0

    def __add__(self, other: "Mood") -> "Mood":
        return Mood(
            self.minor + other.minor, self.tempo + other.tempo, self.energy + other.energy,
            self.brightness + other.brightness, self.space + other.space, self.density + other.density,
            self.register + other.register, self.swing + other.swing, self.colour + other.colour,
        )  # fmt: skip


# Directions after Eerola, Friberg and Bresin 2013 (Frontiers in Psychology 4:487): mode, tempo, register,
# dynamics and timbre carry mood in this order; the sizes are a heuristic.
MOODS: Mapping[str, Mood] = {
    "happy": Mood(minor=-1, tempo=0.4, energy=0.2, brightness=0.5, density=0.2, register=0.5),
    "sad": Mood(minor=1, tempo=-0.5, energy=-0.4, brightness=-0.5, space=0.2, density=-0.4, register=-0.2),
    "dark": Mood(minor=1, tempo=-0.1, brightness=-0.8, space=0.1, register=-0.8),
    "calm": Mood(tempo=-0.5, energy=-0.6, brightness=-0.3, space=0.3, density=-0.4),
    "energetic": Mood(tempo=0.5, energy=0.8, brightness=0.4, density=0.5),
    "dreamy": Mood(tempo=-0.2, energy=-0.3, brightness=-0.1, space=0.8, density=-0.1, colour=0.6),
    "aggressive": Mood(
        minor=0.8, tempo=0.4, energy=1.0, brightness=0.6, space=-0.4, density=0.4, register=-0.3
    ),
    "romantic": Mood(minor=-0.2, tempo=-0.3, energy=-0.3, space=0.3, colour=0.7, density=-0.1),
    "epic": Mood(minor=0.5, energy=0.6, brightness=0.3, space=0.7, register=0.2),
    "mysterious": Mood(minor=0.9, energy=-0.2, brightness=-0.4, space=0.5, density=-0.3, colour=0.3),
    "groovy": Mood(energy=0.3, density=0.4, swing=0.6, colour=0.3),
    "jazzy": Mood(swing=0.5, colour=1.0, density=0.1),
    "minimal": Mood(density=-0.9, energy=-0.2),
    "busy": Mood(density=0.9, energy=0.1),
    "warm": Mood(brightness=-0.5, energy=-0.1),
    "bright": Mood(brightness=0.9, register=0.3),
    "slow": Mood(tempo=-1.0, energy=-0.1),
    "fast": Mood(tempo=1.0, energy=0.1),
    "dry": Mood(space=-0.9),
    "spacious": Mood(space=0.9),
}

MOOD_WORDS: Mapping[str, str] = {
    **{name: name for name in MOODS},
    "joyful": "happy", "uplifting": "happy", "cheerful": "happy", "sunny": "happy", "playful": "happy",
    "upbeat": "happy", "melancholic": "sad", "melancholy": "sad", "nostalgic": "sad", "somber": "sad",
    "lonely": "sad", "emotional": "sad", "moody": "dark", "gloomy": "dark", "night": "dark",
    "ominous": "dark", "evil": "dark", "deep": "dark", "chill": "calm", "relaxed": "calm",
    "relaxing": "calm", "peaceful": "calm", "soft": "calm", "gentle": "calm", "mellow": "calm",
    "quiet": "calm", "sleepy": "calm", "energy": "energetic", "driving": "energetic",
    "powerful": "energetic", "exciting": "energetic", "dream": "dreamy", "ethereal": "dreamy",
    "floating": "dreamy", "hazy": "dreamy", "atmospheric": "dreamy", "hard": "aggressive",
    "angry": "aggressive", "heavy": "aggressive", "intense": "aggressive", "love": "romantic",
    "sensual": "romantic", "heroic": "epic", "dramatic": "epic", "mystic": "mysterious",
    "eerie": "mysterious", "funky": "groovy", "groove": "groovy", "bouncy": "groovy", "jazz": "jazzy",
    "soulful": "jazzy", "sparse": "minimal", "simple": "minimal", "dense": "busy", "complex": "busy",
    "crisp": "bright", "shiny": "bright", "reverb": "spacious", "wide": "spacious",
}  # fmt: skip

INSTRUMENTS: Mapping[str, tuple[str, str]] = {
    "rhodes": ("chords", "rhodes"), "electric piano": ("chords", "rhodes"), "e-piano": ("chords", "rhodes"),
    "piano": ("chords", "piano"), "felt piano": ("chords", "felt piano"), "pad": ("chords", "pad"),
    "pads": ("chords", "pad"), "warm pad": ("chords", "warm pad"), "strings": ("chords", "strings"),
    "violins": ("chords", "strings"), "nylon guitar": ("chords", "nylon"), "nylon": ("chords", "nylon"),
    "guitar": ("chords", "nylon"), "acoustic guitar": ("chords", "nylon"), "brass": ("chords", "brass"),
    "horns": ("chords", "brass"), "organ": ("chords", "organ"), "stabs": ("chords", "stab"),
    "stab": ("chords", "stab"), "supersaw": ("chords", "supersaw"), "pluck": ("melody", "pluck"),
    "plucks": ("melody", "pluck"), "bells": ("melody", "bells"), "bell": ("melody", "bells"),
    "kalimba": ("melody", "kalimba"), "marimba": ("melody", "marimba"),
    "vibraphone": ("melody", "vibraphone"), "vibes": ("melody", "vibraphone"), "harp": ("melody", "harp"),
    "flute": ("melody", "flute"), "lead": ("melody", "lead"), "synth lead": ("melody", "lead"),
    "soft lead": ("melody", "soft lead"), "trumpet": ("melody", "brass"), "whistle": ("melody", "whistle"),
    "arp": ("melody", "arp"), "808": ("bass", "808"), "808s": ("bass", "808"), "sub bass": ("bass", "sub"),
    "sub": ("bass", "sub"), "acid": ("bass", "acid"), "303": ("bass", "acid"), "reese": ("bass", "reese"),
    "upright bass": ("bass", "upright"), "double bass": ("bass", "upright"),
    "electric bass": ("bass", "electric bass"), "bass guitar": ("bass", "electric bass"),
    "synth bass": ("bass", "synth bass"), "909": ("drums", "909"), "dusty drums": ("drums", "dusty"),
    "gated drums": ("drums", "gated"), "brushes": ("drums", "soft"), "808 drums": ("drums", "808"),
    "breaks": ("drums", "breaks"), "breakbeats": ("drums", "breaks"),
}  # fmt: skip

TEXTURES: Mapping[str, str] = {
    "vinyl": "vinyl", "vinyl crackle": "vinyl", "crackle": "vinyl", "dusty": "vinyl", "record noise": "vinyl",
    "tape": "tape", "tape hiss": "tape", "hiss": "tape", "rain": "rain", "rainy": "rain", "waves": "waves",
    "ocean": "waves", "wind": "waves",
}  # fmt: skip

_PART_WORDS: Mapping[str, tuple[str, ...]] = {
    "drums": ("drums",), "drum": ("drums",), "beat": ("drums",), "beats": ("drums",),
    "percussion": ("drums",), "bass": ("bass",), "bassline": ("bass",), "chords": ("chords",),
    "chord": ("chords",), "harmony": ("chords",), "melody": ("melody",), "melodies": ("melody",),
    "texture": ("texture",), "noise": ("texture",),
}  # fmt: skip
_FILLERS = frozenset((
    "a", "an", "and", "the", "with", "of", "for", "in", "on", "at", "to", "some", "very", "music", "song",
    "track", "loop", "tune", "feel", "vibe", "vibes", "style", "type", "instrumental", "bpm", "sound",
    "sounds", "synth", "synths"
))  # fmt: skip
_TEMPO = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*bpm\b")
_KEY = re.compile(r"\b([a-g](?:#|b|♯|♭)?)[\s-]?(major|minor|maj|min)\b|\b([A-G](?:#|b)?m)\b")


@dataclass(frozen=True, slots=True)
class Request:
    """What a prompt asks for."""

    genre: str | None
    moods: tuple[str, ...]
    sounds: Mapping[str, str]
    textures: tuple[str, ...]
    left_out: frozenset[str]
    tempo: float | None
    key: str | None
    ignored: tuple[str, ...]


def understand(prompt: str) -> Request:
    """Read a prompt.

    Words that mean nothing here come back in ``ignored``, in order, without repeats.
    """
    text, tempo, key = _figures(prompt)
    words = re.findall(r"[^\s,;.!?()\"/+]+", text.lower())
    genre: str | None = None
    moods: list[str] = []
    sounds: dict[str, str] = {}
    textures: list[str] = []
    removed: set[str] = set()
    only: set[str] = set()
    ignored: list[str] = []
    place = 0
    while place < len(words):
        negated = words[place] in ("no", "without", "only", "just", "solo") and place + 1 < len(words)
        size, phrase = _longest(words, place + (1 if negated else 0))
        if negated and (parts := _parts(phrase)):
            (removed if words[place] in ("no", "without") else only).update(parts)
            place += 1 + size
            continue
        size, phrase = _longest(words, place)
        if place + size < len(words) and words[place + size] == "only" and (parts := _parts(phrase)):
            only.update(parts)
            size += 1
        elif phrase in GENRE_WORDS:
            genre = genre or GENRE_WORDS[phrase]
        elif phrase in INSTRUMENTS:
            _add_sound(sounds, *INSTRUMENTS[phrase])
            if phrase == "dusty drums":
                textures.append("vinyl")
        elif phrase in TEXTURES:
            textures.append(TEXTURES[phrase])
        elif phrase in MOOD_WORDS:
            moods.append(MOOD_WORDS[phrase])
        elif phrase not in _PART_WORDS and phrase not in _FILLERS and phrase not in ignored:
            ignored.append(phrase)
        place += size
    if only:
        removed |= set(PARTS) - only
    kept = tuple(dict.fromkeys(textures))
    return Request(
        genre, tuple(dict.fromkeys(moods)), sounds, kept, frozenset(removed), tempo, key, tuple(ignored)
    )


def _figures(prompt: str) -> tuple[str, float | None, str | None]:
    """Take ``90 bpm`` and ``A minor`` out of the text."""
    tempo = key = None
    if match := _TEMPO.search(prompt.lower()):
        tempo = float(match.group(1))
        prompt = prompt[: match.start()] + " " + prompt[match.end() :]
    if match := _KEY.search(prompt) or _KEY.search(prompt.lower()):
        name = match.group(3) or f"{match.group(1).capitalize()} {match.group(2)}"
        try:
            key = str(parse_key(name))
            prompt = prompt[: match.start()] + " " + prompt[match.end() :]
        except UsageError:
            key = None
    return prompt, tempo, key


def _longest(words: list[str], place: int) -> tuple[int, str]:
    """The longest known phrase that starts here, or the single word."""
    for size in (3, 2):
        phrase = " ".join(words[place : place + size])
        known = phrase in GENRE_WORDS or phrase in INSTRUMENTS or phrase in TEXTURES
        if len(words) - place >= size and known:
            return size, phrase
    return 1, words[place]


def _parts(phrase: str) -> tuple[str, ...]:
    """The parts that a phrase names, by role or by instrument."""
    if phrase in _PART_WORDS:
        return _PART_WORDS[phrase]
    if phrase in INSTRUMENTS:
        return (INSTRUMENTS[phrase][0],)
    return ("texture",) if phrase in TEXTURES else ()


def _add_sound(sounds: dict[str, str], part: str, sound: str) -> None:
    """Give a part its sound; a second instrument for the chords takes the melody, and the other way round."""
    other = {"chords": "melody", "melody": "chords"}.get(part, part)
    if part not in sounds:
        sounds[part] = sound
    elif other not in sounds:
        sounds[other] = sound
