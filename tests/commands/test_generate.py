"""``bf generate`` as a person meets it, with the embedded producer."""

import io
import os
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


def test_unknown_words_are_told(bf: Bf) -> None:
    result = bf.ok("generate", "reggae xyzzy", *SHORT, "-o", "x.wav")
    assert "warning: not understood: reggae xyzzy; this is " in result.stderr
    assert "warning" not in bf.ok("generate", "lofi", *SHORT, "-o", "y.wav").stderr


def test_midi_does_not_overwrite_what_undo_could_not_bring_back(bf: Bf) -> None:
    (bf.directory / "x.mid").write_text("precious")
    assert "is there already" in bf.fails(4, "generate", "lofi", *SHORT, "-o", "out/", "--midi", "x.mid")
    assert (bf.directory / "x.mid").read_text() == "precious"
    bf.ok("generate", "lofi", *SHORT, "-o", "out/", "--midi", "x.mid", "--force")
    assert (bf.directory / "x.mid").read_bytes()[:4] == b"MThd"


def test_two_stems_made_at_once_lose_nothing(bf: Bf) -> None:
    """The slower one is refused: it was made around a stem that is another one now."""
    bf.ok("init")
    bf.ok("generate", "lofi", *SHORT)
    command = [sys.executable, "-m", "beatflow", "generate", "lofi", "--seed", "1", "--stem"]
    both = [
        subprocess.Popen([*command, stem], cwd=bf.directory, stderr=subprocess.PIPE)
        for stem in ("drums", "bass")
    ]
    codes = sorted(process.wait() for process in both)
    said = b"".join(process.communicate()[1] for process in both)
    assert codes in ([0, 0], [0, 4]), said
    assert stems_sum_to_mix(bf.directory)


def test_the_first_piece_through_a_pipe_is_more_than_a_header(bf: Bf) -> None:
    """Some readers take the first read from a pipe for the whole header."""
    command = [sys.executable, "-m", "beatflow", "generate", "lofi", *SHORT, "-o", "-"]
    with subprocess.Popen(
        command, cwd=bf.directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert len(os.read(process.stdout.fileno(), 1 << 16)) > 4096
        process.stdout.read()
    assert process.returncode == 0
