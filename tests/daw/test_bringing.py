"""Faders that come back: ``bf import --reaper`` and ``--dawproject``."""

from pathlib import Path

import pytest

from beatflow.track import parse_track
from tests.conftest import Bf
from tests.daw.sessions import write_track


@pytest.fixture
def track(bf: Bf) -> Bf:
    write_track(bf.directory / "song")
    bf.directory /= "song"
    bf.ok("init")
    bf.ok("commit", "-m", "first take")
    return bf


def test_a_round_trip_moves_nothing(track: Bf, tmp_path: Path) -> None:
    before = (track.directory / "track.toml").read_bytes()
    for kind in ("reaper", "dawproject"):
        path = tmp_path / f"n.{'rpp' if kind == 'reaper' else kind}"
        track.ok("export", f"--{kind}", path, "--no-listen")
        assert track.ok("import", f"--{kind}", path).stderr == "every fader is where it was\n"
    assert (track.directory / "track.toml").read_bytes() == before


def test_what_was_moved_comes_back_as_one_change(track: Bf, tmp_path: Path) -> None:
    path = tmp_path / "n.rpp"
    track.ok("export", "--reaper", path, "--no-listen")
    text = path.read_text()
    text = text.replace("VOLPAN 0.841395141645 -0.25 ", "VOLPAN 0.5 0.333333 ")
    text = text.replace("MUTESOLO 0 0 0", "MUTESOLO 1 1 0", 1).replace("TEMPO 120", "TEMPO 121.5")
    text = text.replace("POSITION 0.25", "POSITION 0.5").replace("MASTER_VOLUME 0.89", "MASTER_VOLUME 0.99")
    path.write_text(text)
    before = (track.directory / "track.toml").read_bytes()
    dry = track.ok("import", "--reaper", path, "-n")
    assert (track.directory / "track.toml").read_bytes() == before
    done = track.ok("import", "--reaper", path)
    assert done.stdout == dry.stdout
    assert done.stdout.splitlines() == [
        "drums: −1.50 → −6.02 dB",
        "drums: 25 % left → 33 % right",
        "drums: mute on",
        "drums: solo on",
        "bass: offset 2000 → 4000 frames",
        "master: −1.00 → −0.08 dB",
        "tempo: 120 BPM → 121.5 BPM",
    ]
    data = (track.directory / "track.toml").read_bytes()
    score = parse_track(data)
    drums = score.stems["drums"]
    assert (drums.gain_db, drums.pan, drums.mute, drums.solo) == (-6.02, 0.3333, True, True)
    assert (score.stems["bass"].offset, score.tempo, score.master_db) == (4000, 121.5, -0.08)
    assert b"# not too loud" in data
    track.ok("undo")
    assert (track.directory / "track.toml").read_bytes() == before


def test_tracks_are_told_by_name_case_and_file(track: Bf, tmp_path: Path) -> None:
    path = tmp_path / "n.rpp"
    path.write_text(
        """<REAPER_PROJECT 0.1
  <TRACK
    NAME Drums
    VOLPAN 0.5 -0.25 -1 -1 1
  >
  <TRACK
    NAME "low end"
    VOLPAN 0.5 0 -1 -1 1
    <ITEM
      POSITION 0
      <SOURCE WAVE
        FILE "n-media/bass.wav"
      >
    >
    <ITEM
      POSITION 2
      <SOURCE WAVE
        FILE "n-media/bass.wav"
      >
    >
  >
  <TRACK
    NAME reverb
  >
>
"""
    )
    result = track.ok("import", "--reaper", path, "--json").json
    assert [(row["stem"], row["what"], row["after"]) for row in result["moves"]] == [
        ("drums", "gain_db", -6.02),
        ("bass", "gain_db", -6.02),
        (None, "master_db", 0.0),
    ]
    assert (result["absent"], result["unknown"]) == (["vocals"], ["reverb"])
    assert result["remarks"] == ["bass was cut into 2 items: bounce it to bring that over"]
    shown = track.ok("import", "--reaper", path)
    assert "vocals: no such track in the project\nreverb: no such stem, left out\n" in shown.stdout


def test_what_cannot_be_brought_is_refused(track: Bf, tmp_path: Path) -> None:
    path = tmp_path / "n.rpp"
    assert "there is no file" in track.fails(2, "import", "--reaper", path)
    path.write_text("<html>")
    assert "no REAPER project" in track.fails(2, "import", "--reaper", path)
    path.write_text("<REAPER_PROJECT 0.1\n  <TRACK\n    NAME other\n  >\n>\n")
    assert "no track of n.rpp goes with a stem" in track.fails(3, "import", "--reaper", path)
    (track.directory / "track.toml").unlink()
    assert "names no stems" in track.fails(2, "import", "--reaper", path)
    other = tmp_path / "n.dawproject"
    assert "by itself" in track.fails(2, "import", "--reaper", path, "--dawproject", other)
    other.write_bytes(b"x")
    assert "no DAWproject" in track.fails(2, "import", "--dawproject", other)
