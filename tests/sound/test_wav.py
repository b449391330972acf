"""WAV headers and samples, checked against libsndfile and the standard library."""

import io
import struct
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import AudioError
from beatflow.sound.wav import WAV_SUBTYPES, WavReader, WavWriter, build_header, parse_wav

RATE = 44_100


class Pipe(io.RawIOBase):
    """A sink that cannot seek."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def wav_bytes(samples, subtype="PCM_16", frames=None, file=None):
    file = file or io.BytesIO()
    writer = WavWriter(file, RATE, samples.shape[1], subtype, frames)
    writer.write(samples)
    writer.finish()
    return file.data if isinstance(file, Pipe) else file.getvalue()


def read_back(data):
    layout = parse_wav(io.BytesIO(data), "x.wav")
    return layout, WavReader(io.BytesIO(data), layout).read(1 << 30)


def grid_samples(subtype, frames, channels, seed=0):
    rng = np.random.default_rng(seed)
    if subtype in ("FLOAT", "DOUBLE"):
        return rng.normal(size=(frames, channels)).astype(np.float32)
    bits = {"PCM_U8": 8, "PCM_16": 16}.get(subtype, 24)
    return (rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (frames, channels)) / 2 ** (bits - 1)).astype(
        np.float32
    )


@given(st.sampled_from(WAV_SUBTYPES), st.integers(0, 50), st.integers(1, 8), st.integers(0, 99))
def test_round_trip_is_exact_and_libsndfile_agrees(subtype, frames, channels, seed):
    samples = grid_samples(subtype, frames, channels, seed)
    data = wav_bytes(samples, subtype)
    layout, found = read_back(data)
    assert np.array_equal(found, samples)
    assert (layout.subtype, layout.channels, layout.sample_rate) == (subtype, channels, RATE)
    assert (layout.frames, layout.truncated, layout.format) == (frames, False, "WAV")
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        assert (sound.frames, sound.channels, sound.subtype) == (frames, channels, subtype)
        assert np.array_equal(sound.read(dtype="float32", always_2d=True), samples)
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert len(data) % 2 == 0


@given(st.sampled_from(WAV_SUBTYPES), st.integers(1, 50), st.integers(1, 4))
def test_what_libsndfile_writes_is_read_alike(subtype, frames, channels):
    buffer = io.BytesIO()
    samples = grid_samples(subtype, frames, channels)
    soundfile.write(buffer, samples, RATE, subtype, format="WAV")
    layout, found = read_back(buffer.getvalue())
    assert layout.frames == frames
    assert np.array_equal(
        found, soundfile.read(io.BytesIO(buffer.getvalue()), dtype="float32", always_2d=True)[0]
    )


def test_the_standard_library_reads_it():
    samples = grid_samples("PCM_24", 100, 2)
    with wave.open(io.BytesIO(wav_bytes(samples, "PCM_24"))) as file:
        assert (file.getnframes(), file.getnchannels(), file.getsampwidth()) == (100, 2, 3)


def test_blocks_announced_length_and_whole_give_the_same_bytes():
    samples = grid_samples("PCM_16", 1000, 2)
    whole = wav_bytes(samples)
    file = io.BytesIO()
    writer = WavWriter(file, RATE, 2, "PCM_16")
    for start in range(0, 1000, 333):
        writer.write(samples[start : start + 333])
    writer.finish()
    assert file.getvalue() == whole
    assert wav_bytes(samples, frames=1000, file=Pipe()) == whole


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
def test_a_pipe_of_unknown_length_is_read_to_its_end(subtype):
    samples = grid_samples(subtype, 333, 1)
    data = wav_bytes(samples, subtype, file=Pipe())
    assert data.count(b"\xff\xff\xff\xff") >= 2
    layout, found = read_back(data)
    assert np.array_equal(found, samples)
    assert not layout.truncated
    found = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]
    assert np.array_equal(found, samples)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB])
@pytest.mark.parametrize("riff_size", [0, 36, 0x7FFFFFFF, 0xFFFFFFFF])
def test_every_way_of_not_knowing_the_length(size, riff_size):
    samples = grid_samples("PCM_16", 101, 2)
    data = bytearray(wav_bytes(samples))
    struct.pack_into("<I", data, 4, riff_size)
    struct.pack_into("<I", data, len(data) - 404 - 4, size)
    layout, found = read_back(bytes(data))
    assert np.array_equal(found, samples)
    assert not layout.truncated


def test_a_recorder_that_never_came_back_to_its_header():
    samples = grid_samples("PCM_16", 101, 2)
    header = io.BytesIO()
    with wave.open(header, "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(b"")
        data = header.getvalue() + (samples * 32768).astype("<i2").tobytes()
    layout, found = read_back(data)
    assert np.array_equal(found, samples)
    assert not layout.truncated


def test_an_honest_zero_is_an_empty_sound_even_before_other_chunks():
    data = bytearray(wav_bytes(np.zeros((0, 2), np.float32)) + b"LIST\4\0\0\0INFO")
    struct.pack_into("<I", data, 4, len(data) - 8)
    layout, found = read_back(bytes(data))
    assert (layout.frames, layout.truncated, found.shape) == (0, False, (0, 2))


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 399])
def test_a_truncated_file_is_read_as_far_as_it_goes(cut):
    samples = grid_samples("PCM_16", 100, 2)
    layout, found = read_back(wav_bytes(samples)[:-cut])
    assert layout.truncated
    assert np.array_equal(found, samples[: 100 - -(-cut // 4)])


def test_odd_sizes_and_half_frames_are_cut_to_whole_frames():
    data = bytearray(wav_bytes(grid_samples("PCM_16", 100, 2)))
    struct.pack_into("<I", data, len(data) - 404, 397)
    layout, found = read_back(bytes(data))
    assert (layout.frames, len(found), layout.truncated) == (99, 99, False)


def test_chunks_of_odd_length_before_the_samples_are_skipped_with_their_padding():
    plain = wav_bytes(grid_samples("PCM_16", 10, 1))
    data = plain[:12] + struct.pack("<4sI", b"odd ", 3) + b"abc\0" + plain[12:]
    assert np.array_equal(read_back(data)[1], grid_samples("PCM_16", 10, 1))


def test_rf64_beyond_4_gib():
    frames = 3 << 30
    header = build_header(RATE, 2, "PCM_16", frames)
    assert len(header) == len(build_header(RATE, 2, "PCM_16", 7))
    assert header[:8] == b"RF64\xff\xff\xff\xff"
    assert header[12:16] == b"ds64"
    riff, data, count = struct.unpack_from("<QQQ", header, 20)
    assert (riff, data, count) == (len(header) - 8 + 4 * frames, 4 * frames, frames)
    # Shorten what it announces, so that the file need not be there.
    small = bytearray(header)
    struct.pack_into("<Q", small, 28, 12)
    samples = grid_samples("PCM_16", 3, 2)
    layout, found = read_back(bytes(small) + (samples * 32768).astype("<i2").tobytes() + b"trailing")
    assert (layout.format, layout.frames, layout.truncated) == ("RF64", 3, False)
    assert np.array_equal(found, samples)
    layout, _ = read_back(header + bytes(40))
    assert (layout.frames, layout.truncated) == (10, True)


def test_seek_and_read_in_parts():
    samples = grid_samples("PCM_24", 100, 2)
    data = wav_bytes(samples, "PCM_24")
    reader = WavReader(io.BytesIO(data), parse_wav(io.BytesIO(data), "x"))
    reader.seek(40)
    assert np.array_equal(reader.read(7), samples[40:47])
    assert np.array_equal(reader.read(500), samples[47:])
    assert reader.read(5).shape == (0, 2)
    reader.seek(10_000)
    assert reader.read(5).shape == (0, 2)


@pytest.mark.parametrize("length", [3, 4, 11, 12, 30, 50, 60, 75])
def test_a_header_that_breaks_off_is_an_error(length):
    data = wav_bytes(grid_samples("PCM_16", 10, 1))[:length]
    if length < 4:
        assert parse_wav(io.BytesIO(data), "x.wav") is None
    else:
        with pytest.raises(AudioError, match=r"x\.wav (breaks off|has a WAV header but no samples)"):
            parse_wav(io.BytesIO(data), "x.wav")


def test_headers_that_contradict_themselves():
    plain = wav_bytes(grid_samples("PCM_16", 10, 1))
    at = plain.index(b"fmt ") + 8
    with pytest.raises(AudioError, match="contradicts itself: 3 channels in 2 bytes"):
        parse_wav(io.BytesIO(plain[: at + 2] + b"\3\0" + plain[at + 4 :]), "x.wav")
    with pytest.raises(AudioError, match="without a description"):
        parse_wav(io.BytesIO(plain[: at - 8] + b"nope" + plain[at - 4 :]), "x.wav")


def test_companded_wav_is_left_to_libsndfile():
    buffer = io.BytesIO()
    soundfile.write(buffer, grid_samples("PCM_16", 10, 1), RATE, "ULAW", format="WAV")
    assert parse_wav(buffer, "x.wav") is None


def test_clipping_is_counted_and_saturates():
    file = io.BytesIO()
    writer = WavWriter(file, RATE, 1, "PCM_16")
    writer.write(np.array([[1.5], [-1.5], [0.0]], np.float32))
    writer.finish()
    assert writer.clipped == 2
    assert (read_back(file.getvalue())[1] * 32768).ravel().tolist() == [32767, -32768, 0]


def test_a_broken_promise_of_length_is_an_error():
    with pytest.raises(AudioError, match="10 frames were written, 11 were announced"):
        wav_bytes(grid_samples("PCM_16", 10, 1), frames=11)


def test_subtypes_that_wav_cannot_hold():
    with pytest.raises(AudioError, match="WAV cannot hold PCM_S8"):
        build_header(RATE, 1, "PCM_S8", 0)
