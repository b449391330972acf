"""Fits give back what sounds were made with, and stay calm where there is no single answer."""

import numpy as np
import pytest
from numpy.typing import NDArray

from beatflow.sound.fit import (
    choose_features,
    count_bits,
    count_plain_bits,
    find_offset,
    solve_channels,
    solve_filter,
    solve_gains,
)

Array = NDArray[np.float64]


def noise(seed: int, frames: int = 4000, channels: int = 2) -> Array:
    return np.random.default_rng(seed).normal(0, 1000, (frames, channels))


def test_gains_are_found() -> None:
    a, b = noise(1), noise(2)
    fit = solve_gains(0.7 * a - 1.3 * b, [a, b])
    assert fit.weights == pytest.approx(np.array([[0.7, 0.7], [-1.3, -1.3]]))
    assert fit.power == pytest.approx(0, abs=1e-9)


def test_channels_are_found_apart() -> None:
    a = noise(1)
    target = np.stack([0.2 * a[:, 1], a[:, 0] - a[:, 1]], axis=1)
    fit = solve_channels(target, list(a.T))
    assert fit.weights == pytest.approx(np.array([[0, 1], [0.2, -1]]), abs=1e-9)


def test_what_is_left_is_measured() -> None:
    a, b = noise(1), noise(2)
    assert solve_gains(a + b, [a]).power == pytest.approx(1000**2, rel=0.1)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_features_that_say_the_same(scale: float) -> None:
    a = noise(1) * scale
    fit = solve_gains(0.5 * a, [a, a, 2 * a, np.zeros_like(a), -a])
    assert np.isfinite(fit.weights).all()
    assert fit.power <= 1e-9 * float(np.square(a).mean())
    assert np.isfinite(solve_channels(a, [np.zeros(len(a))]).weights).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_very_short(frames: int) -> None:
    a, b = noise(1, frames), noise(2, frames)
    assert np.isfinite(solve_gains(a, [a, b, a + b]).power)
    assert np.isfinite(count_plain_bits(a[None]))
    choose_features(a, [a, b], [0.02, 0.02])


def test_choosing_leaves_out_what_is_of_no_use() -> None:
    a, b, c = noise(1), noise(2), noise(3)
    target = a + 0.5 * c + noise(4) / 1000
    prices = [0.02] * 4
    assert choose_features(target, [a, b, c, np.zeros_like(a)], prices) == [0, 2]
    # Of two that say the same the dearer one goes.
    assert choose_features(a, [a, a], [0.5, 0.02]) == [1]
    assert choose_features(a, [b, c], prices[:2]) == []
    assert choose_features(a, [], []) == []
    assert choose_features(np.zeros_like(a), [a, b], prices[:2]) == []


def test_bits() -> None:
    assert count_bits(0.0) == pytest.approx(0.5 * np.log2(2 * np.pi * np.e / 12))
    assert count_bits(4e6) - count_bits(1e6) == pytest.approx(1, abs=1e-3)
    slow = np.cumsum(np.cumsum(noise(1, 2000), axis=0), axis=0)
    assert count_plain_bits(slow[None]) == pytest.approx(count_bits(1e6), abs=0.1)
    assert count_plain_bits(np.zeros((1, 0, 2))) == 0.0


@pytest.mark.parametrize("offset", [0, 1, 3, 4, 5, 777, 2000])
@pytest.mark.parametrize("gain", [1.0, -0.3])
def test_offsets_are_found(offset: int, gain: float) -> None:
    region = np.cumsum(noise(1, 6000, 1)[:, 0]) * 0.1 + noise(2, 6000, 1)[:, 0]
    found, likeness = find_offset(gain * region[offset : offset + 4000], region)
    assert found == offset
    assert likeness == pytest.approx(1)


def test_offsets_of_nothing() -> None:
    assert find_offset(np.zeros(100), noise(1, 400, 1)[:, 0])[1] == 0
    assert find_offset(noise(1, 400, 1)[:, 0], np.zeros(100)) == (0, 0.0)
    assert find_offset(np.zeros(0), np.zeros(0)) == (0, 0.0)
    assert find_offset(noise(1, 400, 1)[:, 0], np.zeros(4000))[1] == 0
    silence = np.concatenate([np.zeros(2000), noise(1, 2000, 1)[:, 0]])
    assert find_offset(noise(9, 400, 1)[:, 0], silence)[1] < 0.5


def test_a_filter_is_found() -> None:
    source = noise(1, 3016).reshape(1, 3016, 2)
    taps = np.zeros((17, 2))
    taps[8] = 1.0
    taps[[6, 11]] = [[0.3, -0.2], [-0.1, 0.25]]
    target = np.stack(
        [np.convolve(source[0, :, channel], taps[:, channel], "valid") for channel in (0, 1)], axis=1
    )[None]
    found = solve_filter(target, source)
    assert found
    assert found.weights == pytest.approx(taps, abs=1e-6)
    assert found.bits < 1
    assert solve_filter(noise(5, 3000)[None], source) is None
