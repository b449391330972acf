"""What was heard, brought to a tempo, a register and a grid; and the tuning of singers who slide."""

import numpy as np
import pytest

from beatflow.ai.listening.arranging import (
    BASS_RANGE,
    bring_to_tempo,
    lay_on_bars,
    lower_to_bass,
    swing_notes,
)
from beatflow.ai.listening.tuning import find_semitones
from beatflow.sound.note import Note
from beatflow.sound.tonality import Key


def _notes(beats: list[float], tempo: float, start_s: float = 0.0, midi: int = 60) -> list[Note]:
    return [Note(start_s + beat * 60.0 / tempo, 0.2, midi) for beat in beats]


@pytest.mark.parametrize("midi", [36, 48, 60, 72, 96])
def test_a_melody_becomes_a_bass_by_octaves(midi: int) -> None:
    notes = [Note(n * 0.5, 0.4, midi + step) for n, step in enumerate((0, 3, 7, 12, 15, 19))]
    lowered = lower_to_bass(notes)
    assert [note.midi % 12 for note in lowered] == [note.midi % 12 for note in notes]
    assert all(BASS_RANGE[0] <= note.midi <= BASS_RANGE[1] for note in lowered)
    assert lowered[1].midi - lowered[0].midi == 3
    assert lower_to_bass([]) == ()


def test_a_tempo_that_fits_leaves_the_notes_alone() -> None:
    notes = _notes([0, 1, 1.5, 2, 3, 4], 90.0)
    assert bring_to_tempo(notes, 90.0, 90.0) == (tuple(notes), 90.0)
    # 90 and 180 are one grid.
    assert bring_to_tempo(notes, 90.0, 180.0)[1] == 180.0


def test_notes_in_another_tempo_are_brought_to_the_one_asked_for() -> None:
    notes = _notes([0, 1, 1.5, 2, 3, 4, 5, 5.5, 6, 7], 92.0)
    brought, before = bring_to_tempo(notes, 92.0, 84.0)
    assert before == 92.0
    assert [note.start_s * 84.0 / 60.0 for note in brought] == pytest.approx(
        [0, 1, 1.5, 2, 3, 4, 5, 5.5, 6, 7]
    )
    assert bring_to_tempo(notes, 92.0, 170.0)[1] == 184.0


def test_the_first_note_comes_on_a_bar_line() -> None:
    rng = np.random.default_rng(4)
    beats = [0, 1, 1.5, 2, 3, 4, 4.5, 5, 6]
    sung = [
        Note(note.start_s + rng.normal(0, 0.008), 0.2, 60)
        for note in _notes([*map(float, beats)], 100.0, 0.37)
    ]
    laid = lay_on_bars(sung, 100.0, "1/16")
    assert [note.start_s / 0.6 for note in laid] == pytest.approx(beats)
    free = lay_on_bars(sung, 100.0, None)
    assert [note.start_s / 0.6 for note in free] == pytest.approx(beats, abs=0.08)
    assert [note.start_s for note in free] != [note.start_s for note in laid]
    assert lay_on_bars([], 100.0, "1/8") == ()


def test_a_pickup_stays_one() -> None:
    beats = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    notes = [Note(0.5 + beat * 0.6, 0.05 if beat == 0.5 else 0.5, 60) for beat in beats]
    assert [note.start_s / 0.6 for note in lay_on_bars(notes, 100.0, "1/16")] == pytest.approx(beats)


def test_swing_delays_every_second_sixteenth() -> None:
    notes = [Note(n * 0.15, 0.15, 60) for n in range(4)]
    swung = swing_notes(notes, 100.0, "1/16", 60.0)
    assert [note.start_s for note in swung] == pytest.approx([0.0, 0.18, 0.3, 0.48])
    assert swung[0].duration_s == pytest.approx(0.18)
    assert swing_notes(notes, 100.0, "1/8", 60.0) == tuple(notes)
    assert swing_notes(notes, 100.0, "1/16", None) == tuple(notes)


def test_a_singer_who_slides_by_most_of_a_semitone_is_followed() -> None:
    rng = np.random.default_rng(5)
    meant = np.array([60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 60])
    times = np.arange(meant.size) * 0.6
    sung = meant - 0.7 * times / times[-1] + rng.normal(0, 0.1, meant.size)
    notes, tunings = find_semitones(times, sung)
    assert notes.tolist() == meant.tolist()
    assert tunings[-1] < -0.45


def test_between_two_semitones_the_key_decides() -> None:
    times = np.arange(8) * 0.5
    scale = np.array([60, 62, 64, 65, 67, 65, 64, 60], dtype=float)
    scale[3] = 65.52
    assert find_semitones(times, scale)[0][3] == 65
    sharp = Key(7, "maj")  # G major has an F sharp
    assert find_semitones(times, scale, sharp)[0][3] == 66
