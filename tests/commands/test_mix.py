"""``bf mix``: faders moved in the text, renders that are exact, and everything that can be wrong with either."""

import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from beatflow.library.journal import read_events
from beatflow.sound.audio import Audio
from beatflow.sound.fader import Fader
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.mix import render_mix
from beatflow.sound.wav import build_header
from beatflow.sound.writing import write_audio
from tests.conftest import Bf
from tests.world import tone, wav_bytes

NAMES = ("bass", "chords", "vocals")


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A track with three stems and no score."""
    bf.ok("init")
    for number, name in enumerate(NAMES):
        path = bf.directory / f"stems/{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav_bytes(tone(0.5 + 0.1 * number, 110.0 * (number + 1))))
    return bf


def read_score(track: Bf) -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads((track.directory / "track.toml").read_text())


def stems_of(track: Bf) -> dict[str, Audio]:
    return {name: read_audio(track.directory / f"stems/{name}.wav") for name in NAMES}


def test_a_folder_of_stems_gets_a_score(track: Bf) -> None:
    result = track.ok("mix")
    assert result.stdout == "mix.wav\n"
    assert "these are the stems of track.toml now" in result.stderr
    assert {name: one["file"] for name, one in read_score(track)["stems"].items()} == {
        name: f"stems/{name}.wav" for name in NAMES
    }
    mix, _ = render_mix(stems_of(track))
    assert np.array_equal(read_audio(track.directory / "mix.wav").samples, mix.samples)
    track.ok("undo")
    assert not (track.directory / "track.toml").exists()
    assert not (track.directory / "mix.wav").exists()


def test_moving_faders(track: Bf) -> None:
    track.ok("mix")
    text = (track.directory / "track.toml").read_text()
    (track.directory / "track.toml").write_text("# my song\n" + text + "gain_db = -2.0 # loud singer\n")
    result = track.ok(
        "mix", "--gain", "bass=-1.5,vocals=-3dB", "--pan", "chords=.3", "--mute", "vocals",
        "--offset", "bass=+10ms", "--offset", "chords=-480", "--master", "-1", "--json",
    )  # fmt: skip
    text = (track.directory / "track.toml").read_text()
    assert text.startswith("# my song\n")
    assert "gain_db = -3.0 # loud singer" in text
    faders = {
        "bass": Fader(-1.5, offset=441), "chords": Fader(0.0, 0.3, offset=-480), "vocals": Fader(-3.0, mute=True)
    }  # fmt: skip
    mix, clipped = render_mix(stems_of(track), faders, "PCM_16", -1.0)
    assert np.array_equal(read_audio(track.directory / "mix.wav").samples, mix.samples)
    document = result.json
    assert document["clipped"] == clipped == 0
    assert document["loudness_lufs"] < 0
    assert document["frames"] == mix.frames
    assert [one["heard"] for one in document["stems"]] == [True, True, False]
    assert document["stems"][0]["offset_frames"] == 441


def test_mute_and_solo_are_taken_back(track: Bf) -> None:
    track.ok("mix", "--mute", "bass", "--solo", "vocals,chords")
    assert read_score(track)["stems"]["bass"]["mute"] is True
    result = track.ok("mix", "--unmute", "all", "--unsolo", "chords")
    assert read_score(track)["stems"]["bass"]["mute"] is False
    assert "1 of 3 stems (not: bass, chords)" in result.stderr
    assert "3 of 3 stems" in track.ok("mix", "--unsolo", "all").stderr


def test_a_dry_run_changes_nothing(track: Bf) -> None:
    before = sorted(path.name for path in track.directory.rglob("*.*") if ".beatflow" not in path.parts)
    result = track.ok("mix", "-n", "--gain", "bass=20", "--json")
    assert result.json["path"] is None
    assert result.json["clipped"] > 0
    assert (
        sorted(path.name for path in track.directory.rglob("*.*") if ".beatflow" not in path.parts) == before
    )


def test_clipping_is_told_with_the_way_out(track: Bf) -> None:
    error = track.ok("mix", "--gain", "bass=15").stderr
    assert "samples clipped" in error
    hint = error.split("bf mix --master ")[1].split()[0]
    assert "clipped" not in track.ok("mix", "--master", hint).stderr


@pytest.mark.parametrize("name", ["out.flac", "out.aiff", "out.mp3", "out.ogg", "a folder/ø 🎹.wav"])
def test_export_leaves_the_track_alone(track: Bf, tmp_path: Path, name: str) -> None:
    track.ok("mix")
    before = (track.directory / "track.toml").read_bytes(), (track.directory / "mix.wav").read_bytes()
    track.ok("mix", "--solo", "bass", "--export", tmp_path / name)
    assert before == (
        (track.directory / "track.toml").read_bytes(),
        (track.directory / "mix.wav").read_bytes(),
    )
    assert read_info(tmp_path / name).frames >= 22050
    assert track("mix", "-o", tmp_path / name).code == 4
    track.ok("mix", "-o", tmp_path / name, "--force")


def test_taking_a_mix_out_counts_for_the_mix(track: Bf, tmp_path: Path) -> None:
    track.ok("mix", "--commit", "-m", "first")
    track.ok("mix", "-o", tmp_path / "out.mp3")
    track.ok("mix", "-o", "-")
    track.ok("mix", "HEAD", "-o", tmp_path / "then.wav")
    events, _ = read_events(track.directory / ".beatflow" / "state")
    oid = sha256((track.directory / "mix.wav").read_bytes()).hexdigest()
    assert [(one["kind"], one["path"], one["oid"]) for one in events] == [("download", "mix.wav", oid)] * 3


def test_a_pipe_gets_a_true_header(track: Bf, tmp_path: Path) -> None:
    result = track.ok("mix", "--mute", "vocals", "-o", "-", "--bits", "24")
    (tmp_path / "got.wav").write_bytes(result.out_bytes)
    info = read_info(tmp_path / "got.wav")
    assert (info.subtype, info.frames) == ("PCM_24", int(0.7 * 44100))
    assert not (track.directory / "mix.wav").exists()


def test_a_commit_is_mixed_as_it_was(track: Bf, tmp_path: Path) -> None:
    track.ok("mix", "--commit", "-m", "first")
    first = (track.directory / "mix.wav").read_bytes()
    track.ok("mix", "--gain", "bass=-6", "--commit", "-m", "second")
    (track.directory / "stems/bass.wav").write_bytes(wav_bytes(tone(0.1, 500)))
    track.ok("mix", "HEAD~1", "-o", tmp_path / "then.wav")
    assert (tmp_path / "then.wav").read_bytes() == first
    assert "a commit's mix goes into a file of its own" in track.fails(2, "mix", "HEAD~1")
    assert track.ok("log", "--oneline").stdout.count("\n") == 2


def test_a_commit_takes_score_and_stems_along(track: Bf) -> None:
    (track.directory / "notes.txt").write_text("not this")
    track.ok("mix", "--commit", "-m", "mixed")
    assert track.ok("ls").stdout.count(".wav") == 4
    assert "notes.txt" in track.ok("status").stdout
    assert "bit-exact" in track.ok("reproduce", "mix.wav").stdout


def test_an_export_in_the_track_can_be_made_again(track: Bf) -> None:
    track.ok("mix", "--gain", "bass=-2")
    track.ok("mix", "--solo", "bass", "-o", "bass only.wav")
    track.ok("commit", "-m", "both")
    assert "bit-exact" in track.ok("reproduce", "bass only.wav").stdout


def test_stems_join_and_leave(track: Bf) -> None:
    track.ok("mix")
    (track.directory / "stems/-my keys.wav").write_bytes(wav_bytes(tone(0.3, 660)))
    assert "bf mix --add '-my keys=" in (said := track.ok("mix").stderr) or "--add '-my keys'=" in said
    track.ok("mix", "--add", "keys=stems/-my keys.wav", "--gain", "keys=-4")
    assert read_score(track)["stems"]["keys"] == {"file": "stems/-my keys.wav", "gain_db": -4.0}
    track.ok("mix", "--remove", "bass")
    assert "bass" not in read_score(track)["stems"]
    assert (track.directory / "stems/bass.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--gain", "bas=1"], 3, "did you mean bass?"),
        (["--gain", "bass=25"], 2, "-120 to 24 dB"),
        (["--gain", "bass=nan"], 2, "-120 to 24 dB"),
        (["--gain", "bass=-inf"], 2, "--mute"),
        (["--gain", "bass"], 2, "NAME=VALUE"),
        (["--pan", "bass=1.1"], 2, "-1 to 1"),
        (["--offset", "bass=1.5"], 2, "whole number of frames"),
        (["--offset", "bass=1e9h"], 2, "no offset"),
        (["--offset", "bass=99999999s"], 2, "more than a day"),
        (["--master", "loud"], 2, "-120 to 24 dB"),
        (["--bits", "12"], 2, "8, 16, 24 or float"),
        (["--add", "x=nothing.wav"], 2, "does not exist"),
        (["--gain", "bass=20", "--master", "20"], 2, "more than +24 dB"),
        (["-o", "x.xyz"], 1, "no sound can be written as .xyz"),
        (["-o", "x.wav", "--commit", "-m", "x"], 2, "nothing to commit"),
        (["nowhere"], 3, "no revision"),
    ],
)  # fmt: skip
def test_what_is_refused(track: Bf, arguments: list[str], code: int, said: str) -> None:
    result = track("mix", *arguments)
    assert said in result.stderr
    assert result.code == code
    assert not (track.directory / "track.toml").exists()
    assert not (track.directory / "mix.wav").exists()


def test_files_that_cannot_be_mixed(track: Bf) -> None:
    track.ok("mix")
    good = (track.directory / "mix.wav").read_bytes()
    bass = track.directory / "stems/bass.wav"
    kept = bass.read_bytes()
    nan = np.full((1000, 2), np.nan, np.float32)
    header = build_header(44100, 2, "FLOAT", 1000)
    for data, said in [
        (b"", "bass.wav"),
        (b"RIFFnonsense", "bass.wav"),
        (header + nan.tobytes(), "not numbers"),
        (wav_bytes(tone(0.2), 48000), "48000 Hz"),
    ]:
        bass.write_bytes(data)
        result = track("mix")
        assert result.code not in (0, 70), result.stderr
        assert said in result.stderr
        assert (track.directory / "mix.wav").read_bytes() == good
    bass.unlink()
    assert "stems/bass.wav, which track.toml names, is not there" in track.fails(3, "mix")
    bass.write_bytes(kept)
    (track.directory / "track.toml").write_text('[stems.out]\nfile = "../../etc/passwd"\n')
    assert track("mix").code not in (0, 70)
    (track.directory / "track.toml").write_text("[stems.bass\n")
    assert "track.toml cannot be read" in track.fails(2, "mix")


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ('[mix]\nfile = "stems/bass.wav"\n[stems.bass]\nfile = "stems/bass.wav"\n', "the mix itself"),
        ('[mix]\nfile = "../out.wav"\n[stems.bass]\nfile = "stems/bass.wav"\n', "no file of the track"),
        ('[stems.bass]\nfile = "../../etc/passwd"\n', "no file of the track"),
        ('[stems.bass]\nfile = "stems/bass.wav"\noffset = 99999999999999999999\n', "more than a day"),
    ],
)
def test_scores_that_cannot_be_meant(track: Bf, score: str, said: str) -> None:
    """Above all: a stem is never overwritten by its mix."""
    (track.directory / "track.toml").write_text(score)
    before = (track.directory / "stems/bass.wav").read_bytes()
    assert said in track.fails(2, "mix")
    assert (track.directory / "stems/bass.wav").read_bytes() == before


def test_silence_dc_and_very_short(track: Bf) -> None:
    for name, samples in {
        "bass": np.zeros((220, 2)), "chords": np.full((220, 2), 0.25), "vocals": np.zeros((220, 1))
    }.items():  # fmt: skip
        write_audio(track.directory / f"stems/{name}.wav", Audio(samples.astype(np.float32), 44100), "PCM_16")
    document = track.ok("mix", "--json").json
    assert (document["frames"], document["loudness_lufs"]) == (220, None)
    assert "silent" in track.ok("mix", "--mute", "chords").stderr


def test_no_stems_and_no_track(bf: Bf) -> None:
    assert "bf init" in bf.fails(3, "mix")
    bf.ok("init")
    assert "names no stems" in bf.fails(2, "mix")
