"""Reverb, echoes and moving delays: decay, density, places, pitch."""

import numpy as np
import pytest
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfilt

from beatflow.sound.audio import Audio
from beatflow.sound.effects.interpolation import REACH, read_between
from beatflow.sound.effects.kind import Setting, Settings
from beatflow.sound.effects.phaser import run_stages
from beatflow.sound.effects.reverb import find_decay, make_response
from tests.sound.effects.sounding import RATE, impulse, level_db, noise, send, sine, tone_db


def room(size=0.5, damping=0.4, channels=1, **more):
    given = {"size": size, "damping": damping, "predelay": 0.0, **more}
    return make_response(Settings(given, {}), Setting(RATE, channels))


def measure_decay(response, low, high):
    """Time for 60 dB, from -5 to -35 dB of the backward integral (ISO 3382)."""
    band = sosfilt(butter(4, [low, high], "band", fs=RATE, output="sos"), response.astype(float))
    left = np.cumsum(band[::-1] ** 2)[::-1]
    fallen = 10 * np.log10(left / left[0] + 1e-12)
    return 2 * (np.argmax(fallen < -35) - np.argmax(fallen < -5)) / RATE


@pytest.mark.parametrize("size", [0.1, 0.5, 0.8])
def test_the_room_decays_as_said(size):
    response = room(size, damping=0.0)[0, 0]
    for low, high in ((250, 500), (1000, 2000), (4000, 8000)):
        assert measure_decay(response, low, high) == pytest.approx(find_decay(size), rel=0.1)


def test_a_decay_can_be_asked_for_and_damping_takes_the_top():
    response = room(0.5, damping=1.0, decay=2.0)[0, 0]
    assert measure_decay(response, 125, 250) == pytest.approx(2.0, rel=0.12)
    at = (3000 / 3000) ** 1.2
    assert measure_decay(response, 2500, 3500) == pytest.approx(2.0 / (1 + at), rel=0.12)


@pytest.mark.parametrize(("size", "dense_s"), [(0.2, 0.05), (0.5, 0.1), (0.8, 0.2)])
def test_echoes_thicken_until_they_are_noise(size, dense_s):
    """Normalized echo density (J. Abel and P. Huang, AES 2006): the share beyond one deviation, 1 for noise."""
    response = room(size)[0, 0].astype(float)
    width = RATE // 25

    def density(at_s):
        piece = response[round(at_s * RATE) : round(at_s * RATE) + width]
        return (np.abs(piece) > piece.std()).mean() / 0.3173

    assert density(dense_s) > 0.8
    assert density(1.5 * dense_s) > 0.85


def test_nothing_rings():
    """The late part's spectrum has no line that noise would not have."""
    response = room(0.7)[0, 0].astype(float)
    late = response[len(response) * 3 // 10 : len(response) // 2]
    power = np.abs(np.fft.rfft(late * np.hanning(len(late)))) ** 2
    hz = np.fft.rfftfreq(len(late), 1 / RATE)
    heard = power[(hz > 200) & (hz < 5000)]
    over = 10 * np.log10((heard / median_filter(heard, 201)).max())
    assert over < 10 * np.log10(np.log(len(heard)) / np.log(2)) + 3


def test_the_sides_of_a_room_differ_and_the_level_is_kept():
    response = room(0.5, channels=2)
    assert response.shape[:2] == (2, 2)
    left, right = response[0].sum(axis=0), response[1].sum(axis=0)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1
    audio = noise(3.0, 0.1)
    wet = send(audio, "reverb(.3, wet=1, damping=0, lowcut=10)")
    assert level_db(wet[RATE : audio.frames]) == pytest.approx(level_db(audio.samples), abs=1.0)
    many = room(0.2, channels=3)
    assert not many[0, 1].any()
    assert many[2, 2].any()


def test_a_dry_room_is_the_sound():
    audio = noise(0.5)
    assert np.array_equal(send(audio, "reverb(wet=0)").astype(np.float32), audio.samples)


def test_the_room_s_tail_dies_away():
    made = send(noise(0.5, 0.3), "reverb(.4)")
    assert level_db(made[-200:]) < level_db(made[: RATE // 2]) - 60


def test_echoes_come_when_and_as_loud_as_said():
    made = send(impulse(1.0), "delay(100ms, .5, wet=.5, highcut=20k, lowcut=10)")[:, 0]
    step = RATE // 10
    first = np.abs(made[step - 5 : step + 20]).sum()
    # Half of it comes round each time, and of a click four fifths pass the low-pass.
    assert made[0] == pytest.approx(0.5)
    for number in range(1, 5):
        at = number * step
        assert np.argmax(np.abs(made[at - 50 : at + 50])) == pytest.approx(50, abs=3)
        assert np.abs(made[at - 5 : at + 20]).max() == pytest.approx(0.5 * 0.4 ** (number - 1), rel=0.3)
    assert first > 0.4
    # Down to -60 dB.
    assert len(made) >= RATE + 10 * step
    assert np.abs(made[-100:]).max() < 1e-3


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("delay(100ms, .95, highcut=20k, lowcut=10)", 44_100),
        ("delay(10ms, .95, highcut=20k, lowcut=5k)", 44_100),
        ("delay(10ms, .95, highcut=6k)", 8_000),
        ("delay(10ms, .95, lowcut=5k)", 2_000),
        ("flanger(feedback=.9)", 8_000),
        ("flanger(feedback=-.9)", 44_100),
    ],
)
def test_what_goes_round_dies_away(text, rate):
    made = send(noise(0.5, rate=rate), text)
    beyond = np.abs(send(Audio(np.pad(noise(0.5, rate=rate).samples, ((0, 4 * rate), (0, 0))), rate), text))
    assert np.abs(made).max() < 3
    assert beyond[-rate:].max() < 0.2 * beyond[: rate // 2].max()


def test_a_ping_pong_goes_from_side_to_side():
    made = send(impulse(1.0, channels=2), "delay(100ms, .6, wet=1, mode=pingpong)")
    step = RATE // 10
    sides = [np.abs(made[n * step - 40 : n * step + 40]).max(axis=0) for n in (1, 2, 3)]
    assert [int(np.argmax(side)) for side in sides] == [0, 1, 0]
    assert all(side.min() < 1e-6 for side in sides)


def test_reading_between_frames_is_flat():
    for hz in (100, 5000, 15_000):
        wave = np.sin(2 * np.pi * hz / RATE * np.arange(2000))
        places = np.linspace(REACH, 1980 - REACH, 777)
        wanted = np.sin(2 * np.pi * hz / RATE * places)
        assert np.abs(read_between(wave, places) - wanted).max() < 0.01


def test_vibrato_swings_as_far_as_said():
    made = send(sine(1000, 2.0), "vibrato(4Hz, 50ct)")[RATE // 4 :, 0]
    analytic = np.fft.fft(made)
    analytic[len(made) // 2 :] = 0
    phase = np.unwrap(np.angle(np.fft.ifft(analytic)))
    hz = np.diff(phase)[2000:-2000] * RATE / (2 * np.pi)
    assert 1200 * np.log2(hz.max() / 1000) == pytest.approx(50, abs=3)
    assert 1200 * np.log2(hz.min() / 1000) == pytest.approx(-50, abs=4)


def test_chorus_is_wider_and_as_loud():
    audio = Audio(np.repeat(noise(2.0).samples, 2, axis=1), RATE)
    made = send(audio, "chorus(wet=1)")
    assert np.corrcoef(made.T)[0, 1] < 0.9
    assert level_db(made[5000:]) == pytest.approx(level_db(audio.samples), abs=1.0)


def test_the_flanger_has_the_teeth_of_its_delay():
    made = send(noise(4.0, 0.1), "flanger(depth=0, delay=1ms, feedback=0, wet=.5)")[:, 0]
    assert tone_band(made, 500) < tone_band(made, 1000) - 15
    louder = send(noise(4.0, 0.1), "flanger(depth=0, delay=1ms, feedback=.9, wet=1)")[:, 0]
    assert tone_band(louder, 1000) > tone_band(louder, 500) + 20


def tone_band(samples, hz):
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / RATE)
    return 10 * np.log10(power[np.abs(at - hz) < 10].mean())


def test_the_phaser_s_stages_agree_with_a_loop():
    rng = np.random.default_rng(0)
    signal, moving = rng.standard_normal(1000), np.linspace(-0.9, 0.3, 1000)
    state = rng.standard_normal(5)
    kept, expected = state.copy(), []
    for x, c in zip(signal, moving, strict=True):
        x = x + 0.5 * kept[4]
        for stage in range(4):
            y = c * x + kept[stage]
            kept[stage] = x - c * y
            x = y
        kept[4] = x
        expected.append(x)
    made, after = run_stages(signal, moving, 0.5, state)
    assert np.allclose(made, expected, atol=1e-9)
    assert np.allclose(after, kept, atol=1e-9)


def test_the_phaser_notches_where_it_stands():
    # Four first-order stages tuned to one frequency turn by 180 degrees twice.
    text = "phaser(low=1k, high=1k, stages=2, feedback=0, wet=.5)"
    assert tone_db(send(sine(1000, 1.0), text)[RATE // 2 :, 0], 1000) < -60
    assert tone_db(send(sine(50, 1.0), text)[RATE // 2 :, 0], 50) > -6.5
