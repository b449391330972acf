"""DAWprojects against the rules of the format's schema (Project.xsd and MetaData.xsd of its version 1.0)."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from beatflow.daw.dawconsole import parse_project, read_console
from beatflow.daw.dawproject import format_metadata, format_project, write_dawproject, zip_time
from beatflow.daw.session import Lane
from beatflow.daw.tempomap import TempoMap, TempoPoint
from beatflow.errors import UsageError
from tests.daw.sessions import RATE, make_session

NAMES = {
    "stems/drums.wav": "audio/drums.wav",
    "stems/b.flac": "audio/b.flac",
    "stems/v.ogg": "audio/v.ogg",
}

# What the schema says of the elements that are written: children in order with the most there may be (None: any
# number, in any order with its neighbours of None), attributes that are needed, and ones that may be.
NAMED = {"name", "color", "comment"}
REFERENCED = NAMED | {"id"}
TIMELINE = REFERENCED | {"timeUnit", "track"}
RULES: dict[str, tuple[list[tuple[str, int | None]], set[str], set[str]]] = {
    "Project": (
        [("Application", 1), ("Transport", 1), ("Structure", 1), ("Arrangement", 1), ("Scenes", 1)],
        {"version"},
        set(),
    ),
    "Application": ([], {"name", "version"}, set()),
    "Transport": ([("Tempo", 1), ("TimeSignature", 1)], set(), set()),
    "Tempo": ([], {"unit"}, REFERENCED | {"max", "min", "value", "parameterID"}),
    "TimeSignature": ([], {"numerator", "denominator"}, REFERENCED | {"parameterID"}),
    "Structure": ([("Track", None), ("Channel", None)], set(), set()),
    "Track": ([("Channel", 1), ("Track", None)], set(), REFERENCED | {"contentType", "loaded"}),
    "Channel": (
        [("Devices", 1), ("Mute", 1), ("Pan", 1), ("Sends", 1), ("Volume", 1)],
        set(),
        REFERENCED | {"audioChannels", "destination", "role", "solo"},
    ),
    "Mute": ([], set(), REFERENCED | {"value", "parameterID"}),
    "Pan": ([], {"unit"}, REFERENCED | {"max", "min", "value", "parameterID"}),
    "Volume": ([], {"unit"}, REFERENCED | {"max", "min", "value", "parameterID"}),
    "Arrangement": (
        [("Lanes", 1), ("Markers", 1), ("TempoAutomation", 1), ("TimeSignatureAutomation", 1)],
        set(),
        REFERENCED,
    ),
    "Lanes": ([("Lanes", None), ("Clips", None)], set(), TIMELINE),
    "Clips": ([("Clip", None)], set(), TIMELINE),
    "Clip": (
        [("Audio", 1)],
        {"time"},
        NAMED
        | {"duration", "contentTimeUnit", "playStart", "playStop", "loopStart", "loopEnd", "fadeTimeUnit"}
        | {"fadeInTime", "fadeOutTime", "enable", "reference"},
    ),
    "Audio": ([("File", 1)], {"channels", "sampleRate", "duration"}, TIMELINE | {"algorithm"}),
    "File": ([], {"path"}, {"external"}),
    "Markers": ([("Marker", None)], set(), TIMELINE),
    "Marker": ([], {"time"}, NAMED),
    "TempoAutomation": ([("Target", 1), ("RealPoint", None)], set(), TIMELINE | {"unit"}),
    "TimeSignatureAutomation": ([("Target", 1), ("TimeSignaturePoint", None)], set(), TIMELINE | {"unit"}),
    "Target": ([], set(), {"parameter", "expression", "channel", "key", "controller"}),
    "RealPoint": ([], {"time", "value"}, {"interpolation"}),
    "TimeSignaturePoint": ([], {"time", "numerator", "denominator"}, set()),
}
DOUBLES = {"time", "duration", "playStart", "playStop", "min", "max"}
INTEGERS = {"channels", "sampleRate", "audioChannels", "numerator", "denominator"}
WORDS = {
    "timeUnit": {"beats", "seconds"},
    "contentTimeUnit": {"beats", "seconds"},
    "unit": {"linear", "normalized", "percent", "decibel", "hertz", "semitones", "seconds", "beats", "bpm"},
    "role": {"regular", "master", "effect", "submix", "vca"},
    "contentType": {"audio", "automation", "notes", "video", "markers", "tracks"},
    "interpolation": {"hold", "linear"},
    "solo": {"true", "false"},
    "loaded": {"true", "false"},
    "external": {"true", "false"},
}


def check_rules(element: ET.Element) -> None:
    children, needed, allowed = RULES[element.tag]
    assert needed <= set(element.attrib) <= needed | allowed, element.tag
    for name, value in element.attrib.items():
        if name in DOUBLES:
            float(value)
        elif name in INTEGERS:
            int(value)
        elif name in WORDS:
            assert value in WORDS[name], (element.tag, name)
    order = [name for name, _ in children]
    places = [order.index(child.tag) for child in element]
    assert places == sorted(places), element.tag
    for name, most in children:
        assert most is None or len(element.findall(name)) <= most
    if element.tag in ("Markers", "Audio"):
        assert len(element) >= 1
    for child in element:
        check_rules(child)


@pytest.fixture(scope="module")
def root() -> ET.Element:
    return ET.fromstring(format_project(make_session(), NAMES))


def test_it_keeps_the_rules(root: ET.Element) -> None:
    check_rules(root)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    for element in root.iter():
        for name in ("track", "destination", "parameter"):
            assert element.get(name) is None or element.get(name) in ids


def test_faders(root: ET.Element) -> None:
    session = make_session()
    *tracks, master = root.findall("Structure/Track")
    assert [track.get("name") for track in tracks] == [lane.name for lane in session.lanes]
    for track, lane in zip(tracks, session.lanes, strict=True):
        channel = track.find("Channel")
        assert channel is not None
        assert channel.get("destination") == master.find("Channel").get("id")  # type: ignore[union-attr]
        assert channel.get("solo") == str(lane.solo).lower()
        values = {child.tag: child.get("value", "") for child in channel}
        assert values["Mute"] == str(lane.mute).lower()
        assert float(values["Pan"]) * 2 - 1 == pytest.approx(lane.pan)
        gain = 10 ** (lane.gain_db / 20) if lane.gain_db > -120 else 0
        assert float(values["Volume"]) == pytest.approx(gain)


def test_clips_lie_where_they_sound(root: ET.Element) -> None:
    session = make_session()
    clips = root.findall(".//Clip")
    for clip, lane, name in zip(clips, session.lanes, NAMES.values(), strict=True):
        start_s = max(lane.offset, 0) / RATE
        assert float(clip.get("time", "")) == pytest.approx(session.tempo_map.quarters_at(start_s))
        end = session.tempo_map.quarters_at(start_s + lane.length_s)
        assert float(clip.get("time", "")) + float(clip.get("duration", "")) == pytest.approx(end)
        assert float(clip.get("playStart", "")) == pytest.approx(max(-lane.offset, 0) / RATE)
        assert clip.find("Audio/File").get("path") == name  # type: ignore[union-attr]


def test_markers_and_tempi(root: ET.Element) -> None:
    markers = [(float(row.get("time", "")), row.get("name")) for row in root.findall(".//Marker")]
    assert [name for _, name in markers] == ["A", "drums: bar 2 replaced", 'a "marker"', "B"]
    assert markers == sorted(markers)
    points = root.findall("Arrangement/TempoAutomation/RealPoint")
    assert [(float(p.get("time", "")), float(p.get("value", ""))) for p in points] == [
        (0, 120),
        (1, 90),
        (pytest.approx(1 + 2.6 * 1.5), 87.25),
    ]
    meters = root.findall("Arrangement/TimeSignatureAutomation/TimeSignaturePoint")
    assert [row.get("numerator") for row in meters] == ["1", "4", "3"]


def test_one_tempo_needs_no_automation() -> None:
    session = make_session(tempo_map=TempoMap((TempoPoint(0, 93.5, (6, 8)),)), markers=[], parts=[])
    root = ET.fromstring(format_project(session, NAMES))
    check_rules(root)
    assert [child.tag for child in root.find("Arrangement")] == ["Lanes"]  # type: ignore[union-attr]


def test_metadata_keeps_its_order() -> None:
    root = ET.fromstring(format_metadata(make_session(album="First")))
    assert [child.tag for child in root] == ["Title", "Artist", "Album", "Year", "Comment"]
    assert root.findtext("Title") == 'Night "drive" & <co>'
    assert root.findtext("Comment") == "cccccccccccc first take"  # without the bell


def test_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "n.dawproject"
    with path.open("wb") as file:
        write_dawproject(file, make_session(), NAMES, lambda lane, dest: dest.write(lane.name.encode()))  # type: ignore[arg-type]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["project.xml", "metadata.xml", *NAMES.values()]
        assert archive.read("audio/drums.wav") == b"drums"
        assert archive.getinfo("audio/drums.wav").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("project.xml").date_time == (2023, 11, 14, 22, 13, 20)
    console = read_console(path)
    assert [fader.name for fader in console.faders] == [lane.name for lane in make_session().lanes]
    assert (console.master_db, console.tempo, console.tempo_points) == (-1.0, 120.0, 3)


def test_zips_begin_in_1980() -> None:
    assert zip_time("1970-01-01", "00:00:01") == (1980, 1, 1, 0, 0, 1)
    assert zip_time("2200-05-06", "00:00:01")[0] == 2107


def test_what_was_written_is_read_back() -> None:
    session = make_session(tempo_map=TempoMap((TempoPoint(0, 93.5, (4, 4)),)))
    console = parse_project(format_project(session, NAMES))
    for fader, lane in zip(console.faders, session.lanes, strict=True):
        assert (fader.name, fader.pan, fader.mute, fader.solo) == (lane.name, lane.pan, lane.mute, lane.solo)
        assert fader.gain_db == (lane.gain_db if lane.gain_db > -120 else -150.0)
        assert fader.offset_s == pytest.approx(lane.offset / RATE)
    assert [fader.file for fader in console.faders] == ["drums.wav", "b.flac", "v.ogg"]


def test_other_programs_units_are_understood() -> None:
    console = parse_project(
        b"""<Project version="1.0"><Application name="x" version="1"/><Structure>
        <Track name="a" id="t"><Channel role="regular"><Mute value="true"/><Pan unit="percent" value="-50"/>
        <Volume unit="decibel" value="-3.25"/></Channel></Track>
        <Track name="b" id="u"><Channel><Pan unit="linear" value="0.5"/></Channel></Track><Track name="folder"/>
        </Structure><Arrangement><Lanes><Clips track="t" timeUnit="seconds"><Clip time="2"
        contentTimeUnit="seconds" playStart="0.5"><Audio duration="1" channels="1" sampleRate="8000"><File
        path="x/a.wav"/></Audio></Clip></Clips><Lanes track="u"><Clips><Clip time="2"><Warps/></Clip><Clip
        time="3"/></Clips></Lanes></Lanes></Arrangement></Project>"""
    )
    first, second = console.faders
    assert (first.gain_db, first.pan, first.mute, first.file, first.offset_s) == (
        -3.25,
        -0.5,
        True,
        "a.wav",
        1.5,
    )
    assert (second.gain_db, second.pan, second.items, second.offset_s) == (0.0, 0.5, 2, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<Project",
        b"<Song/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Project>&a;</Project>',
        b'<Project><Structure><Track><Channel><Volume value="inf"/></Channel></Track></Structure></Project>',
        b'<Project><Transport><Tempo value="fast"/></Transport></Project>',
        b'<Project><Transport><Tempo value="0"/></Transport><Arrangement><Lanes/></Arrangement></Project>',
    ],
)
def test_what_is_no_project_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        parse_project(data)


def test_what_is_no_zip_of_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dawproject"
    path.write_bytes(b"PK no")
    with pytest.raises(UsageError, match=r"x\.dawproject is no DAWproject"):
        read_console(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.xml", "x")
    with pytest.raises(UsageError):
        read_console(path)


def test_no_damage_is_more_than_no_dawproject(tmp_path: Path) -> None:
    path = tmp_path / "x.dawproject"
    with path.open("wb") as file:
        write_dawproject(file, make_session(), NAMES, lambda lane, dest: dest.write(b"x"))  # type: ignore[arg-type]
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0x5A,)) + whole[at + 1 :])
        with suppress(UsageError):
            read_console(path)
        path.write_bytes(whole[:at])
        with pytest.raises(UsageError):
            read_console(path)


def test_two_tracks_of_one_sound_share_it() -> None:
    lanes = [Lane(name, "a.wav", "", 1, "WAV", 8, RATE, 2) for name in ("left", "right")]
    file, session = io.BytesIO(), make_session(lanes=lanes)
    write_dawproject(file, session, {"a.wav": "audio/a.wav"}, lambda lane, dest: dest.write(b"x"))  # type: ignore[arg-type]
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["project.xml", "metadata.xml", "audio/a.wav"]
        files = ET.fromstring(archive.read("project.xml")).iter("File")
    assert [row.get("path") for row in files] == ["audio/a.wav"] * 2


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.daw.dawconsole._MAX_XML", 1 << 16)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.xml", b" " * (1 << 20))
    path = tmp_path / "bomb.dawproject"
    path.write_bytes(packed.getvalue())
    with pytest.raises(UsageError, match="too large"):
        read_console(path)


def test_a_long_lane_has_a_true_end() -> None:
    lane = Lane("a", "a.wav", "", 1, "WAV", 100, RATE, 1, offset=-500)
    assert (lane.start_s, lane.length_s, lane.skipped_s) == (0, 0, 100 / RATE)
