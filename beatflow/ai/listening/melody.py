"""The tempo and key that fit a melody, and its notes laid on a grid; knows notes only, no sound."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import UsageError
from beatflow.sound.note import Note
from beatflow.sound.tonality import Key

SLOWEST, FASTEST = 70.0, 140.0
"""Tempi are told within one octave, BPM: of 60, 120 and 240, which fit the same onsets, the middle one."""

# Albrecht and Shanahan (2013), Music Perception 31:59: how long each of twelve notes sounds in a key, as shares.
_SHARES = {
    "maj": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "min": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
_SLIP = 0.01
"""Added to each share: anybody hits a wrong note now and then."""
_WEIGHT = 2.5
"""Notes of a tune depend on each other: n of them tell as much as this times the root of n that do not."""
_HOME, _CHORD = 1.0, 0.5
"""Log odds for a tune that begins or ends on the tonic, or on its third or fifth."""
_LONG_S = 1.0
"""A last note is held as long as the breath lasts; that makes it no more important."""
GRIDS = {"1/4": 1.0, "1/8": 0.5, "1/16": 0.25, "1/32": 0.125, "1/8t": 1 / 3, "1/16t": 1 / 6}


def find_tempo(notes: Sequence[Note]) -> tuple[float, float]:
    """Tempo (BPM) on whose grid the onsets lie, and a confidence 0..1.

    For each tempo, the onsets are put on a circle that turns once a beat, twice and four times; the lengths of
    their mean vectors are added. Chance alone gives 1/sqrt(n), and that is taken off for the confidence.
    Fewer than three notes say nothing: 100 BPM with confidence 0.
    """
    onsets = np.array([note.start_s for note in notes])
    if onsets.size < 3 or np.ptp(onsets) < 0.5:
        return 100.0, 0.0
    tempi = np.arange(SLOWEST, FASTEST, 0.05)
    fits = _fit(onsets, tempi)
    prior = np.exp(-0.5 * (np.log2(tempi / 100.0) / 1.0) ** 2)
    best = int(np.argmax(fits * prior))
    chance = 1.0 / math.sqrt(onsets.size)
    confidence = float(np.clip((fits[best] - chance) / (1.0 - chance), 0.0, 1.0))
    # Six onsets lie on some grid or other; trust grows with their number.
    return round(float(tempi[best]), 2), round(confidence * (1.0 - math.exp(-onsets.size / 8.0)), 3)


def fit_grid(notes: Sequence[Note], tempo: float) -> float:
    """How well onsets lie on the beats of a tempo, their halves and quarters, 0..1."""
    onsets = np.array([note.start_s for note in notes])
    return float(_fit(onsets, np.array([tempo]))[0]) if onsets.size else 0.0


def _fit(onsets: NDArray[np.float64], tempi: NDArray[np.float64]) -> NDArray[np.float64]:
    """How well onsets lie on beats, halves and quarters of beats, 0..1 per tempo."""
    turns = np.outer(tempi / 60.0, onsets - onsets[0])
    shares = {1: 0.25, 2: 0.4, 4: 0.35}
    return np.asarray(
        sum(share * np.abs(np.exp(2j * np.pi * n * turns).mean(axis=1)) for n, share in shares.items())
    )


def find_key(notes: Sequence[Note]) -> tuple[Key, float]:
    """Key in which a melody most probably is, and how probable that is, 0..1; C major and 0 without notes.

    How probable the notes' lengths are where their shares are a key's, and the first and the last note besides.
    """
    if not notes:
        return Key(0, "maj"), 0.0
    lengths = np.zeros(12)
    for note in notes:
        lengths[note.midi % 12] += min(note.duration_s, _LONG_S)
    lengths *= _WEIGHT * math.sqrt(len(notes)) / lengths.sum()
    scores = {}
    for mode, shares in _SHARES.items():
        likely = np.log(np.array(shares) + _SLIP)
        home = [
            _HOME if step == 0 else _CHORD if step in (7, 4 if mode == "maj" else 3) else 0.0
            for step in range(12)
        ]
        for tonic in range(12):
            ends = sum(home[(note.midi - tonic) % 12] for note in (notes[0], notes[-1]))
            scores[Key(tonic, mode)] = float(lengths @ np.roll(likely, tonic)) + ends
    best = max(scores, key=lambda key: scores[key])
    chance = 1.0 / sum(math.exp(score - scores[best]) for score in scores.values())
    return best, round(chance, 3)


def quantize_notes(
    notes: Sequence[Note], tempo: float, grid: str = "1/16", phase_s: float | None = None
) -> tuple[Note, ...]:
    """Lay notes on a grid of note values.

    The grid's phase is the one that fits all onsets best, and time 0 is the grid line of the first note; with a
    ``phase_s`` a line is there, and time stays what it is. Of notes that fall on one line the longest stays; none is
    shorter than one step or reaches into the next.

    Parameters
    ----------
    notes : sequence of Note
        In order.
    tempo : float
        BPM of a quarter note.
    grid : str
        ``1/4``, ``1/8``, ``1/16``, ``1/32``, or ``1/8t``, ``1/16t`` for triplets.

    Raises
    ------
    UsageError
        The tempo is not positive or the grid is unknown.
    """
    if not tempo > 0.0:
        raise UsageError(f"the tempo must be positive, not {tempo:g} BPM")
    if grid not in GRIDS:
        raise UsageError(f"no grid {grid!r}", hint=f"use one of {', '.join(GRIDS)}")
    if not notes:
        return ()
    step = 60.0 / tempo * GRIDS[grid]
    onsets = np.array([note.start_s for note in notes]) / step
    if phase_s is None:
        phase = float(np.angle(np.exp(2j * np.pi * onsets).sum())) / (2.0 * np.pi)
        lines = np.rint(onsets - phase).astype(int)
        lines -= lines[0]
    else:
        lines = np.maximum(0, np.rint(onsets - phase_s / step)).astype(int)
    kept: dict[int, Note] = {}
    for line, note in zip(lines.tolist(), notes, strict=True):
        if line not in kept or note.duration_s > kept[line].duration_s:
            kept[line] = note
    order = sorted(kept)
    shift = 0.0 if phase_s is None else phase_s
    result = []
    for line, following in zip(order, [*order[1:], None], strict=True):
        note = kept[line]
        steps = max(1, round(note.duration_s / step))
        if following is not None:
            steps = min(steps, following - line)
        result.append(Note(shift + line * step, steps * step, note.midi, note.velocity))
    return tuple(result)
