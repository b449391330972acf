"""Which wraps are heard, and that closing mends them."""

import numpy as np
import pytest

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.crossfade import correlate, crossfade
from beatflow.sound.looping import close_loop, close_seam, measure_seam
from beatflow.sound.seamlevel import SMOOTH_DB

RATE = 22_050


def chords(seconds=4.0, channels=2, seed=0, around=False):
    """Held notes that change twice a second, with soft attacks and decays; or a loop of them, whose end sounds on."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    samples = np.zeros(frames + RATE)
    for start in range(0, frames, RATE // 2):
        time = np.arange(RATE) / RATE
        envelope = np.minimum(time / 0.02, 1) * np.exp(-2.5 * time) * np.minimum((1 - time) / 0.1, 1)
        for hz in rng.choice([110, 138.6, 164.8, 220, 261.6, 329.6], 3, replace=False):
            samples[start : start + RATE] += 0.1 * envelope * np.sin(2 * np.pi * hz * time)
    if around:
        samples[:RATE] += samples[frames:]
    return Audio(np.repeat(samples[:frames].astype(np.float32)[:, None], channels, axis=1), RATE)


def rolled(audio, by):
    return Audio(np.ascontiguousarray(np.roll(audio.samples, by, axis=0)), audio.sample_rate)


def test_a_wrap_where_the_music_goes_on_is_smooth():
    audio = chords(8.0)
    for place in (20_000, 33_333, 51_234):
        part = Audio(audio.samples[10_000:70_000], RATE)
        assert not measure_seam(rolled(part, place)).audible


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_cut_in_the_middle_of_a_note_is_heard(channels):
    audio = chords(6.0, channels)
    starts = (3000, 14_500, 26_300) if channels < 8 else (14_500,)
    heard = [measure_seam(Audio(audio.samples[start : start + 50_123], RATE)) for start in starts]
    assert all(seam.audible for seam in heard)
    assert all(seam.click_db > 4 for seam in heard)


def test_what_breaks_off_is_heard_even_without_a_click():
    rng = np.random.default_rng(0)
    frames = RATE * 4
    samples = 0.2 * rng.standard_normal(frames) * np.linspace(0.02, 1, frames) ** 2
    seam = measure_seam(Audio(samples.astype(np.float32)[:, None], RATE))
    assert seam.fall_db > 4
    assert seam.audible


@pytest.mark.parametrize("frames", [0, 1, 100, RATE])
def test_silence_has_no_seam(frames):
    assert measure_seam(Audio(np.zeros((frames, 2), np.float32), RATE)).level_db == SMOOTH_DB


def test_five_milliseconds_are_judged_by_their_steps():
    time = np.arange(110) / RATE
    whole = np.sin(2 * np.pi * 400.909 * time).astype(np.float32)[:, None]  # two periods
    broken = np.sin(2 * np.pi * 250 * time).astype(np.float32)[:, None]
    assert measure_seam(Audio(whole, RATE)).level_db <= 0
    assert measure_seam(Audio(broken, RATE)).audible


@pytest.mark.parametrize(
    ("before", "after", "ways"),
    [
        (RATE, RATE, {"lead-in"}),
        (RATE, 0, {"lead-in"}),
        (0, RATE, {"run-on"}),
        (0, 0, {"prediction"}),
    ],
)
def test_a_bad_cut_is_closed_with_what_is_there(before, after, ways):
    audio = chords(8.0)
    start, frames = 47_300, 61_111
    part = Audio(audio.samples[start - before : start + frames + after], RATE)
    closed = close_seam(part, before, frames)
    assert closed.before.audible
    assert not closed.after.audible
    assert closed.method in ways
    assert closed.audio.samples.shape == (frames, 2)
    assert 0 < closed.fade_s <= 0.121
    # Only the fade is another sound than what was there.
    fade = round(closed.fade_s * RATE)
    cut = audio.samples[start : start + frames]
    kept = slice(fade, None) if closed.method == "run-on" else slice(0, -fade)
    assert np.array_equal(closed.audio.samples[kept], cut[kept])


def test_a_smooth_one_is_merely_cut():
    period = chords(2.0, around=True).samples
    audio = Audio(np.tile(period, (3, 1)), RATE)
    closed = close_seam(audio, len(period), len(period))
    assert (closed.method, closed.fade_s) == ("cut", 0.0)
    assert np.array_equal(closed.audio.samples, period)


def test_a_tail_sounds_on_over_the_start():
    rng = np.random.default_rng(1)
    body = np.zeros((RATE * 2, 1))
    for start in range(0, RATE * 2, RATE // 2):
        body[start : start + 4000, 0] += 0.4 * rng.standard_normal(4000) * np.exp(-np.arange(4000) / 900)
    tail = 0.1 * rng.standard_normal((RATE, 1)) * np.exp(-np.arange(RATE) / 3000)[:, None]
    audio = Audio(np.concatenate([body, tail]).astype(np.float32), RATE)
    closed = close_seam(audio, 0, len(body))
    assert closed.method == "tail"
    assert closed.audio.frames == len(body)
    laid = closed.audio.samples[: RATE // 4] - body[: RATE // 4].astype(np.float32)
    assert np.allclose(laid, tail[: RATE // 4], atol=1e-4)


def test_attacks_are_not_doubled():
    # A click 40 ms before the end, and one 40 ms before the start: the fade begins behind both.
    audio = chords(8.0)
    samples = audio.samples.copy()
    start, frames = 47_300, 61_111
    for at in (start - 880, start + frames - 880):
        samples[at : at + 30] += 0.5
    closed = close_seam(Audio(samples, RATE), start, frames)
    assert closed.fade_s <= 0.0405


def test_five_milliseconds_can_be_closed():
    audio = chords(1.0)
    assert close_loop(audio, 5000, 110).frames == 110
    assert close_loop(Audio(audio.samples[:110], RATE), 0, 110).frames == 110


@pytest.mark.parametrize(("start", "frames"), [(-1, 10), (0, 0), (0, 10**7)])
def test_what_is_not_there_cannot_be_cut(start, frames):
    with pytest.raises(AudioError, match="do not lie within"):
        close_loop(chords(1.0), start, frames)


def test_samples_that_are_not_numbers_are_refused():
    audio = chords(1.0)
    audio.samples[100] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        close_loop(audio, 0, 1000)


def test_a_crossfade_keeps_the_level_of_like_and_of_unlike():
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((2, 20_000, 1))
    for leaving, coming in ((one, one), (one, two)):
        faded = crossfade(leaving, coming)
        assert np.mean(faded[8000:12_000] ** 2) == pytest.approx(1.0, abs=0.1)
    assert np.allclose(crossfade(one, one), one)
    assert correlate(one, -one) == pytest.approx(-1)
    assert correlate(one, np.zeros_like(one)) == 1
    assert np.abs(crossfade(one, -one)).max() <= np.abs(one).max()
