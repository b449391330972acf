"""``bf mood`` as a person meets it."""

import json
from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.mood.rating import MOODS
from tests.ai.clap.checkpoints import build_clap
from tests.conftest import Bf
from tests.mood.pieces import RATE, merry, mournful, write

SAID = "engine cues: embedded model of musical cues, the best one at hand; the weights of clap are not here\n"


@pytest.fixture
def glad(bf: Bf) -> Path:
    return write(bf.directory / "glad.wav", merry(4.0))


def test_one_sound_in_full(bf: Bf, glad: Path) -> None:
    result = bf.ok("mood", "glad.wav")
    assert result.stderr == SAID
    lines = result.stdout.splitlines()
    assert lines[0] == "sound       glad.wav, 0:04.000"
    assert lines[1].startswith("mood        happy ")
    assert [line.split()[0] for line in lines[2:9]] == list(MOODS)
    assert "█" in lines[2]
    assert "major" in lines[9]
    assert lines[10].startswith("cues        ")
    assert max(map(len, lines)) <= 100


def test_json(bf: Bf, glad: Path) -> None:
    document = bf.ok("mood", "glad.wav", "--json", "--every", 2).json
    assert document["schema"] == "beatflow.mood/1"
    assert document["engine"] == "cues"
    (one,) = document["files"]
    assert list(one["scores"]) == list(MOODS)
    assert sum(one["scores"].values()) == pytest.approx(1)
    assert one["mood"] == max(one["scores"], key=one["scores"].__getitem__)
    assert -1 <= one["valence"] <= 1
    assert "mfcc_1" in one["features"]
    assert [part["start_s"] for part in one["sections"]] == [0.0, 2.0]
    assert document["failures"] == []


def test_several_sounds_are_a_table_and_a_bad_one_stops_nobody(bf: Bf, glad: Path) -> None:
    odd = "-sad 🎻 tune.wav"
    write(bf.directory / odd, mournful(4.0))
    (bf.directory / "text.wav").write_text("no sound " * 50)
    result = bf("mood", "--json", "glad.wav", "text.wav", "nothing.wav", "--", odd)
    assert result.code == 1
    assert [one["path"] for one in result.json["files"]] == ["glad.wav", odd]
    assert [one["path"] for one in result.json["failures"]] == ["nothing.wav", "text.wav"]
    assert "nothing.wav does not exist" in result.stderr
    table = bf.ok("mood", "--", "glad.wav", odd).stdout.splitlines()
    assert table[0].split() == ["sound", "mood", "share", "valence", "arousal", "cues"]
    assert len(table) == 3


def test_a_folder(bf: Bf, glad: Path) -> None:
    write(bf.directory / "album/one.wav", merry(2.0))
    write(bf.directory / "album/deep/two.wav", mournful(2.0))
    (bf.directory / "album/notes.txt").write_text("not meant")
    found = bf.ok("mood", "album", "--json").json
    assert sorted(one["path"] for one in found["files"]) == ["album/deep/two.wav", "album/one.wav"]
    (bf.directory / "bare").mkdir()
    assert "bare holds no sounds" in bf.fails(2, "mood", "bare")


def test_standard_input(bf: Bf, glad: Path) -> None:
    assert bf.ok("mood", "-", stdin=glad.read_bytes()).stdout.startswith(
        "sound       standard input, 0:04.000"
    )


@pytest.mark.parametrize(
    ("audio", "said"),
    [
        (Audio(np.zeros((3 * RATE, 2), np.float32), RATE), "none: silent, or too short to tell"),
        (Audio(np.full((3 * RATE, 2), 0.5, np.float32), RATE), "none: silent, or too short to tell"),
        (Audio(merry(1.0).samples[:110], RATE), "none: silent, or too short to tell"),
    ],
    ids=["silence", "dc", "5 ms"],
)
def test_what_has_no_mood(bf: Bf, audio: Audio, said: str) -> None:
    write(bf.directory / "x.wav", audio)
    assert said in bf.ok("mood", "x.wav", "--every", 2).stdout
    document = bf.ok("mood", "x.wav", "--json").json["files"][0]
    assert (document["mood"], document["scores"], document["valence"]) == (None, {}, None)


def test_versions_and_history(bf: Bf) -> None:
    bf.ok("init")
    write(bf.directory / "mix.wav", mournful(4.0))
    bf.ok("commit", "-m", "first, sad")
    (bf.directory / "notes.txt").write_text("nothing to hear")
    bf.ok("commit", "-m", "words")
    write(bf.directory / "mix.wav", merry(4.0))
    bf.ok("commit", "-m", "then glad")
    two = bf.ok("mood", "HEAD~1:mix.wav", "main:mix.wav", "--json").json["files"]
    assert [one["path"] for one in two] == ["HEAD~1:mix.wav", "main:mix.wav"]
    assert two[0]["valence"] < two[1]["valence"]
    assert bf.ok("mood", "HEAD~1", "--json").json["files"][0]["oid"] == two[0]["oid"]
    history = bf.ok("mood", "mix.wav", "--history", "--json").json
    assert history["schema"] == "beatflow.mood-history/1"
    assert [one["message"] for one in history["versions"]] == ["then glad", "first, sad"]
    assert [one["oid"] for one in history["versions"]] == [two[1]["oid"], two[0]["oid"]]
    assert [one["valence"] for one in history["versions"]] == [two[1]["valence"], two[0]["valence"]]
    table = bf.ok("mood", "--history", "mix.wav").stdout.splitlines()
    assert "then glad" in table[1]
    assert len(table) == 3
    assert len(bf.ok("mood", "--history", "mix.wav", "--limit", 1, "--json").json["versions"]) == 1
    assert len(bf.ok("mood", "--history", "HEAD~1:mix.wav", "--json").json["versions"]) == 1
    assert "no commit has a sound" in bf.fails(3, "mood", "--history", "none.wav")
    assert "neither a sound nor a revision" in bf.fails(3, "mood", "none.wav")
    assert "notes.txt is no sound" in bf.fails(2, "mood", "HEAD:notes.txt")


def test_options_that_make_no_sense_together(bf: Bf, glad: Path) -> None:
    bf.ok("init")
    assert "of one file as a whole" in bf.fails(2, "mood", "glad.wav", "--history", "--sections")
    assert "--limit is of --history" in bf.fails(2, "mood", "glad.wav", "--limit", 3)
    assert "2 to 600 seconds" in bf.fails(2, "mood", "glad.wav", "--every", 0.1)
    assert "only bf mood train" in bf.fails(2, "mood", "glad.wav", "-o", "x.skops")
    assert "no engine" in bf.fails(5, "mood", "glad.wav", "--engine", "cuse")
    assert "did you mean cues" in bf.fails(5, "mood", "glad.wav", "--engine", "cuse")
    assert "bf models pull clap" in bf.fails(5, "mood", "glad.wav", "--engine", "clap")
    assert "--labels names nothing" in bf.fails(2, "mood", "glad.wav", "--labels", " , ")
    assert "bf models pull clap" in bf.fails(5, "mood", "glad.wav", "--labels", "dreamy,tense")
    assert "give --model alone" in bf.fails(2, "mood", "glad.wav", "--model", "x.skops", "--labels", "a,b")
    bf.ok("commit", "-m", "x")
    assert "0 versions" in bf.fails(2, "mood", "glad.wav", "--history", "--limit", 0)


def test_the_neural_engine(bf: Bf, glad: Path, tmp_path: Path) -> None:
    build_clap(tmp_path / "models/clap")
    bf.environment["BF_MODELS"] = str(tmp_path / "models")
    result = bf.ok("mood", "glad.wav", "--json", "--every", 2)
    assert result.stderr == "engine clap: CLAP, trained on music, the best one at hand\n"
    (one,) = result.json["files"]
    assert sum(one["scores"].values()) == pytest.approx(1)
    assert one["valence"] is None
    assert len(one["sections"]) == 2
    words = bf.ok("mood", "glad.wav", "--engine", "clap", "--labels", "dreamy, tense").stdout
    assert [line.split()[0] for line in words.splitlines()[2:]] == ["dreamy", "tense"]


def test_training_and_using_a_model(bf: Bf) -> None:
    for number in range(5):
        write(bf.directory / f"set/glad/{number}.wav", merry(1.5, number))
        write(bf.directory / f"set/blue 🎷/{number}.wav", mournful(1.5, number))
    (bf.directory / "set/glad/broken.wav").write_text("no sound")
    result = bf("mood", "train", "set", "-o", "mine.skops", "--json")
    assert result.code == 1
    assert "set/glad/broken.wav" in result.stderr
    assert result.json["schema"] == "beatflow.mood-training/1"
    assert result.json["sounds"] == {"blue 🎷": 5, "glad": 5}
    assert result.json["accuracy"] >= 0.8
    assert result.json["baseline_accuracy"] == 0.5
    assert np.sum(result.json["confusion"]) == 10
    (bf.directory / "set/glad/broken.wav").unlink()
    assert bf("mood", "train", "set", "-o", "mine.skops").code == 4
    text = bf.ok("mood", "train", "set", "-o", "mine.skops", "--force").stdout
    assert "in 5-fold cross-validation" in text
    assert "baseline           0.50" in text
    used = bf.ok("mood", "set/glad/1.wav", "--model", "mine.skops", "--json")
    assert "trained on 10 sounds" in used.stderr
    (one,) = used.json["files"]
    assert one["mood"] == "glad"
    assert set(one["scores"]) == {"glad", "blue 🎷"}
    assert bf.ok("mood", "set/glad/1.wav", "--engine", "mine.skops", "--json").json == used.json
    assert "no mood model" in bf.fails(2, "mood", "set/glad/1.wav", "--model", "set/glad/1.wav")


def test_training_on_nothing(bf: Bf) -> None:
    assert "none is no folder" in bf.fails(2, "mood", "train", "none")
    assert not list(bf.directory.iterdir())


def test_a_model_of_somebody_else_is_not_run(bf: Bf, glad: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer
    from skops import io

    document = {"schema": "beatflow.mood-model/1", "pipeline": FunctionTransformer(func=json.loads)}
    io.dump(document, bf.directory / "evil.skops")
    assert "not trusted" in bf.fails(5, "mood", "glad.wav", "--model", "evil.skops")
