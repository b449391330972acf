"""Left and right: correlation, mono sum, bass, balance; at its worst, in blocks, in silence."""

import numpy as np
import pytest

from beatflow.sound.phase import NO_PHASE, PhaseMeter

RATE = 44_100


def measure(samples, cut=None, rate=RATE):
    meter = PhaseMeter(rate, samples.shape[1])
    for block in np.array_split(samples, cut or [len(samples)]):
        meter.add(block)
    return meter.result()


def noise(seconds, seed=0, rate=RATE):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def stereo(left, right):
    return np.stack([left, right], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("gain", "correlation", "mono", "balance"),
    [(1.0, 1, 0, 0), (0.5, 1, -0.46, -6.02), (-1.0, -1, -120, 0), (-0.9, -1, -25.6, -0.92)],
)
def test_one_sound_in_both(gain, correlation, mono, balance):
    left = noise(5)
    found = measure(stereo(left, gain * left))
    assert found.correlation == correlation == found.worst_correlation
    assert found.mono_change_db == pytest.approx(mono, abs=0.1)
    assert found.balance_db == pytest.approx(balance, abs=0.01)


def test_nothing_in_common_loses_three_db():
    found = measure(stereo(noise(20, 1), noise(20, 2)))
    assert found.correlation == pytest.approx(0, abs=0.01)
    assert found.mono_change_db == pytest.approx(-3.01, abs=0.05)
    assert -0.1 < found.worst_correlation < 0


def test_the_worst_stretch_is_found_and_what_nobody_hears_left_out():
    left, right = noise(30), noise(30)
    right[10 * RATE : 14 * RATE] *= -1
    quiet = slice(20 * RATE, 25 * RATE)
    left[quiet] *= 0.001
    right[quiet] *= -0.001
    found = measure(stereo(left, right))
    assert found.worst_correlation == -1
    assert found.worst_start_s == pytest.approx(10, abs=1.1)
    assert found.worst_mono_change_db < -20
    assert found.correlation == pytest.approx((30 - 5 - 8) / 25, abs=0.02)


def test_bass_is_told_apart():
    time = np.arange(5 * RATE) / RATE
    bass, top = np.sin(2 * np.pi * 55 * time), np.sin(2 * np.pi * 3000 * time)
    found = measure(stereo(0.3 * bass + 0.5 * top, -0.3 * bass + 0.5 * top))
    assert found.bass_correlation < -0.98
    assert found.correlation == pytest.approx((0.25 - 0.09) / 0.34, abs=0.01)
    assert measure(stereo(top, top)).bass_correlation is None


@pytest.mark.parametrize("cut", [[1], [5000, 5001, 40_000], [44_099, 44_100], 13])
def test_blocks_do_not_matter(cut):
    samples = stereo(noise(4, 3), noise(4, 4) + noise(4, 3))
    assert measure(samples, cut) == measure(samples)


@pytest.mark.parametrize("rate", [8000, 11_025, 96_000])
def test_rates(rate):
    left = noise(4, 5, rate)
    assert measure(stereo(left, left + noise(4, 6, rate)), rate=rate).correlation == pytest.approx(
        0.71, abs=0.02
    )


def test_where_there_is_nothing_to_compare():
    assert measure(noise(1)[:, None]) == NO_PHASE
    assert measure(stereo(noise(1), noise(1) * 0)) == NO_PHASE
    assert measure(np.zeros((0, 2), np.float32)) == NO_PHASE
    assert measure(stereo(noise(1)[:5], noise(1)[:5])).correlation == 1
    # Of many channels the first two are compared.
    samples = np.stack([noise(1), -noise(1), noise(1, 2)], axis=1)
    assert measure(samples).correlation == -1
