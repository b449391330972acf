"""What was heard, made ready to be played with other music: on its bars, in its tempo and register. Knows notes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beatflow.ai.listening.melody import GRIDS, fit_grid, quantize_notes
from beatflow.sound.note import Note

BASS_RANGE = (28, 55)
"""E1, a bass guitar's lowest string, to G3."""
_BASS_MIDDLE = 38
_AS_GOOD = 0.85
"""Of the best tempo's fit, what a given tempo has to reach to be the one that was hummed in."""


def lower_to_bass(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The line in the range of a bass: moved by whole octaves, and notes that are still outside by one more each."""
    if not notes:
        return ()
    weights = np.repeat(
        [note.midi for note in notes], [max(1, round(20 * note.duration_s)) for note in notes]
    )
    shift = 12 * round((_BASS_MIDDLE - float(np.median(weights))) / 12)
    return tuple(replace(note, midi=_fold(note.midi + shift)) for note in notes)


def _fold(midi: int) -> int:
    while midi < BASS_RANGE[0]:
        midi += 12
    while midi > BASS_RANGE[1]:
        midi -= 12
    return midi


def bring_to_tempo(notes: Sequence[Note], heard: float, wanted: float) -> tuple[tuple[Note, ...], float]:
    """The notes in a tempo that was asked for, and the tempo that they were in before.

    Where the notes lie about as well on the grid of the tempo asked for, they are in it, and stay. Otherwise they are
    stretched from the tempo that was heard, or its double or half where that is nearer.
    """
    if fit_grid(notes, wanted) >= _AS_GOOD * fit_grid(notes, heard):
        return tuple(notes), wanted
    before = min((heard / 2.0, heard, heard * 2.0), key=lambda tempo: abs(np.log2(tempo / wanted)))
    factor = before / wanted
    return tuple(
        Note(note.start_s * factor, note.duration_s * factor, note.midi, note.velocity) for note in notes
    ), before


def lay_on_bars(
    notes: Sequence[Note], tempo: float, grid: str | None, swing: float | None = None
) -> tuple[Note, ...]:
    """Move the notes so that time 0 is a bar line and the first of them is in the first beat.

    The phase of the grid is the one that fits the onsets best; which of its lines are beats, the one on which most of
    the sound begins. With a ``grid`` every note is laid on it, the second half of each pair late by ``swing`` (percent
    of the pair that the first half takes); without one they keep their timing.
    """
    if not notes:
        return ()
    sixteenth = 15.0 / tempo
    onsets = np.array([note.start_s for note in notes])
    turns = np.exp(2j * np.pi * onsets / sixteenth).mean()
    phase = float(np.angle(turns)) / (2.0 * np.pi) * sixteenth
    lines = np.rint((onsets - phase) / sixteenth).astype(int)
    weights = np.array([note.duration_s * note.velocity for note in notes])
    strong = np.array([1.0, 0.0, 0.4, 0.0])
    # The first note on a beat, unless another way puts clearly more of them there.
    scores = [float((weights * strong[(lines - lines[0] + ahead) % 4]).sum()) for ahead in range(4)]
    ahead = 0 if scores[0] >= 0.8 * max(scores) else int(np.argmax(scores))
    start = phase + (lines[0] - ahead) * sixteenth
    moved = tuple(replace(note, start_s=max(0.0, note.start_s - start)) for note in notes)
    if grid is None:
        return moved
    # A coarser or triplet grid counts from the bar line as well.
    return swing_notes(quantize_notes(moved, tempo, grid, 0.0), tempo, grid, swing)


def swing_notes(notes: Sequence[Note], tempo: float, grid: str, swing: float | None) -> tuple[Note, ...]:
    """Delay every second sixteenth of quantised notes: ``swing`` percent of a pair are its first half."""
    if swing is None or grid != "1/16":
        return tuple(notes)
    step = 60.0 / tempo * GRIDS[grid]
    late = step * (swing / 50.0 - 1.0)

    def place(time_s: float) -> float:
        return time_s + late if round(time_s / step) % 2 else time_s

    result = []
    for note in notes:
        start, stop = place(note.start_s), place(note.start_s + note.duration_s)
        result.append(replace(note, start_s=start, duration_s=stop - start))
    return tuple(result)
