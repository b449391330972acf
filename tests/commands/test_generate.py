"""``bf generate`` as a person meets it, with the embedded producer."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.midi import read_midi
from tests.conftest import Bf

SHORT = ("--bpm", "120", "--bars", "1", "--seed", "7")


def stems_sum_to_mix(folder: Path) -> bool:
    mix = read_audio(folder / "mix.wav")
    stems = {path.stem: read_audio(path) for path in (folder / "stems").glob("*.wav")}
    return check_sum(stems, mix, read_info(folder / "mix.wav").subtype) == 0


def test_outside_a_track(bf: Bf) -> None:
    result = bf.ok("generate", "lofi night", *SHORT)
    assert "engine synth: embedded producer, the best one at hand\n120 BPM, " in result.stderr
    assert "seed 7" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "lofi-night-7/mix.wav"
    assert "lofi-night-7/stems/drums.wav" in lines
    assert stems_sum_to_mix(bf.directory / "lofi-night-7")
    assert read_info(bf.directory / lines[0]).duration_s == pytest.approx(2.0, abs=1e-4)
    assert "lofi-night-7/mix.wav is there already\nhint: --force" in bf.fails(
        4, "generate", "lofi night", *SHORT
    )


def test_json_and_sameness(bf: Bf) -> None:
    first = bf.ok("generate", "house", "--key", "F#m", *SHORT, "--json", "-o", "a/").json
    second = bf.ok("generate", "house", "--key", "F#m", *SHORT, "--json", "-o", "b/").json
    assert first["schema"] == "beatflow.generate/1"
    assert (first["tempo"], first["key"], first["bars"], first["seed"]) == (120.0, "F#:min", 1, 7)
    assert first["mix"]["path"] == "a/mix.wav"
    assert first["mix"]["oid"] == second["mix"]["oid"]
    assert [stem["oid"] for stem in first["stems"]] == [stem["oid"] for stem in second["stems"]]


def test_a_seed_is_drawn_and_told(bf: Bf) -> None:
    document = bf.ok("generate", "lofi", "--bars", "1", "--json", "-o", "x.wav").json
    assert document["stems"] == []
    again = bf.ok("generate", "lofi", "--bars", "1", "--json", "-o", "y.wav", "--seed", document["seed"]).json
    assert again["mix"]["oid"] == document["mix"]["oid"]


def test_takes(bf: Bf) -> None:
    document = bf.ok("generate", "lofi", *SHORT, "--count", "2", "-o", "o/", "--json").json
    assert [take["mix"]["path"] for take in document["takes"]] == ["o/takes/7/mix.wav", "o/takes/8/mix.wav"]


def test_in_a_track_undo_brings_back_what_was_there(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(b"my own")
    result = bf.ok("generate", "lofi", *SHORT, "--midi", "notes.mid")
    assert result.stdout.splitlines()[0] == "mix.wav"
    assert (bf.directory / "track.toml").is_file()
    assert "drums" in read_midi(bf.directory / "notes.mid").tracks
    assert stems_sum_to_mix(bf.directory)
    bf.ok("undo")
    assert {path.name for path in bf.directory.iterdir()} == {".beatflow", "mix.wav"}
    assert (bf.directory / "mix.wav").read_bytes() == b"my own"


def test_commit_in_one_go_takes_only_what_was_made(bf: Bf) -> None:
    bf.ok("init")
    (bf.directory / "notes.txt").write_text("mine")
    result = bf.ok("generate", "lofi", *SHORT, "--commit", "-m", "first idea")
    assert "] first idea" in result.stderr
    assert [item["path"] for item in bf.ok("status", "--json").json["changes"]] == ["notes.txt"]
    assert "mix.wav" in bf.ok("ls").stdout
    assert [row["kind"] for row in bf.ok("op", "log", "--json").json["operations"]] == ["generate"]
    bf.ok("undo")
    assert {path.name for path in bf.directory.iterdir()} == {".beatflow", "notes.txt"}


def test_stems_that_the_new_score_does_not_name_go_but_only_made_ones(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi with vinyl crackle", *SHORT)
    assert (bf.directory / "stems" / "texture.wav").is_file()
    (bf.directory / "stems" / "vocals.wav").write_bytes(b"sung by me")
    score = bf.directory / "track.toml"
    score.write_text(score.read_text() + '\n[stems.vocals]\nfile = "stems/vocals.wav"\n')
    bf.ok("generate", "techno", *SHORT)
    assert not (bf.directory / "stems" / "texture.wav").exists()
    assert (bf.directory / "stems" / "vocals.wav").read_bytes() == b"sung by me"
    bf.ok("undo")
    assert (bf.directory / "stems" / "texture.wav").is_file()


def test_one_stem_anew(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi", "--key", "Am", *SHORT)
    before = {path.name: path.read_bytes() for path in (bf.directory / "stems").iterdir()}
    result = bf.ok("generate", "house", "--stem", "drums", "--seed", "9")
    assert result.stdout.splitlines() == ["mix.wav", "stems/drums.wav"]
    after = {path.name: path.read_bytes() for path in (bf.directory / "stems").iterdir()}
    assert {name for name in after if before[name] != after[name]} == {"drums.wav"}
    assert stems_sum_to_mix(bf.directory)
    assert "no stem 'flute'" in bf.fails(2, "generate", "x", "--stem", "flute")
    bf.ok("generate", "house", "--stem", "bass", "--seed", "9", "--commit")
    assert bf.ok("status", "--json").json["changes"] == []
    assert "it takes no -o" in bf.fails(2, "generate", "x", "--stem", "drums", "-o", "x.wav")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--bpm", "0"], 2, "the tempo must be 40 to 300 BPM, not 0"),
        (["--bpm", "1000"], 2, "the tempo must be 40 to 300 BPM, not 1000"),
        (["--bpm", "fast"], 2, "invalid value for '--tempo' / '--bpm'"),
        (["--key", "H"], 2, "'H' is not a key"),
        (["--duration", "3600"], 2, "the duration must be 1 to 900 s, not 3600"),
        (["--bars", "2", "--duration", "3"], 2, "--bars and --duration both set the length"),
        (["--meter", "7/8"], 2, "no meter '7/8'"),
        (["--engine", "musicgan"], 5, "no engine 'musicgan'"),
        (["--engine", "dsp"], 5, "engine dsp cannot generate"),
        (["-o", "x.xyz", "--bars", "1"], 1, "x.xyz: no sound can be written as .xyz"),
        (["-o", "-", "--json"], 2, "-o - gives one sound and nothing else"),
        (["--commit"], 3, "is not in a BeatFlow track"),
        (["--stem", "drums"], 3, "is not in a BeatFlow track"),
        (["--count", "0"], 2, "the number of takes must be 1 to 100, not 0"),
    ],
)
def test_bad_input(argv: list[str], code: int, said: str, bf: Bf) -> None:
    errors = bf.fails(code, "generate", "lofi", *argv).replace(f"{bf.directory} ", "")
    assert f"error: {said}" in errors
    assert "Traceback" not in errors
    assert not list(bf.directory.iterdir())


def test_pipe(bf: Bf) -> None:
    sound = bf.ok("generate", "lofi", *SHORT, "-o", "-")
    assert "seed 7" in sound.stderr
    mix = read_audio(io.BytesIO(sound.out_bytes))
    document = bf.ok("split", "-", "-o", "stems/", "--json", stdin=sound.out_bytes).json
    stems = {stem["name"]: read_audio(bf.directory / stem["path"]) for stem in document["stems"]}
    assert all(stem["path"] == f"stems/{stem['name']}.wav" for stem in document["stems"])
    assert check_sum(stems, mix, document["subtype"]) == 0


def test_real_pipe(bf: Bf) -> None:
    program = [sys.executable, "-m", "beatflow", "-q"]
    making = subprocess.Popen(
        [*program, "generate", "lofi", *SHORT, "-o", "-"], stdout=subprocess.PIPE, cwd=bf.directory
    )
    with making:
        done = subprocess.run(
            [*program, "split", "-"],
            stdin=making.stdout,
            capture_output=True,
            text=True,
            cwd=bf.directory,
            check=True,
        )
    assert making.returncode == 0
    assert "mix-stems/drums.wav" in done.stdout.splitlines()
    assert done.stderr == ""
