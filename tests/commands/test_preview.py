"""``bf preview``: the stretch, the level, the tags, and what is refused."""

import io
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from beatflow.playing.excerpt import find_excerpt
from beatflow.playing.preview import name_preview
from beatflow.sound.audio import Audio
from beatflow.sound.loudness import Course, measure_loudness
from tests.conftest import Bf
from tests.world import wav_bytes, write_tone


def song(seconds: int = 24, loud: tuple[int, int] = (12, 20), rate: int = 22_050) -> bytes:
    """A soft tone with a loud stretch."""
    time = np.arange(seconds * rate) / rate
    level = np.where((time >= loud[0]) & (time < loud[1]), 0.5, 0.05)
    wave = level * np.sin(2 * np.pi * 330 * time)
    return wav_bytes(np.rint(np.stack([wave, wave], 1) * 32767), rate)


def read(file: Path) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return samples, rate


def measure(file: Path):  # type: ignore[no-untyped-def]
    return measure_loudness(Audio(*read(file)))


@pytest.mark.parametrize(("suffix", "kind"), [("mp3", "MPEG"), ("opus", "OggOpus"), ("ogg", "OggVorbis")])
def test_the_loud_stretch_at_a_usual_loudness(bf: Bf, suffix: str, kind: str) -> None:
    (bf.directory / "song.wav").write_bytes(song())
    bf.ok("preview", "song.wav", "--length", "6", "-o", f"out.{suffix}")
    file = bf.directory / f"out.{suffix}"
    samples, rate = read(file)
    assert abs(len(samples) / rate - 6) < 0.1
    found = measure(file)
    assert found.integrated_lufs == pytest.approx(-14, abs=0.4)
    assert found.true_peak_dbtp < -1
    assert np.abs(samples[-rate // 20 :]).max() < 0.02
    assert np.sqrt(np.mean(samples[rate : 2 * rate] ** 2)) > 0.1
    assert kind in repr(mutagen.File(file).info) or kind.lower() in type(mutagen.File(file)).__name__.lower()


def test_it_is_tagged_with_what_the_track_knows(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(song(4, (0, 4)))
    (bf.directory / "track.toml").write_text('title = "Night Drive"\ntempo = 90\nkey = "A:min"\n')
    bf.ok("commit", "-m", "first mix")
    bf.ok("tag", "v1")
    write_tone(bf.directory / "mix.wav", 1.0)
    bf.ok("commit", "-m", "second")
    document = bf.ok("preview", "v1", "--json").json
    (made,) = document["previews"]
    assert made["path"] == "mix-preview.mp3"
    tags = mutagen.File(bf.directory / "mix-preview.mp3")
    assert str(tags["TIT2"]) == "Night Drive"
    assert str(tags["TPE1"]) == "Ada"
    assert str(tags["TBPM"]) == "90"
    assert str(tags["TKEY"]) == "Am"
    assert "first mix" in str(tags["COMM::eng"])
    assert str(tags["TXXX:BEATFLOW_OID"]) == made["oid"]
    bf.ok("preview", "v1", "--format", "opus", "--whole")
    opus = mutagen.File(bf.directory / "mix-preview.opus")
    assert opus["TITLE"] == ["Night Drive"]
    assert opus.info.length == pytest.approx(4.0, abs=0.02)
    assert '"kind": "download"' in (bf.directory / ".beatflow" / "state" / "library.jsonl").read_text()


def test_a_stretch_can_be_named(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(song())
    (bf.directory / "track.toml").write_text("tempo = 120\n")
    for start, expected in (("b3", 4.0), ("0:05", 5.0)):
        made = bf.ok("preview", "--start", start, "--length", "2", "--json", "-f").json["previews"][0]
        assert (made["start_s"], made["duration_s"], made["chosen"]) == (expected, 2.0, False)
    assert "behind 90 s" in bf.fails(2, "preview", "--start", "1:30", "-f")


def test_a_pipe_and_a_dry_run(bf: Bf) -> None:
    data = song(3, (0, 3))
    piped = bf.ok("preview", "-", "-o", "-", "--format", "opus", stdin=data)
    assert soundfile.info(io.BytesIO(piped.out_bytes)).subtype == "OPUS"
    (bf.directory / "a.wav").write_bytes(data)
    assert bf.ok("preview", "a.wav", "-n").stdout == "a-preview.mp3\n"
    assert [entry.name for entry in bf.directory.iterdir()] == ["a.wav"]


def test_nothing_is_overwritten_unasked(bf: Bf) -> None:
    (bf.directory / "a.wav").write_bytes(song(2, (0, 2)))
    (bf.directory / "a-preview.mp3").write_text("mine")
    assert "is there already" in bf.fails(4, "preview", "a.wav")
    assert (bf.directory / "a-preview.mp3").read_text() == "mine"
    bf.ok("preview", "a.wav", "--force")
    assert soundfile.info(bf.directory / "a-preview.mp3").format == "MP3"


def test_many_go_into_a_folder_and_one_bad_file_stops_none(bf: Bf) -> None:
    for name in ("a.wav", "-b.wav", "c d.wav", "🎵.wav", "sub/a.wav"):
        (bf.directory / name).parent.mkdir(exist_ok=True)
        (bf.directory / name).write_bytes(song(2, (0, 2)))
    (bf.directory / "bad.wav").write_text("no sound at all")
    (bf.directory / "none.wav").touch()
    names = ["a.wav", "bad.wav", "-b.wav", "none.wav", "c d.wav", "🎵.wav", "sub/a.wav"]
    done = bf("preview", "-o", "out/", "--json", "--", *names)
    assert done.code == 1
    assert len(done.json["previews"]) == 5
    assert len(done.json["failures"]) == 2
    assert sorted(file.name for file in (bf.directory / "out").iterdir()) == [
        "-b-preview.mp3", "a-preview-2.mp3", "a-preview.mp3", "c d-preview.mp3", "🎵-preview.mp3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wave", "loudness"),
    [
        (np.zeros((44_100, 2)), None),
        (np.full((44_100, 2), 8000), None),  # DC, which loudness does not hear
        (np.full((220, 1), 9000), None),  # 5 ms
        (np.tile([[32767, -32768], [-32768, 32767]], (22_050, 1)), -14.0),
    ],
)
def test_odd_sounds_make_previews(bf: Bf, wave: np.ndarray, loudness: float | None) -> None:
    (bf.directory / "odd.wav").write_bytes(wav_bytes(wave))
    made = bf.ok("preview", "odd.wav", "--json").json["previews"][0]
    if loudness is not None:
        assert made["loudness_lufs"] == pytest.approx(loudness, abs=0.1)
    samples, _ = read(bf.directory / "odd-preview.mp3")
    assert len(samples) >= len(wave)


def test_samples_that_are_no_numbers_are_passed_over(bf: Bf) -> None:
    wave = np.sin(np.arange(96_000) / 20) * 0.3
    wave[500], wave[700] = np.nan, np.inf
    soundfile.write(bf.directory / "nan.wav", wave, 96_000, subtype="FLOAT")
    bf.ok("preview", "nan.wav")
    samples, rate = read(bf.directory / "nan-preview.mp3")
    assert rate == 48_000
    assert np.isfinite(samples).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "wma"], "there are mp3, opus, ogg"),
        (["--length", "0.5"], "1 to 86400 s"),
        (["--length", "0"], "--length 30"),
        (["--length=-3"], "--length 30"),
        (["--whole", "--length", "3"], "--whole is all of it"),
        (["--loudness", "0"], "-14 is usual"),
        (["--fade", "90"], "0 to 60 s"),
        (["--start", "noon"], "no time"),
        (["b.wav", "-o", "x.mp3"], "there are 2 sounds"),
        (["b.wav", "-o", "-"], "only one preview"),
    ],
)
def test_what_makes_no_sense_is_refused(bf: Bf, words: list[str], said: str) -> None:
    (bf.directory / "a.wav").write_bytes(song(2, (0, 2)))
    assert said in bf.fails(2, "preview", "a.wav", *words)
    assert [entry.name for entry in bf.directory.iterdir()] == ["a.wav"]


# Which stretch tells most --------------------------------------------------------------------------------


def course(levels: list[float]) -> Course:
    momentary = np.repeat(np.array(levels, float), 10)
    return Course(momentary, momentary, 0.1)


def test_the_loudest_stretch_is_taken_where_nothing_else_is_known() -> None:
    assert find_excerpt(course([-30] * 20 + [-12] * 10 + [-30] * 20), 50, 10) == 20


def test_what_comes_back_outweighs_a_little_loudness() -> None:
    sections = [
        {"start_s": at * 10.0, "end_s": at * 10.0 + 10, "label": label} for at, label in enumerate("ABABC")
    ]
    level = [-20] * 10 + [-18] * 10 + [-20] * 10 + [-18] * 10 + [-16] * 10
    assert find_excerpt(course(level), 50, 10, sections) == 10
    assert find_excerpt(course([-20] * 40 + [-5] * 10), 50, 10, sections) == 40


def test_it_begins_at_a_downbeat_and_ends_inside() -> None:
    downbeats = [0.3 + 2 * at for at in range(25)]
    begin = find_excerpt(course([-30] * 45 + [-10] * 5), 50, 10, (), downbeats)
    assert begin == pytest.approx(38.3)
    assert find_excerpt(course([-20] * 5), 5, 10) == 0
    assert find_excerpt(course([]), 20, 10) == 0
    assert find_excerpt(course([float("-inf")] * 50), 50, 10) == 0


def test_names() -> None:
    assert name_preview("stems/drums.wav", "opus") == "drums-preview.opus"
    assert name_preview("take.2", "mp3") == "take.2-preview.mp3"
    assert name_preview("sound", "mp3") == "sound-preview.mp3"
