"""Limiter, compressor and gate: ceilings that hold, curves and times that are what is said."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from beatflow.sound.audio import Audio
from beatflow.sound.effects.follower import Fall, Hold, Smooth
from beatflow.sound.loudness import measure_loudness
from tests.sound.effects.sounding import RATE, level_db, noise, send, sine

RNG = np.random.default_rng(2)
SPIKES = np.where(RNG.random((RATE, 1)) < 0.001, RNG.standard_normal((RATE, 1)) * 4, 0)
HARD = {
    "noise": noise(1.0, 0.5, channels=2).samples,
    "quarter of the rate": 1.4 * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)[:, None],
    "square": np.sign(np.sin(2 * np.pi * 997 / RATE * np.arange(RATE)))[:, None],
    "spikes": SPIKES,
    "bursts at 19 kHz": 2 * sine(19_000, level=1.0).samples * (sine(3).samples > 0),
    "clipped noise": np.clip(noise(1.0, 9.0).samples, -1, 1),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("settings", ["-1dB", "-6dB, gain=12dB, release=5ms"])
def test_the_limiter_holds_its_ceiling(name, settings):
    ceiling = float(settings.split("dB")[0])
    made = send(Audio(HARD[name].astype(np.float32), RATE), f"limiter({settings})")
    peak = measure_loudness(Audio(made.astype(np.float32), RATE)).true_peak_dbtp
    assert peak is not None
    assert peak <= ceiling
    assert peak > ceiling - 0.3
    # Another meter: 16 times, with another window.
    fine = np.abs(resample_poly(made[:, 0], 16, 1, window=("kaiser", 10.0))).max()
    assert 20 * np.log10(fine) < ceiling + 0.2


def test_the_limiter_leaves_what_is_below():
    audio = noise(0.5, 0.05)
    assert np.array_equal(send(audio, "limiter(-1dB)").astype(np.float32), audio.samples)


def test_a_limited_sine_stays_a_sine():
    made = send(sine(1000, 1.0, 1.0), "limiter(-6dB)")[RATE // 4 : -RATE // 4, 0]
    spectrum = np.abs(np.fft.rfft(made * np.blackman(len(made))))
    tone = spectrum[480:520].max()
    assert 20 * np.log10(np.delete(spectrum, range(480, 520)).max() / tone) < -80


@pytest.mark.parametrize(("level", "ratio"), [(-30, 4), (-18, 4), (-6, 4), (0, 2), (-1, 100)])
def test_the_compressor_s_curve(level, ratio):
    made = send(sine(500, 1.0, 10 ** (level / 20)), f"compressor(-18dB, {ratio}:1, knee=0)")
    over = max(level + 18, 0)
    got = level_db(made[RATE // 2 :]) + 3.01
    assert got == pytest.approx(level - over * (1 - 1 / ratio), abs=0.1)


def test_the_knee_bends_and_makeup_raises():
    at = send(sine(500, 1.0, 10 ** (-18 / 20)), "compressor(-18dB, 4:1, knee=12)")
    assert level_db(at[RATE // 2 :]) + 3.01 == pytest.approx(-18 - 0.75 * 12 / 8, abs=0.1)
    quiet = send(sine(500, 1.0, 0.01), "compressor(-18dB, 4:1, makeup=auto, knee=0)")
    assert level_db(quiet) + 3.01 == pytest.approx(-40 + 0.75 * 18 / 2, abs=0.1)
    raised = send(sine(500, 1.0, 0.01), "compressor(makeup=3dB)")
    assert level_db(raised) + 3.01 == pytest.approx(-37, abs=0.1)


def test_attack_and_release_take_the_time_that_is_said():
    # DC has a level without waves: what is seen is the gain itself.
    steps = np.full((3 * RATE, 1), 10 ** (-30 / 20), np.float32)
    steps[RATE : 2 * RATE] = 1.0
    text = "compressor(-20dB, 4:1, attack=50ms, release=300ms, knee=0, lookahead=0, detector=peak)"
    made = send(Audio(steps, RATE), text)[:, 0]
    gain = 20 * np.log10(made / steps[:, 0])
    full = gain[2 * RATE - 10]
    assert full == pytest.approx(-15, abs=0.1)
    down = int(np.argmax(gain[RATE:] < 0.9 * full)) / RATE
    up = int(np.argmax(gain[2 * RATE :] > 0.1 * full)) / RATE
    assert down == pytest.approx(0.05, rel=0.05)
    # It lets go, and the attack's smoothing lets go of that.
    assert up == pytest.approx(0.3, rel=0.15)


def test_looking_ahead_catches_the_beginning():
    audio = Audio(
        np.concatenate([np.zeros((RATE // 2, 1)), sine(1000, 0.5, 1.0).samples]).astype(np.float32), RATE
    )
    late, early = (
        send(audio, f"compressor(-30dB, 10:1, attack=1ms, detector=peak, lookahead={ahead})")
        for ahead in ("0", "5ms")
    )
    at = RATE // 2
    assert np.abs(late[at : at + 60]).max() > 0.35
    assert np.abs(early[at : at + 60]).max() < 0.06


def test_both_channels_are_turned_down_alike():
    samples = noise(0.5, 0.02, channels=2).samples
    samples[:, 0] += sine(200, 0.5, 0.9).samples[:, 0]
    made = send(Audio(samples, RATE), "compressor(-30dB, 8:1)")
    gains = made / samples
    big = (np.abs(samples) > 0.01).all(axis=1)
    assert np.abs(gains[big, 0] / gains[big, 1] - 1).max() < 1e-3


def test_the_gate_opens_before_and_closes_after():
    parts = [noise(0.5, 0.0005), sine(300, 0.5, 0.3), noise(1.0, 0.0005)]
    audio = Audio(np.concatenate([part.samples for part in parts]), RATE)
    made = send(audio, "gate(-50dB, range=-40dB, hold=50ms, release=100ms)")
    half = RATE // 2
    assert level_db(made[: half - 500]) - level_db(audio.samples[: half - 500]) == pytest.approx(-40, abs=1)
    assert np.abs(made[half : 2 * half] - audio.samples[half : 2 * half]).max() < 1e-3
    assert level_db(made[-half:]) - level_db(audio.samples[-half:]) == pytest.approx(-40, abs=1)


def test_the_gate_does_not_chatter():
    # Between both thresholds it stays as it was.
    fading = sine(200, 1.0, 1.0).samples * np.linspace(0.006, 0.0022, RATE)[:, None].astype(np.float32)
    made = send(Audio(fading.astype(np.float32), RATE), "gate(-50dB)")
    assert np.abs(made[1000:] - fading[1000:]).max() < 1e-6


def test_followers_agree_with_loops():
    curve = np.maximum(RNG.standard_normal(500), 0)
    parts = [curve[:1], curve[1:7], curve[7:7], curve[7:]]
    held = np.concatenate([*map(Hold(9).add, parts)])
    assert np.array_equal(held, [curve[max(0, n - 9) : n + 1].max() for n in range(500)])
    expected, last = [], 0.0
    for value in curve:
        last = max(value, last * np.exp(-1 / 20))
        expected.append(last)
    assert np.allclose(np.concatenate([*map(Fall(20).add, parts)]), expected, atol=1e-12)
    smooth = np.concatenate([*map(Smooth(8).add, [np.ones(3), np.ones(40)])])
    assert smooth[-1] == pytest.approx(1)
    assert smooth[8] == pytest.approx(1)
    assert smooth[7] < 1
