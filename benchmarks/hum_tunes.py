"""Tunes for people and instruments to sing: notes in a key and a tempo, with the timing of a person. Knows no sound."""

from dataclasses import dataclass

import numpy as np

from beatflow.sound.note import Note
from beatflow.sound.tonality import NOTE_NAMES, SCALES

LEAD_IN_S = 0.35
_STEPS = (0, 1, 1, -1, -1, 2, -2, 3, -4)
_LENGTHS = {
    "calm": ((1.0, 1.0), (1.0, 1.0), (2.0,), (0.5, 0.5, 1.0), (1.5, 0.5)),
    "usual": ((1.0, 1.0), (0.5, 0.5, 1.0), (1.5, 0.5), (2.0,), (0.5, 0.5, 0.5, 0.5), (0.75, 0.25, 1.0)),
    "fast": ((0.25, 0.25, 0.25, 0.25, 0.5, 0.5), (0.5, 0.25, 0.25, 1.0), (0.25,) * 8, (0.5, 0.5, 1.0)),
}
"""Two quarter notes in lengths of notes."""


@dataclass(frozen=True)
class Tune:
    """Notes, and what they were made of: ``tempo`` in BPM, ``key`` like ``A:min``, ``beats`` where each note stands."""

    notes: tuple[Note, ...]
    tempo: float
    key: str
    beats: tuple[float, ...]


def make_tune(
    seed: int,
    low: int,
    high: int,
    pace: str = "usual",
    held: float = 0.92,
    repeats: float = 0.15,
    tempi: tuple[float, float] = (75.0, 135.0),
    jitter_s: float = 0.008,
) -> Tune:
    """A line of 16 quarter notes between two MIDI notes that begins and ends on its tonic.

    Parameters
    ----------
    pace : str
        ``calm``, ``usual`` or ``fast``.
    held : float
        Share of its length for which a note sounds; 1 is legato.
    repeats : float
        How often a note is sung again.
    jitter_s : float
        Deviation of the onsets from the grid.
    """
    rng = np.random.default_rng(seed)
    tempo = round(float(rng.uniform(*tempi)), 1)
    tonic, mode = int(rng.integers(12)), ("maj", "min")[int(rng.integers(2))]
    scale = [midi for midi in range(low, high + 1) if (midi - tonic) % 12 in SCALES[mode]]
    homes = [place for place, midi in enumerate(scale) if midi % 12 == tonic]
    home = homes[len(homes) // 2]
    place, beat = home, 0.0
    notes, beats = [], []
    while beat < 16.0:
        last = beat >= 14.0
        lengths = (2.0,) if last else _LENGTHS[pace][int(rng.integers(len(_LENGTHS[pace])))]
        for length in lengths:
            if notes and rng.random() > repeats:
                step = int(rng.choice(_STEPS[1:]))
                place = place + step if 0 <= place + step < len(scale) else place - step
                place = min(max(place, 0), len(scale) - 1)
            if last:
                place = home
            resting = not last and length >= 1.0 and rng.random() < 0.08
            if not resting:
                start = LEAD_IN_S + beat * 60.0 / tempo + rng.normal(0.0, jitter_s)
                velocity = int(rng.integers(70, 112))
                notes.append(Note(max(0.05, float(start)), length * 60.0 / tempo, scale[place], velocity))
                beats.append(beat)
            beat += length
    return Tune(_articulate(notes, held), tempo, f"{NOTE_NAMES[tonic]}:{mode}", tuple(beats))


def _articulate(notes: list[Note], held: float) -> tuple[Note, ...]:
    """Let each note sound for a share of the way to where the next begins."""
    result = []
    for index, note in enumerate(notes):
        room = notes[index + 1].start_s - note.start_s if index + 1 < len(notes) else note.duration_s
        result.append(
            Note(note.start_s, max(0.05, min(note.duration_s, room) * held), note.midi, note.velocity)
        )
    return tuple(result)
