"""A prompt to what it asks for: genre, moods, instruments, drums, textures, parts left out, tempo, key, comparisons.

A table look-up, longest phrase first; what it does not know it hands back. Knows no sound and no notes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from beatflow.ai.synth.words.moods import MOOD_WORDS, MOODS, Mood
from beatflow.ai.synth.words.vocabulary import (
    COMPARATIVES,
    DRUM_WORDS,
    FILLERS,
    GENRE_WORDS,
    INSTRUMENTS,
    PART_WORDS,
    PARTS,
    STYLE_WORDS,
    TEXTURES,
)
from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

_TEMPO = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*bpm\b")
_KEY = re.compile(r"\b([a-g](?:#|b|♯|♭)?)[\s-]?(major|minor|maj|min)\b|\b([A-G](?:#|b)?m)\b")
_NEGATIONS = ("no", "without", "minus")
_ONLY = ("only", "just", "solo")
_AMOUNTS = {"more": 1, "extra": 1, "busier": 1, "less": -1, "fewer": -1, "simpler": -1, "sparser": -1}
_PHRASE_WORDS = 4
_STOPS = (",", ";")
"""Over these no phrase reaches: "piano, house" is no piano house."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a prompt asks for.

    Parameters
    ----------
    genre : str or None
    moods : tuple of str
    sounds : mapping of str to str
        Part to the sound that it is to have.
    textures : tuple of str
    left_out : frozenset of str
        Parts.
    tempo, key : float, str or None
    ignored : tuple of str
        Words that mean nothing here, in order, without repeats.
    bends : mapping of str to Mood
        Comparisons ("busier drums"): part, or ``all``, to a push.
    amounts : mapping of str to int
        Drums that are asked for (0), to be more (1), fewer (-1) or gone (-9).
    styles : mapping of str to str
        Part to how it is to be played.
    """

    genre: str | None
    moods: tuple[str, ...]
    sounds: Mapping[str, str]
    textures: tuple[str, ...]
    left_out: frozenset[str]
    tempo: float | None
    key: str | None
    ignored: tuple[str, ...]
    bends: Mapping[str, Mood] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(default_factory=dict)
    styles: Mapping[str, str] = field(default_factory=dict)


def understand(prompt: str) -> Request:
    """Read a prompt."""
    text, tempo, key = find_figures(prompt)
    reader = _Reader(re.findall(r"[^\s,;.!?()\"/+]+|[,;]", text.lower()))
    reader.read()
    left_out = reader.removed | (set(PARTS) - reader.only if reader.only else set())
    return Request(
        reader.genre, tuple(dict.fromkeys(reader.moods)), reader.sounds, tuple(dict.fromkeys(reader.textures)),
        frozenset(left_out), tempo, key, tuple(reader.ignored), reader.bends, reader.amounts,
        reader.styles,
    )  # fmt: skip


def find_figures(prompt: str) -> tuple[str, float | None, str | None]:
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


class _Reader:
    """Goes through the words once and gathers what they mean."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.place = words, 0
        self.genre: str | None = None
        self.moods: list[str] = []
        self.sounds: dict[str, str] = {}
        self.textures: list[str] = []
        self.removed: set[str] = set()
        self.only: set[str] = set()
        self.ignored: list[str] = []
        self.bends: dict[str, Mood] = {}
        self.amounts: dict[str, int] = {}
        self.styles: dict[str, str] = {}

    def read(self) -> None:
        """Read every word."""
        while self.place < len(self.words):
            word = self.words[self.place]
            if word in _STOPS:
                self.place += 1
                continue
            more = self.place + 1 < len(self.words)
            named = self._longest(self.place)[0] > 1  # "solo cello" limits nothing
            if more and not named and word in (*_NEGATIONS, *_ONLY) and self._limit(word):
                continue
            if word in COMPARATIVES or (more and word in _AMOUNTS):
                self._compare(word)
                continue
            size, phrase = self._longest(self.place)
            self._take(phrase, size)

    def _limit(self, word: str) -> bool:
        """``no drums``, ``without hats``, ``only bass``."""
        size, phrase = self._longest(self.place + 1)
        if word in _NEGATIONS and phrase in DRUM_WORDS:
            for element in DRUM_WORDS[phrase]:
                self.amounts[element] = -9
        elif parts := _parts(phrase):
            (self.removed if word in _NEGATIONS else self.only).update(parts)
        else:
            return False
        self.place += 1 + size
        return True

    def _compare(self, word: str) -> None:
        """``busier drums``, ``more hats``, ``darker``; the thing compared may stand one filler away."""
        start = self.place + 1
        while start < len(self.words) and self.words[start] in FILLERS:
            start += 1
        size, phrase = self._longest(start) if start < len(self.words) else (0, "")
        push = COMPARATIVES.get(word, Mood())
        if phrase in DRUM_WORDS and word in _AMOUNTS:
            for element in DRUM_WORDS[phrase]:
                self.amounts[element] = _AMOUNTS[word]
        elif phrase in DRUM_WORDS or (parts := _parts(phrase)):
            target = "drums" if phrase in DRUM_WORDS else parts[0]
            self._bend(target, push)
            if phrase in INSTRUMENTS:
                _add_sound(self.sounds, *INSTRUMENTS[phrase])
        elif word in ("more", "extra", "less", "fewer") and phrase in MOOD_WORDS:
            if word in ("more", "extra"):
                self.moods.append(MOOD_WORDS[phrase])
            else:
                self._bend("all", Mood() - MOODS[MOOD_WORDS[phrase]])
        else:
            self._bend("all", push)
            self.place += 1
            return
        self.place = start + size

    def _bend(self, target: str, push: Mood) -> None:
        self.bends[target] = self.bends.get(target, Mood()) + push

    def _take(self, phrase: str, size: int) -> None:
        """One phrase by itself."""
        if phrase in STYLE_WORDS:
            self.styles.setdefault(*STYLE_WORDS[phrase])
        after = self.place + size
        if after < len(self.words) and self.words[after] == "only" and (parts := _parts(phrase)):
            self.only.update(parts)
            size += 1
        elif phrase in GENRE_WORDS:
            if self.genre and phrase in MOOD_WORDS:
                self.moods.append(MOOD_WORDS[phrase])  # "lofi jazz": a jazzy lofi
            self.genre = self.genre or GENRE_WORDS[phrase]
        elif phrase in INSTRUMENTS:
            _add_sound(self.sounds, *INSTRUMENTS[phrase])
            if phrase == "dusty drums":
                self.textures.append("vinyl")
        elif phrase in TEXTURES:
            self.textures.append(TEXTURES[phrase])
        elif phrase in MOOD_WORDS:
            self.moods.append(MOOD_WORDS[phrase])
        elif phrase in DRUM_WORDS:
            for element in DRUM_WORDS[phrase]:
                self.amounts.setdefault(element, 0)
        elif phrase not in PART_WORDS and phrase not in FILLERS and phrase not in self.ignored:
            self.ignored.append(phrase)
        self.place += size

    def _longest(self, place: int) -> tuple[int, str]:
        """The longest known phrase that starts at a word, or the single word."""
        for size in range(min(_PHRASE_WORDS, len(self.words) - place), 1, -1):
            phrase = " ".join(self.words[place : place + size])
            if any(phrase in table for table in (GENRE_WORDS, INSTRUMENTS, TEXTURES, DRUM_WORDS, PART_WORDS)):
                return size, phrase
        return 1, self.words[place]


def _parts(phrase: str) -> tuple[str, ...]:
    """The parts that a phrase names, by role or by instrument."""
    if phrase in PART_WORDS:
        return PART_WORDS[phrase]
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
