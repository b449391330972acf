"""Length without pitch, pitch without length: exact, in tune, attacks in place, with and without the wheel."""

import math
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from beatflow.errors import AudioError, UsageError
from beatflow.sound import timestretch
from beatflow.sound.audio import Audio
from beatflow.sound.resample import resample
from beatflow.sound.timestretch import has_vocoder, stretch, stretch_blocks

RATE = 22_050


@pytest.fixture(params=["vocoder", "pieces"])
def way(request, monkeypatch):
    """With the phase vocoder, and as if there were no wheel of it."""
    if request.param == "pieces":
        monkeypatch.setitem(sys.modules, "python_stretch", None)
        assert not has_vocoder()
    elif not has_vocoder():
        pytest.skip("no wheel of python-stretch here")
    return request.param


def sine(hz, seconds=3.0, channels=1, rate=RATE):
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.repeat(wave.astype(np.float32)[:, None], channels, axis=1), rate)


def pitch(audio):
    """The strongest frequency in the middle, Hz."""
    middle = audio.samples[audio.frames // 5 : -audio.frames // 5, 0]
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size))
    return float(np.argmax(spectrum)) * audio.sample_rate / size


def clicks(seconds=4.0, every=0.5):
    rng = np.random.default_rng(0)
    samples = np.zeros((round(seconds * RATE), 1), np.float32)
    times = np.arange(every, seconds - every, every)
    for time in times:
        at = round(time * RATE)
        samples[at : at + 800, 0] += rng.standard_normal(800) * np.exp(-np.arange(800) / 150) * 0.4
    return Audio(samples, RATE), times


def test_nothing_to_change_gives_the_very_samples(way):
    audio = sine(220)
    assert stretch(audio, audio.frames) is audio


@pytest.mark.parametrize("ratio", [0.5, 0.93, 0.9999, 1.0004, 1.07, 2.0])
def test_the_length_is_exact_and_the_pitch_stays(way, ratio):
    audio = sine(220)
    frames = round(audio.frames * ratio) + 1
    made = stretch(audio, frames)
    assert made.samples.shape == (frames, 1)
    assert made.samples.dtype == np.float32
    assert abs(1200 * np.log2(pitch(made) / 220)) < 3


@pytest.mark.parametrize("semitones", [-5, -1, 2, 7])
def test_the_pitch_moves_and_the_length_stays(way, semitones):
    audio = sine(110)
    made = stretch(audio, audio.frames, semitones)
    assert made.frames == audio.frames
    assert abs(1200 * np.log2(pitch(made) / (110 * 2 ** (semitones / 12)))) < 3


@pytest.mark.parametrize(("way", "within_s"), [("vocoder", 0.003), ("pieces", 0.012)], indirect=["way"])
@pytest.mark.parametrize("ratio", [0.85, 1.2])
def test_attacks_are_where_they_belong(way, within_s, ratio):
    audio, times = clicks()
    made = stretch(audio, round(audio.frames * ratio)).samples[:, 0]
    energy = np.convolve(made.astype(float) ** 2, np.ones(32) / 32, "same")
    for time in times:
        at = round(time * ratio * RATE)
        near = energy[at - 1000 : at + 1000]
        onset = int(np.argmax(near > 0.2 * near.max())) - 1000
        assert abs(onset) / RATE < within_s


def test_a_change_that_nobody_hears_is_one_of_speed():
    audio = sine(1000)
    made = stretch(audio, audio.frames + 2)
    expected = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(made.frames) / RATE * audio.frames / made.frames)
    assert np.abs(made.samples[500:-500, 0] - expected[500:-500]).max() < 1e-4


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_channels_move_together(way, channels):
    audio = sine(330, channels=channels)
    made = stretch(audio, round(audio.frames * 1.1)).samples
    assert made.shape[1] == channels
    assert np.abs(made - made[:, :1]).max() < 1e-3


def test_the_same_call_gives_the_same_bytes(way):
    audio, _ = clicks()
    frames = round(audio.frames * 1.13)
    assert stretch(audio, frames).samples.tobytes() == stretch(audio, frames).samples.tobytes()


def test_five_milliseconds(way):
    audio = sine(880, seconds=0.005)
    made = stretch(audio, 130)
    assert made.frames == 130
    assert np.isfinite(made.samples).all()


def test_long_sounds_are_joined_from_parts_without_a_seam(way, monkeypatch):
    monkeypatch.setattr(timestretch, "_STRETCH_FRAMES", 2 * RATE)
    audio = Audio(sum(sine(hz, 9.0).samples / 3 for hz in (220, 277.2, 329.6)), RATE)
    made = stretch(audio, round(audio.frames * 1.1))
    assert made.frames == round(audio.frames * 1.1)
    levels = np.sqrt((made.samples[2205:-2205, 0][: 180 * 1102].reshape(180, 1102) ** 2).mean(axis=1))
    assert levels.min() > 0.65 * np.median(levels)
    assert (
        np.abs(np.diff(made.samples[2205:-2205, 0], 2)).max()
        < 2 * np.abs(np.diff(audio.samples[:, 0], 2)).max()
    )


@pytest.mark.parametrize(
    ("frames", "semitones"), [(100, 0.0), (10**7, 0.0), (RATE * 3, 30.0), (RATE * 3, np.nan)]
)
def test_out_of_range_is_refused(frames, semitones):
    with pytest.raises(UsageError):
        stretch(sine(220), frames, semitones)


def test_nothing_and_what_is_no_number_are_refused():
    with pytest.raises(AudioError, match="no sound"):
        stretch(Audio(np.zeros((0, 1), np.float32), RATE), 10)
    with pytest.raises(AudioError, match="to nothing"):
        stretch(sine(220), 0)
    broken = sine(220)
    broken.samples[7] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        stretch(broken, 70_000)


def cut(audio, *bounds):
    edges = [0, *bounds, audio.frames]
    return [Audio(audio.samples[a:b], RATE) for a, b in pairwise(edges)]


def join(blocks):
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("ratio", [Fraction(1, 2), 1 / 1.1, 1.0, 1.0004, 2.0])
@pytest.mark.parametrize("semitones", [0.0, -4.0])
def test_a_stream_is_the_same_however_it_is_cut(way, monkeypatch, ratio, semitones):
    monkeypatch.setattr(timestretch, "_STRETCH_FRAMES", 2 * RATE)
    audio = Audio(sum(sine(hz, 7.0, channels=2).samples / 3 for hz in (220, 277.2, 329.6)), RATE)
    whole = join(stretch_blocks([audio], ratio, semitones))
    assert len(whole) == math.floor(audio.frames * Fraction(ratio) + Fraction(1, 2))
    pieces = join(stretch_blocks(cut(audio, 5, 5, 30_000, 30_001, 120_000), ratio, semitones))
    assert np.array_equal(whole, pieces)
    if ratio != 1.0004:
        assert np.array_equal(whole, stretch(audio, len(whole), semitones).samples)


def test_every_length_around_a_part_s_end_is_exact(monkeypatch):
    monkeypatch.setattr(timestretch, "_STRETCH_FRAMES", 2 * RATE)
    for frames in (RATE, 3 * RATE - 1, 3 * RATE, 3 * RATE + 1, 3 * RATE + 77, 5 * RATE, 5 * RATE + 1):
        audio = sine(220, frames / RATE)
        for ratio in (1.25, 0.8):
            made = join(stretch_blocks(cut(audio, 1000), ratio))
            assert len(made) == math.floor(frames * Fraction(ratio) + Fraction(1, 2))


def test_long_streams_keep_time(monkeypatch):
    """Attacks are where they belong after many parts as in the first."""
    monkeypatch.setattr(timestretch, "_STRETCH_FRAMES", 3 * RATE)
    audio, times = clicks(20.0)
    made = join(stretch_blocks([audio], 1.2))[:, 0]
    energy = np.convolve(made.astype(float) ** 2, np.ones(32) / 32, "same")
    for time in times:
        at = round(time * 1.2 * RATE)
        near = energy[at - 1000 : at + 1000]
        assert abs(int(np.argmax(near > 0.2 * near.max())) - 1000) / RATE < 0.004


def test_a_stream_holds_no_more_than_a_part(monkeypatch):
    monkeypatch.setattr(timestretch, "_STRETCH_FRAMES", RATE)
    piece = sine(220, 1.0)
    seen = []

    def read():
        for number in range(40):
            seen.append(number)
            yield piece

    made = stretch_blocks(read(), 1.1)
    next(made)
    assert len(seen) < 5
    assert sum(block.frames for block in made) > 30 * RATE


def test_a_pitch_that_is_only_a_speed_is_not_vocoded():
    audio, _ = clicks()
    up = stretch(audio, audio.frames // 2, 12.0).samples
    assert (
        np.abs(up[100:-100] - resample(Audio(audio.samples, 2 * RATE), RATE).samples[100:-100]).max() < 1e-6
    )


@pytest.mark.parametrize("ratio", [0.2, 5, float("nan")])
def test_streams_out_of_range_are_refused(ratio):
    with pytest.raises(UsageError, match="times as long"):
        list(stretch_blocks([sine(220)], ratio))
    with pytest.raises(UsageError, match="semitones"):
        list(stretch_blocks([sine(220)], 1.0, 25.0))


def test_streams_that_make_no_sense_are_refused():
    broken = sine(220)
    broken.samples[7] = np.inf
    for ratio in (1.0, 1.0004, 1.5):
        with pytest.raises(AudioError, match="not numbers"):
            list(stretch_blocks([sine(220), broken], ratio))
    with pytest.raises(AudioError, match="follows 1 at"):
        list(stretch_blocks([sine(220), sine(220, channels=2)], 1.5))


def test_no_frames_stay_none():
    assert list(stretch_blocks([], 1.5)) == []
    empty = Audio(np.zeros((0, 2), np.float32), RATE)
    for ratio in (1.0, 1.0004, 1.5):
        (made,) = stretch_blocks([empty], ratio)
        assert made.samples.shape == (0, 2)
