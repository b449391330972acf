"""Loops found in music whose bars are known."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.loopsearch import Loop, find_loops
from beatflow.sound.tempo import NO_TEMPO, Tempo, measure_tempo

RATE = 22_050


def groove(bars, tempo=120.0, pattern=4, seed=0):
    """Kick, snare, hats and a bass line that comes round every ``pattern`` bars."""
    rng = np.random.default_rng(seed)
    beat = 60 / tempo
    samples = np.zeros(round((bars * 4 * beat + 1) * RATE))
    hat = rng.standard_normal(1200) * np.exp(-np.arange(1200) / 200) * 0.1
    snare = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 700) * 0.3
    time = np.arange(6000) / RATE
    kick = np.sin(2 * np.pi * 50 * time + 6 * np.exp(-time * 40)) * np.exp(-time * 14) * 0.7
    notes = rng.choice([55, 65.4, 73.4, 82.4, 98], pattern * 8)

    def put(at, sound):
        start = round(at * beat * RATE)
        samples[start : start + len(sound)] += sound[: len(samples) - start]

    for half in range(bars * 8):
        put(half / 2, hat)
        put(half / 2, 0.2 * np.sign(np.sin(2 * np.pi * notes[half % len(notes)] * time)) * np.exp(-time * 8))
        if half % 4 == 0:
            put(half / 2, kick)
        if half % 4 == 2:
            put(half / 2, snare)
    return Audio(samples[: round(bars * 4 * beat * RATE), None].astype(np.float32), RATE)


@pytest.fixture(scope="module")
def long_groove():
    audio = groove(12, tempo=120.0, pattern=2)
    return audio, measure_tempo(audio)


def test_loops_are_whole_repetitions(long_groove):
    audio, tempo = long_groove
    found = find_loops(audio, tempo, count=4)
    assert found
    bar = 4 * 60 / 120 * RATE
    for loop in found:
        assert loop.frames == pytest.approx(loop.bars * bar, abs=0.002 * RATE)
        assert loop.tempo == pytest.approx(120, abs=0.05)
        assert loop.start >= 0
        assert loop.start + loop.frames <= audio.frames
    # What comes round every two bars is no loop of one.
    assert found[0].bars % 2 == 0
    assert found[0].likeness > 0.8
    assert found == sorted(found, key=lambda one: -one.worth)


def test_the_start_is_just_before_a_beat(long_groove):
    audio, tempo = long_groove
    for loop in find_loops(audio, tempo, count=4):
        after_beat = (loop.start / RATE) % 0.5
        assert min(after_beat, 0.5 - after_beat) < 0.012


@pytest.mark.parametrize("bars", [1, 3, 4])
def test_the_length_that_is_asked_for(long_groove, bars):
    audio, tempo = long_groove
    found = find_loops(audio, tempo, [bars], count=2)
    assert {loop.bars for loop in found} == {bars}


def test_more_bars_than_there_are(long_groove):
    audio, tempo = long_groove
    assert find_loops(audio, tempo, [32]) == []


def test_a_loop_as_a_whole_is_found_to_be_one():
    audio = groove(4)
    tempo = Tempo(120.0, 1.0, (), tuple(np.arange(0, 8, 0.5)), True)
    found = find_loops(audio, tempo)
    assert (found[0].start, found[0].frames, found[0].bars) == (0, audio.frames, 4)


def test_no_tempo_no_loops():
    audio = groove(2)
    assert find_loops(audio, NO_TEMPO) == []
    assert find_loops(audio, Tempo(120.0, 1.0, (), (0.5,), True)) == []


def test_a_tempo_that_wanders_keeps_the_length_of_the_music():
    # Bars of 2 s and bars of 2.02 s: what repeats is as long as it is, whatever the mean tempo says.
    slow, fast = groove(4, 120 / 1.01, 2), groove(4, 120.0, 2)
    audio = Audio(np.concatenate([fast.samples, slow.samples]), RATE)
    beats = (*np.arange(16) * 0.5, *(8 + np.arange(16) * 0.505))
    tempo = Tempo(119.4, 0.8, (), tuple(beats), False)
    lengths = {round(loop.frames / RATE, 2) for loop in find_loops(audio, tempo, [2], 6)}
    assert lengths & {4.0, 4.04}


def test_loops_that_lie_over_each_other_are_one():
    one = Loop(0, 1000, 1, 4, 120.0, 0.9)
    assert one.shares(Loop(400, 1000, 1, 4, 120.0, 0.9))
    assert not one.shares(Loop(600, 1000, 1, 4, 120.0, 0.9))
    assert not one.shares(Loop(0, 2000, 2, 8, 120.0, 0.9))
