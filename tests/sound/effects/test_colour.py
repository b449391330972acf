"""Distortion, crushing, gains that move, records: overtones without aliases, levels and times as said."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.effects.distortion import SHAPES, Bender, Shape
from beatflow.sound.effects.oversampling import Downsampler, Upsampler
from tests.sound.effects.sounding import RATE, level_db, noise, send, sine, tone_db

TONE = 4999.0


def aliases_db(samples):
    """The loudest line that is no overtone of the tone, relative to the tone."""
    middle = samples[RATE // 4 : RATE // 4 + RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.blackman(len(middle))))
    hz = np.fft.rfftfreq(len(middle), 1 / RATE)
    overtone = np.zeros(len(hz), bool)
    for number in range(0, 5):
        overtone |= np.abs(hz - number * TONE) < 60
    heard = (hz > 20) & (hz < 20_000)
    return 20 * np.log10(spectrum[heard & ~overtone].max() / spectrum[overtone & (hz > 100)].max())


@pytest.mark.parametrize(
    ("text", "below"),
    [
        ("distortion(18dB, 20k)", -90),
        ("distortion(36dB, 20k, soft)", -75),
        ("distortion(18dB, 20k, hard)", -85),
        ("distortion(36dB, 20k, hard)", -70),
        ("distortion(36dB, 20k, fold)", -80),
        ("distortion(12dB, 20k, fuzz)", -90),
        ("saturation(12dB, .5, 20k)", -90),
    ],
)
def test_distortion_folds_little_back(text, below):
    assert aliases_db(send(sine(TONE, 1.0, 0.5), text)[:, 0]) < below


def test_without_oversampling_it_would_fold_back():
    plain = np.tanh(10 ** (18 / 20) * sine(TONE, 1.0, 0.5).samples[:, 0].astype(float))
    assert aliases_db(plain) > -45


@pytest.mark.parametrize("hz", [500, 5000, 15_000])
def test_what_is_bent_comes_in_step(hz):
    """Through a straight line the sound comes back, 64 frames late and no fraction of one more."""
    line = Shape(lambda x: x, lambda x: x**2 / 2)
    bender, up, down = Bender(line, 1), Upsampler(8, 32, 1), Downsampler(8, 32, 1, late=0.5)
    given = sine(hz, 0.2).samples.astype(float)
    made = down.add(bender.add(up.add(given)))
    assert np.abs(made[500:-500] - given[500 - 64 : -500 - 64]).max() < 0.006


@pytest.mark.parametrize("name", ["soft", "hard", "fold", "fuzz"])
@pytest.mark.parametrize("gain", [1.0, 60.0])
def test_each_curve_is_the_slope_of_its_area(name, gain):
    x = np.linspace(-1.5, 1.5, 4001)
    shape = SHAPES[name](gain)
    middle = (x[1:] + x[:-1]) / 2
    assert np.abs(np.diff(shape.area(x)) / np.diff(x) - shape.curve(middle)).max() < 0.03
    steep = np.array([1e-7, 1.0]).cumsum()[:, None]
    made = Bender(shape, 1).add(np.concatenate([[[0.0]], steep, steep]))
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= np.abs(shape.curve(np.linspace(-2, 2, 999))).max() + 1e-9


def test_distortion_keeps_the_level_that_is_meant():
    quiet = sine(220, 1.0, 10 ** (-12 / 20))
    for text in (
        "distortion(30dB)",
        "distortion(10dB, shape=hard)",
        "distortion(6dB, shape=fold)",
        "saturation",
    ):
        assert level_db(send(quiet, text)[5000:]) == pytest.approx(level_db(quiet.samples), abs=0.5)


def test_a_lopsided_curve_gives_even_overtones_and_no_dc():
    made = send(sine(500, 1.0, 0.5), "saturation(12dB, bias=.5)")[RATE // 2 :, 0]
    assert tone_db(made, 1000) > tone_db(made, 500) - 30
    assert abs(made.mean()) < 1e-3
    even = send(sine(500, 1.0, 0.5), "saturation(12dB, bias=0)")[RATE // 2 :, 0]
    assert tone_db(even, 1000) < tone_db(even, 500) - 90


def test_the_dry_part_is_not_moved():
    audio = noise(0.3)
    assert np.array_equal(send(audio, "distortion(wet=0)").astype(np.float32), audio.samples)


def test_crushing_holds_and_rounds():
    made = send(sine(300, 0.2, 0.9), f"bitcrush(4, {RATE // 4})")[:, 0]
    assert np.abs(made * 8 - np.round(made * 8)).max() < 1e-6
    assert len(set(np.flatnonzero(np.diff(made)) % 4)) == 1
    assert np.abs(send(noise(0.1), "bitcrush(24, 192k)") - noise(0.1).samples).max() < 1e-7


def test_gain_pan_width_and_channels():
    audio = noise(0.2, channels=2)
    assert level_db(send(audio, "gain(-6dB)")) == pytest.approx(level_db(audio.samples) - 6, abs=1e-3)
    right = send(audio, "pan(.25)")
    assert np.allclose(right[:, 0], 0.75 * audio.samples[:, 0])
    assert np.allclose(right[:, 1], audio.samples[:, 1])
    mono = send(audio, "width(0)")
    assert np.array_equal(mono[:, 0], mono[:, 1])
    wide = send(audio, "width(2)")
    assert np.allclose(wide.sum(axis=1), audio.samples.astype(float).sum(axis=1), atol=1e-6)
    assert np.allclose(send(audio, "mono")[:, 0], audio.samples.astype(float).mean(axis=1), atol=1e-7)
    assert send(noise(0.1, channels=5), "stereo").shape[1] == 2


def test_tremolo_and_autopan_swing():
    flat = Audio(np.ones((RATE, 2), np.float32), RATE)
    made = send(flat, "tremolo(5Hz, 60%)")[:, 0]
    assert made.max() == pytest.approx(1)
    assert made.min() == pytest.approx(0.4, abs=1e-4)
    assert np.argmin(made[: RATE // 5]) == pytest.approx(RATE / 10, abs=2)
    sides = send(flat, "autopan(1Hz, 1)")
    assert sides[RATE // 4, 0] == pytest.approx(0, abs=1e-4)
    assert sides[3 * RATE // 4, 1] == pytest.approx(0, abs=1e-4)


def test_the_pump_is_down_on_the_beat_and_does_not_click():
    flat = Audio(np.ones((2 * RATE, 1), np.float32), RATE)
    made = send(flat, "pump(1/4, .8, offset=100ms)", 120.0)[:, 0]
    for beat in range(3):
        at = round((0.1 + 0.5 * beat) * RATE)
        assert made[at] == pytest.approx(0.2, abs=0.01)
        assert made[at + round(0.44 * RATE)] == pytest.approx(1, abs=0.01)
    assert np.abs(np.diff(made)).max() < 0.01


def test_a_record_crackles_the_same_each_time():
    silence = Audio(np.zeros((3 * RATE, 2), np.float32), RATE)
    one, two = (send(silence, "vinyl(-30dB, 8Hz)") for _ in range(2))
    assert np.array_equal(one, two)
    assert 20 * np.log10(np.abs(one).max()) == pytest.approx(-30, abs=4)
    clean = send(silence, "vinyl(-30dB, 0)")
    assert np.abs(clean).max() < 0.5 * np.abs(one).max()
