"""``bf export``: what lands on the disk, and that it is all or nothing."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import rpp

from beatflow.sound.audio import Audio
from beatflow.sound.fader import Fader
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.mix import render_mix
from beatflow.track import parse_track
from tests.conftest import Bf
from tests.daw.sessions import RATE, SCORE, noise, write_track
from tests.world import wav_bytes


@pytest.fixture
def track(bf: Bf) -> Bf:
    """Two versions: in the second one the drums have another second half."""
    write_track(bf.directory / "song")
    bf.directory /= "song"
    bf.ok("init")
    bf.ok("commit", "-m", "first take")
    drums = noise(0)
    drums[RATE:] = noise(7)[RATE:]
    (bf.directory / "stems/drums.wav").write_bytes(wav_bytes(drums, RATE))
    bf.ok("commit", "-m", "new fill")
    return bf


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def load(path: Path) -> Any:
    return rpp.loads(path.read_text(encoding="utf-8"))


def test_a_reaper_project_has_its_sounds_beside_it(track: Bf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = track.ok("export", "--reaper", out / "n.rpp")
    assert names(out) == ["n-media/bass.wav", "n-media/drums.wav", "n-media/vocals.wav", "n.rpp"]
    assert done.stdout.split() == [str(out / name) for name in (
        "n-media/drums.wav", "n-media/bass.wav", "n-media/vocals.wav", "n.rpp",
    )]  # fmt: skip
    assert done.stderr.startswith("wrote 4 files")
    for name in ("drums", "bass", "vocals"):
        source = track.directory / "stems" / f"{name}.wav"
        assert (out / "n-media" / f"{name}.wav").read_bytes() == source.read_bytes()


def test_the_project_sounds_like_the_mix(track: Bf, tmp_path: Path) -> None:
    """Play the project by what its text says alone, and compare with the mix that track.toml means."""
    track.ok("export", "--reaper", tmp_path / "n.rpp", "--no-listen")
    project = load(tmp_path / "n.rpp")
    total = np.zeros((3 * RATE, 2))
    for row in project.findall("TRACK"):
        volume, pan = (float(value) for value in row.find("VOLPAN")[1:3])
        item = row.find("ITEM")
        position, skipped, length = (
            round(float(item.find(word)[1]) * RATE) for word in ("POSITION", "SOFFS", "LENGTH")
        )
        sound = read_audio(tmp_path / item.find("SOURCE").find("FILE")[1]).samples[skipped : skipped + length]
        balance = np.array([1 - max(pan, 0), 1 + min(pan, 0)])
        total[position : position + length] += sound * volume * balance
    total *= float(project.find("MASTER_VOLUME")[1])
    score = parse_track(SCORE.encode())
    stems = {name: read_audio(track.directory / stem.file) for name, stem in score.stems.items()}
    faders = {name: Fader(s.gain_db, s.pan, s.mute, s.solo, s.offset) for name, s in score.stems.items()}
    mix, _ = render_mix(stems, faders, "FLOAT", score.master_db)
    assert np.abs(total[: mix.frames] - mix.samples).max() < 1e-5
    assert not total[mix.frames :].any()


def test_what_the_last_version_changed_is_marked(track: Bf, tmp_path: Path) -> None:
    track.ok("export", "--reaper", tmp_path / "n.rpp")
    (marker,) = [row for row in load(tmp_path / "n.rpp").findall("MARKER") if row[4] == "0"]
    # A bar at 120 BPM is 2 s long: the second half of the first one.
    assert float(marker[2]) == pytest.approx(1.0, abs=0.02)
    assert marker[3] == "drums: bar 1, beats 3–4 replaced"


def test_later_commits_without_sound_keep_the_markers(track: Bf) -> None:
    (track.directory / "notes.txt").write_text("hello")
    track.ok("commit", "-m", "notes")
    document = track.ok("export", "--reaper", "../n.rpp", "-n", "--json").json
    assert [row["name"] for row in document["markers"]] == ["drums: bar 1, beats 3–4 replaced"]
    assert track.ok("export", "HEAD~2", "--reaper", "../n.rpp", "-n", "--json").json["markers"] == []


def test_since_compares_with_any_commit(track: Bf) -> None:
    (track.directory / "stems/bass.wav").write_bytes(wav_bytes(noise(30), RATE))
    (track.directory / "stems/keys.wav").write_bytes(wav_bytes(noise(31), RATE))
    text = SCORE + '\n[stems.keys]\nfile = "stems/keys.wav"\noffset = 4000\n'
    (track.directory / "track.toml").write_text(text)
    track.ok("commit", "-m", "keys")
    last = track.ok("export", "--dawproject", "../n.dawproject", "-n", "--json").json["markers"]
    assert last == [
        {"start_s": 0.25, "name": "bass: a new take"},
        {"start_s": 0.5, "name": "keys: new"},
    ]
    both = track.ok("export", "--dawproject", "../n.dawproject", "--since", "HEAD~2", "-n", "--json").json
    assert [row["name"].split(":")[0] for row in both["markers"]] == ["bass", "keys", "drums"]


def test_what_cannot_be_compared_is_said(track: Bf) -> None:
    broken = wav_bytes(noise(3), RATE)[:30]
    (track.directory / "stems/bass.wav").write_bytes(broken)
    track.ok("commit", "-m", "broken bass")
    (track.directory / "stems/bass.wav").write_bytes(wav_bytes(noise(3), RATE))
    track.ok("commit", "-m", "good bass")
    result = track.ok("export", "--reaper", "../n.rpp")
    assert "bass cannot be compared with its former version" in result.stderr
    (track.directory / "stems/drums.wav").write_text("no sound")
    track.ok("commit", "-m", "no drums")
    (track.directory / "stems/drums.wav").write_bytes(wav_bytes(noise(0), RATE))
    track.ok("commit", "-m", "drums again")
    document = track.ok("export", "--reaper", "../m.rpp", "--json").json
    assert (document["markers"], document["remarks"]) == ([], [])


def test_a_fade_is_marked(track: Bf) -> None:
    faded = noise(1) * np.linspace(1, 0, 2 * RATE)[:, None] ** np.array([1.0])
    faded[:RATE] = noise(1)[:RATE]
    faded[RATE:] = noise(1)[RATE:] * np.linspace(1, 0, RATE)[:, None]
    (track.directory / "stems/bass.wav").write_bytes(wav_bytes(np.rint(faded).astype(np.int16), RATE))
    track.ok("commit", "-m", "fade")
    (marker,) = track.ok("export", "--reaper", "../n.rpp", "-n", "--json").json["markers"]
    assert marker["name"].startswith("bass: fade-out")
    # The bass begins a quarter of a second later.
    assert marker["start_s"] == pytest.approx(1.25, abs=0.05)


def test_a_commit_is_exported_as_it_was(track: Bf, tmp_path: Path) -> None:
    (track.directory / "track.toml").write_text("title = 'later'\n")
    before = noise(0)
    result = track.ok("export", "HEAD~1", "--reaper", tmp_path / "n.rpp", "--wav", tmp_path / "wav")
    assert "not committed" not in result.stderr
    sound = read_audio(tmp_path / "n-media/drums.wav")
    assert np.array_equal(np.rint(sound.samples * 32768), before)
    result = track.ok("export", "--reaper", tmp_path / "m.rpp")
    assert "what is not committed is not in it: track.toml" in result.stderr


def test_files_of_each_kind_have_tags(track: Bf, tmp_path: Path) -> None:
    track.ok("tag", "v1")
    arguments: list[object] = []
    for kind in ("wav", "flac", "mp3", "ogg"):
        arguments += [f"--{kind}", tmp_path / kind]
    result = track.ok("export", "v1", *arguments, "--artist", "Bob", "--album", "First")
    assert "time stamps are 0.100 s later" in result.stderr
    for kind in ("wav", "flac", "mp3", "ogg"):
        stems = [f"stems/{name}.{kind}" for name in ("bass", "drums", "vocals")]
        assert names(tmp_path / kind) == [f"mix.{kind}", *stems]
        for name, title in ((f"mix.{kind}", "night drive"), (stems[0], "night drive (bass)")):
            tags = mutagen.File(tmp_path / kind / name).tags
            found = {
                key.upper(): str(value[0] if kind in ("flac", "ogg") else value)
                for key, value in tags.items()
            }
            one = ("TITLE", "ARTIST", "ALBUM", "BPM", "INITIALKEY", "DATE", "TIME_REFERENCE")
            other = ("TIT2", "TPE1", "TALB", "TBPM", "TKEY", "TDRC", "TXXX:TIME_REFERENCE")
            reference = 800 if name.startswith("mix") else 2800
            values = [found[key] for key in (one if kind in ("flac", "ogg") else other)]
            assert values == [title, "Bob", "First", "120", "Am", "2023-11-14", str(reference)]
    for name in ("mix", "stems/bass"):
        source = read_audio(track.directory / f"{name}.wav")
        for kind in ("wav", "flac"):
            assert np.array_equal(read_audio(tmp_path / kind / f"{name}.{kind}").samples, source.samples)
        for kind in ("mp3", "ogg"):
            assert read_info(tmp_path / kind / f"{name}.{kind}").duration_s == pytest.approx(2, abs=0.2)


if shutil.which("ffmpeg") and shutil.which("sox"):

    def test_other_programs_read_every_file(track: Bf, tmp_path: Path) -> None:
        for kind in ("wav", "flac", "mp3", "ogg"):
            track.ok("export", f"--{kind}", tmp_path, "--no-listen")
        for path in sorted(tmp_path.glob("mix.*")):
            done = subprocess.run(
                ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True, check=True
            )
            assert done.stderr == b""
        for kind in ("wav", "flac"):
            done = subprocess.run(
                ["sox", tmp_path / f"mix.{kind}", "-t", "s16", "-"], capture_output=True, check=True
            )
            assert np.array_equal(np.frombuffer(done.stdout, "<i2").reshape(-1, 2), noise(9))


def test_formats_that_cannot_hold_a_sound_are_met_half_way(bf: Bf, tmp_path: Path) -> None:
    from beatflow.sound.writing import write_audio

    loud = (np.random.default_rng(0).normal(0, 0.5, (9600, 2)) * 2).astype(np.float32)
    write_audio(bf.directory / "take.2", Audio(loud, 96_000), "FLOAT", "WAV")
    write_audio(bf.directory / "b.opus", Audio(loud[:, :1] / 8, 48_000))
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    result = bf.ok(
        "export", *(part for k in ("wav", "flac", "mp3", "ogg") for part in (f"--{k}", tmp_path / k))
    )
    assert names(tmp_path / "mp3") == ["b.mp3", "take.2.mp3"]
    assert names(tmp_path / "ogg") == ["b.opus", "take.2.ogg"]
    assert read_info(tmp_path / "mp3/take.2.mp3").sample_rate == 48_000
    assert read_info(tmp_path / "wav/take.2.wav").subtype == "FLOAT"
    assert read_info(tmp_path / "flac/take.2.flac").subtype == "PCM_24"
    assert read_info(tmp_path / "wav/b.wav").subtype == "FLOAT"
    assert "take.2: 96000 → 48000 Hz, which is what mp3 can hold" in result.stderr
    assert "samples beyond full scale were clipped in flac" in result.stderr
    opus = mutagen.File(tmp_path / "ogg/b.opus")
    assert opus["beatflow_oid"]


def test_a_zip_has_every_file_under_safe_names(bf: Bf, tmp_path: Path) -> None:
    root = bf.directory / 'my: "song"'
    write_track(root, SCORE.replace("stems/bass.wav", "stems/bass?.wav").replace("vocals.wav", "Drums.wav"))
    (root / "stems/bass.wav").rename(root / "stems/bass?.wav")
    (root / "stems/vocals.wav").rename(root / "stems/Drums.wav")
    (root / "go.sh").write_text("#!/bin/sh\n")
    (root / "go.sh").chmod(0o755)
    (root / "link").symlink_to("mix.wav")
    bf.directory = root
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    out = tmp_path / "n.zip"
    result = bf.ok("export", "--zip", out, "--json").json
    assert {row["source"]: row["path"] for row in result["renamed"]} == {
        "stems/bass?.wav": "stems/bass_.wav",
        "stems/drums.wav": "stems/drums (2).wav",
    }
    assert result["remarks"] == ["link is a link, which a zip cannot hold everywhere"]
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "my_ _song_/go.sh",
            "my_ _song_/mix.wav",
            "my_ _song_/stems/Drums.wav",
            "my_ _song_/stems/bass_.wav",
            "my_ _song_/stems/drums (2).wav",
            "my_ _song_/track.toml",
        ]
        assert archive.getinfo("my_ _song_/go.sh").external_attr >> 16 & 0o111
        assert archive.read("my_ _song_/stems/bass_.wav") == (root / "stems/bass?.wav").read_bytes()
        score = archive.read("my_ _song_/track.toml")
    # The score in it names the files as they are called in it.
    assert [stem.file for stem in parse_track(score).stems.values()] == [
        "stems/drums (2).wav",
        "stems/bass_.wav",
        "stems/Drums.wav",
    ]
    assert b"# not too loud" in score


def test_a_zip_is_the_same_again(track: Bf, tmp_path: Path) -> None:
    for name in ("a", "b"):
        track.ok("export", "--zip", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_dry_run_says_the_same_and_writes_nothing(track: Bf, tmp_path: Path) -> None:
    arguments = (
        "export",
        "--reaper",
        tmp_path / "o/n.rpp",
        "--mp3",
        tmp_path / "o/mp3",
        "--zip",
        tmp_path / "n.zip",
    )
    dry = track.ok(*arguments, "-n")
    assert dry.stderr.endswith("would write 9 files\n")
    assert not (tmp_path / "o").exists()
    wet = track.ok(*arguments)
    assert wet.stdout == dry.stdout
    assert track.ok(*arguments, "--force").stdout == dry.stdout
    assert "is there already" in track.fails(4, *arguments, "-n")


def test_what_is_there_is_not_overwritten(track: Bf, tmp_path: Path) -> None:
    (tmp_path / "n-media").mkdir()
    (tmp_path / "n-media/vocals.wav").write_bytes(b"mine")
    assert "--force overwrites it" in track.fails(4, "export", "--reaper", tmp_path / "n.rpp")
    assert names(tmp_path / "n-media") == ["vocals.wav"]
    assert not (tmp_path / "n.rpp").exists()
    track.ok("export", "--reaper", tmp_path / "n.rpp", "--force")
    assert len((tmp_path / "n-media/vocals.wav").read_bytes()) > 4
    one = tmp_path / "one"
    assert "written twice" in track.fails(2, "export", "--reaper", one, "--dawproject", one, "-n")


def test_what_is_not_committed_is_never_overwritten(track: Bf) -> None:
    (track.directory / "stems/bass.wav").write_bytes(b"a night's work")
    arguments = ("export", "--wav", ".", "--no-listen", "--force")
    assert "stems/bass.wav has changes that are not committed" in track.fails(4, *arguments)
    assert (track.directory / "stems/bass.wav").read_bytes() == b"a night's work"
    track.ok("restore", "stems/bass.wav")
    track.ok(*arguments)
    assert "stems/bass.wav" in track.ok("status").stdout


def test_a_project_of_any_name_finds_its_sounds(track: Bf, tmp_path: Path) -> None:
    for name in ("a\"b'c`d", "x" * 250, "odd\udcff"):
        folder = tmp_path / str(len(name))
        track.ok("export", "--reaper", folder / f"{name}.rpp", "--no-listen")
        (project,) = folder.glob("*.rpp")
        for row in load(project).findall("TRACK"):
            assert (folder / row.find("ITEM").find("SOURCE").find("FILE")[1]).is_file()


def test_damage_leaves_nothing_behind(track: Bf, tmp_path: Path) -> None:
    for pack in (track.directory / ".beatflow/audio").rglob("*.pack"):
        pack.chmod(0o644)
        data = bytearray(pack.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
        pack.write_bytes(data)
    out = tmp_path / "out"
    result = track("export", "--reaper", out / "n.rpp", "--zip", out / "n.zip", "--no-listen")
    assert result.code == 7
    assert not out.exists()
    assert not list(tmp_path.glob(".beatflow-*"))


def test_what_cannot_be_read_does_not_stop_the_others(track: Bf, tmp_path: Path) -> None:
    (track.directory / "stems/bass.wav").write_text("no sound")
    (track.directory / "track.toml").write_text(SCORE + '\n[stems.gone]\nfile = "stems/gone.wav"\n')
    track.ok("commit", "-m", "broken")
    result = track("export", "--reaper", tmp_path / "n.rpp", "--json")
    assert result.code == 1
    assert [row["name"] for row in result.json["stems"]] == ["drums", "vocals"]
    errors = [row["error"] for row in result.json["failures"]]
    assert errors[0] == "stem gone: stems/gone.wav is not there"
    assert errors[1].startswith("stems/bass.wav")


def test_a_sound_of_more_channels_than_mp3_has_is_told(bf: Bf, tmp_path: Path) -> None:
    (bf.directory / "wide.wav").write_bytes(wav_bytes(noise(1, channels=4), RATE))
    (bf.directory / "mix.wav").write_bytes(wav_bytes(noise(1), RATE))
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    result = bf("export", "--mp3", tmp_path / "mp3")
    assert result.code == 1
    assert "error: wide.wav: MP3" in result.stderr
    assert names(tmp_path / "mp3") == ["mix.mp3"]


def test_a_track_without_a_score_gives_every_sound(bf: Bf, tmp_path: Path) -> None:
    for name in ("a kick.wav", "b/a kick.wav"):
        (bf.directory / name).parent.mkdir(exist_ok=True)
        (bf.directory / name).write_bytes(wav_bytes(noise(1), RATE))
    (bf.directory / "notes.txt").write_text("x")
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    result = bf.ok("export", "--reaper", tmp_path / "o/n.rpp", "--no-listen")
    assert names(tmp_path / "o") == ["n-media/a kick (2).wav", "n-media/a kick.wav", "n.rpp"]
    assert "the tempo is not known" in result.stderr
    tracks = load(tmp_path / "o/n.rpp").findall("TRACK")
    assert [row.find("NAME")[1] for row in tracks] == ["a kick", "a kick"]
    document = bf.ok("export", "--reaper", "x.rpp", "-n", "--json").json
    assert (document["tempo"], document["tempi"][0]["tempo"]) == (None, 120.0)


def test_a_mix_alone_is_exported_as_such(bf: Bf, tmp_path: Path) -> None:
    (bf.directory / "mix.wav").write_bytes(wav_bytes(noise(1), RATE))
    (bf.directory / "track.toml").write_text("meter = '4/3'\n")
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    told = bf.ok("export", "--wav", tmp_path / "wav").stderr
    assert "4/3 is no meter: 4/4 is taken" in told
    assert "tempo" not in told  # nothing that was written has one
    tags = mutagen.File(tmp_path / "wav/mix.wav").tags
    assert str(tags["TIT2"]) == bf.directory.name


def test_arguments_that_make_no_sense(track: Bf, bf: Bf, tmp_path: Path) -> None:
    assert "nothing to write" in track.fails(2, "export")
    assert "no revision" in track.fails(3, "export", "nope", "--zip", "../x.zip")
    assert "belongs to BeatFlow or git" in track.fails(2, "export", "--zip", ".beatflow/x.zip")
    (track.directory / "track.toml").write_text("tempo = 'fast'")
    track.ok("commit", "-m", "broken score")
    assert "tempo in track.toml must be a number" in track.fails(2, "export", "--reaper", "../n.rpp")


def test_what_lies_inside_the_track_is_told(track: Bf) -> None:
    result = track.ok("export", "--reaper", "out/n.rpp", "--no-listen")
    assert "goes into the next commit unless .bfignore names it" in result.stderr
    assert result.stdout.splitlines()[-1] == "out/n.rpp"
    assert "out/n-media/bass.wav" in track.ok("status").stdout


def test_a_commit_without_sound_is_told(bf: Bf) -> None:
    (bf.directory / "notes.txt").write_text("x")
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    assert "there is no sound in" in bf.fails(2, "export", "--reaper", "n.rpp")
    bf.ok("export", "--zip", "n.zip")


def test_a_bare_export_does_not_load_what_it_does_not_need(track: Bf) -> None:
    result = track.spawn("export", "--zip", "../n.zip")
    assert result.code == 0, result.stderr


def test_a_heard_tempo_makes_a_tempo_map(bf: Bf) -> None:
    rate = 22_050
    beat = round(rate * 60 / 100)
    samples = np.zeros((40 * beat, 1))
    rng = np.random.default_rng(0)
    for number in range(40):
        length = beat // 3
        level = 1.0 if number % 4 == 0 else 0.4
        tone = np.sin(2 * np.pi * (60 if number % 4 == 0 else 200) * np.arange(length) / rate)
        burst = tone + 0.3 * rng.normal(0, 1, length)
        samples[number * beat : number * beat + length, 0] = level * burst * np.exp(-np.arange(length) / 900)
    (bf.directory / "mix.wav").write_bytes(wav_bytes(np.rint(samples * 12_000).astype(np.int16), rate))
    bf.ok("init")
    bf.ok("commit", "-m", "x")
    document = bf.ok("export", "--reaper", "x.rpp", "-n", "--json").json
    assert document["tempo"] == pytest.approx(100, abs=0.2)
    # It was measured once: without listening it is known now.
    again = bf.ok("export", "--reaper", "x.rpp", "-n", "--json", "--no-listen").json
    assert again["tempi"] == document["tempi"]
