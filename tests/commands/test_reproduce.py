"""``bf reproduce`` as a person meets it."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.mixing.rendering import describe_render, render
from beatflow.provenance import find_record
from beatflow.track import parse_track
from tests.conftest import Bf
from tests.forks import new, put, take, wav
from tests.lineage.band import add_engines, change_dreamer, open_track, set_record
from tests.world import tone, wav_bytes

BASS = take(1)
TOY = ("--engine", "toy", "--bars", "1", "--bpm", "120")


@pytest.fixture
def track(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> Bf:
    add_engines(monkeypatch)
    bf.ok("init")
    return bf


def oid_of(bf: Bf, path: str) -> str:
    from beatflow.delivery import digest

    return digest(bf.directory / path)


def record_of(bf: Bf, path: str) -> dict[str, Any]:
    return find_record(open_track(bf), oid_of(bf, path)) or {}


def verdicts(bf: Bf, *argv: object) -> dict[str, str]:
    return {one["path"]: one["verdict"] for one in bf("reproduce", *argv, "--json").json["sounds"]}


def write_melody(bf: Bf, name: str) -> None:
    samples = np.concatenate([tone(0.6, hz) for hz in (220.0, 261.6, 329.6)])
    (bf.directory / name).write_bytes(wav_bytes(samples))


def test_makes_a_track_again(track: Bf) -> None:
    short = ("--bars", "1", "--bpm", "180")
    track.ok("generate", "lofi", "--seed", "7", *short, "--engine", "synth", "--commit", "-m", "one")
    before = {
        path: path.read_bytes() for path in track.directory.rglob("*.*") if ".beatflow" not in path.parts
    }
    result = track.ok("reproduce", "mix.wav")
    assert (
        result.stdout == f"mix.wav  bit-exact  generate by synth · sha256 {oid_of(track, 'mix.wav')[:16]}\n"
    )
    found = verdicts(track, "HEAD")
    assert len(found) > 3
    assert set(found.values()) == {"identical"}
    assert {path: path.read_bytes() for path in before} == before
    assert track.ok("status", "--porcelain").stdout == ""


def test_keeps_the_new_rendering(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    outside = track.directory.parent
    track.ok("reproduce", "mix.wav", "-o", outside / "again.wav")
    assert (outside / "again.wav").read_bytes() == (track.directory / "mix.wav").read_bytes()
    assert "is there already" in track.fails(4, "reproduce", "mix.wav", "-o", outside / "again.wav")
    track.ok("reproduce", "mix.wav", "-o", outside / "again.wav", "--force")
    track.ok("reproduce", "stems", "-o", f"{outside}/all/")
    assert (outside / "all/stems/bass.wav").read_bytes() == (track.directory / "stems/bass.wav").read_bytes()
    assert "do not fit into one file" in track.fails(2, "reproduce", "stems", "-o", "x.wav")
    assert "standard output" in track.fails(2, "reproduce", "mix.wav", "-o", "-")


def test_needs_no_original(track: Bf) -> None:
    """The record alone is enough: what the store has lost comes back bit for bit."""
    track.ok("generate", "house", "--seed", "7", *TOY, "-o", "a.flac")
    track.ok("commit", "-m", "one")
    (track.directory / "a.flac").unlink()
    assert verdicts(track, "HEAD:a.flac") == {"a.flac": "identical"}


def test_stems_made_anew_and_the_mix_of_them(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY, "--commit", "-m", "one")
    track.ok(
        "generate", "dusty", "--stem", "drums", "--seed", "3", "--engine", "toy", "--commit", "-m", "two"
    )
    found = track.ok("reproduce", "HEAD", "--json").json
    assert {one["verdict"] for one in found["sounds"]} == {"identical"}
    assert {one["path"]: one["kind"] for one in found["sounds"]}["mix.wav"] == "mix"
    # The drums were fitted among stems that are only in history now.
    track.ok("generate", "funk", "--stem", "bass", "--seed", "3", "--engine", "toy")
    assert verdicts(track, "stems/drums.wav") == {"stems/drums.wav": "identical"}


def test_a_mix_with_faders(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    score = (track.directory / "track.toml").read_text() + "gain_db = -3.0\n"
    (track.directory / "track.toml").write_text(score)
    track_now = parse_track(score.encode())
    files = {stem.file: track.directory / stem.file for stem in track_now.stems.values()}
    target = track.directory / "new.wav"
    render(track_now, lambda path: files[path].open("rb"), files["stems/bass.wav"].open("rb"), target)
    os.replace(target, track.directory / "mix.wav")
    inputs = [(name, stem.file, oid_of(track, stem.file)) for name, stem in track_now.stems.items()]
    set_record(track, "mix.wav", **describe_render(track_now, inputs))
    track.ok("commit", "-m", "faders")
    assert verdicts(track, "mix.wav") == {"mix.wav": "identical"}
    (track.directory / "track.toml").write_text(score.replace("-3.0", "-4.0"))
    assert verdicts(track, "mix.wav") == {"mix.wav": "different"}
    assert verdicts(track, "HEAD:mix.wav") == {"mix.wav": "identical"}
    (track.directory / "track.toml").unlink()
    assert verdicts(track, "mix.wav") == {"mix.wav": "identical"}, "the record keeps the faders"
    record = describe_render(track_now, inputs)
    del record["score"]
    set_record(track, "mix.wav", **record)
    assert "the faders that mix.wav was mixed with" in track.fails(3, "reproduce", "mix.wav")


def fork(bf: Bf, ours: np.ndarray, theirs: np.ndarray) -> None:
    """A bass that two branches play differently."""
    (bf.directory / "bass.wav").write_bytes(wav(BASS))
    bf.ok("commit", "-m", "base")
    bf.ok("branch", "mia")
    (bf.directory / "bass.wav").write_bytes(wav(ours))
    bf.ok("commit", "-m", "ours")
    bf.ok("switch", "mia")
    (bf.directory / "bass.wav").write_bytes(wav(theirs))
    bf.ok("commit", "-m", "theirs")
    bf.ok("switch", "main")


def test_merged_by_time(track: Bf) -> None:
    fork(track, put(BASS, 0.25, new(2)), put(BASS, 1.0, new(3)))
    track.ok("merge", "mia")
    result = track.ok("reproduce", "bass.wav")
    assert "bass.wav  bit-exact  merged from two versions · sha256" in result.stdout
    assert verdicts(track, "HEAD") == {"bass.wav": "identical"}


def test_merged_by_hand(track: Bf) -> None:
    fork(track, put(BASS, 0.25, new(2)), put(BASS, 0.3, new(4)))
    assert track("merge", "mia").code == 4
    track.ok("resolve", "bass.wav", "--mix", "0.25")
    assert verdicts(track, "bass.wav") == {"bass.wav": "identical"}
    track.ok("undo")
    for take_name in ("theirs", "base"):
        track.ok("resolve", "bass.wav", "--region", "0.2s-0.5s", take_name)
        said = track.fails(2, "reproduce", "bass.wav")
        assert "bass.wav was put together by hand" in said
        assert "hint: bf blame bass.wav" in said
        track.ok("undo")


def test_a_split_and_its_missing_mix(track: Bf) -> None:
    write_melody(track, "söng.wav")
    track.ok("split", "söng.wav", "-o", "parts", "--engine", "dsp", "--commit", "-m", "parts")
    assert set(verdicts(track, "parts").values()) == {"identical"}
    (track.directory / "söng.wav").rename(track.directory / "moved.wav")
    assert verdicts(track, "parts/drums.wav") == {"parts/drums.wav": "identical"}
    # Undo keeps what stood there, so it takes another machine to lack it.
    gone = [{"path": "gone.wav", "oid": "ab" * 32}]
    for stem in ("drums", "bass"):
        set_record(track, f"parts/{stem}.wav", **{**record_of(track, f"parts/{stem}.wav"), "inputs": gone})
    said = track.fails(3, "reproduce", "parts/drums.wav")
    assert "gone.wav is needed and not here (abababababab)" in said
    document = track("reproduce", "parts", "--json").json
    assert [one["verdict"] for one in document["sounds"]].count("failed") == 2
    assert document["verdict"] == "failed"


def test_a_hum(track: Bf) -> None:
    write_melody(track, "hum.wav")
    track.ok("hum", "hum.wav", "lofi", "--seed", "1", "--engine", "toy", "--commit", "-m", "hum")
    track.ok("commit", "-m", "the recording as well")
    (track.directory / "hum.wav").unlink()
    assert set(verdicts(track, "HEAD").values()) == {"identical"}


def test_takes_of_a_batch_are_drawn_once_more_together(track: Bf) -> None:
    track.ok("generate", "dream", "--engine", "dreamer", "--seed", "5", "--count", "3", "--duration", "1")
    assert record_of(track, "takes/6/mix.wav")["batch"] == {"seeds": [5, 6, 7], "index": 1}
    found = verdicts(track, "takes")
    assert found == dict.fromkeys(("takes/5/mix.wav", "takes/6/mix.wav", "takes/7/mix.wav"), "identical")
    assert verdicts(track, "takes/6/mix.wav") == {"takes/6/mix.wav": "identical"}


def test_sampling_is_that_of_the_first_time(track: Bf) -> None:
    track.ok(
        "generate", "dream", "--engine", "dreamer", "--seed", "5", "--temperature", "0.7", "--duration", "1"
    )
    assert record_of(track, "mix.wav")["sampling"] == {"temperature": 0.7}
    assert verdicts(track, "mix.wav") == {"mix.wav": "identical"}


def test_an_extension(track: Bf) -> None:
    (track.directory / "loop.wav").write_bytes(wav_bytes(tone(0.3, 220, sample_rate=8000)[:, :1], 8000))
    track.ok(
        "extend", "loop.wav", "on", "--engine", "dreamer", "--seed", "2", "--duration", "1", "-o", "long.wav"
    )
    assert verdicts(track, "long.wav") == {"long.wav": "identical"}


def test_other_surroundings_are_told(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    track.ok("generate", "dream", "--engine", "dreamer", "--seed", "5", "--duration", "1")
    change_dreamer(monkeypatch, version="2", device="cpu", dtype="float32")
    result = track.ok("reproduce", "mix.wav")
    assert "bit-exact" in result.stdout
    assert "  although these differ\n    engine version: 1 then, 2 now\n" in result.stdout
    document = track.ok("reproduce", "mix.wav", "--json").json
    assert {"what": "engine_version", "then": "1", "now": "2"} in document["sounds"][0]["differences"]


def test_other_weights_are_refused(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    track.ok("generate", "dream", "--engine", "dreamer", "--seed", "5", "--duration", "1")
    change_dreamer(monkeypatch, weights={"model.safetensors": "cd" * 32})
    said = track.fails(5, "reproduce", "mix.wav")
    assert "model.safetensors is cdcdcdcdcdcd, was abababababab" in said
    assert "hint: bf models verify dreams" in said


def test_another_sound_is_told(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    record = record_of(track, "mix.wav")
    set_record(track, "mix.wav", **{**record, "seed": 8, "bars": 2})
    result = track("reproduce", "mix.wav")
    assert result.code == 1
    assert re.match(r"mix.wav  different, null depth −?\d+\.\d dB  generate by toy\n", result.stdout)
    assert "  bars 2 then, 1 now: not kept\n" in result.stdout
    document = track("reproduce", "mix.wav", "--json").json
    assert document["verdict"] == "different"
    (sound,) = document["sounds"]
    assert sound["null_depth_db"] > -20
    assert {one["name"] for one in sound["contract"]} >= {
        "frames",
        "sample_rate",
        "channels",
        "bars",
    }


def test_a_longer_sound_cannot_be_subtracted(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    record = record_of(track, "mix.wav")
    set_record(track, "mix.wav", **{**record, "asked": {**record["asked"], "bars": 2}})
    result = track("reproduce", "mix.wav")
    assert result.stdout.startswith("mix.wav  different  generate by toy\n")
    assert "  frames 16000 then, 32000 now: not kept\n" in result.stdout


def change_file(bf: Bf, path: str, new: bytes) -> None:
    """Put other bytes into a file, with the record of the old ones."""
    record = record_of(bf, path)
    (bf.directory / path).write_bytes(new)
    set_record(bf, path, **record)


def test_the_same_samples_in_another_file(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    data = (track.directory / "mix.wav").read_bytes()
    note = b"LIST" + (12).to_bytes(4, "little") + b"INFOabcd" + bytes(4)
    size = (len(data) + len(note) - 8).to_bytes(4, "little")
    change_file(track, "mix.wav", b"RIFF" + size + data[8:] + note)
    assert "the same samples, in another file" in track.ok("reproduce", "mix.wav").stdout


def test_what_is_far_below_it_counts_as_equal(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY)
    data = bytearray((track.directory / "mix.wav").read_bytes())
    data[-40_000::200] = bytes(byte ^ 1 for byte in data[-40_000::200])
    change_file(track, "mix.wav", bytes(data))
    result = track.ok("reproduce", "mix.wav", "--json").json
    assert result["sounds"][0]["verdict"] == result["verdict"] == "equal"
    assert result["sounds"][0]["null_depth_db"] < -80
    assert track.ok("reproduce", "mix.wav").stdout.startswith("mix.wav  equal, null depth −")


def test_another_machine_is_asked_only_when_told_so(track: Bf) -> None:
    track.ok("generate", "far", "--engine", "remote", "--seed", "5")
    said = track.fails(5, "reproduce", "mix.wav")
    assert "costs money and gives another sound each time" in said
    assert "hint: --remote" in said
    result = track("reproduce", "mix.wav", "--remote")
    assert (result.code, result.stdout.split("  ")[1].split(",")[0]) == (1, "different")


def test_what_is_gone_or_unknown(track: Bf) -> None:
    write_melody(track, "mine.wav")
    assert "nothing is recorded of how mine.wav was made" in track.fails(3, "reproduce", "mine.wav")
    assert "neither a sound here nor a revision" in track.fails(3, "reproduce", "nix.wav")
    base = {
        "kind": "generate",
        "engine": "gone",
        "engine_version": "1",
        "prompt": "x",
        "seed": 1,
        "asked": {},
    }
    set_record(track, "mine.wav", **base)
    assert "no engine 'gone'" in track.fails(5, "reproduce", "mine.wav")
    set_record(track, "mine.wav", **{**base, "seed": "x"})
    assert "has no seed that makes sense" in track.fails(7, "reproduce", "mine.wav")
    set_record(track, "mine.wav", kind="merge", inputs=[])
    assert "mine.wav was put together by hand" in track.fails(2, "reproduce", "mine.wav")
    set_record(track, "mine.wav", kind="merge", inputs=[], share_of_theirs="half")
    assert "has no share_of_theirs that makes sense" in track.fails(7, "reproduce", "mine.wav")
    set_record(track, "mine.wav", **{**base, "engine": "musicgen-small", "kind": "generate"})
    assert "bf models pull musicgen-small" in track.fails(5, "reproduce", "mine.wav")


def test_a_folder_tells_each(track: Bf) -> None:
    track.ok("generate", "lofi", "--seed", "7", *TOY, "-o", "a.wav")
    write_melody(track, "mine.wav")
    write_melody(track, "lost.wav")
    (track.directory / "lost.wav").write_bytes(wav_bytes(tone(0.3, 500)))
    set_record(track, "lost.wav", kind="generate", engine="gone", prompt="x", seed=1, asked={})
    result = track("reproduce", ".")
    assert result.code == 1
    assert "a.wav     bit-exact" in result.stdout
    assert "mine.wav  no record\n" in result.stdout
    assert "lost.wav  not made again\n  no engine 'gone'" in result.stdout
    (track.directory / "lost.wav").unlink()
    assert verdicts(track, ".") == {"a.wav": "identical", "mine.wav": "no_record"}
    track.ok("reproduce", ".")


def test_outside_a_track(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    Bf(tmp_path / "x").fails(3, "reproduce", "mix.wav")
