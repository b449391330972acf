"""``bf hum`` as a person meets it."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.files import read_info
from beatflow.sound.midi import read_midi
from beatflow.sound.note import Note
from beatflow.sound.writing import write_audio
from tests.ai.voices import Voice, sing
from tests.conftest import Bf

MELODY = (57, 60, 64, 62)


@pytest.fixture
def hum(bf: Bf) -> Path:
    """Four notes, hummed."""
    path = bf.directory / "hum.wav"
    write_audio(path, sing([Note(i * 0.5, 0.45, midi) for i, midi in enumerate(MELODY)], Voice()))
    return path


def test_lists_what_it_hears(bf: Bf, hum: Path) -> None:
    result = bf.ok("hum", "hum.wav")
    assert result.stderr.startswith("engine yin: embedded pitch tracker, the best one at hand\n4 notes, ")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["note", "midi", "start_s", "duration_s", "velocity"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["A3", "57"],
        ["C4", "60"],
        ["E4", "64"],
        ["D4", "62"],
    ]
    assert bf.ok("-q", "hum", "hum.wav").stderr == ""


def test_json_from_a_pipe_and_midi(bf: Bf, hum: Path) -> None:
    result = bf.ok("hum", "-", "--json", "--midi", "hum.mid", stdin=hum.read_bytes())
    document = result.json
    assert document["schema"] == "beatflow.hum/1"
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert set(document["notes"][0]) == {"start_s", "duration_s", "midi", "velocity"}
    assert {"tempo", "key", "tuning_cents"} <= set(document)
    assert [note.midi for note in read_midi(bf.directory / "hum.mid").tracks["melody"]] == list(MELODY)


def test_makes_music_around_it(bf: Bf, hum: Path) -> None:
    document = bf.ok(
        "hum", "hum.wav", "lofi", "--bpm", "120", "--bars", "2", "--seed", "3", "-o", "out/", "--json"
    ).json
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert (document["tempo"], document["bars"], document["seed"]) == (120.0, 2, 3)
    assert "melody" in [stem["name"] for stem in document["stems"]]
    assert read_info(bf.directory / document["mix"]["path"]).duration_s == pytest.approx(4.0, abs=0.001)


def test_a_neural_engine_follows_the_recording(neural: Bf, hum: Path) -> None:
    argv = ("hum", "hum.wav", "strings", "--engine", "musicgen-melody", "--seed", "3", "--json")
    document = neural.ok(*argv, "--midi", "hum.mid").json
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert (document["engine"], document["stems"]) == ("musicgen-melody", [])
    # As long as the recording, since nothing else was asked for.
    assert document["duration_s"] == pytest.approx(read_info(hum).duration_s, abs=0.02)
    assert [note.midi for note in read_midi(neural.directory / "hum.mid").tracks["melody"]] == list(MELODY)
    assert "engine musicgen-small cannot accompany" in neural.fails(
        5, "hum", "hum.wav", "x", "--engine", "musicgen-small"
    )


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nono.wav"], 2, "nono.wav does not exist\nhint: ls shows what is there"),
        (["ham.wav"], 2, "ham.wav does not exist\nhint: did you mean hum.wav?"),
        (["."], 2, ". is a folder, not a sound"),
        (["silence.wav"], 1, "no pitched notes found"),
        (["hum.wav", "lofi", "--bpm", "0"], 2, "the tempo must be 40 to 300 BPM, not 0"),
        (["hum.wav", "-o", "-"], 2, "a hum gives notes and files"),
        (["hum.wav", "lofi", "--engine", "nono"], 5, "no engine 'nono'"),
        (["hum.wav", "lofi", "--commit"], 3, "is not in a BeatFlow track"),
    ],
)
def test_bad_input(argv: list[str], code: int, said: str, bf: Bf, hum: Path) -> None:
    write_audio(bf.directory / "silence.wav", Audio(np.zeros((8000, 1), np.float32), 8000))
    assert f"error: {said}" in bf.fails(code, "hum", *argv).replace(str(bf.directory) + " ", "")
