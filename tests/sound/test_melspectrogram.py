"""The mel spectrogram: where a tone shows, how loud, when, and that blocks make no difference."""

import numpy as np
import pytest

from beatflow.sound.melspectrogram import BANDS, FLOOR_DB, MelMeter, Melspectrogram, to_hz, to_mel

RATE = 44_100


def sine(hz: float, frames: int, rate: int = RATE, amplitude: float = 1.0, channels: int = 1) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(frames) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def measure(samples: np.ndarray, step: int, rate: int = RATE, block: int = 1 << 16) -> Melspectrogram:
    meter = MelMeter(rate, samples.shape[1], len(samples), step)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.result()


def test_mel_and_back() -> None:
    assert float(to_mel(1000.0)) == pytest.approx(1000, abs=0.1)
    assert to_hz(to_mel(np.array([30.0, 440.0, 20_000.0]))) == pytest.approx([30, 440, 20_000])


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
@pytest.mark.parametrize("hz", [60.0, 440.0, 3000.0])
def test_a_tone_is_in_its_band_and_as_loud_as_it_is(hz: float, rate: int) -> None:
    found = measure(sine(hz, rate, rate, 0.5), rate // 4, rate)
    assert found.levels_db.shape == (BANDS, 4)
    loudest = int(found.levels_db[:, 1].argmax())
    assert abs(float(to_mel(found.hz[loudest]) - to_mel(hz))) <= 32  # a band is 30 wide
    # Between two bins, and between two bands, a sine reads up to 3.5 dB low.
    assert found.levels_db[:, 1].max() == pytest.approx(-6.0, abs=3.6)


def test_time_is_where_it_is() -> None:
    samples = np.concatenate([np.zeros((RATE, 1), np.float32), sine(1000, RATE)])
    levels = measure(samples, RATE // 10).levels_db.max(axis=0)
    assert (levels[:9] == FLOOR_DB).all()
    assert (levels[11:] > -3.6).all()


def test_channels_out_of_phase_are_not_hidden() -> None:
    one = sine(1000, RATE)
    both = np.concatenate([one, -one], axis=1)
    assert measure(both, 4410).levels_db == pytest.approx(measure(one, 4410).levels_db, abs=0.1)


@pytest.mark.parametrize("frames", [1, 220, 5000])
def test_short_sounds_and_blocks_of_any_size(frames: int) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, (frames, 2)).astype(np.float32)
    whole, cut = measure(samples, 1), measure(samples, 1, block=97)
    assert whole.levels_db.shape == (BANDS, frames)
    assert np.isfinite(whole.levels_db).all()
    assert np.allclose(whole.levels_db, cut.levels_db, atol=1e-3)
