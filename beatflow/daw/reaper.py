"""REAPER projects (``.rpp``): text of nested blocks, written for a session, and read back for its faders.

A line is a word and its values; ``<WORD`` opens a block that ``>`` closes. A text is in double quotes, in single ones
where it has double quotes in it, in backticks where it has both. Sources: Cockos, "State Chunk Definitions"; projects
that REAPER 6 and 7 wrote.

REAPER's pan is a balance, as ours is: with the law of 0 dB (``PANLAW 1``) the far channel goes down and the near one
stays. Positions are in seconds, volumes factors, times do not follow the tempo (``TIMELOCKMODE 0``).
"""

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PureWindowsPath

from beatflow.daw.fader import Console, FaderSetting
from beatflow.daw.session import Lane, Session, gain_of
from beatflow.errors import UsageError

_NAMESPACE = uuid.UUID("7c0e3d5a-3c57-5b0e-9b4c-0d6d1f2f5b11")
_SOURCES = {"FLAC": "FLAC", "MP3": "MP3", "OGG": "VORBIS"}
_SQUARE = 1  # the tempo holds until the next point
_MAX_DEPTH = 64
_MAX_SHOWN = 200
_MOST_WORDS = 4  # more is not looked at, however long a line is


def format_project(session: Session, files: Mapping[str, str]) -> str:
    """Write a session as a project.

    Parameters
    ----------
    session : Session
    files : mapping of str to str
        Where each sound lies, seen from the project's folder, by its path in the track.
    """
    first = session.tempo_map.points[0]
    lines = [
        f'<REAPER_PROJECT 0.1 "7.0" {session.time_s}',
        "  RIPPLE 0",
        "  PANLAW 1",
        "  TIMELOCKMODE 0",
        "  TEMPOENVLOCKMODE 0",
        f"  SAMPLERATE {session.sample_rate} 1 0",
        f"  TEMPO {_number(first.tempo)} {first.meter[0]} {first.meter[1]}",
        f"  MASTER_VOLUME {_number(gain_of(session.master_db))} 0 -1 -1 1",
        "  MASTER_PANMODE 3",
        *_format_notes(session),
        *_format_tempi(session),
        *_format_markers(session),
    ]
    for number, lane in enumerate(session.lanes, 1):
        lines += _format_track(session, lane, files[lane.path], number)
    return "\n".join([*lines, ">", ""])


def _format_notes(session: Session) -> Iterator[str]:
    yield "  <NOTES 0 2"
    for text in (session.title, f"{session.commit[:12]} {session.message}"):
        yield f"    |{_one_line(text)}"
    yield "  >"


def _format_tempi(session: Session) -> Iterator[str]:
    yield "  <TEMPOENVEX"
    yield f"    EGUID {_guid(session, 'tempo')}"
    yield "    ACT 1 -1"
    yield "    VIS 1 0 1"
    yield f"    DEFSHAPE {_SQUARE} -1 -1"
    meter = None
    for point in session.tempo_map.points:
        # The meter is one number: the upper one, and the lower one times 2**16.
        sign = f" {point.meter[1] << 16 | point.meter[0]}" if point.meter != meter else ""
        meter = point.meter
        yield f"    PT {_number(point.start_s)} {_number(point.tempo)} {_SQUARE}{sign}"
    yield "  >"


def _format_markers(session: Session) -> Iterator[str]:
    for number, marker in enumerate(session.markers, 1):
        guid = _guid(session, f"marker {number}")
        yield f"  MARKER {number} {_number(marker.start_s)} {_quote(marker.name)} 0 0 1 B {guid} 0"
    for number, part in enumerate(session.parts, 1):
        guid = _guid(session, f"region {number}")
        yield f"  MARKER {number} {_number(part.start_s)} {_quote(part.name)} 1 0 1 R {guid} 0"
        yield f'  MARKER {number} {_number(part.end_s)} "" 1'


def _format_track(session: Session, lane: Lane, file: str, number: int) -> list[str]:
    guid = _guid(session, f"track {number} {lane.path}")
    return [
        f"  <TRACK {guid}",
        f"    NAME {_quote(lane.name)}",
        f"    VOLPAN {_number(gain_of(lane.gain_db))} {_number(lane.pan)} -1 -1 1",
        f"    MUTESOLO {int(lane.mute)} {int(lane.solo)} 0",
        f"    NCHAN {max(2, lane.channels + lane.channels % 2)}",
        f"    TRACKID {guid}",
        "    MAINSEND 1 0",
        "    <ITEM",
        f"      POSITION {_number(lane.start_s)}",
        f"      LENGTH {_number(lane.length_s)}",
        "      LOOP 0",
        "      FADEIN 0 0 0 0 0 0 0",
        "      FADEOUT 0 0 0 0 0 0 0",
        f"      IGUID {_guid(session, f'item {number} {lane.path}')}",
        f"      NAME {_quote(lane.name)}",
        "      VOLPAN 1 0 1 -1",
        f"      SOFFS {_number(lane.skipped_s)}",
        f"      <SOURCE {_SOURCES.get(lane.format, 'WAVE')}",
        f"        FILE {_quote(file)}",
        "      >",
        "    >",
        "  >",
    ]


def _guid(session: Session, what: str) -> str:
    # Told from another export's, the same for the same: nothing here depends on when it was exported.
    name = f"{session.commit} {what}".encode("utf-8", "backslashreplace").decode()
    return "{" + str(uuid.uuid5(_NAMESPACE, name)).upper() + "}"


def _number(value: float) -> str:
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _one_line(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode()
    return "".join(
        " " if ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" else letter for letter in clean
    )


def _quote(text: str) -> str:
    text = _one_line(text)
    for mark in "\"'`":
        if mark not in text:
            return f"{mark}{text}{mark}"
    return f"`{text.replace('`', chr(39))}`"


# Reading -------------------------------------------------------------------------------------------------


def read_console(text: str) -> Console:
    """Read where the faders of a project stand: each track's, and the master's.

    Raises
    ------
    UsageError
        It is no project, or it breaks off.
    """
    if not text.lstrip("\ufeff \r\n").startswith("<REAPER_PROJECT"):
        raise UsageError("this is no REAPER project", hint="name the .rpp file that REAPER saved")
    console = Console()
    track: _Track | None = None
    path: list[str] = []
    # Nothing else ends a line there: a name may have what Python takes for an end.
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        bare = line.strip()
        if bare == ">":
            if not path:
                raise _broken(number, bare)
            if path.pop() == "TRACK" and len(path) == 1 and track:
                console.faders.append(track.finish())
                track = None
            continue
        words = _split(bare.removeprefix("<")) if path.count("ITEM") < 2 else []
        if bare.startswith("<"):
            path.append(words[0] if words else "")
            if len(path) > _MAX_DEPTH:
                raise _broken(number, bare)
            if path[1:] == ["TRACK"]:
                track = _Track()
        elif words:
            try:
                _take(console, track, path, words)
            except (ValueError, IndexError, OverflowError) as error:
                raise _broken(number, bare) from error
    if path:
        raise UsageError("the REAPER project breaks off", hint="save it again")
    return console


class _Track:
    """What is gathered of one track."""

    def __init__(self) -> None:
        self.name = ""
        self.file: str | None = None
        self.gain, self.pan = 1.0, 0.0
        self.mute = self.solo = False
        self.start_s: float | None = None
        self.skipped_s = 0.0
        self.items = 0

    def finish(self) -> FaderSetting:
        offset_s = self.start_s - self.skipped_s if self.start_s is not None and self.items == 1 else None
        return FaderSetting(
            self.name, self.file, to_db(self.gain), self.pan, self.mute, self.solo, offset_s, self.items
        )


def _take(console: Console, track: _Track | None, path: Sequence[str], words: Sequence[str]) -> None:
    word = words[0]
    if len(path) == 1:
        if word == "MASTER_VOLUME":
            console.master_db = to_db(_finite(words[1]))
        elif word == "TEMPO":
            console.tempo = _finite(words[1])
    elif path[1:] == ["TEMPOENVEX"] and word == "PT":
        console.tempo_points += 1
    elif track is None:
        return
    elif len(path) == 2:
        if word == "NAME":
            track.name = words[1] if len(words) > 1 else ""
        elif word == "VOLPAN":
            track.gain, track.pan = _finite(words[1]), min(max(_finite(words[2]), -1.0), 1.0)
        elif word == "MUTESOLO":
            track.mute, track.solo = words[1] != "0", words[2] != "0"
    elif path[2] == "ITEM" and len(path) == 3:
        if word == "POSITION":
            track.start_s = _finite(words[1])
            track.items += 1
        elif word == "SOFFS":
            track.skipped_s = _finite(words[1])
    elif path[2] == "ITEM" and path[3:] == ["SOURCE"] and word == "FILE":
        track.file = PureWindowsPath(words[1]).name


def to_db(gain: float) -> float:
    """Return a factor in dB, to a hundredth; silence is -150."""
    return round(20 * math.log10(gain), 2) + 0.0 if gain > 10**-7.5 else -150.0


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _split(line: str) -> list[str]:
    """Split a line into its first words, quotes taken off."""
    words: list[str] = []
    rest = line.lstrip()
    while rest and len(words) < _MOST_WORDS:
        mark = rest[0] if rest[0] in "\"'`" else None
        if mark:
            word, _, rest = rest[1:].partition(mark)
        else:
            word, _, rest = rest.partition(" ")
        words.append(word)
        rest = rest.lstrip()
    return words


def _broken(number: int, line: str) -> UsageError:
    return UsageError(
        f"line {number} of the REAPER project cannot be read: {line[:_MAX_SHOWN]}", hint="save it again"
    )
