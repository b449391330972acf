"""Keys and tuning of chord progressions whose key is known."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.key import KeyMeter, measure_key

from .signals import RATE, blocks_of, make_chords, make_drums

# I IV V I and i iv V i, with basses; transposed below.
MAJOR = ((48, 60, 64, 67), (53, 60, 65, 69), (55, 59, 62, 67), (48, 60, 64, 67))
MINOR = ((45, 57, 60, 64), (50, 57, 62, 65), (52, 56, 59, 64), (45, 57, 60, 64))


@pytest.mark.parametrize("shift", range(12))
def test_cadences_in_every_key(shift):
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    major = measure_key(make_chords([[midi + shift for midi in chord] for chord in MAJOR]))
    assert major.key == f"{names[shift]}:maj"
    minor = measure_key(make_chords([[midi + shift for midi in chord] for chord in MINOR]))
    assert minor.key == f"{names[(9 + shift) % 12]}:min"
    assert major.runner_up not in (None, major.key)
    assert 0.1 < major.confidence <= 1


@pytest.mark.parametrize("cents", [-45, -20, 0, 33])
def test_tuning_is_measured_and_does_not_change_the_key(cents):
    found = measure_key(make_chords(MAJOR, tuning_cents=cents))
    # Partials bend nothing here; what is left is the resolution of peaks at the lowest notes.
    assert found.tuning_cents == pytest.approx(cents, abs=2)
    assert found.key == "C:maj"


@pytest.mark.parametrize("rate", [8000, 22_050, 96_000])
def test_every_rate_hears_the_same_key(rate):
    assert measure_key(make_chords(MINOR, rate=rate)).key == "A:min"


def test_blocks_do_not_matter():
    audio = make_chords(MINOR)
    assert measure_key(blocks_of(audio, 10_007)) == measure_key(audio)


def test_where_nothing_has_a_pitch_there_is_no_key():
    nothing = measure_key(Audio(np.zeros((RATE, 2), np.float32), RATE))
    assert (nothing.key, nothing.confidence, nothing.tuning_cents) == (None, 0.0, None)
    assert measure_key([]).key is None
    drums = measure_key(make_drums(120))
    assert drums.key is None or drums.confidence < 0.5


def test_every_key_has_a_fit_best_first():
    found = measure_key(make_chords(MINOR))
    assert len(found.fits) == 24
    assert next(iter(found.fits)) == found.key == "A:min"
    assert list(found.fits.values()) == sorted(found.fits.values(), reverse=True)
    assert list(found.fits)[1] == found.runner_up
    assert found.fits["A:min"] - found.fits["Eb:maj"] > 0.3
    assert measure_key(Audio(np.zeros((RATE, 1), np.float32), RATE)).fits == {}


def test_where_it_begins_and_ends_tells_a_minor_key_from_its_relative():
    # The same four chords in a circle: A minor, F, C, G or C, G, A minor, F.
    loop = [(45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)]
    minor = measure_key(make_chords([*loop, loop[0]], 2.0))
    major = measure_key(make_chords([loop[2], loop[3], loop[0], loop[1], loop[2]], 2.0))
    assert (minor.key, major.key) == ("A:min", "C:maj")


def test_noise_has_no_key_but_fits():
    noise = measure_key(
        Audio(np.random.default_rng(0).normal(0, 0.1, (RATE * 8, 1)).astype(np.float32), RATE)
    )
    assert (noise.key, noise.confidence, noise.runner_up) == (None, 0.0, None)
    assert len(noise.fits) == 24


def test_a_meter_tells_the_same_twice():
    meter = KeyMeter(RATE)
    meter.add(make_chords(MAJOR).samples[:, 0])
    described = meter.describe()
    assert meter.result() == meter.result()
    assert np.array_equal(meter.describe()[2], described[2])
