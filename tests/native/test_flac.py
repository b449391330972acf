"""FLAC streams: the kernel reads whatever an encoder may write, and nothing else harms."""

from contextlib import suppress
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beatflow.native.flac import decode_flac, decode_values, encode_flac, encode_values
from beatflow.objects.codec import decode
from beatflow.objects.flac import LEVEL
from beatflow.objects.layout import SampleFormat
from beatflow.objects.pack import Codec
from beatflow.objects.portable.flac import decode_stream, encode_stream
from beatflow.objects.samples import Integers, from_integers
from tests.native.flacwriter import write_stream
from tests.objects import sounds

LEVELS = [number / 8 for number in range(9)]
PLAIN = {8: SampleFormat.S8, 16: SampleFormat.S16LE, 24: SampleFormat.S24LE}
OF_BITS = {
    8: [SampleFormat.U8, SampleFormat.S8],
    16: [SampleFormat.S16LE, SampleFormat.S16BE],
    24: [one for one in SampleFormat if one.width >= 3],
}
KINDS = ("music", "noise", "silence", "steps", "extremes", "sparse", "shifted")


def make(kind: str, frames: int, channels: int, bits: int, seed: int = 1) -> NDArray[np.int64]:
    """Return integers of so many bits, right-justified, shape (frames, channels)."""
    random = np.random.default_rng(seed)
    top = 1 << (bits - 1)
    shape = (frames, channels)
    drawn: dict[str, NDArray[np.int64]] = {
        "music": np.rint(sounds.music(frames, channels, seed) * (top - 1)).astype(np.int64),
        "noise": random.integers(-top, top, shape),
        "silence": np.zeros(shape, np.int64),
        "steps": np.repeat(random.integers(-top, top, (frames // 50 + 1, channels)), 50, axis=0)[:frames],
        "extremes": random.choice(np.array([-top, top - 1]), shape),
        "sparse": np.where(random.random(shape) < 0.01, random.integers(-top, top, shape), 0),
        "shifted": random.integers(-4, 4, shape) << (bits - 3),
    }
    return drawn[kind].clip(-top, top - 1)


def justify(values: NDArray[np.int64], bits: int) -> Integers:
    """Return integers as libsndfile takes them, left-justified."""
    return (values << 8 if bits != 16 else values).astype(np.int16 if bits <= 16 else np.int32)


def read_values(stream: bytes, frames: int, channels: int, bits: int) -> NDArray[np.int32]:
    out = np.full((frames, channels), 99, np.int32)
    assert decode_values(stream, frames, channels, bits, out.ctypes.data)
    return out


def assert_decodes(stream: bytes, values: NDArray[np.int64], bits: int) -> None:
    frames, channels = values.shape
    np.testing.assert_array_equal(read_values(stream, frames, channels, bits), values)
    flat = justify(values, bits).reshape(-1)
    for sample_format in OF_BITS[bits]:
        raw = decode_flac(stream, frames, channels, sample_format)
        assert raw == from_integers(flat, sample_format), sample_format


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_what_libflac_writes(bits: int, level: float) -> None:
    for kind in KINDS:
        for channels in (1, 2, 3):
            frames = 70_000 if kind == "music" else 10_000  # enough for all lanes
            values = make(kind, frames, channels, bits)
            assert_decodes(encode_stream(justify(values, bits), bits, level), values, bits)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 5000),
    st.integers(1, 8),
    st.sampled_from([8, 16, 24]),
    st.sampled_from(LEVELS),
    st.integers(0, 99),
)
def test_what_libflac_writes_of_any_length(
    kind: str, frames: int, channels: int, bits: int, level: float, seed: int
) -> None:
    values = make(kind, frames, channels, bits, seed)
    assert_decodes(encode_stream(justify(values, bits), bits, level), values, bits)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 700),
    st.integers(1, 8),
    st.sampled_from([8, 16, 24]),
    st.integers(0, 1 << 32),
)
def test_whatever_a_writer_may_choose(kind: str, frames: int, channels: int, bits: int, seed: int) -> None:
    values = make(kind, frames, channels, bits, seed)
    stream = write_stream(values, bits, Random(seed))
    assert_decodes(stream, values, bits)
    np.testing.assert_array_equal(decode_stream(stream, frames, channels, bits), justify(values, bits))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 9000),
    st.integers(1, 8),
    st.sampled_from(list(SampleFormat)),
    st.integers(0, 99),
)
def test_what_the_kernel_writes(
    kind: str, frames: int, channels: int, sample_format: SampleFormat, seed: int
) -> None:
    bits = min(8 * sample_format.width, 24)
    values = make(kind, frames, channels, bits, seed)
    raw = from_integers(justify(values, bits).reshape(-1), sample_format)
    stream = encode_flac(raw, sample_format, channels)
    assert stream is not None
    assert decode_flac(stream, frames, channels, sample_format) == raw
    np.testing.assert_array_equal(decode_stream(stream, frames, channels, bits), justify(values, bits))
    again = encode_values(values.astype(np.int32).tobytes(), frames, channels, bits)
    assert again is not None
    np.testing.assert_array_equal(read_values(again, frames, channels, bits), values)


@pytest.mark.parametrize("channels", [9, 16, 17, 40])
@pytest.mark.parametrize(
    "sample_format", [SampleFormat.U8, SampleFormat.S16BE, SampleFormat.S24LE, SampleFormat.F64BE]
)
def test_more_than_eight_channels(sample_format: SampleFormat, channels: int) -> None:
    bits = min(8 * sample_format.width, 24)
    values = make("music", 300, channels, bits)
    groups = [justify(values[:, first : first + 8], bits) for first in range(0, channels, 8)]
    streams = [encode_stream(group, bits, LEVEL) for group in groups]
    payload = b"".join(len(stream).to_bytes(4, "little") + stream for stream in streams)
    raw = from_integers(justify(values, bits).reshape(-1), sample_format)
    assert decode_flac(payload, 300, channels, sample_format) == raw
    for damaged in (payload + b"\0", payload[:-1], payload[: len(streams[0]) + 6], b"", payload[:-30]):
        with pytest.raises(ValueError, match="FLAC stream"):
            decode_flac(damaged, 300, channels, sample_format)


def test_a_stream_of_another_shape() -> None:
    stream = encode_stream(justify(make("music", 5000, 2, 16), 16), 16, LEVEL)
    for frames, channels, sample_format in (
        (4999, 2, SampleFormat.S16LE),
        (5001, 2, SampleFormat.S16LE),
        (5000, 1, SampleFormat.S16LE),
        (5000, 3, SampleFormat.S16LE),
        (5000, 2, SampleFormat.S24LE),
        (5000, 2, SampleFormat.S8),
        (5000, 2, 13),
    ):
        with pytest.raises(ValueError, match="of another length, or of other channels or bits"):
            decode_flac(stream, frames, channels, sample_format)
    for frames, channels, bits in ((4999, 2, 16), (5000, 1, 16), (5000, 2, 8), (5000, 0, 16), (5000, 2, 0)):
        with pytest.raises(ValueError, match="of another length, or of other channels or bits"):
            decode_values(stream, frames, channels, bits, 0)
    with pytest.raises(ValueError, match="not a FLAC stream"):
        decode_flac(b"RIFF" + stream[4:], 5000, 2, SampleFormat.S16LE)
    with pytest.raises(ValueError, match="not a FLAC stream"):
        decode_flac(b"", 5000, 2, SampleFormat.S16LE)


def test_a_stream_that_is_cut_short() -> None:
    values = make("music", 700, 2, 16)
    stream = write_stream(values, 16, Random(3))
    for length in range(len(stream)):
        with pytest.raises(ValueError, match="FLAC stream"):
            decode_flac(stream[:length], 700, 2, SampleFormat.S16LE)


def test_samples_that_have_too_many_bits() -> None:
    values = np.arange(0, 8000, 20)[:, None]
    refused = 0
    for seed in range(30):
        out = np.zeros(values.shape, np.int32)
        try:
            decode_values(write_stream(values, 8, Random(seed)), len(values), 1, 8, out.ctypes.data)
        except ValueError:
            refused += 1
        else:
            assert -128 <= out.min() <= out.max() <= 127
    assert refused


@settings(max_examples=500, deadline=None)
@given(
    st.data(),
    st.sampled_from(KINDS),
    st.sampled_from([8, 16, 24]),
    st.integers(1, 3),
    st.integers(0, 1 << 32),
)
def test_damaged_streams(data: st.DataObject, kind: str, bits: int, channels: int, seed: int) -> None:
    values = make(kind, 400, channels, bits, seed)
    stream = bytearray(write_stream(values, bits, Random(seed)))
    for _ in range(data.draw(st.integers(1, 8))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    guard = np.full((402, channels), 7, np.int32)
    with suppress(ValueError):
        decode_values(bytes(stream), 400, channels, bits, guard[1:].ctypes.data)
        top = 1 << (bits - 1)
        assert -top <= guard[1:-1].min() <= guard[1:-1].max() < top
    assert (guard[[0, -1]] == 7).all()


def test_a_damaged_chunk_is_told_as_such() -> None:
    from beatflow.errors import DamagedError

    stream = encode_stream(justify(make("music", 500, 2, 16), 16), 16, LEVEL)
    with pytest.raises(DamagedError, match="codec 2 cannot decode its payload"):
        decode(Codec.FLAC, b"\x03\0\x02\0", stream[:-300], 2000)
