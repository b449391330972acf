"""Pieces to tune the key finder on: written in a known key, played by fluidsynth. Nothing here is measured on.

Progressions that begin and end on the tonic and such that do not, borrowed dominants, modal loops, with and without
drums and bass. Needs fluidsynth with FluidR3_GM; knows nothing of the key finder.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile

from beatflow.sound.audio import Audio
from beatflow.sound.tonality import NOTE_NAMES

RATE = 44_100
FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"

# Degrees in semitones above the tonic, and what stands on them.
_MAJOR = {0: "M", 2: "m", 4: "m", 5: "M", 7: "M", 9: "m", 10: "M"}
_MINOR = {0: "m", 3: "M", 5: "m", 7: "m", 8: "M", 10: "M"}
_SHAPES = {"M": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "M7": (0, 4, 7, 11), "m7": (0, 3, 7, 10)}
_MAJOR_LOOPS = (
    (0, 5, 7, 0), (0, 7, 9, 5), (0, 9, 5, 7), (9, 5, 0, 7), (5, 0, 7, 9), (0, 5, 0, 7), (2, 7, 0, 9), (0, 4, 5, 7),
    (0, 10, 5, 0), (5, 7, 4, 9), (0, 2, 5, 0), (2, 7, 0, 0), (0, 0, 5, 7), (0, 5, 9, 7),
)  # fmt: skip
_MINOR_LOOPS = (
    (0, 8, 3, 10), (0, 5, 7, 0), (0, 10, 8, 7), (0, 3, 10, 5), (0, 8, 5, 7), (8, 10, 0, 0), (0, 10, 0, 10),
    (5, 0, 7, 0), (0, 5, 10, 3), (0, 0, 8, 10), (8, 5, 0, 7), (0, 7, 0, 5), (5, 10, 0, 0), (0, 5, 8, 7),
)  # fmt: skip
_KEYS_PROGRAMS = (0, 1, 4, 5, 6, 11, 16, 18, 24, 25, 26, 28, 48, 50, 52, 61, 80, 88, 89, 90, 91, 95)
_LEADS = (0, 11, 22, 24, 40, 56, 65, 68, 71, 73, 75, 80, 81, 85)
_BASSES = (32, 33, 34, 35, 36, 38, 39, 43)


class Piece(NamedTuple):
    """A sound and its key, like ``A:min``."""

    name: str
    key: str
    audio: Audio


def make_piece(seed: int) -> Piece:
    """Compose and render one piece of eight bars."""
    rng = np.random.default_rng(seed)
    tonic, minor = int(rng.integers(12)), bool(rng.random() < 0.5)
    name = f"{NOTE_NAMES[tonic]}:{'min' if minor else 'maj'}"
    beat = 60.0 / rng.uniform(75, 150)
    loops = _MINOR_LOOPS if minor else _MAJOR_LOOPS
    chords = [
        _chord(rng, tonic, int(degree), minor, harmonic=bool(rng.random() < 0.5))
        for degree in loops[rng.integers(len(loops))]
    ] * 2
    parts: list[tuple[int, int, list[tuple[float, float, int, int]]]] = []
    kind = rng.random()
    if kind < 0.9:
        parts.append((0, int(rng.choice(_KEYS_PROGRAMS)), _comp(rng, chords)))
    if rng.random() < 0.75:
        parts.append((1, int(rng.choice(_BASSES)), _bass(rng, chords)))
    if kind >= 0.9 or rng.random() < 0.6:
        parts.append((2, int(rng.choice(_LEADS)), _melody(rng, tonic, minor, chords)))
    if rng.random() < 0.55:
        parts.append((9, 0, _drums(rng)))
    return Piece(f"piece {seed}", name, _play(parts, beat, 32 * beat + 0.5))


def _chord(rng: np.random.Generator, tonic: int, degree: int, minor: bool, harmonic: bool) -> list[int]:
    shape = (_MINOR if minor else _MAJOR)[degree]
    if minor and degree == 7 and harmonic:
        shape = "M"
    if rng.random() < 0.3:
        shape = {"M": "7" if degree in (7, 10) else "M7", "m": "m7"}[shape]
    return [(tonic + degree) % 12 + step for step in _SHAPES[shape]]


def _comp(rng: np.random.Generator, chords: list[list[int]]) -> list[tuple[float, float, int, int]]:
    rhythms: tuple[tuple[tuple[float, float], ...], ...] = (
        ((0, 3.8),), ((0, 0.8), (1, 0.8), (2, 0.8), (3, 0.8)), ((0, 1.4), (1.5, 0.9), (3, 0.8)),
    )  # fmt: skip
    rhythm, low = rhythms[rng.integers(3)], int(rng.choice([48, 54, 60]))
    return [
        (4 * bar + start, length, low + (pitch - low) % 12, int(rng.integers(60, 95)))
        for bar, chord in enumerate(chords)
        for start, length in rhythm
        for pitch in chord
    ]


def _bass(rng: np.random.Generator, chords: list[list[int]]) -> list[tuple[float, float, int, int]]:
    figures = (
        ((0, 3.5, 0),),
        tuple((k / 2, 0.4, 0) for k in range(8)),
        ((0, 1.4, 0), (1.5, 0.4, 0), (2, 1.4, 7)),
    )
    figure = figures[rng.integers(3)]
    return [
        (4 * bar + start, length, 28 + (chord[0] - 28) % 12 + step, 95)
        for bar, chord in enumerate(chords)
        for start, length, step in figure
    ]


def _melody(
    rng: np.random.Generator, tonic: int, minor: bool, chords: list[list[int]]
) -> list[tuple[float, float, int, int]]:
    scale = [0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11]
    notes = []
    for bar, chord in enumerate(chords):
        at = 0.0
        while at < 3.9:
            length = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
            classes = chord if rng.random() < 0.55 else [tonic + step for step in scale]
            pitch = 60 + (int(rng.choice(classes)) - 60) % 12 + int(rng.choice([0, 12]))
            if rng.random() < 0.85:
                notes.append((4 * bar + at, 0.9 * length, pitch, int(rng.integers(70, 105))))
            at += length
    return notes


def _drums(rng: np.random.Generator) -> list[tuple[float, float, int, int]]:
    loud = int(rng.integers(60, 120))
    notes = [(beat + 0.0, 0.2, 36 if beat % 2 == 0 else 38, loud) for beat in range(32)]
    return notes + [(half / 2, 0.1, 42, max(20, loud - 30)) for half in range(64)]


def _play(
    parts: list[tuple[int, int, list[tuple[float, float, int, int]]]], beat: float, duration_s: float
) -> Audio:
    events: list[tuple[float, int, mido.Message]] = []
    for channel, program, notes in parts:
        events.append((0.0, 0, mido.Message("program_change", channel=channel, program=program)))
        for start, length, pitch, velocity in notes:
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=pitch)
            events += [(start * beat, 2, on), ((start + length) * beat, 1, off)]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    last = 0
    for time, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(time * 960)
        track.append(message.copy(time=tick - last))
        last = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder, "piece.mid"), Path(folder, "piece.wav")
        file.save(midi)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.6", "-r", str(RATE), "-F", str(wave), FONT, str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    return Audio(samples[: int(duration_s * RATE)], RATE)
