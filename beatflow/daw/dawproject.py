"""DAWproject files (``.dawproject``): a zip of ``project.xml``, ``metadata.xml`` and the sounds, written for a session.

The format is Bitwig's, open, and read by Bitwig Studio, Studio One, Cubase and others. Elements come in the order that
its schema wants (``Project.xsd``, version 1.0): a channel's mute, pan, volume; an arrangement's lanes, markers,
tempi, meters. Positions are in quarter notes, the insides of clips in seconds, so that nothing is stretched; a volume
is a factor, a pan 0 (left) to 1 (right).
"""

import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import BinaryIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from beatflow import __version__
from beatflow.daw.session import Lane, Session, gain_of
from beatflow.daw.tempomap import FASTEST, SLOWEST

VERSION = "1.0"
_MAX_VOLUME = 16.0  # +24 dB, as far as a mix goes


def write_dawproject(
    file: BinaryIO, session: Session, names: Mapping[str, str], copy: Callable[[Lane, BinaryIO], None]
) -> None:
    """Write a session as a DAWproject.

    Parameters
    ----------
    file : binary file
    session : Session
    names : mapping of str to str
        What each sound is called inside, by its path in the track.
    copy : callable
        Writes a lane's sound into an open file.
    """
    date = zip_time(session.date, session.clock)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (
            ("project.xml", format_project(session, names)),
            ("metadata.xml", format_metadata(session)),
        ):
            info = zipfile.ZipInfo(name, date)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
        for path, lane in {lane.path: lane for lane in session.lanes}.items():
            info = zipfile.ZipInfo(names[path], date)
            info.file_size = lane.size
            # Readers play sounds from inside the zip, which they only can when they are not compressed.
            with archive.open(info, "w", force_zip64=lane.size > 0xF000_0000) as member:
                copy(lane, member)  # type: ignore[arg-type]


def zip_time(date: str, clock: str) -> tuple[int, int, int, int, int, int]:
    """Return a time as zips have it, which begin in 1980 and end in 2107."""
    moment = datetime.fromisoformat(f"{date}T{clock}")
    year = min(max(moment.year, 1980), 2107)
    return year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def format_metadata(session: Session) -> bytes:
    """Write ``metadata.xml``."""
    root = Element("MetaData")
    for name, value in (
        ("Title", session.title),
        ("Artist", session.artist),
        ("Album", session.album),
        ("Year", session.date[:4]),
        ("Comment", f"{session.commit[:12]} {session.message}"),
    ):
        if value:
            SubElement(root, name).text = clean_text(value)
    return _encode(root)


def format_project(session: Session, names: Mapping[str, str]) -> bytes:
    """Write ``project.xml``."""
    return _encode(_Writer(session).build(names))


def clean_text(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(
        letter for letter in text if letter in "\t\n\r" or (letter >= " " and letter not in "\ufffe\uffff")
    )


def _encode(root: Element) -> bytes:
    indent(root)
    body: bytes = tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + body + b"\n"


class _Writer:
    """Builds the elements of a project, each with an id of its own where it may have one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._map = session.tempo_map
        self._ids = count()

    def build(self, names: Mapping[str, str]) -> Element:
        root = Element("Project", version=VERSION)
        SubElement(root, "Application", name="BeatFlow", version=__version__)
        tempo, meter = self._add_transport(root)
        structure = SubElement(root, "Structure")
        master = f"id{next(self._ids)}"
        tracks = [self._add_track(structure, lane, master) for lane in self._session.lanes]
        self._add_channel(
            self._child(structure, "Track", contentType="audio", loaded="true", name="Master"),
            {"role": "master", "audioChannels": "2", "solo": "false"},
            (False, 0.0, self._session.master_db),
            master,
        )
        arrangement = self._child(root, "Arrangement")
        lanes = self._child(arrangement, "Lanes", timeUnit="beats")
        for track, lane in zip(tracks, self._session.lanes, strict=True):
            self._add_clip(lanes, track, lane, names[lane.path])
        self._add_markers(arrangement)
        self._add_tempi(arrangement, tempo, meter)
        return root

    def _child(self, parent: Element, tag: str, **attributes: str) -> Element:
        attributes = {name: clean_text(value) for name, value in attributes.items()}
        return SubElement(parent, tag, {"id": f"id{next(self._ids)}", **attributes})

    def _add_transport(self, root: Element) -> tuple[str, str]:
        transport = SubElement(root, "Transport")
        point = self._map.points[0]
        tempo = self._child(
            transport, "Tempo", name="Tempo", unit="bpm", value=_number(point.tempo),
            min=_number(min(SLOWEST, point.tempo)), max=_number(max(FASTEST, point.tempo)),
        )  # fmt: skip
        numerator, denominator = map(str, point.meter)
        meter = self._child(transport, "TimeSignature", numerator=numerator, denominator=denominator)
        return tempo.attrib["id"], meter.attrib["id"]

    def _add_track(self, structure: Element, lane: Lane, master: str) -> str:
        track = self._child(structure, "Track", contentType="audio", loaded="true", name=lane.name)
        attributes = {
            "role": "regular",
            "audioChannels": str(lane.channels),
            "destination": master,
            "solo": _bool(lane.solo),
        }
        self._add_channel(track, attributes, (lane.mute, lane.pan, lane.gain_db))
        return track.attrib["id"]

    def _add_channel(
        self,
        track: Element,
        attributes: dict[str, str],
        faders: tuple[bool, float, float],
        name: str | None = None,
    ) -> None:
        mute, pan, gain_db = faders
        channel = self._child(track, "Channel", **attributes)
        if name:
            channel.set("id", name)
        self._child(channel, "Mute", name="Mute", value=_bool(mute))
        self._child(
            channel, "Pan", name="Pan", unit="normalized", min="0", max="1", value=_number((pan + 1) / 2)
        )
        self._child(
            channel, "Volume", name="Volume", unit="linear", min="0", max=_number(_MAX_VOLUME),
            value=_number(gain_of(gain_db)),
        )  # fmt: skip

    def _add_clip(self, lanes: Element, track: str, lane: Lane, name: str) -> None:
        clips = self._child(
            self._child(lanes, "Lanes", track=track, timeUnit="beats"), "Clips", timeUnit="beats"
        )
        start = self._map.quarters_at(lane.start_s)
        end = self._map.quarters_at(lane.start_s + lane.length_s)
        clip = SubElement(
            clips, "Clip", time=_number(start), duration=_number(end - start), contentTimeUnit="seconds",
            playStart=_number(lane.skipped_s), playStop=_number(lane.duration_s), name=clean_text(lane.name),
        )  # fmt: skip
        audio = self._child(
            clip, "Audio", timeUnit="seconds", algorithm="raw", channels=str(lane.channels),
            sampleRate=str(lane.sample_rate), duration=_number(lane.duration_s),
        )  # fmt: skip
        SubElement(audio, "File", path=clean_text(name), external="false")

    def _add_markers(self, arrangement: Element) -> None:
        """There are no regions: a section is a marker where it begins."""
        named = [(part.start_s, part.name) for part in self._session.parts]
        named += [(marker.start_s, marker.name) for marker in self._session.markers]
        if not named:
            return
        markers = self._child(arrangement, "Markers", timeUnit="beats")
        for start_s, name in sorted(named):
            SubElement(markers, "Marker", time=_number(self._map.quarters_at(start_s)), name=clean_text(name))

    def _add_tempi(self, arrangement: Element, tempo: str, meter: str) -> None:
        points = self._map.points
        if len(points) < 2:
            return
        automation = self._child(arrangement, "TempoAutomation", unit="bpm", timeUnit="beats")
        SubElement(automation, "Target", parameter=tempo)
        for point in points:
            SubElement(
                automation, "RealPoint", time=_number(self._map.quarters_at(point.start_s)),
                value=_number(point.tempo), interpolation="hold",
            )  # fmt: skip
        if len({point.meter for point in points}) < 2:
            return
        automation = self._child(arrangement, "TimeSignatureAutomation", timeUnit="beats")
        SubElement(automation, "Target", parameter=meter)
        former = None
        for point in points:
            if point.meter != former:
                former = point.meter
                SubElement(
                    automation, "TimeSignaturePoint", time=_number(self._map.quarters_at(point.start_s)),
                    numerator=str(former[0]), denominator=str(former[1]),
                )  # fmt: skip


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float) -> str:
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
