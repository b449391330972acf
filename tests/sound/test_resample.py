"""Another sample rate: exact lengths, the same bits however the stream is cut, and the same sound."""

import numpy as np
import pytest

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.resample import resample, resample_blocks

RATES = ((44100, 32000), (32000, 44100), (8000, 32000), (96000, 32000), (192000, 32000), (11025, 48000))


def noise(frames: int, channels: int, sample_rate: int) -> Audio:
    rng = np.random.default_rng(frames)
    return Audio((0.1 * rng.standard_normal((frames, channels))).astype(np.float32), sample_rate)


@pytest.mark.parametrize(("before", "after"), RATES)
def test_length_is_exact(before: int, after: int) -> None:
    for frames in (0, 1, 2, 3, 100, 4411):
        for channels in (1, 2, 6):
            made = resample(noise(frames, channels, before), after)
            assert made.samples.shape == ((2 * frames * after + before) // (2 * before), channels)
            assert made.sample_rate == after


@pytest.mark.parametrize(("before", "after"), RATES[:2])
def test_stream_is_the_whole_whatever_the_blocks(before: int, after: int) -> None:
    audio = noise(300_001, 2, before)
    whole = resample(audio, after)
    for size in (777, 200_000, 262_144, 300_001):
        cut = [Audio(audio.samples[start : start + size], before) for start in range(0, audio.frames, size)]
        parts = [part.samples for part in resample_blocks(cut, after)]
        np.testing.assert_array_equal(np.concatenate(parts), whole.samples)


def test_tone_stays_where_it_is_and_what_is_beyond_the_new_rate_goes() -> None:
    time = np.arange(44100) / 44100
    for hz, left, within in ((997.0, 1.0, 1e-4), (13900.0, 1.0, 1e-3), (20000.0, 0.0, 1e-6)):
        audio = Audio(np.sin(2 * np.pi * hz * time).astype(np.float32)[:, None], 44100)
        made = resample(audio, 32000).samples[2000:-2000, 0]
        wanted = left * np.sin(2 * np.pi * hz * np.arange(2000, 30000) / 32000)
        np.testing.assert_allclose(made, wanted, atol=within)


def test_same_rate_changes_nothing() -> None:
    audio = noise(1000, 3, 44100)
    np.testing.assert_array_equal(resample(audio, 44100).samples, audio.samples)


def test_nonsense_is_refused() -> None:
    with pytest.raises(AudioError, match="must be positive"):
        resample(noise(10, 1, 44100), 0)
    with pytest.raises(AudioError, match="2 channels at 44100 Hz follows 1 at 44100 Hz"):
        list(resample_blocks([noise(10, 1, 44100), noise(10, 2, 44100)], 8000))
    assert list(resample_blocks([], 8000)) == []
