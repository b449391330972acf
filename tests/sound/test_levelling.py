"""Loudness that holds, peaks that stay below the ceiling, and limiting that is told."""

import numpy as np
import pytest

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.levelling import plan_level, set_loudness
from beatflow.sound.loudness import measure_loudness

RATE = 44_100


def music(seconds=3.0, rate=RATE, peaks=0.0, seed=0, channels=2):
    """Noise that swells, with single high peaks."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    swell = 0.06 * (1.2 + np.sin(2 * np.pi * 0.7 * np.arange(frames) / rate))
    samples = rng.standard_normal((frames, channels)) * swell[:, None]
    for at in range(rate // 3, frames - 400, rate // 3):
        samples[at : at + 60] += peaks * np.hanning(60)[:, None]
    return Audio(np.clip(samples, -1, 1).astype(np.float32), rate)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
def test_plain_gain_where_nothing_is_in_the_way(target):
    made = set_loudness(music(), target)
    assert abs(measure_loudness(made.audio).integrated_lufs - target) <= 0.1
    assert made.limited_db == 0
    assert made.audio.frames == music().frames


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@pytest.mark.parametrize("target", [-13.0, -11.0])
def test_the_limiter_holds_target_and_ceiling(rate, target):
    audio = music(rate=rate, peaks=0.5)
    made = set_loudness(audio, target)
    after = measure_loudness(made.audio)
    assert abs(after.integrated_lufs - target) <= 0.1
    assert after.true_peak_dbtp <= -1.0
    assert after.integrated_lufs == made.loudness_lufs
    assert 0 < made.limited_db < 12


def test_rather_too_quiet_than_crushed():
    audio = music(peaks=0.9)
    made = set_loudness(audio, -4.0)
    after = measure_loudness(made.audio)
    assert after.true_peak_dbtp <= -1.0
    assert made.limited_db <= 12.01
    assert after.integrated_lufs < -4.5


def test_another_ceiling():
    made = set_loudness(music(peaks=0.6), -16.0, -6.0)
    assert measure_loudness(made.audio).true_peak_dbtp <= -6.0


def test_what_is_right_already_is_left_alone():
    audio = set_loudness(music(peaks=0.5), -14.0).audio
    assert set_loudness(audio, -14.0).audio is audio


@pytest.mark.parametrize("frames", [0, 220, RATE])
def test_silence_and_what_is_too_short_is_left_alone(frames):
    audio = Audio(np.zeros((frames, 2), np.float32), RATE)
    made = set_loudness(audio, -14.0)
    assert made.audio is audio
    assert (made.gain_db, made.limited_db, made.loudness_lufs) == (0.0, 0.0, None)


def test_channels_are_limited_together():
    audio = music(peaks=0.0)
    loud = audio.samples.copy()
    for at in range(0, len(loud) - 100, RATE // 2):
        loud[at : at + 60, 0] += 0.8 * np.hanning(60).astype(np.float32)
    made = set_loudness(Audio(loud, RATE), -12.0)
    gains = made.audio.samples / np.where(np.abs(loud) > 1e-3, loud, np.nan)
    both = np.isfinite(gains).all(axis=1)
    assert both.sum() > 1000
    assert np.nanmax(np.abs(gains[both, 0] - gains[both, 1])) < 1e-2


def test_the_limiter_does_not_follow_single_waves():
    # A bass of 50 Hz that is limited for all of its length stays a sine: what is modulated would have harmonics.
    time = np.arange(RATE * 3) / RATE
    samples = (0.9 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)[:, None]
    samples += (0.02 * np.random.default_rng(0).standard_normal(samples.shape)).astype(np.float32)
    made = set_loudness(Audio(samples, RATE), -6.0)
    middle = made.audio.samples[RATE : 2 * RATE, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(RATE)))
    assert made.limited_db > 1
    assert spectrum[148:153].max() < 0.01 * spectrum[50]


def test_block_by_block_is_the_same():
    audio = music(peaks=0.6)

    def read(size):
        return lambda: (Audio(audio.samples[at : at + size], RATE) for at in range(0, audio.frames, size))

    whole = set_loudness(audio, -13.0).audio.samples
    plan = plan_level(read(5000), -13.0)
    blocks = np.concatenate([block.samples for block in plan.apply(read(777)())])
    assert np.abs(whole - blocks).max() < 2e-3


def test_nonsense_is_refused():
    with pytest.raises(UsageError, match="loudness"):
        set_loudness(music(1.0), 3.0)
    with pytest.raises(UsageError, match="ceiling"):
        set_loudness(music(1.0), -14.0, 2.0)
    broken = music(1.0)
    broken.samples[5, 1] = np.inf
    with pytest.raises(AudioError, match="not numbers"):
        set_loudness(broken, -14.0)
