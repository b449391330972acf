"""Tunes are found in any key and tempo, under chords, and where they are."""

import numpy as np
import pytest

from beatflow.finding.bands import measure_bands
from beatflow.finding.tune import Melogram, find_tune, lay_notes, measure_melogram
from tests.finding.material import RATE, TUNE, audio, bed, line, play


def hear(sound: np.ndarray) -> Melogram:
    return measure_melogram(measure_bands([audio(sound)]))


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """Eight seconds of chords, then the tune over chords."""
    under = bed(11, 18.0)
    tune = play(line(TUNE, up=5))
    under[8 * RATE : 8 * RATE + tune.size] += 1.5 * tune
    return under


def test_found_in_another_key_where_it_is(music: np.ndarray) -> None:
    found = find_tune(lay_notes(line(TUNE)), hear(music))
    assert found
    assert found.semitones == 5
    assert found.start_s == pytest.approx(8.0, abs=0.5)
    assert found.end_s == pytest.approx(8.0 + 0.4 * len(TUNE), abs=0.7)


@pytest.mark.parametrize("step_s", [0.28, 0.6])
def test_found_at_another_tempo(music: np.ndarray, step_s: float) -> None:
    found = find_tune(lay_notes(line(TUNE, step_s)), hear(music))
    assert found
    assert found.start_s == pytest.approx(8.0, abs=0.6)
    assert found.pace == pytest.approx(step_s / 0.4, rel=0.15)


def test_fits_better_than_other_tunes(music: np.ndarray) -> None:
    heard = hear(music)
    own = find_tune(lay_notes(line(TUNE)), heard)
    assert own
    for seed in range(5):
        other = find_tune(lay_notes(line(np.random.default_rng(seed).integers(55, 75, 12).tolist())), heard)
        assert other
        assert own.score > other.score


def test_a_played_line_is_a_tune_as_well(music: np.ndarray) -> None:
    found = find_tune(hear(play(line(TUNE))), hear(music))
    assert found
    assert found.start_s == pytest.approx(8.0, abs=0.6)


def test_too_short_or_silent_is_nothing() -> None:
    assert find_tune(lay_notes(line(TUNE[:1], 0.2)), hear(bed(1, 5.0))) is None
    assert find_tune(lay_notes(line(TUNE)), hear(np.zeros(RATE * 20))) is None
    assert find_tune(lay_notes(line(TUNE)), hear(bed(1, 1.5))) is None
    assert lay_notes([]).shape == (0, 12)
    assert measure_melogram([]).shape == (0, 12)
