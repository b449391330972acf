"""What ``synth`` wrote down when it made the music that is already there, read back with care.

The record may be another version's, or damaged: whatever does not fit is left out. Decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from beatflow.ai.engine import Context
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.words.moods import MOODS
from beatflow.ai.synth.words.vocabulary import GENRE_WORDS, INSTRUMENTS, PARTS, TEXTURES

_SOUNDS: Mapping[str, frozenset[str]] = {
    "drums": frozenset(genre.kit for genre in GENRES.values())
    | {sound for part, sound in INSTRUMENTS.values() if part == "drums"},
    "pitched": frozenset(
        sound
        for genre in GENRES.values()
        for sound in (*genre.bass_sounds, *genre.chord_sounds, *genre.melody_sounds)
    )
    | {sound for part, sound in INSTRUMENTS.values() if part != "drums"},
}


@dataclass(frozen=True, slots=True)
class Precedent:
    """The choices of the piece that is there; None and empty where nothing is known."""

    genre: str | None = None
    tempo: float | None = None
    key: str | None = None
    swing: float | None = None
    seed: int | None = None
    words: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    sounds: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    textures: tuple[str, ...] = ()

    @classmethod
    def of(cls, context: Context | None) -> "Precedent":
        """Read a context's parameters."""
        facts: Mapping[str, object] = context.parameters if context is not None else {}
        genre = facts.get("genre")
        genre = GENRE_WORDS.get(genre) if isinstance(genre, str) else None
        if genre is None:
            return cls()
        tempo, swing, seed = facts.get("tempo"), facts.get("swing"), facts.get("seed")
        key = facts.get("key")
        pitched = _SOUNDS["pitched"]
        return cls(
            genre,
            float(tempo) if isinstance(tempo, int | float) and 40 <= tempo <= 300 else None,
            key if isinstance(key, str) else None,
            float(swing) if isinstance(swing, int | float) and 0.5 <= swing <= 0.75 else None,
            seed if isinstance(seed, int) else None,
            tuple(sorted(_words(facts.get("ignored_words")))),
            tuple(word for word in _words(facts.get("moods")) if word in MOODS),
            {
                part: sound for part, sound in _texts(facts.get("sounds")).items()
                if part in PARTS and sound in (_SOUNDS["drums"] if part == "drums" else pitched)
            },
            _texts(facts.get("styles")),
            tuple(part for part in _words(facts.get("parts")) if part in PARTS),
            tuple(kind for kind in _words(facts.get("textures")) if kind in TEXTURES.values()),
        )  # fmt: skip

    def without_manners(self) -> "Precedent":
        """Tempo and key only: another genre has sounds and styles of its own."""
        return replace(self, swing=None, sounds={}, styles={}, parts=self.parts)


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list | tuple) else []


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}
