"""Sound files in every format, from paths, open files and pipes; and what is said when they are none."""

import io
import os
import threading
import time

import numpy as np
import pytest
import soundfile

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.files import (
    AudioReader,
    check_finite,
    check_measurable,
    check_sound,
    hint_missing,
    iter_audio,
    read_audio,
    read_info,
)
from beatflow.sound.formats import get_format
from beatflow.sound.writing import AudioWriter, write_audio

RATE = 44_100


def tone(frames=20_000, channels=2, rate=RATE):
    phase = 2 * np.pi * 440 * np.arange(frames)[:, None] / rate
    return Audio((0.5 * np.sin(phase + np.arange(channels))).astype(np.float32), rate)


def bytes_of(audio, subtype="PCM_16", format=None):
    buffer = io.BytesIO()
    write_audio(buffer, audio, subtype, format)
    return buffer.getvalue()


LOSSLESS = [
    ("x.wav", "PCM_16"), ("x.wav", "PCM_U8"), ("x.wav", "PCM_24"), ("x.wav", "FLOAT"), ("x.flac", "PCM_16"),
    ("x.FLAC", "PCM_24"), ("x.flac", "PCM_S8"), ("x.aiff", "PCM_16"), ("x.aif", "PCM_24"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "subtype"), LOSSLESS)
def test_lossless_formats_give_back_the_rounded_samples(tmp_path, name, subtype):
    audio = tone()
    assert write_audio(tmp_path / name, audio, subtype) == 0
    info = read_info(tmp_path / name)
    assert (info.subtype, info.channels, info.sample_rate, info.frames) == (subtype, 2, RATE, 20_000)
    assert info.duration_s == 20_000 / RATE
    found = read_audio(tmp_path / name)
    step = {"PCM_U8": 2**-7, "PCM_S8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "FLOAT": 0}[subtype]
    assert np.abs(found.samples - audio.samples).max() <= step / 2
    write_audio(tmp_path / f"again-{name}", found, subtype)
    assert (tmp_path / f"again-{name}").read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "rate", "worst"),
    # Measured -27 to -40 dB for this tone; the bound is half an amplitude step coarser.
    [("x.mp3", RATE, 0.03), ("x.ogg", RATE, 0.03), ("x.opus", 48_000, 0.06)],
)
def test_lossy_formats_keep_length_and_sound(tmp_path, name, rate, worst):
    audio = tone(40_000, rate=rate)
    write_audio(tmp_path / name, audio)
    found = read_audio(tmp_path / name)
    assert found.samples.shape == audio.samples.shape
    middle = slice(5000, -5000)
    assert np.sqrt(np.mean((found.samples[middle] - audio.samples[middle]) ** 2)) < worst


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.aiff", "x.mp3", "x.ogg", "x.opus"])
def test_the_same_sound_gives_the_same_bytes_at_another_time(tmp_path, name):
    audio = tone(rate=48_000)
    subtype = "FLOAT" if name == "x.wav" else "PCM_24"
    write_audio(tmp_path / name, audio, subtype)
    begun = int(time.time())
    while int(time.time()) == begun:  # libsndfile's stamps count whole seconds
        time.sleep(0.01)
    write_audio(tmp_path / f"later-{name}", audio, subtype)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"later-{name}").read_bytes()
    with AudioWriter(tmp_path / f"blocks-{name}", 48_000, 2, subtype) as writer:
        for start in range(0, audio.frames, 7000):
            writer.write(Audio(audio.samples[start : start + 7000], 48_000))
    if name not in ("x.ogg", "x.opus"):  # lossy coders see blocks of their own
        assert (tmp_path / name).read_bytes() == (tmp_path / f"blocks-{name}").read_bytes()


def test_fixed_ogg_pages_have_valid_checksums(tmp_path):
    write_audio(tmp_path / "x.ogg", tone(100_000))
    found, _ = soundfile.read(tmp_path / "x.ogg")  # libogg drops pages whose checksum is wrong
    assert len(found) == 100_000


@pytest.mark.parametrize(
    ("format", "subtype"), [("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "")]
)
def test_a_pipe_in_and_a_pipe_out(format, subtype):
    audio = tone(30_000)
    read_end, write_end = os.pipe()

    def feed():
        with os.fdopen(write_end, "wb") as sink, AudioWriter(sink, RATE, 2, subtype, format) as writer:
            writer.write(audio)

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read_end, "rb") as source:
        found = read_audio(source)
    thread.join()
    assert found.samples.shape == audio.samples.shape
    middle = slice(5000, -5000)
    assert np.sqrt(np.mean((found.samples[middle] - audio.samples[middle]) ** 2)) < 0.03


def test_parts_and_blocks_are_the_whole(tmp_path):
    for name in ("x.wav", "x.flac", "x.ogg"):
        write_audio(tmp_path / name, tone())
        whole = read_audio(tmp_path / name).samples
        blocks = [block.samples for block in iter_audio(tmp_path / name, 6000)]
        assert [len(block) for block in blocks] == [6000, 6000, 6000, 2000]
        assert np.array_equal(np.concatenate(blocks), whole)
        assert np.array_equal(read_audio(tmp_path / name, 19_000, 5000).samples, whole[19_000:])
        assert np.array_equal(read_audio(tmp_path / name, 100, 50).samples, whole[100:150])
        assert read_audio(tmp_path / name, 50_000).frames == 0


def test_lengths_that_the_header_does_not_tell_are_counted():
    audio = tone(50_000)
    flac = bytearray(bytes_of(audio, format="FLAC"))
    # STREAMINFO ends its 20 bits of rate, channels and depth with 36 bits of total samples: zero is "unknown".
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    assert read_info(io.BytesIO(flac)).frames == 50_000
    assert read_audio(io.BytesIO(flac)).frames == 50_000


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_without_a_length_tag_is_read_to_its_end(rate, channels):
    # The first bit rate, of silence, is not the one of what follows: an estimate from it is wrong.
    samples = np.concatenate([np.zeros((3 * rate, channels)), tone(4 * rate, channels, rate).samples])
    mp3 = bytes_of(Audio(samples.astype(np.float32), rate), format="MP3")
    stripped = mp3[mp3.index(mp3[:2], 4) :]
    id3 = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    for data in (stripped, id3 + stripped, stripped + b"TAG" + bytes(125)):
        info = read_info(io.BytesIO(data))
        assert 7 * rate <= info.frames < 7 * rate + 4 * 1152
        assert info.frames == read_audio(io.BytesIO(data)).frames
        assert np.abs(read_audio(io.BytesIO(data), 4 * rate, rate).samples).max() > 0.4


def test_an_open_file_is_left_open_and_read_from_its_start():
    file = io.BytesIO(bytes_of(tone(), format="FLAC"))
    file.seek(77)
    assert read_info(file).frames == 20_000
    assert read_audio(file).frames == 20_000
    assert not file.closed


def test_a_sound_without_frames_is_a_sound(tmp_path):
    nothing = Audio(np.zeros((0, 2), np.float32), RATE)
    for name in ("x.wav", "x.aiff"):
        write_audio(tmp_path / name, nothing)
        assert read_info(tmp_path / name).frames == 0
        assert read_audio(tmp_path / name).samples.shape == (0, 2)
        assert list(iter_audio(tmp_path / name)) == []
    with pytest.raises(AudioError, match="FLAC cannot hold a sound of no frames"):
        write_audio(tmp_path / "x.flac", nothing)


def test_truncated_wav_is_told():
    data = bytes_of(tone())
    info = read_info(io.BytesIO(data[:-4000]))
    assert (info.truncated, info.frames) == (True, 19_000)
    assert not read_info(io.BytesIO(data)).truncated


def test_a_damaged_flac_is_an_error_not_a_crash():
    data = bytes_of(tone(200_000), format="FLAC")
    with pytest.raises(AudioError, match=r"the sound (cannot be decoded|is not sound)"):
        for _ in iter_audio(io.BytesIO(data[: len(data) // 2])):
            pass


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"Verse one\nla la la\n", "is text, not sound"),
        ("Stück für zwei\n".encode() * 60, "is text, not sound"),
        (bytes(1000), "nothing but zeros"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
        (b"\0\0\0\x20ftypM4A " + bytes(100), "MPEG-4"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<html><body>404</body></html>", "a web page"),
        (b"MThd\0\0\0\6\0\1\0\1\0\x60", "MIDI"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "breaks off"),
        (b"RIFF", "breaks off"),
        (b"fLaC", "not sound that can be read"),
        (os.urandom(1) + bytes(range(256)), "not sound that can be read"),
    ],
)
def test_what_is_not_sound_says_what_it_is(tmp_path, data, message):
    path = tmp_path / "notes.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=message) as caught:
        read_audio(path)
    assert "notes.wav" in caught.value.message
    assert caught.value.hint
    assert ",," not in caught.value.message


def test_missing_files_and_folders(tmp_path):
    def hint(path, message):
        with pytest.raises(AudioError, match=message) as caught:
            read_info(path)
        return caught.value.hint

    assert hint(tmp_path / "none.wav", "does not exist") == f"ls {tmp_path} shows what is there"
    (tmp_path / "nonet.wav").touch()
    assert hint(tmp_path / "none.wav", "does not exist") == f"did you mean {tmp_path / 'nonet.wav'}?"
    assert hint(tmp_path / "no" / "none.wav", "does not exist") == f"there is no folder {tmp_path / 'no'}"
    assert hint_missing("none.wav") == "ls shows what is there"
    assert hint(tmp_path, "is a folder")


def test_a_sound_is_checked_before_work_on_it_begins(tmp_path):
    path = tmp_path / "x.wav"
    write_audio(path, tone(200_000), "FLOAT")
    with AudioReader(path) as reader:
        check_sound(reader)
        assert reader.read(10).frames == 10
    data = bytearray(path.read_bytes())
    data[-8 * 50_000 : -8 * 50_000 + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    with AudioReader(path) as reader, pytest.raises(AudioError, match=r"\(frame 150000\)") as caught:
        check_sound(reader)
    assert "ffmpeg" in caught.value.hint
    write_audio(path, tone(0))
    with AudioReader(path) as reader, pytest.raises(AudioError, match="holds no samples") as caught:
        check_sound(reader)
    assert caught.value.hint


@pytest.mark.parametrize(("rate", "channels"), [(7999, 1), (192_001, 2), (44_100, 9)])
def test_rates_and_channels_out_of_range(tmp_path, rate, channels):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros((10, channels)), rate)
    with pytest.raises(AudioError, match=r"x\.wav has (a sample rate of|9 channels)") as caught:
        AudioReader(path)
    assert "ffmpeg" in caught.value.hint
    with pytest.raises(AudioError, match="can be used"):
        AudioWriter(tmp_path / "y.wav", rate, channels)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
def test_samples_that_are_not_numbers_are_refused(tmp_path, value, name):
    audio = tone()
    audio.samples[4410:4420, 1] = value
    with pytest.raises(
        AudioError, match=r"take holds samples that are not numbers .* first at 0\.100 s \(frame 4410\)"
    ):
        check_finite(audio, "take")
    with pytest.raises(AudioError, match="not numbers"):
        write_audio(tmp_path / name, audio)


def test_finite_samples_of_any_size_are_fine():
    check_finite(Audio(np.full((10, 1), 3e38, np.float32), RATE), "loud")


def test_what_is_absurdly_large_is_not_measured():
    check_measurable(Audio(np.full((10, 1), -(2.0**31), np.float32), RATE), "integers")
    for value, said in ((-3e38, "3e.38 times full scale"), (np.nan, "not numbers")):
        with pytest.raises(AudioError, match=said):
            check_measurable(Audio(np.full((10, 1), value, np.float32), RATE), "loud")


def test_clipping_is_counted_in_every_integer_format(tmp_path):
    audio = Audio(np.array([[1.5], [0.5], [-2.0]], np.float32), RATE)
    assert write_audio(tmp_path / "x.wav", audio) == 2
    assert write_audio(tmp_path / "x.flac", audio) == 2
    assert write_audio(tmp_path / "f.wav", audio, "FLOAT") == 0


def test_formats_that_cannot_be_written(tmp_path):
    with pytest.raises(AudioError, match=r"no sound can be written as \.xyz"):
        get_format(tmp_path / "a.xyz", "PCM_16")
    with pytest.raises(AudioError, match="FLAC cannot hold FLOAT"):
        get_format(tmp_path / "a.flac", "FLOAT")
    with pytest.raises(AudioError, match="OPUS cannot hold 2 channels at 44100 Hz"):
        AudioWriter(tmp_path / "a.opus", RATE, 2)
    assert get_format(tmp_path / "a.MP3", "PCM_24") == ("MP3", "MPEG_LAYER_III")
    assert get_format(io.BytesIO(), "PCM_24") == ("WAV", "PCM_24")
    assert get_format(io.BytesIO(), "OPUS", "OGG") == ("OGG", "OPUS")


def test_a_writer_takes_only_its_own_shape(tmp_path):
    with (
        pytest.raises(AudioError, match="takes 1 channels at 44100 Hz, not 2"),
        AudioWriter(tmp_path / "x.wav", RATE, 1) as writer,
    ):
        writer.write(tone())
