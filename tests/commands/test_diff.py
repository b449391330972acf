"""``bf diff`` and ``bf show``: what differs, told by sound."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Bf
from tests.world import decode, tone, wav_bytes, write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", seconds=2, hz=220)
    write_tone(bf.directory / "stems" / "bass.wav", seconds=2, hz=55)
    (bf.directory / "notes.txt").write_text("verse\nchorus\n")
    bf.ok("commit", "-m", "first take")
    return bf


def scale(path: Path, gain_db: float) -> None:
    samples = decode(path.read_bytes()) * 10 ** (gain_db / 20)
    path.write_bytes(wav_bytes(np.rint(samples)))


def test_nothing_differs(track: Bf) -> None:
    result = track("diff")
    assert (result.code, result.stdout) == (0, "")
    assert track.ok("diff", "--json").json == {"schema": "beatflow.diff/1", "different": False, "changes": []}


def test_a_gain_is_named_in_db(track: Bf) -> None:
    scale(track.directory / "mix.wav", -1.5)
    result = track("diff")
    assert result.code == 1
    assert result.stdout.splitlines()[0] == "~ mix.wav"
    assert "−1.50 dB, then nulls to −" in result.stdout
    (change,) = track("diff", "--json").json["changes"]
    assert change["kind"] == "gain"
    assert change["gain_db"] == pytest.approx(-1.5, abs=0.01)
    loudness = change["after"]["loudness_lufs"] - change["before"]["loudness_lufs"]
    assert loudness == pytest.approx(-1.5, abs=0.02)


def test_a_move_is_named_in_frames(track: Bf) -> None:
    samples = tone(2, 220)
    (track.directory / "mix.wav").write_bytes(wav_bytes(np.vstack([np.zeros((441, 2), np.int16), samples])))
    (change,) = track("diff", "--json").json["changes"]
    assert (change["kind"], change["offset_frames"], change["length_change_frames"]) == ("moved", 441, 441)
    assert "441 frames later (0.0100 s)" in track("diff").stdout


def test_a_new_take_gets_no_made_up_figures(track: Bf) -> None:
    noise = np.random.default_rng(3).normal(0, 3000, (88200, 2))
    (track.directory / "mix.wav").write_bytes(wav_bytes(np.rint(noise)))
    (change,) = track("diff", "--json").json["changes"]
    assert change["kind"] == "new_take"
    assert "gain_db" not in change
    assert "a new take" in track("diff").stdout


def test_part_replaced_says_where_it_is_worst(track: Bf) -> None:
    samples = tone(2, 220).copy()
    samples[60000:64000] = np.random.default_rng(1).integers(-9000, 9000, (4000, 2))
    (track.directory / "mix.wav").write_bytes(wav_bytes(samples))
    (change,) = track("diff", "--json").json["changes"]
    assert change["kind"] == "changed"
    assert 1.2 <= change["worst_s"] <= 1.5
    assert "worst at 0:01." in track("diff").stdout


def test_same_samples_in_another_container(track: Bf) -> None:
    path = track.directory / "mix.wav"
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    (change,) = track("diff", "--json").json["changes"]
    assert change["kind"] == "identical"
    assert "only the file around them differs" in track("diff").stdout


def test_another_rate_or_depth_is_said(track: Bf) -> None:
    (track.directory / "mix.wav").write_bytes(wav_bytes(tone(2, 220, sample_rate=48000), 48000))
    (track.directory / "stems" / "bass.wav").write_bytes(
        wav_bytes(tone(2, 55).astype(np.int32) * 256, bits=24)
    )
    rows = {row["path"]: row for row in track("diff", "--json").json["changes"]}
    assert rows["mix.wav"]["kind"] == "format"
    assert rows["stems/bass.wav"]["kind"] == "identical"
    said = track("diff").stdout
    assert "44100 → 48000 Hz" in said
    assert "PCM_16 → PCM_24" in said


def test_added_deleted_renamed_and_text(track: Bf) -> None:
    (track.directory / "mix.wav").rename(track.directory / "mixdown.wav")
    (track.directory / "stems" / "bass.wav").unlink()
    write_tone(track.directory / "pads.wav", seconds=1, hz=330)
    (track.directory / "notes.txt").write_text("verse\nbridge\nchorus\n")
    kinds = {row["path"]: row["kind"] for row in track("diff", "--json").json["changes"]}
    assert kinds == {
        "mixdown.wav": "renamed",
        "notes.txt": "text",
        "pads.wav": "added",
        "stems/bass.wav": "deleted",
    }
    said = track("diff").stdout
    assert "> mixdown.wav (was mix.wav)" in said
    assert "    +bridge" in said
    assert "0:01.000 · 44100 Hz · PCM_16 · 2 channels" in said


def test_revisions_and_paths(track: Bf) -> None:
    scale(track.directory / "mix.wav", 3)
    scale(track.directory / "stems" / "bass.wav", -3)
    track.ok("commit", "-m", "faders")
    assert track("diff").code == 0
    for words in (["HEAD~1", "HEAD"], ["HEAD~1..HEAD"], ["HEAD~1"]):
        assert len(track("diff", "--json", *words).json["changes"]) == 2
    (change,) = track("diff", "--json", "HEAD~1", "HEAD", "stems").json["changes"]
    assert change["path"] == "stems/bass.wav"
    assert track("diff", "notes.txt").code == 0
    assert "no revision 'nonsense'" in track.fails(3, "diff", "nonsense")


def test_two_files_outside_a_track(bf: Bf) -> None:
    write_tone(bf.directory / "a.wav", seconds=1)
    write_tone(bf.directory / "b.wav", seconds=1)
    assert bf("diff", "a.wav", "b.wav").code == 0
    scale(bf.directory / "b.wav", -6)
    assert "−6.00 dB" in bf("diff", "a.wav", "b.wav").stdout
    assert "not in a BeatFlow track" in bf.fails(3, "diff", "a.wav")


def test_what_cannot_be_decoded_is_said_and_the_rest_goes_on(track: Bf) -> None:
    (track.directory / "mix.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEfmt nonsense")
    scale(track.directory / "stems" / "bass.wav", -3)
    result = track("diff")
    assert result.code == 1
    assert "cannot be compared: " in result.stdout
    assert "−3.00 dB" in result.stdout


def test_show_tells_a_commit_and_where_its_sounds_come_from(track: Bf) -> None:
    track.ok("generate", "lofi", "--bars", "1", "--bpm", "120", "--key", "Am", "--seed", "3")
    track.ok("commit", "-m", "made\n\nby the engine")
    said = track.ok("show").stdout
    assert "(HEAD → main) made" in said
    assert "120 BPM · A:min" in said
    assert "    by the engine" in said
    assert '~ mix.wav  synth: "lofi" seed 3' in said
    document = track.ok("show", "HEAD", "--json").json
    records = {row["path"]: row["provenance"] for row in document["changes"]}
    assert records["stems/drums.wav"]["seed"] == 3
    assert records["track.toml"] is None
    assert set(records["mix.wav"]["stems"]) >= {"drums", "bass"}
