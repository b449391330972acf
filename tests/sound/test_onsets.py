"""Curves of onset strength from a stream."""

import numpy as np
import pytest

from beatflow.sound.onsets import OnsetMeter

from .signals import RATE, make_chords, make_drums

CURVES = ("full", "low", "middle", "high", "accents", "low_accents", "chroma")


def measure(mono, rate=RATE, block=1 << 18):
    meter = OnsetMeter(rate)
    for start in range(0, len(mono), block):
        meter.add(mono[start : start + block])
    return meter.result()


def test_blocks_do_not_matter_however_long_it_is():
    mono = make_drums(120, 20, rate=8000).samples[:, 0]
    whole, cut = measure(mono, 8000, len(mono)), measure(mono, 8000, 7001)
    assert len(whole.full) > 1.5 * 4096
    for name in CURVES:
        assert getattr(whole, name) == pytest.approx(getattr(cut, name), abs=0.02)


def test_registers_tell_kick_from_hat():
    mono = make_drums(120, 8, lead_s=0.1).samples[:, 0]
    onsets = measure(mono)

    def strength(curve, beat):
        at = round((0.1 + beat * 0.5) * onsets.hop_rate)
        return float(np.max(curve[at - 8 : at + 8]))

    assert strength(onsets.low, 4) > 3 * strength(onsets.low, 4.5)
    assert strength(onsets.high, 4.5) > 0.3 * strength(onsets.high, 4)


def test_a_quiet_half_counts_like_a_loud_one():
    mono = make_drums(120, 32, rate=22_050).samples[:, 0].copy()
    half = len(mono) // 2
    mono[half:] *= 0.05
    onsets = measure(mono, 22_050)
    middle = len(onsets.full) // 2
    loud, quiet = onsets.full[: middle - 700].mean(), onsets.full[middle + 700 :].mean()
    assert quiet > 0.5 * loud


def test_chroma_names_the_pitch_classes():
    onsets = measure(make_chords([[45, 57, 60, 64]], 3.0).samples[:, 0])
    row = onsets.chroma[len(onsets.chroma) // 2]
    assert row[:12].argmax() == 9
    assert set(np.argsort(row[12:])[-3:]) == {9, 0, 4}
    assert row[:12].sum() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("frames", [0, 1, 200])
def test_hardly_anything(frames):
    onsets = measure(np.zeros(frames, np.float32))
    assert onsets.duration_s == pytest.approx(frames / RATE)
    assert not onsets.full.any()
