"""Fades, edges of silence and headroom, whatever the blocks."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.shaping import EdgeMeter, fade, scale

RATE = 1000


def cut(samples, size):
    return [Audio(samples[at : at + size], RATE) for at in range(0, len(samples), size)]


def join(blocks):
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_fade_is_the_same_whatever_the_blocks(size):
    ones = np.ones((1000, 2), np.float32)
    faded = join(fade(cut(ones, size), 1000, 0.1, 0.25))
    assert faded[0, 0] < 1e-4
    assert faded[-1, 0] < 1e-4
    assert np.all(np.diff(faded[:101, 0]) >= 0)
    assert np.all(np.diff(faded[-251:, 0]) <= 0)
    assert np.array_equal(faded[100:750], ones[100:750])
    # A raised cosine: half at the middle.
    assert faded[50, 0] == pytest.approx(0.5, abs=0.02)
    assert faded[875, 0] == pytest.approx(0.5, abs=0.02)


def test_fades_longer_than_the_sound_meet_in_it():
    ones = np.ones((100, 1), np.float32)
    faded = join(fade(cut(ones, 30), 100, 5.0, 5.0))
    assert faded.shape == (100, 1)
    assert faded.max() < 1
    assert faded.argmax() in (49, 50)


def test_no_fade_gives_the_very_blocks():
    blocks = cut(np.ones((100, 1), np.float32), 30)
    assert [a is b for a, b in zip(fade(blocks, 100), blocks, strict=True)] == [True] * 4


@pytest.mark.parametrize("size", [1, 13, 500])
def test_edges_of_silence(size):
    samples = np.zeros((500, 2), np.float32)
    samples[37, 1], samples[444, 0] = -0.5, 0.002
    meter = EdgeMeter()
    for block in cut(samples, size):
        meter.add(block.samples)
    assert (meter.first, meter.end, meter.frames, meter.peak) == (37, 445, 500, 0.5)


def test_silence_has_no_edges():
    meter = EdgeMeter()
    meter.add(np.full((10, 1), 0.0009, np.float32))
    meter.add(np.zeros((0, 1), np.float32))
    assert meter.first is None
    assert meter.frames == 10


def test_scale():
    (made,) = scale([Audio(np.full((3, 1), 0.5, np.float32), RATE)], 0.5)
    assert made.samples.ravel().tolist() == [0.25] * 3
