"""Chords by ear: triads on a plucked string with overtones, in every key, mistuned, under noise; and none."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.chords import hear_chords
from beatflow.sound.tonality import NOTE_NAMES, Key, parse_key

RATE = 22_050


def string(midi: float, seconds: float) -> np.ndarray:
    """A plucked string: overtones that fall off and die away."""
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((midi - 69) / 12)
    return np.asarray(sum(np.sin(2 * np.pi * hz * n * t) * np.exp(-n * t) / n for n in range(1, 9)))


def play(chords: list[tuple[float, ...]], seconds: float = 1.0) -> Audio:
    bars = [np.asarray(sum(string(note, seconds) for note in chord)) * 0.05 for chord in chords]
    return Audio(np.concatenate(bars).astype(np.float32)[:, None], RATE)


@pytest.mark.parametrize("mode", ["", "m"])
def test_every_triad(mode: str) -> None:
    third = 3 if mode else 4
    chords = [(36.0 + root, 60.0 + root, 60.0 + root + third, 67.0 + root) for root in range(12)]
    heard = hear_chords(play(chords), [float(bar) for bar in range(12)])
    assert heard == tuple(NOTE_NAMES[root] + mode for root in range(12))


def test_the_bass_and_the_key_tell_relatives_apart() -> None:
    # A minor seventh and C with a sixth are the same four notes.
    four = (57.0, 60.0, 64.0, 67.0)
    assert hear_chords(play([(33.0, *four), (36.0, *four)]), [0.0, 1.0]) == ("Am", "C")
    open_fifth = play([(40.0, 52.0, 59.0)])
    assert hear_chords(open_fifth, [0.0], parse_key("E:min")) == ("Em",)
    assert hear_chords(open_fifth, [0.0], parse_key("E:maj")) == ("E",)


def test_another_tuning() -> None:
    chords = [(45.4, 57.4, 60.4, 64.4), (41.4, 57.4, 60.4, 65.4)]
    assert hear_chords(play(chords), [0.0, 1.0], tuning_cents=40.0) == ("Am", "F")


def test_drums_do_not_hide_a_chord_and_are_none() -> None:
    rng = np.random.default_rng(4)
    t = np.arange(RATE) / RATE
    hit = rng.normal(0, 0.3, RATE) * np.exp(-30 * (t % 0.25))
    audio = play([(45.0, 57.0, 60.0, 64.0)])
    both = Audio((audio.samples[:, 0] + hit).astype(np.float32)[:, None], RATE)
    assert hear_chords(both, [0.0], Key(9, "min")) == ("Am",)
    silence = Audio(np.zeros((RATE, 2), np.float32), RATE)
    assert hear_chords(silence, [0.0, 0.5]) == (None, None)


def test_bars_shorter_than_a_window() -> None:
    audio = play([(45.0, 57.0, 60.0, 64.0)], 0.01)
    assert len(hear_chords(audio, [0.0, 0.005])) == 2
    assert hear_chords(Audio(np.zeros((0, 1), np.float32), RATE), [0.0]) == (None,)
