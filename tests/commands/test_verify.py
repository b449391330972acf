"""``bf verify`` and promises on the command line, with the embedded producer and a band that never quite keeps them."""

import json
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.table import ENGINES, Listing
from beatflow.delivery import digest
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.writing import write_audio
from benchmarks.crooked import CrookedBand, Faults
from tests.conftest import Bf

ASKED = ("--bpm", "110", "--key", "Gm", "--bars", "4", "--loop", "--loudness", "-14", "--seed", "3")
LOST = ("--bpm", "140", "--bars", "2", "--seed", "3")


def make_crooked(setup: Setup) -> CrookedBand:
    """Off tempo, off key, late and quiet, with stems; every other seed is noise."""
    return CrookedBand(Faults(tempo=0.05, semitones=2, late_s=0.3, gain=0.2, wrong=0.5), stems=True)


def make_hopeless(setup: Setup) -> CrookedBand:
    """Plays nothing but noise."""
    return CrookedBand(Faults(wrong=1.0), name="hopeless")


@pytest.fixture
def band(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> Bf:
    """A track, and two bands to hire."""
    here = "tests.commands.test_verify"
    monkeypatch.setitem(ENGINES, "crooked", Listing(f"{here}:make_crooked", ("generate",), "a band"))
    monkeypatch.setitem(ENGINES, "hopeless", Listing(f"{here}:make_hopeless", ("generate",), "noise"))
    bf.ok("init")
    return bf


def record_of(bf: Bf, name: str) -> Any:
    oid = digest(bf.directory / name)
    return json.loads((bf.directory / ".beatflow" / "state" / "provenance" / f"{oid}.json").read_bytes())


def test_a_crooked_band_is_put_right_recorded_verified_and_made_again(band: Bf) -> None:
    made = band.ok("generate", "a band", "--engine", "crooked", *ASKED, "--tries", "6")
    lines = made.stderr.splitlines()
    assert any(
        line.startswith("110 BPM: measured 110.0") and " after stretching by " in line for line in lines
    )
    assert "G:min: measured G:min after transposing by -2 semitones" in lines
    assert any(line.startswith("4 bars: 8.73 s, to the sample, cut from frame ") for line in lines)
    assert any(line.startswith("-14 LUFS: measured -14.0 after +") for line in lines)
    stems = {path.stem: read_audio(path) for path in (band.directory / "stems").iterdir()}
    assert check_sum(stems, read_audio(band.directory / "mix.wav"), "PCM_24") == 0
    score = (band.directory / "track.toml").read_text()
    assert "tempo = 110.0" in score
    assert 'key = "G:min"' in score
    contract = record_of(band, "mix.wav")["contract"]
    assert contract["held"]
    assert [one["kind"] for one in contract["corrections"]] == ["stretch", "transpose", "loop", "level"]
    assert contract["tries"] == len(contract["misses"]) + 1
    assert record_of(band, "mix.wav")["seed"] == contract["seed"]
    verified = band.ok("verify", "--contract", "mix.wav")
    assert verified.stdout.splitlines()[0] == "mix.wav: kept"
    assert "  4 bars: 8.73 s, to the sample" in verified.stdout.splitlines()
    assert band.ok("verify", "--sum").stdout.startswith("mix.wav is the sum of its 3 stems")
    again = band.ok("reproduce", "mix.wav", "--json").json
    assert again["sounds"][0]["verdict"] == "identical"


def test_json_of_generate_has_the_contract(band: Bf) -> None:
    document = band.ok("generate", "lofi", "--engine", "synth", *LOST, "--json").json
    assert document["contract"]["held"]
    assert document["contract"]["corrections"] == []
    asked = [one for one in document["contract"]["promises"] if one["binding"]]
    assert [(one["term"], one["asked"], one["held"]) for one in asked] == [
        ("tempo", 140.0, True),
        ("bars", 2, True),
    ]
    claims = [one["term"] for one in document["contract"]["promises"] if not one["binding"]]
    assert claims == ["key", "loop"]


def test_nothing_is_overwritten_where_no_try_holds(band: Bf) -> None:
    band.ok("generate", "lofi", "--engine", "synth", *LOST)
    before = {path: path.read_bytes() for path in band.directory.rglob("*.wav")}
    said = band.fails(8, "generate", "x", "--engine", "hopeless", *LOST, "--tries", "2")
    assert "error: none of 2 tries keeps what was asked for: 140 BPM (no steady beat" in said
    assert band.fails(8, "generate", "x", "--engine", "hopeless", *LOST, "--tries", "1", "-o", "-")
    assert {path: path.read_bytes() for path in band.directory.rglob("*.wav")} == before
    assert [row["kind"] for row in band.ok("op", "log", "--json").json["operations"]] == ["generate"]


def test_a_pipe_keeps_promises_too(band: Bf) -> None:
    piped = band.ok("generate", "a band", "--engine", "crooked", *ASKED, "--tries", "6", "-o", "-")
    given = [word for word in ASKED if word not in ("--seed", "3")]
    verified = band.ok("verify", "-", *given, "--json", stdin=piped.out_bytes).json
    assert verified["files"][0]["held"]
    assert verified["files"][0]["source"] == "options"
    assert band("verify", "-", "--bpm", "97", stdin=piped.out_bytes).code == 1


def test_files_anywhere_against_their_record_or_what_is_said(band: Bf) -> None:
    band.ok("generate", "house", "--engine", "synth", *LOST, "--commit")
    elsewhere = band.directory.parent / "copy of it.wav"
    elsewhere.write_bytes((band.directory / "mix.wav").read_bytes())
    assert band.ok("verify", str(elsewhere)).stdout.splitlines()[0] == f"{elsewhere}: kept"
    wrong = band("verify", "mix.wav", "--bpm", "130", "--bars", "3")
    assert wrong.code == 1
    assert wrong.stdout.splitlines()[:3] == [
        "mix.wav: not kept: 2 of 2",
        "  130 BPM: not kept, measured 140.00",
        wrong.stdout.splitlines()[2],
    ]
    stem = band.ok("verify", "stems/drums.wav", "--json").json["files"][0]
    assert [one["term"] for one in stem["promises"]] == ["bars"]
    stretched = read_audio(band.directory / "mix.wav")
    write_audio(band.directory / "cut.wav", Audio(stretched.samples[:-100], stretched.sample_rate))
    assert band("verify", "cut.wav", *LOST[:4]).code == 1
    assert "cut.wav has no record of what it was to keep" in band.fails(2, "verify", "cut.wav")


def test_what_cannot_be_reached_or_kept_is_told(band: Bf) -> None:
    played = ("--bpm", "240", "--bars", "1", "--seed", "3", "--tries", "1")
    said = band.fails(8, "generate", "quiet ambient drone", "--engine", "synth", *played, "--loudness", "-6")
    assert "hint: --loudness -" in said
    assert "synth keeps it" not in said
    lossy = band.ok("generate", "techno", "--engine", "synth", *played, "--loudness", "-9", "-o", "a.mp3")
    assert "warning: a.mp3 is lossy, which may have moved its seam and its peaks" in lossy.stderr
    assert "Opus cannot hold 44100 Hz" in band.fails(
        1, "generate", "techno", "--engine", "synth", *played, "-o", "a.opus"
    )


def test_bad_input(band: Bf) -> None:
    write_audio(band.directory / "silent.wav", Audio(np.zeros((8000, 1), np.float32), 8000))
    write_audio(band.directory / "short.wav", Audio(np.zeros((40, 1), np.float32), 8000))
    (band.directory / "text.wav").write_text("no sound")
    assert "nothing to verify" in band.fails(2, "verify")
    assert "prove different things" in band.fails(2, "verify", "--contract", "--sum", "silent.wav")
    assert "--sum has no use for" in band.fails(
        2, "verify", "--sum", "--bpm", "90", "silent.wav", "silent.wav"
    )
    assert "nope.wav does not exist" in band.fails(1, "verify", "nope.wav", "--bpm", "90")
    assert "the tempo must be 40 to 300" in band.fails(2, "verify", "silent.wav", "--bpm", "9")
    several = band(
        "verify", "silent.wav", "text.wav", "short.wav", "--bpm", "90", "--key", "C", "--loop", "--json"
    )
    assert several.code == 1
    assert [one["held"] for one in several.json["files"]] == [False, False]
    assert [one["path"] for one in several.json["failures"]] == ["text.wav"]
    told = band("verify", "silent.wav", "--bpm", "90", "--key", "C", "--loudness", "-14", "--meter", "3/4")
    assert "  90 BPM: not kept, no steady beat" in told.stdout.splitlines()
    assert "  C:maj: not kept, no key" in told.stdout.splitlines()


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": 5},
        {"contract": {"promises": 5}},
        {"contract": {"promises": [5]}},
        {"contract": {"promises": [{"term": "tempo", "asked": "fast"}]}},
        {"contract": {"promises": [{"term": "key", "asked": "H"}]}},
        {"contract": {"promises": [{"term": "meter", "asked": []}]}},
        {"contract": {"promises": [], "tolerance": "x"}},
        {"meter": ["4/4"], "contract": {"promises": []}},
    ],
)
def test_a_record_that_makes_no_sense(changes: dict[str, Any], band: Bf) -> None:
    write_audio(band.directory / "a.wav", Audio(np.full((800, 1), 0.1, np.float32), 8000))
    folder = band.directory / ".beatflow" / "state" / "provenance"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"kind": "generate", "engine": "synth", **changes}
    (folder / f"{digest(band.directory / 'a.wav')}.json").write_text(json.dumps(record))
    assert "makes sense" in band.fails(7, "verify", "a.wav")
    assert read_info(band.directory / "a.wav").frames > 0


def test_a_record_from_before_there_were_contracts(band: Bf) -> None:
    band.ok("generate", "lofi", "--engine", "synth", *LOST, "-o", "a.wav")
    record = record_of(band, "a.wav")
    del record["contract"]
    path = band.directory / ".beatflow" / "state" / "provenance" / f"{digest(band.directory / 'a.wav')}.json"
    path.write_text(json.dumps(record))
    found = band.ok("verify", "a.wav", "--json").json["files"][0]
    assert [one["term"] for one in found["promises"] if one["binding"]] == ["tempo", "bars"]
