"""How like sounds are: by timbre, rhythm and harmony."""

import numpy as np
import pytest

from beatflow.finding.bands import measure_bands
from beatflow.finding.character import FIGURES, CharacterMeter, Windows, compare
from tests.finding.material import RATE, audio, beat, bed, line, play


def measure(sound: np.ndarray, peak: float = 0.5) -> Windows:
    meter = CharacterMeter()
    for bands in measure_bands([audio(sound, peak)]):
        meter.add(bands)
    return meter.result()


def test_a_sound_is_most_like_itself_however_loud() -> None:
    found = compare(measure(bed(1, 6.5), 0.9), measure(bed(1, 6.5), 0.1))
    assert found
    assert min(found.overall, found.timbre, found.rhythm, found.harmony) > 0.95


def test_drums_are_like_drums_and_chords_like_chords() -> None:
    drums, chords = measure(beat(1, 6.5)), measure(bed(1, 6.5))
    for query, same, other in ((drums, measure(beat(2, 6.5)), chords), (chords, measure(bed(2, 6.5)), drums)):
        near, far = compare(query, same, "timbre"), compare(query, other, "timbre")
        assert near
        assert far
        assert near.overall > far.overall


def test_the_same_loop_later_is_found_where_it_is() -> None:
    loop = beat(8, 6.2)
    found = compare(measure(loop), measure(np.concatenate([bed(4, 18.0), loop, bed(5, 12.0)])))
    assert found
    assert found.start_s == pytest.approx(18.0, abs=1.6)


def test_rhythm_tells_tempi_apart() -> None:
    slow, same, fast = (measure(play(line([60] * 12, step))) for step in (0.5, 0.5, 0.37))
    near, far = compare(slow, same, "rhythm"), compare(slow, fast, "rhythm")
    assert near
    assert far
    assert near.overall > 0.9 > far.overall + 0.3


def test_another_key_counts_a_little_less() -> None:
    tune = [60, 64, 67, 72] * 3
    here, there = measure(play(line(tune))), measure(play(line(tune, up=5)))
    found = compare(here, there, "harmony")
    assert found
    assert 0.6 < found.overall < 0.9


def test_silence_is_like_nothing() -> None:
    silent = measure(np.zeros(2 * RATE))
    assert silent.shape == (1, FIGURES)
    assert compare(silent, measure(beat(1))) is None
    assert compare(measure(beat(1)), silent) is None
    assert not measure(np.zeros(0)).any()
    assert np.isfinite(measure(np.ones(110))).all()
