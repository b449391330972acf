"""``bf analyze`` as a person meets it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.writing import write_audio
from tests.conftest import Bf

RATE = 22050


@pytest.fixture
def clicks(bf: Bf) -> Path:
    """Eight seconds of clicks at 120 BPM over a chord of A minor."""
    time = np.arange(8 * RATE) / RATE
    click = np.exp(-(time % 0.5) * 60) * np.random.default_rng(0).uniform(-1, 1, len(time))
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (220.0, 261.63, 329.63))
    path = bf.directory / "clicks.wav"
    write_audio(path, Audio((0.4 * click + 0.1 * chord).astype(np.float32)[:, None], RATE))
    return path


@pytest.fixture
def broken(bf: Bf) -> None:
    """Files that are no sound."""
    (bf.directory / "text.wav").write_text("this is text, not sound\n" * 20)
    (bf.directory / "empty.wav").touch()
    write_audio(bf.directory / "short.wav", Audio(np.zeros((0, 1), np.float32), RATE))
    nan = np.array([[0.0], [np.nan]], np.float32)
    header = (bf.directory / "float.wav").open("w+b")
    with header:
        write_audio(header, Audio(np.zeros((2, 1), np.float32), RATE), "FLOAT")
        header.seek(-8, 2)
        header.write(nan.tobytes())


def test_one_file(bf: Bf, clicks: Path) -> None:
    lines = bf.ok("analyze", "clicks.wav").stdout.splitlines()
    figures = {line[:12].strip(): line[12:] for line in lines}
    assert figures["file"] == "clicks.wav"
    assert figures["format"] == "WAV, 16 bit, 22.05 kHz, mono"
    assert figures["length"] == "0:08.000"
    assert figures["tempo"].startswith("120 BPM (sure")
    assert figures["key"].startswith("A:min (")
    assert figures["loudness"].startswith("−")
    assert figures["faults"] == "none"


def test_what_is_not_there_is_said_in_words(bf: Bf) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (RATE, 1)).astype(np.float32)
    write_audio(bf.directory / "noise.wav", Audio(noise - 0.02, RATE), "FLOAT")
    write_audio(bf.directory / "silent.wav", Audio(noise * 0, RATE))
    write_audio(bf.directory / "short.wav", Audio(noise[:2000], RATE))
    for name, told in (
        ("noise.wav", {"tempo": "free or none", "format": "WAV, 32 bit float, 22.05 kHz, mono"}),
        ("silent.wav", {"tempo": "free or none", "key": "none", "loudness": "silent", "faults": "silent"}),
    ):
        figures = {line[:12].strip(): line[12:] for line in bf.ok("analyze", name).stdout.splitlines()}
        assert told.items() <= figures.items()
    assert "DC offset −0.0" in bf.ok("analyze", "noise.wav").stdout
    assert "loudness    too short or too quiet to tell, true peak −" in bf.ok("analyze", "short.wav").stdout


@pytest.mark.parametrize(
    ("confidence", "steady", "others", "told"),
    [
        (0.85, True, [], "87.5 BPM (sure)"),
        (0.84, True, [175.0], "87.5 BPM (quite sure; or 175)"),
        (0.69, False, [175.0, 116.67, 58.0], "87.5 BPM (not sure, wanders; or 175, 116.67)"),
        (0.29, True, [], "87.5 BPM (a guess)"),
    ],
)
def test_tempo_in_words(
    bf: Bf, clicks: Path, confidence: float, steady: bool, others: list[float], told: str
) -> None:
    bf.ok("init")
    bf.ok("analyze", "clicks.wav")
    (cached,) = (bf.directory / ".beatflow" / "state" / "analysis").iterdir()
    document = json.loads(cached.read_text())
    document["facts"] |= {
        "tempo": 87.5, "tempo_confidence": confidence, "tempo_steady": steady, "tempo_alternatives": others
    }  # fmt: skip
    cached.write_text(json.dumps(document))
    assert f"tempo       {told}\n" in bf.ok("analyze", "clicks.wav").stdout


@pytest.mark.usefixtures("broken")
def test_every_file_that_cannot_be_read_comes_with_a_way_out(bf: Bf) -> None:
    names = ["text.wav", "empty.wav", "short.wav", "float.wav", "shirt.wav"]
    failures = bf("analyze", *names, "--json").json["failures"]
    assert len(failures) == len(names)
    assert all(failure["hint"] for failure in failures)
    assert failures[4]["hint"] == "did you mean short.wav?"


def test_the_first_bad_sample_is_counted_from_the_start(bf: Bf) -> None:
    path = bf.directory / "bad.wav"
    write_audio(path, Audio(np.full((200_000, 1), 0.1, np.float32), RATE), "FLOAT")
    data = bytearray(path.read_bytes())
    data[-200_000:-199_996] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    assert "the first at 6.803 s (frame 150000)" in bf.fails(1, "analyze", "bad.wav")


def test_json_and_range(bf: Bf, clicks: Path) -> None:
    document = bf.ok("analyze", "clicks.wav", "--json", "--bpm-range", "50..70").json
    assert document["schema"] == "beatflow.analyze/1"
    assert document["failures"] == []
    (facts,) = document["files"]
    assert facts["tempo"] == pytest.approx(60, abs=0.1)
    assert {"path", "oid", "frames", "duration_s", "key", "loudness_lufs", "true_peak_dbtp", "beats"} <= set(
        facts
    )


def test_from_a_pipe(bf: Bf, clicks: Path) -> None:
    (piped,) = bf.ok("analyze", "-", "--json", stdin=clicks.read_bytes()).json["files"]
    (read,) = bf.ok("analyze", "clicks.wav", "--json").json["files"]
    assert piped == read | {"path": "-", "oid": None}


@pytest.mark.usefixtures("broken")
def test_bad_files_do_not_stop_the_others(bf: Bf, clicks: Path) -> None:
    names = ["text.wav", "clicks.wav", "empty.wav", "short.wav", "float.wav", "nono.wav"]
    result = bf("analyze", *names)
    assert result.code == 1
    assert "clicks.wav" in result.stdout
    assert [line.split()[1] for line in result.stderr.splitlines() if line.startswith("error")] == [
        name for name in names if name != "clicks.wav"
    ]
    document = bf("analyze", *names, "--json").json
    assert [facts["path"] for facts in document["files"]] == ["clicks.wav"]
    assert len(document["failures"]) == 5


def test_table_of_several(bf: Bf, clicks: Path) -> None:
    faulty = np.ones((RATE, 2), np.float32)
    write_audio(bf.directory / "loud.wav", Audio(faulty, RATE))
    write_audio(bf.directory / "silent.wav", Audio(faulty * 0, RATE))
    lines = bf.ok("analyze", "clicks.wav", "loud.wav", "silent.wav").stdout.splitlines()
    assert lines[0].split() == [
        "file",
        "length",
        "BPM",
        "meter",
        "key",
        "LUFS",
        "LU",
        "dBTP",
        "phase",
        "faults",
    ]
    assert "all channels alike, 44100 clipped samples, DC offset 1.000" in lines[2]
    assert lines[3].split() == ["silent.wav", "0:01.000", *"–––––––", "silent"]


def test_a_track_remembers(bf: Bf, clicks: Path) -> None:
    bf.ok("init")
    first = bf.ok("analyze", "clicks.wav", "--json").json
    (cached,) = (bf.directory / ".beatflow" / "state" / "analysis").iterdir()
    assert cached.stem == first["files"][0]["oid"]
    cached.write_text(cached.read_text().replace("A:min", "B:maj"))
    assert bf.ok("analyze", "clicks.wav", "--json").json["files"][0]["key"] == "B:maj"
    assert (
        bf.ok("analyze", "clicks.wav", "--json", "--bpm-range", "80..160").json["files"][0]["key"] == "A:min"
    )


@pytest.mark.parametrize("text", ["3", "90..80", "a..b", "0..100", "10..inf"])
def test_bad_range(text: str, bf: Bf) -> None:
    assert bf.fails(2, "analyze", "x.wav", "--bpm-range", text) == (
        f"error: {text!r} is not a range of tempi\nhint: --bpm-range 70..140\n"
    )


def _figures(text: str) -> dict[str, str]:
    return {line[:12].strip(): line[12:] for line in text.splitlines()}


def test_stereo_in_words(bf: Bf) -> None:
    rng = np.random.default_rng(1)
    left, other = (rng.normal(0, 0.1, 6 * RATE).astype(np.float32) for _ in range(2))
    against = left.copy()
    against[: 4 * RATE] *= -1
    for name, right in (
        ("wide", other),
        ("cancels", -left),
        ("partly", against),
        ("leans", left * 0.5),
        ("one", left * 0),
    ):
        write_audio(bf.directory / f"{name}.wav", Audio(np.stack([left, right], axis=1), RATE), "FLOAT")
    told = {
        name: _figures(bf.ok("analyze", f"{name}.wav").stdout)
        for name in ("wide", "cancels", "partly", "leans", "one")
    }
    assert told["wide"]["faults"] == "none"
    assert "dB in mono" in told["wide"]["stereo"]
    assert told["cancels"]["faults"] == "cancels in mono (−120.0 dB)"
    assert told["cancels"]["stereo"].startswith("correlation −1.00")
    assert told["partly"]["faults"] == "cancels in mono around 0:00.0"
    assert "at worst −1.00 (0:00.0)" in told["partly"]["stereo"]
    assert told["leans"]["faults"] == "left 6.0 dB louder"
    assert told["one"]["faults"] == "right channel silent"
    assert "stereo" not in told["one"]


def test_silence_around_is_told(bf: Bf) -> None:
    samples = np.zeros((3 * RATE, 1), np.float32)
    samples[RATE : 2 * RATE] = 0.1 * np.sin(np.arange(RATE))[:, None]
    write_audio(bf.directory / "padded.wav", Audio(samples, RATE))
    figures = _figures(bf.ok("analyze", "padded.wav").stdout)
    assert figures["length"] == "0:03.000, 1.0 s of silence first, 1.0 s of silence last"


def test_bars_sections_and_tuning_in_words(bf: Bf, clicks: Path) -> None:
    bf.ok("init")
    bf.ok("analyze", "clicks.wav")
    (cached,) = (bf.directory / ".beatflow" / "state" / "analysis").iterdir()
    document = json.loads(cached.read_text())
    document["facts"] |= {
        "meter": "3/4", "downbeats": [0.5, 2.0], "downbeat_confidence": 0.7, "tuning_cents": -12.3,
        "sections": [{"start_s": 16.0 * at, "end_s": 16.0 * at + 16, "label": "AB"[at % 2]} for at in range(14)],
    }  # fmt: skip
    cached.write_text(json.dumps(document))
    figures = _figures(bf.ok("analyze", "clicks.wav").stdout)
    assert figures["meter"] == "3/4 (quite sure), 2 downbeats, the first at 0:00.5"
    assert figures["key"].endswith("), 12 cents flat")
    assert figures["sections"].startswith("A 0:00.0  B 0:16.0  A 0:32.0")
    assert figures["sections"].endswith("  and 2 more")


def test_very_short_odd_and_broken_off(bf: Bf) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (RATE // 200, 2)).astype(np.float32)
    long_name = "ä" * 60 + "b" * 76 + ".wav"
    write_audio(bf.directory / long_name, Audio(noise, RATE))
    (facts,) = bf.ok("analyze", long_name, "--json").json["files"]
    assert facts["frames"] == RATE // 200
    assert (facts["tempo"], facts["loudness_lufs"], facts["downbeats"]) == (None, None, [])
    write_audio(bf.directory / "whole.wav", Audio(np.repeat(noise, 200, axis=0), RATE))
    data = (bf.directory / "whole.wav").read_bytes()
    (bf.directory / "cut.wav").write_bytes(data[: len(data) // 2])
    assert _figures(bf.ok("analyze", "cut.wav").stdout)["faults"].startswith(
        "breaks off before its announced end"
    )


def test_figures_of_an_older_version_are_measured_again(bf: Bf, clicks: Path) -> None:
    bf.ok("init")
    bf.ok("analyze", "clicks.wav")
    (cached,) = (bf.directory / ".beatflow" / "state" / "analysis").iterdir()
    old = {"version": 1, "facts": {"tempo": 1.0, "tempo_alternatives": [], "key": "B:maj"}}
    cached.write_text(json.dumps(old))
    (facts,) = bf.ok("analyze", "clicks.wav", "--json").json["files"]
    assert facts["key"] == "A:min"
    assert {"sections", "phase_correlation", "downbeats", "meter"} <= set(facts)


def test_a_folder_is_measured_whole_and_remembered(bf: Bf, clicks: Path) -> None:
    inner = bf.directory / "takes" / "inner"
    inner.mkdir(parents=True)
    (inner / "clicks.wav").write_bytes(clicks.read_bytes())
    (inner.parent / "notes.txt").write_text("no sound, and nobody meant it to be")
    (inner.parent / ".hidden.wav").write_text("hidden")
    first = json.loads(bf.ok("analyze", "takes", "--json").stdout)
    assert [facts["path"] for facts in first["files"]] == ["takes/inner/clicks.wav"]
    assert first["failures"] == []
    home = Path(os.environ["HOME"])
    (memory,) = home.rglob(f"{first['files'][0]['oid']}.json")
    remembered = json.loads(memory.read_text())
    remembered["facts"]["tempo"] = 77.0
    memory.write_text(json.dumps(remembered))
    assert json.loads(bf.ok("analyze", "takes", "--json").stdout)["files"][0]["tempo"] == 77.0
    # By itself it is measured anew: nobody asked for it to be remembered.
    assert json.loads(bf.ok("analyze", "clicks.wav", "--json").stdout)["files"][0]["tempo"] == 120.0


def test_several_at_once_come_in_order_and_the_broken_do_not_stop_them(
    bf: Bf, clicks: Path, broken: None
) -> None:
    folder = bf.directory / "all"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.wav").write_bytes(clicks.read_bytes())
    (folder / "text.wav").write_bytes((bf.directory / "text.wav").read_bytes())
    (folder / "nan.wav").write_bytes((bf.directory / "float.wav").read_bytes())
    done = bf("analyze", "all", "--jobs", "2", "--json")
    assert done.code == 1
    document = json.loads(done.stdout)
    assert [facts["path"] for facts in document["files"]] == ["all/a.wav", "all/b.wav"]
    assert sorted(failure["path"] for failure in document["failures"]) == ["all/nan.wav", "all/text.wav"]
    (bf.directory / "empty").mkdir()
    assert "there is no sound in empty" in bf.fails(2, "analyze", "empty")
