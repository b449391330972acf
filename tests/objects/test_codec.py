"""Codecs: whatever goes in comes out, and what comes from a damaged disk never does as something else."""

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.codec import decode, encode
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.pack import Codec
from tests.objects import sounds


def round_trip(raw: bytes, layout: Layout | None = None) -> Codec:
    found = encode(raw, layout)
    assert len(found.payload) <= len(raw)
    assert decode(found.codec, found.parameters, found.payload, len(raw)) == raw
    return found.codec


@pytest.mark.parametrize("channels", [1, 2, 5, 8, 9, 20])
@pytest.mark.parametrize("sample_format", list(SampleFormat))
def test_every_layout(sample_format: SampleFormat, channels: int) -> None:
    raw = sounds.samples(sounds.music(3000, channels), sample_format)
    codec = round_trip(raw, Layout(sample_format, channels, 48000))
    fits = not sample_format.is_float and sample_format.width <= 3
    assert codec is (Codec.FLAC if fits else Codec.PLANES)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(list(SampleFormat)), st.integers(1, 10))
def test_any_samples(data: st.DataObject, sample_format: SampleFormat, channels: int) -> None:
    frame = sample_format.width * channels
    raw = data.draw(st.binary(max_size=40 * frame))
    round_trip(raw[: len(raw) // frame * frame], Layout(sample_format, channels))
    round_trip(raw, Layout(sample_format, channels))
    round_trip(raw)


@pytest.mark.parametrize("sample_format", [SampleFormat.U8, SampleFormat.S16BE, SampleFormat.S24LE])
def test_extremes(sample_format: SampleFormat) -> None:
    random = np.random.default_rng(3)
    low_high = random.choice(np.array([b"\x00", b"\x7f", b"\x80", b"\xff"], "S1"), 24_000)
    raw = bytes(np.frombuffer(low_high.tobytes().ljust(24_000, b"\0"), np.uint8).tobytes())
    round_trip(raw, Layout(sample_format, 2))
    round_trip(random.bytes(24_000), Layout(sample_format, 2))


@pytest.mark.parametrize("sample_format", [SampleFormat.F32LE, SampleFormat.F32BE, SampleFormat.F64LE])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_floats_that_are_integers(sample_format: SampleFormat, bits: int) -> None:
    levels = np.rint(sounds.music(5000) * 2 ** (bits - 1)) / 2 ** (bits - 1) + 0.0
    levels[0] = -1.0
    layout = Layout(sample_format, 2)
    assert round_trip(sounds.samples(levels, sample_format), layout) is Codec.FLAC
    for odd in (-0.0, 1.0, float("nan"), float("inf"), 1e-30):
        one_off = levels.copy()
        one_off[2000, 1] = odd
        assert round_trip(sounds.samples(one_off, sample_format), layout) is not Codec.FLAC


def test_24_bits_in_32() -> None:
    pcm = np.frombuffer(sounds.samples(sounds.music(5000), SampleFormat.S32LE), "<i4")
    assert round_trip(((pcm >> 8) << 8).astype("<i4").tobytes(), Layout(SampleFormat.S32LE, 2)) is Codec.FLAC


def test_silence_is_next_to_nothing() -> None:
    found = encode(bytes(1 << 20), Layout(SampleFormat.S16LE, 2))
    assert len(found.payload) < 100


def test_noise_is_kept_as_it_is() -> None:
    assert round_trip(np.random.default_rng(1).bytes(100_000)) is Codec.NONE
    assert round_trip(b"") is Codec.NONE


@pytest.mark.parametrize("codec", [Codec.ZSTD, Codec.FLAC, Codec.PLANES])
def test_a_payload_that_is_not_the_codec_s(codec: Codec) -> None:
    parameters = b"\x03\x00\x02\x00"
    for payload in (b"", b"fLaC", b"RIFF" + bytes(60), bytes(100)):
        with pytest.raises(DamagedError):
            decode(codec, parameters, payload, 400)


@pytest.mark.parametrize(
    "parameters", [b"\x00\x00\x02\x00", b"\x0d\x00\x02\x00", b"\x03\x00\x00\x00", b"\x03\x01\x02\x00"]
)
def test_parameters_that_mean_nothing(parameters: bytes) -> None:
    found = encode(sounds.samples(sounds.music(100), SampleFormat.S16LE), Layout(SampleFormat.S16LE, 2))
    with pytest.raises(DamagedError):
        decode(Codec.FLAC, parameters, found.payload, 400)


def test_planes_are_for_words_and_floats() -> None:
    with pytest.raises(DamagedError):
        decode(Codec.PLANES, b"\x03\x00\x02\x00", zstandard.ZstdCompressor().compress(bytes(400)), 400)


def test_lengths_that_do_not_match() -> None:
    raw = sounds.samples(sounds.music(1000, 12), SampleFormat.S16LE)
    found = encode(raw, Layout(SampleFormat.S16LE, 12))
    for length in (len(raw) - 24, len(raw) - 1, len(raw) + 24):
        with pytest.raises(DamagedError):
            decode(found.codec, found.parameters, found.payload, length)
    with pytest.raises(DamagedError):
        decode(found.codec, found.parameters, found.payload + b"x", len(raw))
    with pytest.raises(DamagedError):
        decode(Codec.NONE, bytes(4), b"four", 5)


def test_a_frame_that_announces_the_moon_allocates_nothing() -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + (1 << 45).to_bytes(8, "little") + bytes(10)
    assert zstandard.frame_content_size(frame) == 1 << 45
    with pytest.raises(DamagedError):
        decode(Codec.ZSTD, bytes(4), frame, 100)


def test_a_codec_of_the_future() -> None:
    with pytest.raises(BeatFlowError, match="newer"):
        decode(64, bytes(4), b"", 0)
