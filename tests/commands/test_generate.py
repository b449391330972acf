"""``bf generate`` as a person meets it, with the embedded producer."""

import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beatflow.delivery import digest
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.midi import read_midi
from beatflow.ui import Progress, Ui
from tests.ai.weights.world import SMALL as PUBLISHED
from tests.ai.weights.world import hub_and_cache
from tests.conftest import Bf

SHORT = ("--bpm", "120", "--bars", "1", "--seed", "7")


def stems_sum_to_mix(folder: Path) -> bool:
    mix = read_audio(folder / "mix.wav")
    stems = {path.stem: read_audio(path) for path in (folder / "stems").glob("*.wav")}
    return check_sum(stems, mix, read_info(folder / "mix.wav").subtype) == 0


def test_outside_a_track(bf: Bf) -> None:
    result = bf.ok("generate", "lofi night", *SHORT)
    assert "engine synth: embedded producer, the best one at hand" in result.stderr
    assert "\n120 BPM, " in result.stderr
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
    result = bf.ok("generate", "lofi", *SHORT, "--count", "2", "-o", "o/")
    mixes = [line for line in result.stdout.splitlines() if line.endswith("mix.wav")]
    assert mixes == ["o/takes/7/mix.wav", "o/takes/8/mix.wav"]
    assert result.stderr.count("x real time)") == 1, "the time is that of all of them"
    assert re.fullmatch(r"2 takes \(\d+\.\d s, \S+x real time\)", result.stderr.splitlines()[-1])


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
        (
            ["--bars", "8", "--duration", "5", "--bpm", "90"],
            2,
            "--bars 8, --duration 5 and --bpm 90 contradict each other: 8 bars of 4/4 at 90 BPM last 21.33 s, "
            "16.33 s more",
        ),
        (["--bars", "8", "--duration", "5"], 2, "8 bars of 4/4 in 5 s would be 384 BPM"),
        (["--structure", "verse"], 2, "'verse' is no section of a structure"),
        (
            ["--structure", "a:2,b:2", "--bars", "5"],
            2,
            "--structure adds up to 4 bars, --bars says 5: 1 apart",
        ),
        (
            ["--loop", "--structure", "a:2,outro:2"],
            2,
            "--loop and a structure with an outro contradict each other",
        ),
        (["--loudness", "3"], 2, "the loudness must be -40 to -6 LUFS, not 3"),
        (["--swing", "90"], 2, "the swing must be 50 to 75 percent, not 90"),
        (["--tries", "0"], 2, "the number of tries must be 1 to 20, not 0"),
        (["--tolerance", "0"], 2, "the tolerance must be 0.001 to 10 BPM, not 0"),
        (["--meter", "7/8"], 2, "no meter '7/8'"),
        (["--engine", "musicgan"], 5, "no engine 'musicgan'"),
        (["--engine", "dsp"], 5, "engine dsp cannot generate"),
        (["-o", "x.xyz", "--bars", "1"], 1, "x.xyz: no sound can be written as .xyz"),
        (["-o", "-", "--json"], 2, "-o - gives one sound and nothing else"),
        (["--commit"], 3, "is not in a BeatFlow track"),
        (["--stem", "drums"], 3, "is not in a BeatFlow track"),
        (["--count", "0"], 2, "the number of takes must be 1 to 100, not 0"),
        (["--temperature", "0"], 2, "the temperature must be 0.01 to 10, not 0"),
        (["--top-k", "-3"], 2, "--top-k must be 0 to 2048, not -3"),
        (["--top-p", "2"], 2, "--top-p must be 0 to 1, not 2"),
        (["--guidance", "99"], 2, "the guidance must be 1 to 20, not 99"),
        (["--engine", "synth", "--top-p", "0.5"], 2, "engine synth has no use for --top-p"),
        (["--device", "abacus"], 2, "device cannot be 'abacus' (flag)"),
        (["--dtype", "float8"], 2, "dtype cannot be 'float8' (flag)"),
        (["--runtime", "abacus"], 2, "runtime cannot be 'abacus' (flag)"),
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
    assert "warning: not understood: xyzzy; this is reggae\n" in result.stderr
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


SMALL = ("--engine", "musicgen-small", "--duration", "1", "--seed", "7")


def record_of(bf: Bf, name: str) -> Any:
    """What is kept of where a file in the track comes from."""
    oid = digest(bf.directory / name)
    return json.loads((bf.directory / ".beatflow" / "state" / "provenance" / f"{oid}.json").read_bytes())


def test_a_neural_engine_in_a_track(neural: Bf, models: Path) -> None:
    neural.ok("init")
    neural.ok("generate", "lofi", *SHORT, "--engine", "synth", "--commit")
    drawn = ("--temperature", "0.9", "--top-k", "50", "--top-p", "0.5", "--guidance", "2")
    result = neural.ok("generate", "lofi rain", *SMALL, *drawn)
    assert result.stdout == "mix.wav\n"
    assert "1 s: to the sample\n" in result.stderr
    info = read_info(neural.directory / "mix.wav")
    assert (info.frames, info.sample_rate) == (32_000, 32_000)
    record = record_of(neural, "mix.wav")
    assert (record["engine"], record["licence"], record["seed"]) == ("musicgen-small", "CC-BY-NC-4.0", 7)
    assert (record["device"], record["dtype"], record["runtime"]) == ("cpu", "float32", "transformers")
    assert record["sampling"] == {"temperature": 0.9, "top_k": 50, "top_p": 0.5, "guidance": 2.0}
    assert record["asked"] == {
        "tempo": None, "key": None, "bars": None, "duration_s": 1.0, "meter": "4/4", "loop": False,
    }  # fmt: skip
    (promise,) = record["contract"]["promises"]
    assert (promise["term"], promise["asked"], promise["held"]) == ("duration_s", 1.0, True)
    assert {"torch", "transformers", "numpy", "beatflow", "python"} <= set(record["packages"])
    weights = digest(models / "musicgen-small" / "model.safetensors")
    assert record["weight_digests"]["model.safetensors"] == weights
    assert "batch" not in record
    # A mix without stems stands alone, and everything else copes with that.
    changed = [item["path"] for item in neural.ok("status", "--json").json["changes"]]
    assert {"mix.wav", "track.toml", "stems/drums.wav"} <= set(changed)
    assert not (neural.directory / "stems").exists()
    assert "tempo" not in (neural.directory / "track.toml").read_text()
    neural.ok("commit", "-m", "neural")
    neural.ok("log")
    assert "no stems in track.toml" in neural.fails(
        3, "generate", "x", "--stem", "drums", "--engine", "synth"
    )
    neural.ok("undo")
    neural.ok("undo")
    assert stems_sum_to_mix(neural.directory)


def test_the_same_seed_alone_and_in_a_batch_of_three(neural: Bf) -> None:
    neural.ok("init")
    (alone,) = [neural.ok("generate", "rain", *SMALL, "-o", "a.wav", "--json").json]
    done = neural("generate", "rain", *SMALL, "--count", "3", "--json", "--progress=json")
    assert done.code == 0
    takes = done.json["takes"]
    assert [take["seed"] for take in takes] == [7, 8, 9]
    assert len({take["mix"]["oid"] for take in takes}) == 3
    again = neural.ok("generate", "rain", *SMALL, "--count", "3", "--json", "-o", "again/").json["takes"]
    assert [take["mix"]["oid"] for take in again] == [take["mix"]["oid"] for take in takes]
    assert record_of(neural, "takes/8/mix.wav")["batch"] == {"seeds": [7, 8, 9], "index": 1}
    assert takes[0]["asked"] == {"duration_s": 1.0}
    assert takes[0]["contract"]["held"] is True
    assert alone["estimated"] == ["tempo", "key"]
    events = [json.loads(line) for line in done.stderr.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert len(fractions) > 5
    assert fractions == sorted(fractions)
    assert any(event.get("eta_s") for event in events)


@pytest.mark.parametrize("prompt", ["", "夜の雨、静かなピアノ", "rain " * 2000])
def test_any_prompt(prompt: str, neural: Bf) -> None:
    neural.ok("init")
    result = neural.ok("generate", prompt, *SMALL, "--commit")
    assert ("the prompt is too long" in result.stderr) == (len(prompt) > 5000)
    assert record_of(neural, "mix.wav")["prompt"] == prompt
    (row,) = neural.ok("op", "log", "--json").json["operations"]
    assert len(row["description"]) <= 81
    assert len((neural.directory / "track.toml").read_text()) < 400
    assert len(neural.ok("log", "--json").json["commits"][0]["message"]) < 90


def test_auto_keeps_what_was_asked_for_exactly(neural: Bf) -> None:
    assert "engine synth: " in neural.ok("generate", "lofi", *SHORT, "--swing", "60", "-o", "a.wav").stderr
    # Tempo and bars can be corrected, so that a neural engine may try; noise of random weights has neither.
    fast = ("--bpm", "240", "--bars", "1", "--tries", "1")
    said = neural.fails(8, "generate", "lofi", *fast, "-o", "a.wav", "--force")
    assert "engine musicgen-small: MusicGen" in said
    assert "error: the only try does not keep what was asked for: 240 BPM (" in said
    assert "nothing was written\nhint: --engine synth keeps it by construction" in said
    result = neural.ok("generate", "lofi", *SMALL[2:], "-o", "b.wav")
    assert "engine musicgen-small: MusicGen" in result.stderr
    assert "not for commercial use" in result.stderr
    assert (
        "engine musicgen-small: "
        in neural.ok("generate", "x", *SMALL[2:], "--top-k", "9", "-o", "c.wav").stderr
    )
    neural.ok("generate", "x", *SHORT, "-o", "d/", "--midi", "d.mid")
    assert (
        "error: no engine here can generate and promise bars and heed --top-k; musicgen-small promises no exact "
        "bars; synth has no use for --top-k\nhint: ask for less"
    ) in neural.fails(5, "generate", "x", "--top-k", "9", "--meter", "3/4")


def test_to_standard_output(neural: Bf) -> None:
    result = neural.ok("generate", "x", *SMALL, "-o", "-")
    assert read_audio(io.BytesIO(result.out_bytes)).frames == 32_000
    assert "1.0 s, seed 7" in result.stderr


def test_without_weights(bf: Bf, tmp_path: Path) -> None:
    bf.environment["BF_MODELS"] = str(tmp_path)
    said = bf.fails(5, "generate", "x", *SMALL)
    assert said == "error: the weights of musicgen-small are not here\nhint: bf models pull musicgen-small\n"
    assert "no engine here can generate" in bf.fails(5, "generate", "x", "--temperature", "2")
    assert not list(bf.directory.iterdir())


def test_on_a_terminal_it_asks_before_it_fetches(bf: Bf, tmp_path: Path) -> None:
    bf.environment["BF_MODELS"] = str(tmp_path / "none")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "beatflow", "generate", "x", *SMALL]
    environment = os.environ | bf.environment
    with subprocess.Popen(
        command, cwd=bf.directory, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        said = os.read(ours, 4096)
        os.write(ours, b"n\n")
        while b"hint" not in said:
            said += os.read(ours, 4096)
        assert process.wait(60) == 5
    os.close(ours)
    assert b"the weights of musicgen-small are not here: fetch about " in said
    assert b"bf models pull musicgen-small" in said


def test_fetched_when_somebody_says_yes(
    bf: Bf, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(self: Ui, question: str, default: bool = False) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(Ui, "can_ask", True)
    monkeypatch.setattr(Ui, "confirm", confirm)
    bf.environment |= {"BF_MODELS": str(tmp_path / "fetched"), "BF_DEVICE": "cpu"}
    bf.fails(5, "generate", "x", *SMALL, "--offline")
    assert asked == []
    with hub_and_cache(monkeypatch, tmp_path / "cache") as hub:
        bf.environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache")}
        hub.add(PUBLISHED, models / "musicgen-small")
        bf.ok("generate", "x", *SMALL, "-o", "a.wav")
        bf.ok("generate", "x", *SMALL, "-o", "b.wav")
    (question,) = asked
    assert question.startswith("the weights of musicgen-small are not here: fetch about ")
    assert (tmp_path / "fetched" / "musicgen-small" / "model.safetensors").is_file()


def test_without_torch(bf: Bf, models: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "found = PathFinder.find_spec\n"
        "def find_spec(name, path=None, target=None):\n"
        "    return None if name in ('torch', 'transformers') else found(name, path, target)\n"
        "PathFinder.find_spec = find_spec\n"
    )
    bf.environment |= {"PYTHONPATH": str(tmp_path), "BF_MODELS": str(models)}
    result = bf.spawn("generate", "x", *SMALL)
    assert (result.code, result.stdout) == (5, "")
    assert result.stderr == 'error: torch is not installed\nhint: pip install "beatflow[ai]"\n'
    again = bf.spawn("generate", "x", *SHORT, "-o", "a.wav")
    assert again.code == 0, again.stderr


def test_out_of_memory(neural: Bf) -> None:
    neural.environment["BF_MEMORY"] = "100KiB"
    assert "musicgen-small needs about" in neural.fails(6, "generate", "x", *SMALL)
    assert not list(neural.directory.iterdir())


@pytest.mark.parametrize("inside", [True, False])
def test_interrupted_nothing_is_left(inside: bool, neural: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    if inside:
        neural.ok("init")
    before = sorted(path for path in neural.directory.rglob("*") if "operations" not in path.parts)
    plain = Progress.__call__

    def interrupt(self: Progress, fraction: float, what: str = "") -> None:
        if fraction > 0.5:
            signal.raise_signal(signal.SIGINT)
        plain(self, fraction, what)

    monkeypatch.setattr(Progress, "__call__", interrupt)
    assert neural.fails(130, "generate", "x", *SMALL, "--count", "2", "--midi", "no.mid", "--engine", "synth")
    assert neural.fails(130, "generate", "x", *SMALL, "--count", "2").endswith(
        "interrupted: nothing was changed\n"
    )
    assert sorted(path for path in neural.directory.rglob("*") if "operations" not in path.parts) == before


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_disk_full_leaves_nothing(neural: Bf) -> None:
    with small_disk(20_000):
        said = neural.fails(1, "generate", "x", *SMALL, "--count", "2")
    assert "file too large" in said
    assert not list(neural.directory.iterdir())


def test_settings_choose_the_engine_where_it_can(neural: Bf) -> None:
    neural.environment["BF_ENGINE"] = "musicgen-small"
    assert neural.ok("generate", "x", *SMALL[2:], "-o", "a.wav", "--json").json["engine"] == "musicgen-small"
    neural.environment["BF_ENGINE"] = "dsp"
    played = ("--swing", "60")
    assert neural.ok("generate", "x", *SHORT, *played, "-o", "b.wav", "--json").json["engine"] == "synth"
