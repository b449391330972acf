"""Offsets to the sample, gains, polarity, replaced parts; and no figures for what does not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.sound.align import align, compare
from beatflow.sound.audio import Audio
from beatflow.sound.exact import quantize

from .signals import RATE, make_drums, make_noise


def moved(audio, offset, gain=1.0, tail=0):
    """The sound later (or with its beginning cut), louder, and longer."""
    samples = audio.samples[max(-offset, 0) :] * np.float32(gain)
    pad = ((max(offset, 0), tail), (0, 0))
    return Audio(np.pad(samples, pad), audio.sample_rate)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(-4000, 4000), st.sampled_from([-1, 1]), st.floats(-12, 12), st.integers(0, 500), st.booleans()
)
def test_offset_gain_and_polarity_are_found(offset, polarity, gain_db, tail, rounded):
    a = make_noise(20_000, 2, 0.05)
    b = moved(a, offset, polarity * 10 ** (gain_db / 20), tail)
    b = quantize(b, "PCM_16") if rounded else b
    found = align(a, b, 0.2)
    assert (found.new_take, found.offset_frames, found.polarity) == (False, offset, polarity)
    assert found.gain_db == pytest.approx(gain_db, abs=0.01)
    # 16 bits leave noise of 2**-15 / sqrt(12), about -101 dB, under a signal of -26 dB or 12 dB less.
    assert found.null_depth_db < (-60 if rounded else -120)


def test_a_long_sound_with_its_beginning_replaced():
    a = make_noise(40 * RATE, 1, 0.1)
    b = moved(a, 12_345, 0.5)
    b.samples[: 8 * RATE] = make_noise(8 * RATE, 1, 0.1, seed=9).samples
    found = align(a, b)
    assert (found.offset_frames, found.polarity) == (12_345, 1)
    assert found.gain_db == pytest.approx(-6.02, abs=0.01)
    assert found.typical_null_db < -100
    assert found.null_depth_db > -10
    assert 0 <= found.worst_start_s < 8


def test_a_loop_that_fits_in_many_places_has_not_moved():
    bar = make_drums(120, 1)
    loop = Audio(np.tile(bar.samples, (4, 1)), RATE)
    found = compare(loop, Audio(loop.samples * np.float32(0.7), RATE))
    assert found.alignment.offset_frames == 0


def test_stereo_against_its_mono_mix():
    a = make_noise(30_000, 2)
    b = Audio(a.samples.mean(axis=1, dtype=np.float32)[:, None], RATE)
    found = compare(a, moved(b, 77))
    assert found.channels_change == -1
    assert (found.alignment.offset_frames, found.alignment.gain_db) == (77, 0.0)
    assert found.length_change_frames == 77


def test_channels_that_cancel_in_mono_are_still_aligned():
    mono = make_noise(30_000, 1)
    wide = Audio(np.hstack([mono.samples, -mono.samples]), RATE)
    assert align(wide, moved(wide, -50)).offset_frames == -50


def test_another_take_gets_no_figures():
    found = align(make_noise(50_000), make_noise(50_000, seed=1))
    assert found.new_take
    assert (found.offset_frames, found.gain_db, found.null_depth_db, found.polarity) == (
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("frames", [0, 1, 1000])
def test_silence_and_nothing_fit_nothing(frames):
    silence = Audio(np.zeros((frames, 2), np.float32), RATE)
    assert align(silence, make_noise(1000)).new_take
    assert align(make_noise(1000), silence).new_take
    assert compare(silence, silence).identical


def test_farther_than_asked_for_is_not_found():
    a = make_noise(20_000)
    assert align(a, moved(a, 9000), 0.1).new_take


def test_identical_and_different_rates():
    a = make_noise(1000)
    same = compare(a, Audio(a.samples.copy(), RATE))
    assert (same.identical, same.alignment.offset_frames, same.alignment.null_depth_db) == (True, 0, -200.0)
    other = compare(a, Audio(a.samples, 48_000))
    assert (other.identical, other.rates_differ, other.alignment, other.length_change_frames) == (
        False,
        True,
        None,
        None,
    )


def test_one_changed_sample_is_placed():
    a = quantize(make_noise(3 * RATE), "PCM_16")
    b = Audio(a.samples.copy(), RATE)
    b.samples[2 * RATE + 10, 1] += np.float32(0.01)
    found = compare(a, b)
    assert not found.identical
    assert found.alignment.offset_frames == 0
    assert found.alignment.worst_start_s == pytest.approx(2.0, abs=0.1)
