"""What is unusual about samples: where the sound begins and ends, channels without sound, runs at the rails."""

import numpy as np
import pytest

from beatflow.sound.faults import FaultMeter

RATE = 10_000


def measure(samples, cut=None):
    meter = FaultMeter(RATE, samples.shape[1])
    for block in np.array_split(samples, cut or [len(samples)]):
        meter.add(block)
    return meter.result()


@pytest.mark.parametrize("cut", [None, [1], [4999, 5000, 5001], [60_000], 17])
@pytest.mark.parametrize("order", ["C", "F"])
def test_silence_around_is_measured_across_blocks(cut, order):
    samples = np.zeros((100_000, 2), np.float32, order)
    samples[5000, 1] = 0.5
    samples[70_000, 0] = -0.002
    samples[80_000] = 0.0009  # below -60 dBFS
    found = measure(samples, cut)
    assert (found.leading_silence_s, found.trailing_silence_s) == (0.5, 2.9999)
    assert not found.silent
    assert not found.mono


def test_channels_without_sound():
    samples = np.zeros((1000, 3), np.float32)
    assert measure(samples).silent_channels == ()
    assert measure(samples).silent
    samples[500, 1] = 0.1
    assert measure(samples).silent_channels == (0, 2)


def test_alike_until_one_sample_differs():
    samples = np.repeat(np.random.default_rng(0).normal(0, 0.1, (9000, 1)).astype(np.float32), 2, axis=1)
    assert measure(samples, 5).mono
    samples[8999, 1] += 1e-6
    assert not measure(samples, 5).mono
    assert not measure(samples[:, :1]).mono


@pytest.mark.parametrize("cut", [None, [3], [4], [5], [6], [2, 3, 4, 5, 6, 7], [100]])
def test_runs_at_the_rails(cut):
    samples = np.full((200, 2), 0.2, np.float32)
    samples[3:7, 0] = 1.0
    samples[100:103, 1] = -0.9995
    samples[150:152] = 1.0  # two are none
    samples[180:186, 0] = [1.0, 0.9995] * 3  # not flat
    assert measure(samples, cut).clipped_samples == 7
