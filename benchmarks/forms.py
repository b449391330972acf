"""Pieces whose form is known: verses, choruses and bridges that differ in chords and in who plays, by fluidsynth.

Even seeds are there to be tuned on, odd ones to be measured. Knows nothing of who finds the sections.
"""

from typing import NamedTuple

import numpy as np

from beatflow.sound.audio import Audio
from benchmarks import key_material as material

_FORMS = (
    "ABAB", "AABA", "IABABO", "IAABCBO", "ABABCB", "AAB", "ABAC", "IABO", "ABCBA", "A", "AB", "IABABCBBO",
)  # fmt: skip


class Form(NamedTuple):
    """A sound, where its sections begin (seconds), what each is, and where bars begin."""

    audio: Audio
    starts: tuple[float, ...]
    labels: tuple[str, ...]
    downbeats: tuple[float, ...]


def make_form(seed: int) -> Form:
    """Compose and render one piece; sections that follow each other under one name are one section."""
    rng = np.random.default_rng(9000 + seed)
    tonic, minor = int(rng.integers(12)), bool(rng.integers(2))
    beat = 60.0 / rng.uniform(80, 150)
    letters = _FORMS[seed // 2 % len(_FORMS)]
    loops = rng.permutation(np.array(material._MINOR_LOOPS if minor else material._MAJOR_LOOPS))
    programs = [
        int(rng.choice(material._KEYS_PROGRAMS)),
        int(rng.choice(material._BASSES)),
        int(rng.choice(material._LEADS)),
    ]
    parts: list[list[tuple[float, float, int, int]]] = [[], [], [], []]
    written: dict[str, tuple[int, list[list[tuple[float, float, int, int]]]]] = {}
    bar, bounds = 0, []
    for letter in letters:
        if letter not in written:
            written[letter] = _write(
                rng, letter, tonic, minor, loops["IABCO".index(letter) % 4 if letter in "ABC" else 0]
            )
        bars, section = written[letter]
        bounds.append((bar, letter))
        for part, notes in zip(parts, section, strict=True):
            part += [(start + 4 * bar, length, pitch, velocity) for start, length, pitch, velocity in notes]
        bar += bars
    channels = [(0, programs[0]), (1, programs[1]), (2, programs[2]), (9, 0)]
    played = [(channel, program, notes) for (channel, program), notes in zip(channels, parts, strict=True)]
    audio = material._play(played, beat, 4 * bar * beat)
    kept = [bound for at, bound in enumerate(bounds) if at == 0 or bound[1] != bounds[at - 1][1]]
    return Form(
        audio,
        tuple(round(4 * start * beat, 3) for start, _ in kept),
        tuple(letter for _, letter in kept),
        tuple(round(4 * one * beat, 3) for one in range(bar)),
    )


def _write(
    rng: np.random.Generator, letter: str, tonic: int, minor: bool, loop: np.ndarray
) -> tuple[int, list[list[tuple[float, float, int, int]]]]:
    """Bars of a section, and the notes of chords, bass, lead and drums in it."""
    bars = 4 if letter in "IO" else 8
    chords = [material._chord(rng, tonic, int(degree), minor, harmonic=False) for degree in loop] * (
        bars // 4
    )
    # A chorus has everybody in it, the others leave somebody out.
    playing = {
        "I": (True, False, False, False), "A": (True, True, rng.random() < 0.4, rng.random() < 0.7),
        "B": (True, True, True, True), "C": (True, rng.random() < 0.5, rng.random() < 0.5, False),
        "O": (True, rng.random() < 0.5, False, False),
    }[letter]  # fmt: skip
    lines = [
        material._comp(rng, chords),
        material._bass(rng, chords),
        material._melody(rng, tonic, minor, chords),
        [note for note in material._drums(rng) if note[0] < 4 * bars],
    ]
    return bars, [notes if plays else [] for notes, plays in zip(lines, playing, strict=True)]
