"""Bars of rhythms that are made here: where they begin, and how many beats they have."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.downbeats import NO_BARS, find_bars, shift_beats
from beatflow.sound.octave import listen
from beatflow.sound.onsets import OnsetMeter
from beatflow.sound.tempo import measure_tempo

from .signals import RATE, make_drums, make_noise


def make_bars(tempo, per_bar, parts, bars=10, lead_s=0.4):
    """A kick on each first beat, a snare on the others, hi-hats on all parts of beats."""
    rng = np.random.default_rng(1)
    part_s = 60 / tempo / parts
    steps = bars * per_bar * parts
    out = np.zeros(round((steps * part_s + lead_s + 1) * RATE), np.float32)
    t = np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    snare = (rng.normal(size=len(t)) / 2 + np.sin(2 * np.pi * 190 * t) / 2) * np.exp(-20 * t)
    hat = np.diff(rng.normal(size=len(t) + 1)) * np.exp(-70 * t) / 8
    for step in range(steps):
        begin = round((lead_s + step * part_s) * RATE)
        place = step % (per_bar * parts)
        drum = 0.8 * kick if place == 0 else 0.4 * snare if place % parts == 0 else 0 * snare
        out[begin : begin + len(t)] += (drum + hat).astype(np.float32)
    return Audio(out[:, None], RATE)


@pytest.mark.parametrize(
    ("tempo", "meter", "per_bar", "parts"),
    [
        (110, "4/4", 4, 2),
        (100, "4/4", 4, 4),
        (96, "3/4", 3, 2),
        (150, "3/4", 3, 2),
        (60, "6/8", 2, 3),
        (80, "6/8", 2, 3),
    ],
)
def test_meter_and_downbeats(tempo, meter, per_bar, parts):
    found = measure_tempo(make_bars(tempo, per_bar, parts))
    assert found.tempo == pytest.approx(tempo, abs=0.05)
    assert found.meter == meter
    bar_s = per_bar * 60 / tempo
    off = np.array(found.downbeats) - 0.4
    assert np.abs(off - bar_s * np.round(off / bar_s)).max() < 0.02
    assert np.diff(found.downbeats) == pytest.approx(bar_s, abs=0.01)
    assert set(found.downbeats) <= set(found.beats)
    assert 0 < found.downbeat_confidence <= 1


@pytest.mark.parametrize("lead_s", [0.0, 0.3, 1.0])
def test_silence_before_the_music_does_not_move_the_bar(lead_s):
    found = measure_tempo(make_drums(120, lead_s=lead_s, tail_s=2.0))
    bars = (np.array(found.downbeats) - lead_s) / 2
    assert np.abs(bars - np.round(bars)).max() < 0.02


def test_without_a_tempo_there_are_no_bars():
    found = measure_tempo(make_noise(RATE * 10))
    assert (found.meter, found.downbeats, found.downbeat_confidence) == (None, (), 0.0)


def test_a_single_bar_says_nothing_of_bars():
    meter = OnsetMeter(RATE)
    meter.add(make_drums(120, 1).samples[:, 0])
    onsets = meter.result()
    assert find_bars(onsets, listen(onsets), np.array([0.0, 0.5, 1.0]), 120.0) == NO_BARS


def test_half_a_beat_before_the_first_is_kept_where_there_is_room():
    assert shift_beats(np.array([0.1, 0.6, 1.1])) == pytest.approx([0.35, 0.85, 1.35])
    assert shift_beats(np.array([0.3, 0.8, 1.3])) == pytest.approx([0.05, 0.55, 1.05, 1.55])
