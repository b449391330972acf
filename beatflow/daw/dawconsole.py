"""Where the faders of a DAWproject stand. It comes from somebody else: read with care.

No document type is taken, so no entity can grow; no more is unpacked than a project can need.
"""

import errno
import math
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from beatflow.daw.fader import Console, FaderSetting
from beatflow.daw.reaper import to_db
from beatflow.errors import UsageError

_MAX_XML = 64 << 20


class _Builder(TreeBuilder):
    """Builds a tree, and stops at a document type."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it: a project needs none."""
        raise UsageError("the DAWproject declares a document type", hint="save it again from the program")


def read_console(path: Path) -> Console:
    """Read where the faders of a DAWproject stand: each track's, and the master's.

    Raises
    ------
    UsageError
        It is none, breaks off, or is not made as one is.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("project.xml") as file:
            data = file.read(_MAX_XML + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        LookupError,
        RuntimeError,
        EOFError,
        ValueError,
        OSError,
    ) as error:
        # A directory that lies may have it read before its beginning.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise UsageError(
            f"{path.name} is no DAWproject", hint="name the .dawproject file that was saved"
        ) from error
    if len(data) > _MAX_XML:
        raise UsageError(f"{path.name} is no DAWproject: its project.xml is too large")
    return parse_project(data)


def parse_project(data: bytes) -> Console:
    """Read ``project.xml``.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        parser = XMLParser(target=_Builder())
        parser.feed(data)
        root = parser.close()
        if root.tag != "Project":
            raise UsageError("this is no DAWproject", hint="name the .dawproject file that was saved")
        return _read(root)
    except (ParseError, ValueError, LookupError, RecursionError, ArithmeticError) as error:
        raise UsageError(f"the DAWproject cannot be read: {error}", hint="save it again") from error


def _read(root: Element) -> Console:
    console = Console()
    tempo = root.find("Transport/Tempo")
    if tempo is not None and tempo.get("value"):
        console.tempo = _finite(tempo.get("value", ""))
    console.tempo_points = len(root.findall("Arrangement/TempoAutomation/RealPoint")) or 1
    clips = _find_clips(root)
    for track in root.iter("Track"):
        channel = track.find("Channel")
        if channel is None:
            continue
        gain_db, pan = _read_volume(channel), _read_pan(channel)
        if channel.get("role") == "master":
            console.master_db = gain_db
            continue
        mute = channel.find("Mute")
        found = clips.get(track.get("id", ""), [])
        file, offset_s = found[0] if found else (None, None)
        console.faders.append(
            FaderSetting(
                track.get("name", ""),
                file,
                gain_db,
                pan,
                mute is not None and mute.get("value") == "true",
                channel.get("solo") == "true",
                offset_s if len(found) == 1 else None,
                len(found),
            )
        )
    return console


def _find_clips(root: Element) -> dict[str, list[tuple[str | None, float | None]]]:
    """Each track's sounds: file, and offset in seconds where it can be told without a map of tempi."""
    tempo = root.find("Transport/Tempo")
    steady = root.find("Arrangement/TempoAutomation/RealPoint") is None
    beat_s = 60 / _finite(tempo.get("value", "120")) if tempo is not None and steady else None
    result: dict[str, list[tuple[str | None, float | None]]] = {}
    outer = root.find("Arrangement/Lanes")
    if outer is None:
        return result
    for lanes in outer.iter():
        track = lanes.get("track")
        if not track:
            continue
        unit = lanes.get("timeUnit", outer.get("timeUnit", "beats"))
        for clips in lanes.findall("Clips") if lanes.tag == "Lanes" else [lanes]:
            scale = 1.0 if clips.get("timeUnit", unit) == "seconds" else beat_s
            for clip in clips.findall("Clip"):
                result.setdefault(track, []).append(_read_clip(clip, scale))
    return result


def _read_clip(clip: Element, scale: float | None) -> tuple[str | None, float | None]:
    file = clip.find(".//Audio/File")
    name = PureWindowsPath(file.get("path", "")).name if file is not None else None
    inside_s = clip.get("contentTimeUnit") == "seconds" and clip.find("Audio") is not None
    if scale is None or not inside_s:
        return name, None
    return name, _finite(clip.get("time", "0")) * scale - _finite(clip.get("playStart", "0"))


def _read_volume(channel: Element) -> float:
    volume = channel.find("Volume")
    if volume is None or volume.get("value") is None:
        return 0.0
    value = _finite(volume.get("value", ""))
    return round(value, 2) if volume.get("unit") == "decibel" else to_db(value)


def _read_pan(channel: Element) -> float:
    pan = channel.find("Pan")
    if pan is None or pan.get("value") is None:
        return 0.0
    value = _finite(pan.get("value", ""))
    unit = pan.get("unit")
    if unit == "normalized":
        value = value * 2 - 1
    elif unit == "percent":
        value /= 100
    return min(max(round(value, 4) + 0.0, -1.0), 1.0)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
