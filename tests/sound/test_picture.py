"""Waveform text and spectrogram PNGs, checked by decoding them."""

import io

import numpy as np
import pytest
from PIL import Image

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.picture import encode_png, sparkline, write_spectrogram

RATE = 44_100


def sine(hz, seconds=2.0, level=0.5):
    phase = 2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE
    return Audio((level * np.sin(phase)).astype(np.float32)[:, None], RATE)


def decode(audio, **options):
    buffer = io.BytesIO()
    write_spectrogram(buffer, audio, **options)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def test_a_sparkline_follows_the_level():
    steps = [np.full(1000, level) for level in (0.0, 0.001, 0.03, 0.3, 1.0)]
    audio = Audio(np.concatenate(steps).astype(np.float32)[:, None], RATE)
    assert sparkline(audio, 5) == " ▁▃▇█"
    assert len(sparkline(audio, 40)) == 40


def test_sparklines_of_nearly_nothing():
    assert sparkline(Audio(np.zeros((0, 1), np.float32), RATE)) == ""
    assert sparkline(Audio(np.ones((3, 2), np.float32), RATE), 10) == "███"
    with pytest.raises(AudioError, match="at least one column"):
        sparkline(sine(100), 0)


@pytest.mark.parametrize("hz", [60, 440, 1000, 8000])
def test_a_sine_is_a_bright_line_at_its_frequency(hz):
    image = decode(sine(hz), width=200, height=240)
    assert image.shape == (258, 240, 3)
    rows = image[:240, 100:200].astype(int).sum(axis=(1, 2))
    wanted = 239 - 239 * np.log(hz / 30) / np.log(18_000 / 30)
    # The window resolves 11 Hz, which at 60 Hz is several rows.
    assert abs(int(np.argmax(rows)) - wanted) <= (8 if hz < 100 else 1.5)


def test_opposite_channels_do_not_cancel():
    mono = sine(1000)
    wide = Audio(np.hstack([mono.samples, -mono.samples]), RATE)
    assert np.array_equal(decode(wide)[:, :, 0], decode(mono)[:, :, 0])


@pytest.mark.parametrize("frames", [1, 100, 5000])
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_short_and_silent_sounds_can_be_drawn(frames, level):
    image = decode(Audio(np.full((frames, 2), level, np.float32), RATE), width=80, height=60)
    assert image.shape == (78, 120, 3)
    if level == 0:
        assert image[5, 60:].max() < 60


def test_png_survives_a_decoder_and_is_stable(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))), pixels)
    write_spectrogram(tmp_path / "a.png", sine(440))
    write_spectrogram(tmp_path / "b.png", sine(440))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_to_draw():
    with pytest.raises(AudioError, match="no frames"):
        write_spectrogram(io.BytesIO(), Audio(np.zeros((0, 1), np.float32), RATE))
