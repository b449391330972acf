"""The melody features: golden figures of the reference implementations, and what must hold for any recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.ai.musicgen.chroma import (
    HOP,
    PITCH_CLASSES,
    WINDOW,
    count_hops,
    find_melody,
    fit_melody,
    join_melody,
    measure_chroma,
    no_melody,
)

RATE = 32000


def make_tone(hz, seconds=1.0):
    """A sine of half the full scale."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def make_chord():
    """A-C-E with a tone that glides from 300 to 700 Hz."""
    seconds = np.arange(RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 261.63, 329.63))
    glide = np.sin(2 * np.pi * (300 + 200 * seconds) * seconds)
    return (0.2 * chord + 0.1 * glide).astype(np.float32)


# What audiocraft 1.3.0's ChromaExtractor(32000, radix2_exp=14, argmax=False) gives for make_chord(), torch 2.11.
GOLDEN = {
    0: [0.54837, 0.1134, 0.02006, 0.19184, 1, 0.26839, 0.05305, 0.04473, 0.17939, 0.48919, 0.09023, 0.1302],
    3: [0.89044, 0.12479, 0.00073, 0.1391, 1, 0.1393, 0.00244, 0.01728, 0.17096, 0.88824, 0.23105, 0.19069],
    7: [0.70583, 0.11297, 0.01918, 0.20926, 1, 0.22202, 0.00941, 0.00421, 0.10683, 0.62127, 0.13515, 0.12683],
}


def test_the_reference_gives_the_same_figures():
    measured = measure_chroma(make_chord(), RATE)
    assert measured.shape == (8, 12)
    assert measured.dtype == np.float32
    for hop, expected in GOLDEN.items():
        np.testing.assert_allclose(measured[hop], expected, atol=1e-5)


def test_both_references_find_the_same_melody():
    assert find_melody(make_chord(), RATE).argmax(axis=1).tolist() == [4, 4, 4, 4, 0, 4, 4, 4]


def test_the_reference_agrees_on_less_than_a_window():
    wave = np.cos(np.arange(3201) ** 1.5 / 7).astype(np.float32)
    assert find_melody(wave, RATE).argmax(axis=1).tolist() == [9, 7, 7, 5, 4]
    expected = [0.7519, 0.80092, 0.77869, 0.78252, 0.91376, 0.93908]
    np.testing.assert_allclose(measure_chroma(wave, RATE)[2, :6], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("hz", "pitch_class"), [(261.63, 0), (440.0, 9), (466.16, 10), (987.77, 11), (73.42, 2)]
)
def test_a_tone_is_its_own_pitch_class(hz, pitch_class):
    assert set(find_melody(make_tone(hz), RATE).argmax(axis=1)) == {pitch_class}


def test_the_rate_moves_the_pitch():
    assert set(find_melody(make_tone(440.0), RATE * 2).argmax(axis=1)) == {9}  # an octave up
    assert set(find_melody(make_tone(440.0), round(RATE * 2 ** (3 / 12))).argmax(axis=1)) == {0}


def test_silence_is_no_melody():
    silence = np.zeros(RATE, np.float32)
    assert not measure_chroma(silence, RATE).any()
    np.testing.assert_array_equal(find_melody(silence, RATE), no_melody(8))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5 * WINDOW), st.integers(0, 2**32 - 1))
def test_every_length_has_its_hops(frames, seed):
    wave = np.random.default_rng(seed).standard_normal(frames).astype(np.float32)
    melody = find_melody(wave, RATE)
    assert len(melody) == count_hops(frames / RATE + 1e-9, RATE)
    assert (melody.sum(axis=1) == 1).all()
    measured = measure_chroma(wave, RATE)
    assert measured.max() <= 1 + 1e-6
    assert measured.min() >= 0
    np.testing.assert_array_equal(find_melody(wave / 8, RATE), melody)  # loudness does not matter


def test_thirty_seconds_are_what_the_models_know():
    assert count_hops(30, RATE) == 235
    assert count_hops(0.01, RATE) == 1 + WINDOW // HOP


def test_a_short_melody_is_played_again():
    melody = np.eye(PITCH_CLASSES, dtype=np.float32)[[0, 4, 7]]
    assert fit_melody(melody, 8).argmax(axis=1).tolist() == [0, 4, 7, 0, 4, 7, 0, 4]
    assert fit_melody(melody, 2).argmax(axis=1).tolist() == [0, 4]
    np.testing.assert_array_equal(fit_melody(melody, 3), melody)


def test_drums_and_bass_are_left_out():
    left, right = make_tone(440.0), make_tone(220.0)
    stems = {
        "drums": np.ones((2, RATE), np.float32),
        "bass": np.ones((2, RATE), np.float32),
        "vocals": np.stack([left, left]),
        "other": np.stack([left, right]),
    }
    np.testing.assert_allclose(join_melody(stems), 1.5 * left + 0.5 * right, atol=1e-6)
