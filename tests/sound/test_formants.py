"""A voice whose pitch moves keeps its vowels."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import lfilter

from beatflow.sound.audio import Audio
from beatflow.sound.formants import find_envelope, keep_formants
from beatflow.sound.timestretch import has_vocoder, stretch

RATE = 44_100
VOWELS = {
    "a": ((700, 80), (1220, 90), (2600, 120)),
    "u": ((300, 60), (870, 100), (2240, 120)),
}


def sing(hz, vowel, seconds=2.0, channels=1):
    """Pulses with a vibrato through resonances."""
    t = np.arange(round(seconds * RATE)) / RATE
    turns = np.cumsum(hz * (1 + 0.005 * np.sin(2 * np.pi * 5 * t))) / RATE
    wave = lfilter([1], [1, -0.97], np.diff(np.floor(turns), prepend=0))
    for formant, width in VOWELS[vowel]:
        radius = np.exp(-np.pi * width / RATE)
        wave = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2], wave)
    wave *= 0.5 / np.abs(wave).max()
    return Audio(np.repeat(wave.astype(np.float32)[:, None], channels, axis=1), RATE)


def bands_db(audio):
    """Level in third octaves from 200 Hz to 5 kHz."""
    middle = audio.samples[RATE // 4 : -RATE // 4, 0].astype(float)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    hz = np.fft.rfftfreq(len(middle), 1 / RATE)
    edges = np.geomspace(200, 5000, 15)
    return np.array([10 * np.log10(power[(hz >= a) & (hz < b)].sum()) for a, b in pairwise(edges)])


def compare_db(one, other):
    """How far apart two spectra are, rms over the bands that are heard, whatever the level."""
    wanted = bands_db(other)
    heard = wanted > wanted.max() - 45
    return float(np.std((bands_db(one) - wanted)[heard]))


@pytest.mark.skipif(not has_vocoder(), reason="no wheel of python-stretch here")
@pytest.mark.parametrize(
    ("hz", "vowel", "semitones"),
    [(110, "a", 5), (110, "a", -4), (150, "u", 7), (220, "a", 4), (440, "a", -4), (600, "a", -4)],
)
def test_the_vowel_stays(hz, vowel, semitones):
    voice, wanted = sing(hz, vowel), sing(hz * 2 ** (semitones / 12), vowel)
    kept = compare_db(stretch(voice, voice.frames, semitones, formants=True), wanted)
    moved = compare_db(stretch(voice, voice.frames, semitones), wanted)
    assert kept < 7
    assert kept < 0.7 * moved


def test_nothing_moved_changes_nothing():
    voice = sing(200, "a", channels=2)
    made = keep_formants(voice.samples, voice.samples, RATE)
    assert np.abs(made - voice.samples).max() < 1e-5


def test_both_channels_get_the_same_curve():
    voice = sing(200, "a", channels=2).samples * np.float32([1.0, 0.5])
    made = keep_formants(voice[::2].copy(), voice, RATE)
    assert np.abs(made[:, 0] - 2 * made[:, 1]).max() < 1e-5


@pytest.mark.parametrize("frames", [1, 100, 220, 3000])
def test_short_and_silent_sounds(frames):
    silence = np.zeros((frames, 1), np.float32)
    assert not keep_formants(silence, np.zeros((2 * frames, 1), np.float32), RATE).any()
    noise = np.random.default_rng(0).standard_normal((frames, 1)).astype(np.float32)
    made = keep_formants(noise, np.repeat(noise, 2, axis=0), RATE)
    assert made.shape == (frames, 1)
    assert np.isfinite(made).all()


def test_the_envelope_lies_on_the_harmonics():
    """Of pulses without resonances it is flat, and nearer to the harmonics than to what is between."""
    wave = np.zeros(2048)
    wave[::147] = 1.0  # 300 Hz
    power = np.abs(np.fft.rfft(wave * np.hanning(2048))) ** 2
    envelope = find_envelope(power[None], RATE)[0]
    inside = 20 / np.log(10) * envelope[30:-30]
    assert np.ptp(inside) < 5
    # A mean of the logarithms, which is what a cepstrum alone gives, lies far lower.
    assert inside.mean() > 20 / np.log(10) * np.mean(0.5 * np.log(np.maximum(power, power.max() * 1e-9))) + 12
