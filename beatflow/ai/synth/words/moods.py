"""What moods do to a piece: words to pushes of mode, tempo, energy, timbre, space, density, register, swing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


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
        return Mood(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    def __sub__(self, other: "Mood") -> "Mood":
        return Mood(*(getattr(self, name) - getattr(other, name) for name in _FIELDS))


_FIELDS = tuple(field.name for field in fields(Mood))

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
    "cold": Mood(minor=0.4, brightness=0.3, space=0.4, energy=-0.1, density=-0.2),
    "triumphant": Mood(minor=-0.8, energy=0.7, brightness=0.4, space=0.4, register=0.3),
    "tense": Mood(minor=1, energy=0.4, brightness=-0.2, density=0.3, space=0.1, register=-0.2),
    "hopeful": Mood(minor=-0.7, energy=0.1, brightness=0.3, space=0.2, register=0.3),
    "loose": Mood(swing=0.3, energy=-0.1),
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
    "joyous": "happy", "fun": "happy", "blissful": "happy", "tragic": "sad", "bittersweet": "sad", "blue": "sad",
    "tearful": "sad", "wistful": "sad", "sinister": "dark", "menacing": "dark", "noir": "dark", "grim": "dark",
    "haunting": "mysterious", "spooky": "mysterious", "suspenseful": "tense", "anxious": "tense", "nervous": "tense",
    "serene": "calm", "tranquil": "calm", "laidback": "calm", "laid-back": "calm", "smooth": "calm",
    "tender": "romantic",
    "sexy": "romantic", "sweet": "romantic", "passionate": "romantic", "motivational": "hopeful",
    "inspiring": "hopeful", "inspirational": "hopeful", "optimistic": "hopeful", "anthemic": "triumphant",
    "victorious": "triumphant", "glorious": "triumphant", "majestic": "epic", "grand": "epic", "huge": "epic",
    "massive": "epic", "icy": "cold", "frozen": "cold", "wintry": "cold", "distant": "spacious", "cosmic": "dreamy",
    "spacey": "dreamy", "psychedelic": "dreamy", "underwater": "dreamy", "lush": "dreamy", "raw": "aggressive",
    "gritty": "aggressive", "brutal": "aggressive", "furious": "aggressive", "lively": "energetic",
    "pumping": "energetic", "wild": "energetic", "danceable": "groovy", "swinging": "jazzy", "sophisticated": "jazzy",
    "stripped": "minimal", "bare": "minimal", "clean": "dry", "cozy": "warm", "cosy": "warm", "lazy": "slow",
    "slowly": "slow", "quick": "fast", "human": "loose",
    "crisp": "bright", "shiny": "bright", "reverb": "spacious", "wide": "spacious",
}  # fmt: skip
