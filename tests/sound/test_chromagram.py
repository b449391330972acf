"""The chromagram: which pitch class, when, in which tuning."""

import numpy as np
import pytest

from beatflow.sound.chromagram import Chromagram, ChromaMeter

RATE = 22_050


def chord(notes: list[int], seconds: float, cents: float = 0.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * 440 * 2 ** ((note - 69 + cents / 100) / 12) * time) for note in notes]
    return (0.2 * np.sum(tones, axis=0))[:, None].astype(np.float32)


def measure(samples: np.ndarray, step: int = 2205, block: int = 1 << 15) -> Chromagram:
    meter = ChromaMeter(RATE, len(samples), step)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.result()


@pytest.mark.parametrize("cents", [0.0, 30.0, -45.0])
def test_a_chord_shows_its_notes_whatever_the_tuning(cents: float) -> None:
    found = measure(chord([60, 64, 67], 2.0, cents))
    mean = found.strength.mean(axis=1)
    assert set(np.argsort(mean)[-3:].tolist()) == {0, 4, 7}
    assert mean[[1, 2, 3, 5, 6, 8, 9, 10, 11]].max() < 0.1
    assert found.tuning_cents == pytest.approx(cents, abs=5)


def test_notes_come_when_they_come() -> None:
    found = measure(np.concatenate([chord([57], 2.0), chord([62], 2.0)]))
    times = np.arange(found.strength.shape[1]) * found.column_s
    assert (found.strength[:, times < 1.7].argmax(axis=0) == 9).all()
    late = (times > 2.3) & (times < 3.7)
    assert (found.strength[:, late].argmax(axis=0) == 2).all()


@pytest.mark.parametrize("frames", [1, 200, 22_050])
def test_silence_has_no_pitch(frames: int) -> None:
    found = measure(np.zeros((frames, 2), np.float32))
    assert not found.strength.any()
    assert found.tuning_cents == 0.0


def test_what_is_nearly_silent_fades() -> None:
    found = measure(np.concatenate([chord([57], 2.0), 1e-4 * chord([62], 2.0)]))
    assert found.strength[:, -8:-4].max() == 0.0


def test_blocks_make_no_difference() -> None:
    samples = chord([60, 63, 67], 1.5)
    assert np.allclose(measure(samples).strength, measure(samples, block=999).strength, atol=1e-4)
