"""What sounds as the tune of a piece, moment by moment, and where in it another tune comes, in any key and tempo.

A tune is kept as a *melogram*: how much of each of the twelve notes, whatever the octave, stands out, eight times a
second. Notes that stand out are told by summing harmonics, so that a line is seen through chords and drums. Two are
laid over each other by dynamic time warping (Sakoe and Chiba 1978, IEEE Trans. ASSP 26:43) between half and twice the
tempo, in all twelve transpositions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.finding.bands import BANDS, HOP_S, LOWEST_HZ, PER_OCTAVE, Bands
from beatflow.sound.note import Note

Melogram = NDArray[np.float32]
"""Shape (steps, 12), from C up; each step of length 1, or 0 where nothing stands out."""

HOPS_PER_STEP = 8
STEP_S = HOPS_PER_STEP * HOP_S
_LOWEST_MIDI, _HIGHEST_MIDI = 50, 86
_HARMONICS = 5
_FADING = 0.8
_CLEAR = 0.5
"""What is not this much of the strongest is no part of the tune."""


class MelogramMeter:
    """Takes bands block by block, gives a melogram at the end."""

    def __init__(self) -> None:
        self._rest = np.zeros((0, BANDS), np.float32)
        self._steps: list[NDArray[np.float32]] = []

    def add(self, bands: Bands) -> None:
        """Take the next hops."""
        held = np.concatenate([self._rest, bands])
        whole = len(held) // HOPS_PER_STEP * HOPS_PER_STEP
        self._rest = held[whole:]
        if whole:
            self._steps.append(_sum_harmonics(held[:whole]))

    def result(self) -> Melogram:
        """Fold what stands out into the octave; nothing can be added afterwards."""
        if len(self._rest):
            missing = HOPS_PER_STEP - len(self._rest)
            self._steps.append(_sum_harmonics(np.pad(self._rest, ((0, missing), (0, 0)))))
        if not self._steps:
            return np.zeros((0, 12), np.float32)
        return fold_lines(np.concatenate(self._steps))


def _sum_harmonics(bands: Bands) -> NDArray[np.float32]:
    """How strongly each third of a semitone of the tune's register sounds with its harmonics, per step."""
    loud = np.sqrt(np.sqrt(bands)).reshape(-1, HOPS_PER_STEP, BANDS).mean(axis=1)
    first = _band_of(_LOWEST_MIDI)
    count = 3 * (_HIGHEST_MIDI - _LOWEST_MIDI + 1)
    total = np.zeros((len(loud), count), np.float32)
    for harmonic in range(1, _HARMONICS + 1):
        at = first + round(PER_OCTAVE * np.log2(harmonic))
        total += np.float32(_FADING ** (harmonic - 1)) * loud[:, at : at + count]
    return total


def _band_of(midi: int) -> int:
    """The band one third of a semitone below a note."""
    lowest = 69 + 12 * np.log2(LOWEST_HZ / 440.0)
    return int(np.rint((midi - lowest) * PER_OCTAVE / 12)) - 1


def fold_lines(lines: NDArray[np.float32]) -> Melogram:
    """Keep what stands out of its surroundings, and fold it into twelve notes; shape (steps, 3 * notes) comes in."""
    around = np.cumsum(np.pad(lines, ((0, 0), (10, 9)), mode="edge"), axis=1)
    level = (around[:, 19:] - around[:, :-19]) / 19.0
    level = np.concatenate([level[:, :1], level], axis=1)[:, : lines.shape[1]]
    clear = np.maximum(lines - level, 0.0)
    middle = clear[:, 1:-1]
    peak = (middle >= clear[:, :-2]) & (middle >= clear[:, 2:])
    clear[:, 1:-1] = np.where(peak, middle, 0.0)
    strongest = clear.max(axis=1, keepdims=True)
    clear = np.where(clear >= _CLEAR * strongest, clear, 0.0)
    notes = clear.reshape(len(lines), -1, 3).sum(axis=2)
    folded = np.zeros((len(lines), 12), np.float32)
    for index in range(notes.shape[1]):
        folded[:, (_LOWEST_MIDI + index) % 12] += notes[:, index]
    length = np.linalg.norm(folded, axis=1, keepdims=True)
    return np.asarray(np.divide(folded, length, out=np.zeros_like(folded), where=length > 1e-6), np.float32)


def lay_notes(notes: Sequence[Note]) -> Melogram:
    """The melogram of a line of notes; rests are filled by the note before them, from the first note on."""
    if not notes:
        return np.zeros((0, 12), np.float32)
    start = notes[0].start_s
    steps = max(1, int(np.ceil((notes[-1].start_s + notes[-1].duration_s - start) / STEP_S)))
    times = (np.arange(steps) + 0.5) * STEP_S + start
    which = np.searchsorted([note.start_s for note in notes], times, side="right") - 1
    result = np.zeros((steps, 12), np.float32)
    result[np.arange(steps), [notes[index].midi % 12 for index in np.maximum(which, 0)]] = 1.0
    return result


@dataclass(frozen=True, slots=True)
class TuneMatch:
    """Where a tune comes in another sound.

    Parameters
    ----------
    score : float
        How well it fits: the mean, over the tune, of how much better the notes fit than those around do.
    start_s, end_s : float
        Where.
    semitones : int
        From the tune up to what sounds, -5 to 6.
    pace : float
        How much faster it is there; 1 for the same tempo.
    """

    score: float
    start_s: float
    end_s: float
    semitones: int
    pace: float


def find_tune(tune: Melogram, sound: Melogram) -> TuneMatch | None:
    """Find where a tune comes best in a sound; None where either is too short or has no notes."""
    steps = len(tune)
    if steps < 4 or len(sound) < (steps + 1) // 2 or not sound.any():
        return None
    centred = sound - _smooth(sound)
    # One row for each transposition: what sounds, brought down to the tune.
    turned = np.stack([np.roll(centred, -up, axis=1) for up in range(12)])
    gain = np.einsum("in,tjn->itj", tune - tune.mean(axis=1, keepdims=True), turned).astype(np.float32)
    score, begins = _warp(gain)
    score = score / np.float32(steps)
    up, end = np.unravel_index(int(score.argmax()), score.shape)
    first = int(begins[up, end])
    length = int(end) + 1 - first
    semitones = int(up) if up <= 6 else int(up) - 12
    return TuneMatch(
        float(score[up, end]), first * STEP_S, (int(end) + 1) * STEP_S, semitones, round(steps / length, 3)
    )


_AROUND = 60


def _smooth(sound: Melogram) -> Melogram:
    """What sounds on the average around each step: of what always sounds, nothing tells."""
    total = np.cumsum(np.pad(sound, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    places = np.arange(len(sound))
    low, high = np.maximum(places - _AROUND, 0), np.minimum(places + _AROUND + 1, len(sound))
    return np.asarray((total[high] - total[low]) / (high - low)[:, None], np.float32)


def _warp(gain: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The best sums along paths of slope 1/2 to 2 that end at each step of a sound, and where they begin.

    ``gain`` has shape (tune, transpositions, sound). A path steps by (1, 1), (1, 2) or (2, 1); all of the tune counts.
    """
    rows, turns, columns = gain.shape
    nothing = np.full((turns, columns), -1e9, np.float32)
    before, last = nothing, gain[0].copy()
    begins_before = np.zeros((turns, columns), np.int32)
    begins = np.broadcast_to(np.arange(columns, dtype=np.int32), (turns, columns)).copy()
    for row in range(1, rows):
        straight, faster = _shift(last, 1), _shift(last, 2)
        slower = _shift(before + gain[row - 1], 1)
        best = np.maximum(np.maximum(straight, faster), slower)
        origin = np.where(
            straight >= best,
            _shift(begins, 1),
            np.where(faster >= best, _shift(begins, 2), _shift(begins_before, 1)),
        )
        before, begins_before = last, begins
        last, begins = best + gain[row], origin
    return last, begins


def _shift(values: NDArray[np.generic], by: int) -> NDArray[np.generic]:
    """Move to later columns; what comes in first is impossible."""
    moved = np.empty_like(values)
    moved[:, by:] = values[:, :-by]
    moved[:, :by] = -1e9 if values.dtype == np.float32 else 0
    return moved


def measure_melogram(bands: Iterable[Bands]) -> Melogram:
    """The melogram of a sound whose bands come in blocks."""
    meter = MelogramMeter()
    for block in bands:
        meter.add(block)
    return meter.result()
