"""How long the kernel's FLAC streams are: no longer, or hardly, than libFLAC's at its usual level."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beatflow.native.flac import encode_flac
from beatflow.objects.layout import SampleFormat
from beatflow.objects.portable.flac import encode_stream
from beatflow.objects.samples import from_integers
from tests.native.test_flac import justify
from tests.objects import sounds

USUAL = 0.625  # libFLAC's level 5, on libsndfile's scale
MOST = 1.02

# Codes of little more than a bit for each sample: what is left depends on how predictions are rounded.
LEAST_LEFT = {("quiet tone", 16), ("vibrato", 24), ("ramp", 16)}
MOST_OF_LEAST = 1.1
FORMATS = {8: SampleFormat.U8, 16: SampleFormat.S16LE, 24: SampleFormat.S24LE}

Floats = NDArray[np.floating[Any]]
Sound = Callable[[NDArray[np.int64], np.random.Generator, int], Floats]


def tone(frequency: float, loudness: float = 1.0) -> Sound:
    return lambda time, _random, _top: loudness * np.sin(2 * np.pi * frequency * time)


# Each of frame numbers, a generator and the largest integer; within -1..1.
SOUNDS: dict[str, Sound] = {
    "low tone": tone(0.0007),
    "tone": tone(0.01, 0.3),
    "high tone": tone(0.45),
    "quiet tone": tone(0.21, 0.01),
    "two tones": lambda time, _random, _top: 0.5 * np.sin(0.05 * time) + 0.5 * np.sin(0.31 * time),
    "chirp": lambda time, _random, _top: np.sin(2e-5 * time * time),
    "vibrato": lambda time, _random, _top: np.sin(0.02 * time + 5 * np.sin(0.003 * time)),
    "decay": lambda time, _random, _top: np.sin(0.02 * time) * np.exp(-time / 3000),
    "kick": lambda time, _random, _top: (
        np.sin(250 * np.exp(-time / 2000) + 0.006 * time) * np.exp(-time / 6000)
    ),
    "silence": lambda time, _random, _top: 0.0 * time,
    "level": lambda time, _random, _top: 0.0 * time + 0.3,
    "ramp": lambda time, _random, _top: time / time.size,
    "square": lambda time, _random, _top: np.where(time // 50 % 2, 1.0, -1.0),
    "saw": lambda time, _random, _top: 0.0123 * time % 1 * 2 - 1,
    "impulses": lambda time, _random, _top: np.where(time % 9001 == 0, 0.9, 0.0),
    "noise": lambda time, random, _top: random.uniform(-1, 1, time.size),
    "quiet noise": lambda time, random, top: random.normal(size=time.size) * 2 / top,
    "dither": lambda time, random, top: random.integers(-1, 2, time.size) / top,
    "bursts": lambda time, random, _top: np.where(time // 10000 % 2, 0.2 * random.normal(size=time.size), 0),
    "extremes": lambda time, random, _top: random.choice([-1.0, 1.0], time.size),
    "clipped": lambda time, random, _top: 4 * np.sin(0.02 * time) + 0.5 * random.normal(size=time.size),
}


def most(name: str, bits: int) -> float:
    return MOST_OF_LEAST if (name, bits) in LEAST_LEFT else MOST


def ratio(values: NDArray[np.int64], bits: int) -> float:
    """Return the kernel's length by libFLAC's, of integers of shape (frames, channels)."""
    integers = justify(values, bits)
    stream = encode_flac(from_integers(integers.reshape(-1), FORMATS[bits]), FORMATS[bits], values.shape[1])
    assert stream is not None
    return len(stream) / len(encode_stream(integers, bits, USUAL))


def to_bits(sound: Floats, bits: int) -> NDArray[np.int64]:
    top = (1 << (bits - 1)) - 1
    return np.asarray(np.rint(sound.clip(-1, 1) * top), np.int64)


@pytest.mark.parametrize("frames", [100, 5000, 40_000])
@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("name", SOUNDS)
def test_mono(name: str, bits: int, frames: int) -> None:
    sound = SOUNDS[name](np.arange(frames), np.random.default_rng(1), 1 << (bits - 1))
    assert ratio(to_bits(sound, bits)[:, None], bits) <= most(name, bits)


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("name", SOUNDS)
def test_stereo(name: str, bits: int) -> None:
    time, random, top = np.arange(20_000), np.random.default_rng(2), 1 << (bits - 1)
    one, other = SOUNDS[name](time, random, top), SOUNDS[name](time + 700, random, top)
    for right in (one, -one, 0 * one, 0.5 * one, other):
        assert ratio(to_bits(np.stack([one, right], axis=1), bits), bits) <= most(name, bits)


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_music(channels: int, bits: int) -> None:
    values = to_bits(sounds.music(40_000, channels), bits)
    assert ratio(values, bits) <= 1.005
    for kib in (64, 256):
        assert ratio(values[: kib * 1024 // (channels * bits // 8)], bits) <= 1.005
