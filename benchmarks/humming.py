"""Measure what `bf hum` hears: ``python -m benchmarks.humming [--tuning]``.

Prints, for each kind of clip that nothing was tuned by, the note F1 (onset within 50 ms, pitch within 50 cents; with
the end as well, within 50 ms or a fifth of the note; onsets alone), and how often tempo and key are right; then the
same of beats made with the mouth, drum by drum; then what it costs. ``--tuning`` measures the other half.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from beatflow.ai.engine import Listening, Transcription
from beatflow.ai.listening.beatbox import NAMES
from beatflow.ai.listening.tracker import PitchTracker
from beatflow.errors import AudioError
from beatflow.sound.note import Note
from benchmarks.hums import UNSEEN, make_clips
from benchmarks.mouth import make_beats
from benchmarks.table import format_table

ONSET_S = 0.05
_SAME_TEMPO = 0.02
_RELATIVES = (1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0)
_NOTHING = Transcription((), 100.0, "C:maj", 0.0, 0.0)

Same = Callable[[Note, Note], bool]


def begins(one: Note, other: Note) -> bool:
    """Within 50 ms."""
    return abs(one.start_s - other.start_s) <= ONSET_S


def sounds(one: Note, other: Note) -> bool:
    """As it begins, and the same semitone."""
    return begins(one, other) and one.midi == other.midi


def ends(one: Note, other: Note) -> bool:
    """As it sounds, and ends within 50 ms or a fifth of the first one's length."""
    apart = abs(one.start_s + one.duration_s - other.start_s - other.duration_s)
    return sounds(one, other) and apart <= max(ONSET_S, 0.2 * one.duration_s)


def f_measure(truth: Sequence[Note], found: Sequence[Note], same: Same) -> float:
    """Harmonic mean of precision and recall, in the best pairing of each note with at most one other."""
    if not truth and not found:
        return float("nan")
    if not truth or not found:
        return 0.0
    pairs = csr_matrix(np.array([[same(one, other) for other in found] for one in truth]))
    hits = int((maximum_bipartite_matching(pairs, perm_type="column") >= 0).sum())
    return 2.0 * hits / (len(truth) + len(found))


def _near(tempo: float, truth: float, relatives: Sequence[float] = (1.0,)) -> bool:
    return any(abs(tempo / truth / ratio - 1.0) < _SAME_TEMPO for ratio in relatives)


def _listen(audio: object, part: str | None = None) -> Transcription:
    try:
        return PitchTracker().transcribe(audio, wanted=Listening(part))  # type: ignore[arg-type]  # an Audio
    except AudioError:
        return _NOTHING


def measure_melodies(held_out: bool) -> str:
    """The table of the hums; `UNSEEN` kinds are marked."""
    figures: dict[str, list[list[float]]] = {}
    seconds = spent = 0.0
    for clip in make_clips(held_out):
        started = time.process_time()
        heard = _listen(clip.audio)
        spent += time.process_time() - started
        seconds += clip.audio.duration_s
        truth = clip.tune.notes
        figures.setdefault(clip.kind, []).append([
            f_measure(truth, heard.notes, sounds), f_measure(truth, heard.notes, ends),
            f_measure(truth, heard.notes, begins), _near(heard.tempo, clip.tune.tempo),
            _near(heard.tempo, clip.tune.tempo, _RELATIVES), heard.key == clip.tune.key,
        ])  # fmt: skip
    rows = [[kind + (" *" if kind in UNSEEN else ""), *_means(values)] for kind, values in figures.items()]
    every = [row for values in figures.values() for row in values]
    rows.append([f"all {len(every)}", *_means(every)])
    head = ["clips", "notes", "with ends", "onsets", "tempo", "or a relative", "key"]
    return format_table(head, rows) + f"\n{seconds / spent:.0f} times as fast as the sound, on one core\n"


def measure_beats(held_out: bool) -> str:
    """The table of the beats; ``told`` is how often one is known for a beat unasked."""
    figures: dict[str, list[list[float]]] = {}
    for beat in make_beats(held_out):
        heard = _listen(beat.audio, "drums")
        row = [f_measure(beat.notes, heard.notes, sounds), f_measure(beat.notes, heard.notes, begins)]
        for midi in NAMES:
            mine, theirs = (
                [note for note in notes if note.midi == midi] for notes in (beat.notes, heard.notes)
            )
            row.append(f_measure(mine, theirs, begins))
        row += [_near(heard.tempo, beat.tempo, _RELATIVES), _listen(beat.audio).part == "drums"]
        figures.setdefault(beat.kind, []).append(row)
    rows = [[kind, *_means(values)] for kind, values in figures.items()]
    every = [row for values in figures.values() for row in values]
    rows.append([f"all {len(every)}", *_means(every)])
    return format_table(["beats", "hits", "onsets", *NAMES.values(), "tempo", "told"], rows)


def _means(rows: Sequence[Sequence[float]]) -> list[str]:
    told = []
    for column in zip(*rows, strict=True):
        known = [float(value) for value in column if value == value]  # NaN: no such hits
        told.append(f"{fmean(known):.2f}" if known else "")
    return told


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tuning", action="store_true", help="measure the half that was tuned by")
    held_out = not parser.parse_args().tuning
    print(measure_melodies(held_out))
    print(measure_beats(held_out))


if __name__ == "__main__":
    main()
