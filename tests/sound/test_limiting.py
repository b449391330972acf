"""A limiter that works block by block, in memory that does not grow, the same whatever it remembers."""

import tracemalloc

import numpy as np
import pytest

from beatflow.sound import limiting
from beatflow.sound.audio import Audio
from beatflow.sound.limiting import Limiter, Peaks
from beatflow.sound.loudness import measure_loudness

RATE = 8000


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> Audio:
    """Two channels of noise with a loud click three times a second."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * rate), 2))
    samples[:: rate // 3] *= 8
    return Audio(np.clip(samples, -1, 1).astype(np.float32), rate)


def cut(audio: Audio, size: int) -> list[Audio]:
    """A sound in blocks."""
    return [Audio(audio.samples[at : at + size], audio.sample_rate) for at in range(0, audio.frames, size)]


def join(blocks: list[Audio]) -> np.ndarray:
    return np.concatenate([block.samples for block in blocks])


def test_no_peak_passes_and_what_is_soft_keeps_its_gain() -> None:
    audio = noise(2)
    limiter = Limiter(Peaks([audio]), 6.0, -1.0)
    made = Audio(join(list(limiter.apply([audio]))), RATE)
    assert (measure_loudness(made).true_peak_dbtp or 0) <= -0.95
    assert 3 < limiter.most_db < 8
    quiet = Audio(np.float32(0.1) * audio.samples, RATE)
    limiter = Limiter(Peaks([quiet]), 6.0, -1.0)
    assert np.array_equal(join(list(limiter.apply([quiet]))), quiet.samples * np.float32(10 ** (6 / 20)))
    assert limiter.most_db == 0


@pytest.mark.parametrize("remembered", [0, 1 << 22])
@pytest.mark.parametrize("size", [1, 30, 1000, 1 << 20])
def test_the_same_in_any_blocks_and_whatever_is_remembered(
    monkeypatch: pytest.MonkeyPatch, size: int, remembered: int
) -> None:
    audio = noise(0.1 if size == 1 else 1)
    whole = Limiter(Peaks([audio]), 6.0, -1.0)
    monkeypatch.setattr(limiting, "_MOST_REMEMBERED", remembered)
    limiter = Limiter(Peaks(cut(audio, size)), 6.0, -1.0)
    blocks = list(limiter.apply(cut(audio, size)))
    assert [block.frames for block in blocks] == [block.frames for block in cut(audio, size)]
    assert np.allclose(join(blocks), join(list(whole.apply([audio]))), rtol=0, atol=1e-6)
    assert limiter.most_db == pytest.approx(whole.most_db, abs=1e-4)


@pytest.mark.parametrize("frames", [1, 3, 40])
def test_what_is_shorter_than_its_look_ahead(frames: int) -> None:
    audio = Audio(np.full((frames, 1), 0.9, np.float32), RATE)
    (made,) = Limiter(Peaks([audio]), 12.0, -1.0).apply([audio])
    assert made.frames == frames
    assert np.abs(made.samples).max() <= 10 ** (-1 / 20)


def test_memory_does_not_grow_with_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "_MOST_REMEMBERED", 1000)
    block = noise(2)

    def find_peak(times: int) -> int:
        limiter = Limiter(Peaks(block for _ in range(times)), 6.0, -1.0)
        tracemalloc.start()
        try:
            frames = sum(made.frames for made in limiter.apply(block for _ in range(times)))
            assert frames == times * block.frames
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    find_peak(2)
    assert find_peak(60) < 1.2 * find_peak(6)
