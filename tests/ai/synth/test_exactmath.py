"""Our own functions against the C library's, and the filters against integers of any size."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.ai.synth import exactmath, fir
from beatflow.ai.synth.grid import TICKS, Grid
from beatflow.ai.synth.randomness import Stream

turns = st.floats(-1e4, 1e4)


@given(turns)
def test_sine_is_the_sine_and_scalars_agree_with_arrays(x: float) -> None:
    assert exactmath.sine(x) == pytest.approx(float(np.sin(2 * np.pi * (x - round(x)))), abs=2e-15)
    assert exactmath.sine(x) == exactmath.sine(np.array([x]))[0]


@given(st.floats(-300, 300))
def test_exp2_is_the_power_of_two(x: float) -> None:
    assert exactmath.exp2(x) == pytest.approx(2.0**x, rel=1e-15, abs=0)
    assert exactmath.exp2(x) == exactmath.exp2(np.array([x]))[0]


@given(st.floats(1e-9, 1e9))
def test_log2_is_the_logarithm(x: float) -> None:
    assert exactmath.log2(x) == pytest.approx(math.log2(x), abs=4e-15)


@given(st.floats(1e-9, 1e9))
def test_logarithms_of_arrays_are_those_of_numbers(x: float) -> None:
    assert exactmath.log2_of(np.array([x]))[0] == pytest.approx(math.log2(x), abs=4e-15)


def test_a_response_in_pieces_is_the_response() -> None:
    """Whatever the length of the pieces: the same bits."""
    signal = Stream("signal").noise(3000)
    for taps in (31, 501):
        shape = fir.band(300.0, 4000.0, taps)
        whole = fir.apply(signal, shape)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(fir, "_PIECE", 700)
            pieces = list(fir.responses(signal, shape))
        assert [start for start, _ in pieces] == list(
            np.cumsum([0, *(piece.size for _, piece in pieces[:-1])])
        )
        assert np.array_equal(np.concatenate([piece for _, piece in pieces]), whole)
    assert list(fir.responses(np.zeros(100), shape)) == []


def test_decibels_and_pitches() -> None:
    assert exactmath.from_db(-20.0) == pytest.approx(0.1)
    assert exactmath.to_db(0.1) == pytest.approx(-20.0)
    assert exactmath.to_db(0.0) == -200.0
    assert exactmath.pitch_hz(69.0) == 440.0
    assert exactmath.pitch_hz(60.0) == pytest.approx(261.6256, abs=1e-4)


def test_decay_halves_in_its_half_life_and_curves_stay_in_bounds() -> None:
    curve = exactmath.decay(44101, 0.5)
    assert curve[0] == 1.0
    assert curve[22050] == pytest.approx(0.5, rel=1e-12)
    x = np.linspace(-10, 10, 1001)
    soft = exactmath.saturate(x)
    assert np.all(np.diff(soft) >= 0)
    assert np.max(np.abs(soft)) == 1.0
    assert (
        np.max(np.abs(exactmath.steady_sine(44100, 1000.0) - np.sin(2 * np.pi * np.arange(44100) / 44.1)))
        < 2e-4
    )


def test_the_generator_is_splitmix64() -> None:
    stream = Stream("x")
    stream._state = 1234567
    # The published vector for seed 1234567.
    assert [stream.bits() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
    stream._state = 42
    noise = stream.noise(5)
    check = Stream("y")
    check._state = 42
    check._state = check.bits()
    assert noise.tolist() == [(check.bits() >> 11) * 2.0**-52 - 1.0 for _ in range(5)]


def test_streams_are_named_not_ordered() -> None:
    first, second = Stream("a", 1), Stream("a", 1)
    first.bits()
    assert first.fork("drums").bits() == second.fork("drums").bits() != second.fork("bass").bits()
    draws = [Stream("d", i).below(3) for i in range(300)]
    assert all(60 < draws.count(value) < 140 for value in range(3))
    assert all(-1 < Stream("b", i).bell() < 1 for i in range(100))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(49, 700), st.integers(300, 3000))
def test_an_fft_gives_the_exact_convolution(seed: int, taps: int, frames: int) -> None:
    """What the FFT rounds to equals Python's big integers at every place looked at."""
    stream = Stream("fir", seed)
    shape = fir.quantised(stream.noise(taps), 0)
    signal = np.rint(stream.noise(frames) * 2**18)
    found = fir._by_blocks(signal, np.fft.rfft(shape.taps, 8192), 8192, 8193 - shape.taps.size)
    x, h = [int(v) for v in signal], [int(v) for v in shape.taps]
    for place in (0, 1, taps // 2, frames // 2, frames - 1, frames + taps - 2):
        exact = sum(x[place - k] * h[k] for k in range(taps) if 0 <= place - k < frames)
        assert found[place] == exact


def test_the_error_of_the_fft_stays_far_below_one_half() -> None:
    """The loudest, longest case that the bound allows: a full-scale square against a room."""
    stream = Stream("bound")
    shape = fir.quantised(stream.noise(60000), 0, 2.0**20)
    signal = np.sign(stream.noise(200000)) * 2**15
    size = 1 << 18
    raw = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(shape.taps, size), size)
    assert np.max(np.abs(raw - np.rint(raw))) < 0.05
    response = fir.apply(signal, shape)
    assert response.size == 200000 + 60000 - 1


def test_filters_filter() -> None:
    low = fir.band(0.0, 1000.0, 255)
    t = np.arange(8820) / 44100
    kept, stopped = (np.sin(2 * np.pi * hz * t) for hz in (300.0, 6000.0))
    assert np.max(np.abs(fir.filtered(kept, low)[500:-500] - kept[500:-500])) < 1e-3
    assert np.max(np.abs(fir.filtered(stopped, low)[500:-500])) < 1e-3
    assert not fir.apply(np.zeros(10), low).any()
    shape = fir.equaliser(((100.0, -12.0), (1000.0, 0.0), (8000.0, 6.0)))
    gains = 20 * np.log10(np.abs(np.fft.rfft(shape.taps / shape.scale, 44100)))
    for hz, gain_db in ((1000, 0.0), (8000, 6.0), (15000, 6.0), (316, -6.0)):
        assert gains[hz] == pytest.approx(gain_db, abs=0.3)


def test_a_frame_is_rounded_once_from_the_exact_time() -> None:
    grid = Grid(Fraction(87.3), "3/4", 100)
    for beat in (1, 7, 100, 299):
        assert grid.frame(beat * TICKS) == round(beat * Fraction(60) / Fraction(87.3) * 44100)
    assert grid.frames == round(300 * Fraction(60) / Fraction(87.3) * 44100)
