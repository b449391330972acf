"""REAPER projects, read by somebody else's reader, and by ours."""

import math
from typing import Any

import pytest
import rpp
from hypothesis import given
from hypothesis import strategies as st

from beatflow.daw.reaper import format_project, read_console
from beatflow.daw.session import Lane
from beatflow.errors import UsageError
from tests.daw.sessions import RATE, make_session

FILES = {
    "stems/drums.wav": "n-media/drums.wav",
    "stems/b.flac": "n-media/b.flac",
    "stems/v.ogg": "n-media/v.ogg",
}


@pytest.fixture(scope="module")
def project() -> Any:
    return rpp.loads(format_project(make_session(), FILES))


def test_the_head(project: Any) -> None:
    assert project.tag == "REAPER_PROJECT"
    assert project.find("TEMPO") == ["TEMPO", "120", "1", "4"]
    assert float(project.find("MASTER_VOLUME")[1]) == pytest.approx(10 ** (-1 / 20))
    assert project.find("SAMPLERATE")[1] == str(RATE)
    assert project.find("PANLAW") == ["PANLAW", "1"]


def test_the_tempo_map(project: Any) -> None:
    points = [row for row in project.find("TEMPOENVEX") if row[0] == "PT"]
    assert [[float(value) for value in row[1:4]] for row in points] == [
        [0, 120, 1],
        [0.5, 90, 1],
        [3.1, 87.25, 1],
    ]
    assert [divmod(int(row[4]), 1 << 16)[::-1] for row in points] == [(1, 4), (4, 4), (3, 4)]


def test_markers_and_regions(project: Any) -> None:
    rows = list(project.findall("MARKER"))
    assert [(float(row[2]), row[3]) for row in rows if row[4] == "0"] == [
        (1.5, "drums: bar 2 replaced"),
        (2.0, 'a "marker"'),
    ]
    regions = [row for row in rows if row[4] == "1"]
    assert [(row[1], float(row[2]), row[3]) for row in regions] == [
        ("1", 0, "A"),
        ("1", 4, ""),
        ("2", 4, "B"),
        ("2", 10, ""),
    ]


def test_tracks_have_their_faders_and_their_sound(project: Any) -> None:
    session = make_session()
    tracks = project.findall("TRACK")
    assert len(tracks) == 3
    for track, lane, file in zip(tracks, session.lanes, FILES.values(), strict=True):
        _, volume, pan, *_ = track.find("VOLPAN")
        gain = 10 ** (lane.gain_db / 20) if lane.gain_db > -120 else 0
        assert (float(volume), float(pan)) == (pytest.approx(gain), lane.pan)
        assert track.find("MUTESOLO")[1:3] == [str(int(lane.mute)), str(int(lane.solo))]
        item = track.find("ITEM")
        start, skipped = float(item.find("POSITION")[1]), float(item.find("SOFFS")[1])
        assert start - skipped == pytest.approx(lane.offset / RATE)
        assert float(item.find("LENGTH")[1]) == pytest.approx(10 - skipped)
        assert item.find("SOURCE").find("FILE")[1] == file
    assert [track.find("ITEM").find("SOURCE").attrib[0] for track in tracks] == ["WAVE", "FLAC", "VORBIS"]
    # A name with all three kinds of quotes loses one kind.
    assert [track.find("NAME")[1] for track in tracks] == ["drums", "it's \"b'ss\"", "väx & <1>"]
    guids = [track.attrib[0] for track in tracks]
    assert len(set(guids)) == 3


def test_the_same_commit_gives_the_same_bytes() -> None:
    assert format_project(make_session(), FILES) == format_project(make_session(), FILES)


@given(st.text(max_size=40))
def test_no_name_breaks_the_project(name: str) -> None:
    session = make_session(
        lanes=[Lane(name, "a.wav", "a" * 64, 1, "WAV", 8, RATE, 1)], title=name, message=name
    )
    text = format_project(session, {"a.wav": "m/a.wav"})
    (fader,) = read_console(text).faders
    assert fader.file == "a.wav"
    assert len(fader.name) <= max(len(name), 1)
    assert text.encode()  # no lone surrogates


def test_what_was_written_is_read_back() -> None:
    console = read_console(format_project(make_session(), FILES))
    assert console.master_db == -1.0
    assert (console.tempo, console.tempo_points) == (120.0, 3)
    drums, bass, vocals = console.faders
    assert (drums.name, drums.file, drums.gain_db, drums.pan) == ("drums", "drums.wav", -1.5, -0.25)
    assert (bass.mute, bass.solo, bass.offset_s) == (True, False, 0.25)
    assert (vocals.gain_db, vocals.solo, vocals.offset_s) == (-150.0, True, pytest.approx(-0.1))


def test_a_project_as_reaper_writes_it() -> None:
    text = """\ufeff<REAPER_PROJECT 0.1 "7.16/linux-x86_64" 1718000000 0
  <NOTES 0 2
    |any > text
  >
  TEMPO 90.5 4 4 0
  MASTER_VOLUME 0.5 0 -1 -1 1
  <TRACK {AAAA}
    NAME drums
    VOLPAN 2 0.1 -1 -1 1
    MUTESOLO 0 2 0
    <VOLENV2
      PT 0 1 0
    >
    <FXCHAIN
      <VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "" 1919247729
        cWVlcu5e7f4CAAAAAQAAAAAA
      >
    >
    <ITEM
      POSITION 1
      NAME "take 1"
      VOLPAN 0.1 0 1 -1
      <SOURCE SECTION
        LENGTH 1
        <SOURCE WAVE
          FILE "C:\\music\\inner.wav"
        >
      >
    >
    <ITEM
      POSITION 2
      <SOURCE WAVE
        FILE "C:\\music\\drums.wav"
      >
    >
  >
>
"""
    console = read_console(text)
    (fader,) = console.faders
    assert (fader.name, fader.gain_db, fader.pan, fader.solo) == ("drums", 6.02, 0.1, True)
    assert (fader.file, fader.items, fader.offset_s) == ("drums.wav", 2, None)
    assert (console.tempo, console.master_db) == (90.5, -6.02)


def test_two_tracks_of_one_sound_are_two() -> None:
    lanes = [Lane(name, "a.wav", "", 1, "WAV", 8, RATE, 2) for name in ("left", "right")]
    project = rpp.loads(format_project(make_session(lanes=lanes), {"a.wav": "n-media/a.wav"}))
    tracks = project.findall("TRACK")
    assert [track.find("ITEM").find("SOURCE").find("FILE")[1] for track in tracks] == ["n-media/a.wav"] * 2
    guids = [name for track in tracks for name in (track.attrib[0], track.find("ITEM").find("IGUID")[1])]
    assert len(set(guids)) == 4


def test_a_line_of_any_length_is_read_at_once() -> None:
    words = "x " * 2_000_000
    text = f"<REAPER_PROJECT 0.1\n  <TRACK\n    NAME a\u2028b {words}\n  >\n>\n"
    assert read_console(text).faders[0].name == "a\u2028b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "<REAPER_PROJECT 0.1\n",
        "<REAPER_PROJECT 0.1\n>\n>\n",
        "<REAPER_PROJECT 0.1\n  TEMPO fast\n>\n",
        "<REAPER_PROJECT 0.1\n  TEMPO\n>\n",
        "<REAPER_PROJECT 0.1\n  <TRACK\n    VOLPAN nan 0\n  >\n>\n",
        "<REAPER_PROJECT 0.1\n" + "<A\n" * 100,
    ],
)
def test_what_is_no_project_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_console(text)


def test_gains_are_the_factors_of_a_mix() -> None:
    from beatflow.sound.fader import Fader, get_gains

    for gain_db in (-130.0, -60.0, -1.5, 0.0, 6.0):
        text = format_project(
            make_session(lanes=[Lane("a", "a", "", 1, "WAV", 8, RATE, 2, gain_db)]), {"a": "a"}
        )
        volume = float(rpp.loads(text).find("TRACK").find("VOLPAN")[1])
        assert volume * 2**20 == pytest.approx(get_gains(Fader(gain_db), 0.0, 2)[0], abs=0.51)
        assert math.isfinite(volume)
