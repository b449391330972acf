"""``bf split`` of folders, names of its files, two stems, and what was done before; the embedded separator."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.table import Choice
from beatflow.delivery import Handover, Place
from beatflow.making.separation import split_file
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.writing import write_audio
from tests.ai.contract import make_mix
from tests.conftest import Bf


@pytest.fixture
def album(bf: Bf) -> Path:
    """Two short mixes, one of them in a folder, a text, a broken sound and something hidden."""
    folder = bf.directory / "album"
    (folder / "cd 2").mkdir(parents=True)
    write_audio(folder / "läuft {heute}.wav", make_mix(0.2, 22050), "PCM_16")
    write_audio(folder / "cd 2" / "-rest.flac", make_mix(0.3, 48000, 1, "PCM_24"), "PCM_24")
    (folder / "liner notes.txt").write_text("hello\n")
    (folder / "broken.wav").write_bytes(b"RIFF\x00\x00")
    (folder / ".hidden.wav").write_bytes(b"nothing")
    return folder


def stems_in(folder: Path) -> dict[str, Audio]:
    return {path.stem: read_audio(path) for path in sorted(folder.glob("*.wav"))}


def test_every_sound_is_split_and_the_rest_is_told(bf: Bf, album: Path) -> None:
    result = bf("split", "album", "--engine", "dsp")
    assert result.code == 1
    assert "warning: album/broken.wav" in result.stderr
    assert "album/liner notes.txt: no sound, skipped" in result.stderr
    assert "2 mixes split, 1 skipped, 1 failed" in result.stderr
    out = bf.directory / "album-stems"
    assert len(result.stdout.splitlines()) == 8
    assert {str(path.parent.relative_to(out)) for path in out.rglob("*.wav")} == {
        "läuft {heute}",
        "cd 2/-rest",
    }
    assert check_sum(stems_in(out / "läuft {heute}"), read_audio(album / "läuft {heute}.wav"), "PCM_16") == 0
    assert (
        check_sum(stems_in(out / "cd 2" / "-rest"), read_audio(album / "cd 2" / "-rest.flac"), "PCM_24") == 0
    )
    assert read_info(out / "cd 2" / "-rest" / "bass.wav").subtype == "PCM_24"


def test_what_is_done_is_passed_over_as_long_as_it_is_true(bf: Bf, album: Path) -> None:
    (album / "broken.wav").unlink()
    bf.ok("split", "album", "--engine", "dsp")
    out = bf.directory / "album-stems"
    again = bf.ok("split", "album", "--engine", "dsp")
    assert (again.stdout, "0 mixes split, 2 done before, 1 skipped" in again.stderr) == ("", True)
    stem = out / "cd 2" / "-rest" / "bass.wav"
    samples = read_audio(stem).samples.copy()
    samples[100] += 2.0**-20
    write_audio(stem, Audio(samples, 48000), "PCM_24")
    clash = bf("split", "album", "--engine", "dsp")
    assert clash.code == 1
    assert "is there already" in clash.stderr
    assert "hint: --force overwrites it" in clash.stderr
    forced = bf.ok("split", "album", "--engine", "dsp", "--force")
    assert "2 mixes split" in forced.stderr


def test_what_another_bf_finished_meanwhile_is_done(
    bf: Bf, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.making import splitting

    plain = split_file
    (album / "broken.wav").unlink()

    def overtaken(path: Path, name: str, choice: Choice, handover: Handover, *args: object) -> object:
        there = Handover(bf.directory, place=Place(bf.directory / "album-stems"))
        plain(path, name, choice, there, *args)  # type: ignore[arg-type]  # handed on as they came
        return plain(path, name, choice, handover, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(splitting, "split_file", overtaken)
    told = bf.ok("split", "album", "--engine", "dsp", "--jobs", "1")
    assert "0 mixes split, 2 done before" in told.stderr
    assert "--force splits again what was done before" in told.stderr


def test_json_of_many(bf: Bf, album: Path) -> None:
    result = bf("split", "album", "--engine", "dsp", "-o", "s", "--template", "{name}-{stem}", "--json")
    assert result.code == 1
    document = result.json
    assert document["schema"] == "beatflow.splits/1"
    assert [one["mix"] for one in document["splits"]] == ["album/läuft {heute}.wav", "album/cd 2/-rest.flac"]
    assert document["splits"][1]["stems"][0]["path"] == "s/-rest.flac-drums.wav"
    assert [one["path"] for one in document["skipped"]] == ["album/liner notes.txt"]
    assert document["failed"][0]["path"] == "album/broken.wav"
    assert document["done"] == []


def test_in_a_track_records_tell_what_is_done(bf: Bf, album: Path) -> None:
    (album / "broken.wav").unlink()
    bf.ok("init")
    bf.ok("split", "album", "--engine", "dsp", "-o", "stems")
    assert "2 done before" in bf.ok("split", "album", "--engine", "dsp", "-o", "stems").stderr
    # The same files, but not what is wanted now.
    vocals = bf.ok("split", "album", "--engine", "dsp", "-o", "stems", "--two-stems", "vocals")
    assert "2 mixes split" in vocals.stderr
    # Each mix is an operation; which one was last depends on which worker was done last.
    bf.ok("undo")
    assert len(list((bf.directory / "stems").rglob("no_vocals.wav"))) == 1


def test_mixes_of_our_own_give_back_their_true_stems(bf: Bf) -> None:
    bf.ok("init")
    made = bf.ok("generate", "lofi", "--bpm", "160", "--bars", "1", "--json").json
    (bf.directory / "songs").mkdir()
    shutil.copy(bf.directory / "mix.wav", bf.directory / "songs" / "night.wav")
    (found,) = bf.ok("split", "songs", "-o", "s", "--json").json["splits"]
    assert found["known"] is True
    assert {stem["oid"] for stem in found["stems"]} == {stem["oid"] for stem in made["stems"]}
    assert "0 mixes split, 1 done before" in bf.ok("split", "songs", "-o", "s").stderr


@pytest.mark.parametrize(
    ("number", "code", "said"), [(errno.EIO, 1, "2 failed"), (errno.ENOSPC, 1, "no space left")]
)
def test_a_disk_that_fails_fails_one_mix_and_a_full_one_ends_all(
    number: int, code: int, said: str, bf: Bf, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.making import splitting

    (album / "broken.wav").unlink()
    tried = []

    def fail(path: Path, *args: object) -> object:
        tried.append(path)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(splitting, "split_file", fail)
    done = bf("split", "album", "--engine", "dsp", "--jobs", "1")
    assert done.code == code
    assert said in done.stderr
    assert len(tried) == (2 if number == errno.EIO else 1)


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="a file whose first byte cannot be read is Linux's"
)
def test_a_file_that_cannot_be_read_stops_nobody(bf: Bf, album: Path) -> None:
    (album / "broken.wav").unlink()
    (album / "mem.wav").symlink_to("/proc/self/mem")
    done = bf("split", "album", "--engine", "dsp")
    assert done.code == 1
    assert "2 mixes split, 1 skipped, 1 failed" in done.stderr
    assert "album/mem.wav" in done.stderr


def test_each_mix_is_committed_by_itself(bf: Bf, album: Path) -> None:
    (album / "broken.wav").unlink()
    bf.ok("init")
    bf.ok("split", "album", "--engine", "dsp", "-o", "stems", "--commit")
    log = bf.ok("log", "--format", "{message}").stdout
    assert "split album/läuft {heute}.wav" in log
    assert "split album/cd 2/-rest.flac" in log


def test_stems_among_the_mixes_are_not_split_again(bf: Bf, album: Path) -> None:
    (album / "broken.wav").unlink()
    bf.ok("split", ".", "--engine", "dsp", "-o", ".", "--template", "{folder}/{title}/{stem}")
    again = bf.ok("split", ".", "--engine", "dsp", "-o", ".", "--template", "{folder}/{title}/{stem}")
    assert "0 mixes split, 2 done before" in again.stderr


def test_two_stems(bf: Bf) -> None:
    mix = make_mix(0.2, 44100, 2, "PCM_24")
    write_audio(bf.directory / "a.wav", mix, "PCM_24")
    bf.ok("split", "a.wav", "--engine", "dsp", "--two-stems", "drums")
    stems = stems_in(bf.directory / "a-stems")
    assert set(stems) == {"drums", "no_drums"}
    assert check_sum(stems, mix, "PCM_24") == 0
    assert np.abs(stems["drums"].samples).max() > 0.01


def test_a_template_alone_names_files_from_here(bf: Bf) -> None:
    write_audio(bf.directory / "a.wav", make_mix(0.1))
    result = bf.ok("split", "a.wav", "--engine", "dsp", "--template", "out/{stem} of {title}.WAV")
    assert "out/bass of a.WAV" in result.stdout.splitlines()


def test_what_was_finished_stays_when_the_next_one_is_interrupted(
    bf: Bf, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.making import splitting

    plain = split_file

    def interrupted(path: Path, *args: object) -> object:
        if path.suffix == ".flac":
            raise KeyboardInterrupt
        return plain(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(splitting, "split_file", interrupted)
    done = bf("split", "album", "--engine", "dsp", "--jobs", "1")
    assert done.code == 130
    assert done.stderr.endswith(
        "interrupted: 1 sound split and kept; the same command goes on with the others\n"
    )
    assert len(list((bf.directory / "album-stems").rglob("*.wav"))) == 4


def test_what_a_killed_one_left_beside_its_stems_is_swept(bf: Bf, album: Path) -> None:
    left = album / ".beatflow-dead"
    left.mkdir()
    (left / "alive").touch()
    (left / "half.wav").write_bytes(b"RIFF")
    backup = album / ".beatflow-backup"
    backup.mkdir()
    (backup / "HEAD").write_text("mine")
    bf("split", "album", "--engine", "dsp", "-o", "album", "--template", "stems/{name}/{stem}")
    assert not left.exists()
    assert [path.name for path in backup.iterdir()] == ["HEAD"]


def test_demucs_and_its_record(bf: Bf, tmp_path: Path) -> None:
    from tests.ai.demucs.checkpoints import build_demucs

    build_demucs(tmp_path / "models" / "htdemucs")
    bf.environment["BF_MODELS"] = str(tmp_path / "models")
    bf.ok("init")
    mix = make_mix(0.3, 48000, 2, "PCM_24")
    write_audio(bf.directory / "a.wav", mix, "PCM_24")
    told = bf.ok("split", "a.wav", "--shifts", "1", "--seed", "4", "--json")
    assert "engine htdemucs: Demucs, four stems, the best one at hand" in told.stderr
    assert check_sum(stems_in(bf.directory / "a-stems"), mix, "PCM_24") == 0
    stem = told.json["stems"][0]
    record = json.loads((bf.directory / ".beatflow/state/provenance" / f"{stem['oid']}.json").read_text())
    assert record["separation"] == {"shifts": 1, "seed": 4, "overlap": None, "two_stems": None, "names": []}
    assert (record["engine"], record["device"], record["dtype"]) == ("htdemucs", "cpu", "float32")
    assert (record["weights"], record["runtime"], record["licence"]) == (["htdemucs"], "demucs", "MIT")
    assert len(record["weight_digests"]["955717e8.safetensors"]) == 64
    again = bf.ok("split", "a.wav", "-o", "again", "--shifts", "1", "--seed", "4", "--json").json
    assert [one["oid"] for one in again["stems"]] == [one["oid"] for one in told.json["stems"]]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["empty"], 2, "there is no sound in empty"),
        (["a.wav", "--template", "x"], 2, "gives all stems one name"),
        (["a.wav", "--template", "/x/{stem}"], 2, "leads out of its folder"),
        (["a.wav", "--template", "{title}/../../{stem}"], 2, "leads out of its folder"),
        (["a.wav", "--template", "{stem:>20}"], 2, "unknown {stem}"),
        (["a.wav", "--template", "{stem"], 2, "cannot be read"),
        (["a.wav", "--template", "{stem}.flac"], 2, "stems are WAV files"),
        (["a.wav", "--engine", "dsp", "--shifts", "2"], 2, "engine dsp has no --shifts"),
        (["a.wav", "--engine", "dsp", "--two-stems", "kazoo"], 2, "engine dsp makes no stem 'kazoo'"),
        (["a.wav", "--engine", "htdemucs"], 5, "the weights of htdemucs are not here"),
        (["twins", "--engine", "dsp"], 2, "would both become"),
    ],
)
def test_refusals_leave_nothing(argv: list[str], code: int, said: str, bf: Bf) -> None:
    write_audio(bf.directory / "a.wav", make_mix(0.1))
    (bf.directory / "empty").mkdir()
    (bf.directory / "twins").mkdir()
    shutil.copy(bf.directory / "a.wav", bf.directory / "twins" / "a.wav")
    write_audio(bf.directory / "twins" / "A.flac", make_mix(0.1))
    before = set(bf.directory.rglob("*"))
    assert f"{said}" in bf.fails(code, "split", *argv)
    assert set(bf.directory.rglob("*")) == before
