"""A new part behind a sound: no click, the same loudness, every channel where it belongs."""

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.seam import continue_sound, predict_onward, spread_channels

RATE = 16_000


def tones(frames: int, start: int = 0, level: float = 0.2, channels: int = 1) -> Audio:
    """A chord, so that any phase error would click."""
    time_s = (np.arange(start, start + frames) / RATE)[:, None]
    chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (110.0, 277.2, 659.3))
    return Audio(np.repeat(level * np.asarray(chord), channels, axis=1).astype(np.float32), RATE)


def click_db(samples: np.ndarray, at: int) -> float:
    """How far the fourth difference at a place stands out of what is around it."""
    rough = np.abs(np.diff(samples.astype(np.float64), 4, axis=0)).max(axis=1)
    return float(20 * np.log10(rough[at - 8 : at + 8].max() / np.percentile(rough, 99)))


def test_prediction_goes_on_in_phase_and_no_louder() -> None:
    known = tones(8000)
    onward = predict_onward(known.samples, 400, 4000)
    assert np.abs(onward - tones(400, 8000).samples).max() < 0.01
    assert np.abs(predict_onward(known.samples, 4000, 4000)).max() <= np.abs(known.samples).max()


@pytest.mark.parametrize("frames", [0, 1, 2, 5, 30])
def test_prediction_from_next_to_nothing(frames: int) -> None:
    onward = predict_onward(tones(frames).samples, 10, 4000)
    assert onward.shape == (10, 1)
    assert np.isfinite(onward).all()
    assert not predict_onward(np.zeros((frames, 2), np.float32), 10, 4000).any()


def test_no_click_where_the_phase_jumps() -> None:
    end, lead = tones(RATE * 4), RATE * 2
    # The engine's part is half as loud and a quarter of a period late.
    new = tones(RATE * 3, RATE * 2 - 37, 0.1)
    seam = continue_sound(end, new, lead, 1.0)
    whole = np.concatenate([end.samples, seam.samples])
    hard = np.concatenate([end.samples, new.samples[lead:] * 2])
    assert click_db(hard, RATE * 4) > 20
    assert click_db(whole, RATE * 4) < 1
    assert seam.gain_db == pytest.approx(6.02, abs=0.1)
    assert (len(seam.samples), seam.fade_s) == (RATE, 0.05)
    # Behind the fade nothing is left of the prediction.
    later = round(0.05 * RATE)
    assert np.allclose(
        seam.samples[later:], new.samples[lead + later :] * 10 ** (seam.gain_db / 20), atol=1e-4
    )


def test_without_a_lead_the_first_seconds_are_compared() -> None:
    seam = continue_sound(tones(RATE * 4), tones(RATE * 2, level=0.05), 0, 1.0)
    assert seam.gain_db == pytest.approx(12.04, abs=0.1)


def test_nothing_leaves_the_range() -> None:
    loud = tones(RATE * 4, level=0.33)
    peaky = tones(RATE * 4, level=0.05)
    peaky.samples[RATE * 3 :: 4000] = 1.0
    seam = continue_sound(loud, peaky, RATE * 2, 0.99)
    assert np.abs(seam.samples).max() <= np.float32(0.99)
    assert continue_sound(loud, peaky, RATE * 2, None).samples.max() > 1


def test_silence_on_either_side() -> None:
    silent = Audio(np.zeros((RATE, 1), np.float32), RATE)
    assert continue_sound(silent, tones(RATE), 0, 1.0).gain_db == 0
    assert not continue_sound(tones(RATE), silent, 0, 1.0).samples[RATE // 2 :].any()
    faded = Audio(
        np.concatenate([tones(RATE * 4, level=0.1).samples, np.zeros((RATE * 4, 1), np.float32)]), RATE
    )
    assert continue_sound(faded, tones(RATE), 0, 1.0).gain_db == pytest.approx(-6.02, abs=0.5)


def test_a_tenth_of_a_second() -> None:
    seam = continue_sound(tones(RATE // 10), tones(RATE, level=0.1), RATE // 20, 1.0)
    assert seam.gain_db == pytest.approx(6.02, abs=1.0)
    assert np.isfinite(seam.samples).all()


def test_channels() -> None:
    stereo = np.array([[1.0, 3.0]])
    assert spread_channels(stereo, 1).tolist() == [[2.0]]
    assert spread_channels(stereo, 6).tolist() == [[1.0, 3.0, 2.0, 2.0, 1.0, 3.0]]
    assert spread_channels(stereo[:, :1], 3).tolist() == [[1.0, 1.0, 1.0]]
    assert spread_channels(stereo, 2) is stereo


def test_each_speaker_keeps_its_level() -> None:
    levels = np.array([0.1, 0.1, 0.2, 0.0, 0.05, 0.05], np.float32)
    end = Audio(tones(RATE * 4, channels=6).samples / np.float32(0.2) * levels, RATE)
    seam = continue_sound(end, tones(RATE * 3, level=0.3), RATE, 1.0)
    rms = np.sqrt(np.mean(seam.samples[RATE // 2 :] ** 2, axis=0))
    assert rms[2] / rms[0] == pytest.approx(2, abs=0.05)
    assert rms[0] / rms[4] == pytest.approx(2, abs=0.05)
    assert rms[3] == 0
