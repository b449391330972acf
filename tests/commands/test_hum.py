"""``bf hum`` as a person meets it."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.making.hearing import read_figures
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_info
from beatflow.sound.midi import read_midi
from beatflow.sound.note import Note
from beatflow.sound.writing import write_audio
from tests.ai.listening.test_beatbox import beat_of
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
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["A3", "57"],
        ["C4", "60"],
        ["E4", "64"],
        ["D4", "62"],
    ]
    assert lines[5] == ""
    assert [line.split()[0] for line in lines[7:]] == ["E4", "D4", "C4", "A3"]
    assert [line.count("●") for line in lines[7:]] == [1, 1, 1, 1]
    assert bf.ok("-q", "hum", "hum.wav").stderr == ""


def test_json_from_a_pipe_and_midi(bf: Bf, hum: Path) -> None:
    result = bf.ok("hum", "-", "--json", "--midi", "hum.mid", stdin=hum.read_bytes())
    document = result.json
    assert document["schema"] == "beatflow.hum/1"
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert set(document["notes"][0]) == {"start_s", "duration_s", "midi", "velocity"}
    assert {"tempo", "key", "tuning_cents"} <= set(document)
    assert [note.midi for note in read_midi(bf.directory / "hum.mid").tracks["melody"]] == list(MELODY)
    assert "notes written to hum.mid" in result.stderr


def test_what_the_prompt_says_outweighs_what_is_heard(bf: Bf, hum: Path) -> None:
    argv = ("hum", "hum.wav", "lofi 84 bpm in D minor", "--bars", "2", "--seed", "3", "-n", "--json")
    document = bf.ok(*argv).json
    assert (document["tempo"], document["key"]) == (84.0, "D:min")
    assert (document["asked"]["tempo"], document["asked"]["key"]) == (84.0, "D:min")
    assert read_figures("lofi 84 bpm in D minor", 96.0, "Am") == (96.0, "Am")
    assert "the tempo must be 40 to 300 BPM, not 20" in bf.fails(2, "hum", "hum.wav", "lofi 20 bpm")


def test_a_guess_and_a_broken_file_are_told(bf: Bf, hum: Path) -> None:
    (bf.directory / "cut.wav").write_bytes(hum.read_bytes()[: hum.stat().st_size // 3])
    told = bf.ok("hum", "cut.wav").stderr
    assert "2 notes, perhaps 100.0 BPM" in told.splitlines()[-1]
    assert "warning: cut.wav breaks off before its announced end" in told
    assert "2 notes, 90.0 BPM" in bf.ok("hum", "cut.wav", "--bpm", "90").stderr


def test_makes_music_around_it(bf: Bf, hum: Path) -> None:
    document = bf.ok(
        "hum", "hum.wav", "lofi", "--bpm", "120", "--bars", "2", "--seed", "3", "-o", "out/", "--json"
    ).json
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert (document["tempo"], document["bars"], document["seed"]) == (120.0, 2, 3)
    assert "melody" in [stem["name"] for stem in document["stems"]]
    assert read_info(bf.directory / document["mix"]["path"]).duration_s == pytest.approx(4.0, abs=0.001)


def test_a_beat_is_shown_as_a_drum_machine_does(bf: Bf) -> None:
    write_audio(bf.directory / "beat.wav", beat_of()[1])
    result = bf.ok("hum", "beat.wav", "--bpm", "100")
    assert "hardly anything has a pitch, but 16 hits are clear: heard as drums" in result.stderr
    counts, _, grid = result.stdout.partition("\n\n")
    assert [line.split()[0::2] for line in counts.splitlines()[1:3]] == [["kick", "6"], ["snare", "4"]]
    rows = {line.split()[0]: line.split()[-1] for line in grid.splitlines()[1:]}
    assert rows["kick"] == "X·······X·X·····|X·······X·X·····"
    assert rows["snare"] == "····x·······x···|····x·······x···"
    document = bf.ok("hum", "beat.wav", "--json").json
    assert (document["part"], document["key"]) == ("drums", None)


def test_a_beat_becomes_the_drums(bf: Bf) -> None:
    write_audio(bf.directory / "beat.wav", beat_of()[1])
    argv = ("hum", "beat.wav", "lofi", "--as", "drums", "--bpm", "100", "--key", "Am", "--seed", "3")
    document = bf.ok(*argv, "-o", "out/", "--midi", "beat.mid", "--json").json
    assert (document["tempo"], document["key"], document["bars"]) == (100.0, "A:min", 2)
    drums = read_midi(bf.directory / "beat.mid").tracks["drums"]
    assert [note.midi for note in drums][:4] == [36, 42, 38, 42]
    assert [round(note.start_s / 0.3, 2) for note in drums] == list(range(16))


def test_a_hum_becomes_the_bass_and_is_made_again(bf: Bf, hum: Path) -> None:
    bf.ok("init")
    argv = ("hum", "hum.wav", "house", "--as", "bass", "--bpm", "120", "--seed", "5", "--bars", "2")
    bf.ok(*argv, "-m", "bass", "--midi", "bass.mid")
    bass = read_midi(bf.directory / "bass.mid").tracks["bass"]
    assert [note.midi % 12 for note in bass] == [midi % 12 for midi in MELODY]
    assert max(note.midi for note in bass) <= 55
    assert "bit-exact" in bf.ok("reproduce", "mix.wav").stdout


def test_a_hum_in_another_tempo_is_brought_to_the_one_asked_for(bf: Bf) -> None:
    notes = [Note(0.3 + n * 60 / 92, 0.5, 60 + (0, 2, 4, 5)[n % 4]) for n in range(12)]
    write_audio(bf.directory / "slow.wav", sing(notes, Voice()))
    result = bf.ok("hum", "slow.wav", "--bpm", "84", "--quantize", "1/8", "--json")
    assert "hummed at 92.0 BPM: brought to 84" in result.stderr
    starts = [note["start_s"] * 84 / 60 for note in result.json["notes"]]
    assert starts == pytest.approx(range(12))
    swung = bf.ok("hum", "slow.wav", "--bpm", "92", "--quantize", "1/16", "--swing", "60", "--json").json
    assert len(swung["notes"]) == 12


def test_a_neural_engine_follows_the_recording(neural: Bf, hum: Path) -> None:
    argv = ("hum", "hum.wav", "strings", "--engine", "musicgen-melody", "--seed", "3", "--json")
    document = neural.ok(*argv, "--midi", "hum.mid").json
    assert [note["midi"] for note in document["notes"]] == list(MELODY)
    assert (document["engine"], document["stems"]) == ("musicgen-melody", [])
    # As long as the recording, since nothing else was asked for.
    assert document["duration_s"] == pytest.approx(read_info(hum).duration_s, abs=0.02)
    assert [note.midi for note in read_midi(neural.directory / "hum.mid").tracks["melody"]] == list(MELODY)
    assert "is a part for drums" in neural.fails(2, *argv, "--as", "drums")
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
        (["silence.wav", "--as", "drums"], 1, "no hits found"),
        (["hum.wav", "--as", "flute"], 2, "a hum cannot be played as 'flute'"),
        (["hum.wav", "--quantize", "1/7"], 2, "no grid '1/7'\nhint: --quantize 1/4, 1/8"),
        (["hum.wav", "--swing", "60"], 2, "--swing moves notes on a grid"),
        (["hum.wav", "lofi", "--swing", "90"], 2, "--swing must be 50 to 75 percent, not 90"),
        (["hum.wav", "lofi", "--bpm", "0"], 2, "the tempo must be 40 to 300 BPM, not 0"),
        (["hum.wav", "-o", "-"], 2, "a hum gives notes and files"),
        (["hum.wav", "--midi", "-"], 2, "notes as MIDI go to a file"),
        (["hum.wav", "--midi", "nono/hum.mid"], 2, "there is no folder"),
        (["hum.wav", "--midi", "silence.wav"], 4, "silence.wav is there already"),
        (["hum.wav", "lofi", "--engine", "nono"], 5, "no engine 'nono'"),
        (["hum.wav", "lofi", "--commit"], 3, "is not in a BeatFlow track"),
    ],
)
def test_bad_input(argv: list[str], code: int, said: str, bf: Bf, hum: Path) -> None:
    write_audio(bf.directory / "silence.wav", Audio(np.zeros((8000, 1), np.float32), 8000))
    told = bf.fails(code, "hum", *argv).replace(f"{bf.directory}/", "").replace(f"{bf.directory} ", "")
    assert f"error: {said}" in told
