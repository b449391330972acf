"""Levels: the target, the ceiling, windows that drift, continuations as loud as what they continue."""

import numpy as np
import pytest

from beatflow.ai.musicgen.level import CEILING_DBTP, even_out, master, match_level
from beatflow.sound.audio import Audio
from beatflow.sound.exact import quantize
from beatflow.sound.loudness import measure_loudness

RATE = 32000


def music(seconds: float, gain: float = 0.05, seed: int = 0, channels: int = 1) -> np.ndarray:
    """Noise below 3 kHz or so, in bursts, so that it is less peaky than white noise."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((round(seconds * RATE) + 9, channels))
    smooth = sum(white[shift : len(white) - 9 + shift] for shift in range(9)) / 3
    return (gain * np.tanh(smooth)).astype(np.float32)


@pytest.mark.parametrize("gain", [3e-3, 0.05, 0.9, 30.0])
def test_target_whatever_the_level(gain: float) -> None:
    piece = music(4.0, gain)
    mix, level = master(piece, RATE)
    assert mix.frames == len(piece)
    loud = measure_loudness(mix)
    assert loud.integrated_lufs == level.loudness_lufs
    assert loud.integrated_lufs == pytest.approx(-14.0, abs=0.05)
    assert loud.true_peak_dbtp <= -1.0
    np.testing.assert_array_equal(quantize(mix, "PCM_16").samples, mix.samples)
    # One gain: nothing but rounding and the fade at the end differs.
    np.testing.assert_allclose(mix.samples[:-200], piece[:-200] * 10 ** (level.gain_db / 20), atol=4e-5)


def test_peaks_hold_the_level_down() -> None:
    piece = music(4.0, 0.01)
    piece[5000] = 0.8
    _, level = master(piece, RATE)
    assert level.true_peak_dbtp == pytest.approx(CEILING_DBTP, abs=0.05)
    assert level.loudness_lufs < -20


@pytest.mark.parametrize("frames", [0, 1, 10, 640, 5000])
def test_short_pieces_and_silence(frames: int) -> None:
    mix, level = master(np.zeros((frames, 2), np.float32), RATE)
    assert mix.samples.shape == (frames, 2)
    assert not mix.samples.any()
    assert level.gain_db == 0.0
    mix, _ = master(music(1.0)[:frames], RATE)
    assert np.abs(mix.samples).max(initial=0.0) <= 10 ** (-1 / 20)


def test_noise_floor_is_not_made_music() -> None:
    mix, level = master(music(2.0, 1e-6), RATE)
    assert level.gain_db == 0.0
    assert not mix.samples.any()


def test_drift_between_windows_is_taken_back() -> None:
    starts = [0, 3 * RATE, 6 * RATE, 9 * RATE]
    gains_db = (0.0, -6.0, -12.0, 8.0)
    piece = np.concatenate([music(3.0, 0.1 * 10 ** (gain / 20), seed) for seed, gain in enumerate(gains_db)])
    _, level = master(piece, RATE, starts)
    assert level.window_gains_db[0] == 0.0
    for was, gain in zip(gains_db, level.window_gains_db, strict=True):
        assert abs(was + gain) <= 4.3, "more than a verse differs from a chorus"
    evened, _, _ = even_out(piece, RATE, starts)
    step = np.abs(np.diff(np.log(np.abs(evened / np.where(piece, piece, 1)) + 1e-9)[piece != 0])).max()
    assert step < 1e-3, "the gain moves slowly"


def test_music_that_breathes_is_left_alone() -> None:
    piece = np.concatenate([music(3.0, 0.1, 1), music(3.0, 0.07, 2), music(3.0, 0.13, 3)])
    evened, _, gains = even_out(piece, RATE, [0, 3 * RATE, 6 * RATE])
    assert evened is piece
    assert gains == (0.0, 0.0, 0.0)


def test_a_break_stays_silent() -> None:
    piece = np.concatenate([music(3.0), np.zeros((3 * RATE, 1), np.float32)])
    _, loud, gains = even_out(piece, RATE, [0, 3 * RATE])
    assert loud[1] is None
    assert gains == (0.0, 0.0)


def test_continuation_is_as_loud_as_the_piece() -> None:
    original = music(2.0, 0.03, 1)
    rendered = np.concatenate([original * 1.7, music(3.0, 0.051, 2)])
    mix, level = match_level(rendered, RATE, 2 * RATE, Audio(original, RATE), [0])
    assert level.gain_db == pytest.approx(-20 * np.log10(1.7), abs=0.01)
    np.testing.assert_allclose(mix.samples[: 2 * RATE], original, atol=2e-5)


def test_continuation_of_a_hot_master_is_not_clipped() -> None:
    original = np.clip(music(2.0, 1.5, 1), -0.999, 0.999)
    mix, level = match_level(
        np.concatenate([original, music(2.0, 3.0, 2)]), RATE, 2 * RATE, Audio(original, RATE), [0]
    )
    assert level.true_peak_dbtp <= 0.0
    assert np.abs(mix.samples).max() < 1.0


def test_continuation_of_silence() -> None:
    silence = Audio(np.zeros((RATE, 1), np.float32), RATE)
    mix, level = match_level(np.concatenate([silence.samples, music(1.0)]), RATE, RATE, silence, [0])
    assert level.gain_db == 0.0
    assert mix.frames == 2 * RATE
