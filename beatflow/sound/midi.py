"""Standard MIDI files: notes to bytes and back. The only module that knows mido."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import mido

from beatflow.errors import AudioError, UsageError
from beatflow.objects.durable import write_atomic
from beatflow.sound.note import Note

TICKS_PER_BEAT = 960
DRUM_CHANNEL = 9  # "channel 10" on every keyboard and in every manual
_PROGRAMS = {
    "bass": 33,
    "chords": 4,
    "keys": 4,
    "piano": 0,
    "melody": 80,
    "lead": 80,
    "pad": 89,
    "other": 4,
    "vocals": 52,
}


@dataclass(frozen=True, slots=True)
class Score:
    """What a MIDI file holds: notes by track name, the first tempo in BPM, and the first meter."""

    tracks: Mapping[str, tuple[Note, ...]]
    tempo: float
    meter: str


def write_midi(
    dest: str | PathLike[str] | BinaryIO,
    tracks: Mapping[str, Sequence[Note]],
    tempo: float,
    meter: str = "4/4",
) -> None:
    """Write notes as a type 1 MIDI file: one conductor track, then one track for each name.

    The track ``drums`` plays on channel 10, the others on channels 1 to 16 without it, in the order given. Times are
    rounded to 1/960 beat (0.7 ms at 90 BPM). The same notes give the same bytes. A file is there whole or not at all.

    Parameters
    ----------
    dest : path or binary file
    tracks : mapping of name to notes
    tempo : float
        Quarter notes per minute, 4 to 1000 (what 24 bits of microseconds can hold, and then some).
    meter : str
        Like ``4/4`` or ``6/8``.

    Raises
    ------
    UsageError
        Tempo or meter make no sense, a note is out of MIDI's range, or the folder does not exist.
    """
    if not 4 <= tempo <= 1000:
        raise UsageError(f"a tempo of {tempo:g} BPM cannot be written as MIDI")
    numerator, denominator = parse_meter(meter)
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    conductor = mido.MidiTrack()
    conductor.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    conductor.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
    midi.tracks.append(conductor)
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    for name, notes in tracks.items():
        channel = DRUM_CHANNEL if name == "drums" else melodic.pop(0) if melodic else 0
        midi.tracks.append(_make_track(name, notes, channel, TICKS_PER_BEAT * tempo / 60))
    buffer = io.BytesIO()
    midi.save(file=buffer)
    if not isinstance(dest, (str, PathLike)):
        dest.write(buffer.getvalue())
        return
    path = Path(dest)
    if not path.parent.is_dir():
        raise UsageError(
            f"there is no folder {path.parent} for {path.name}", hint="make it, or name another place"
        )
    if path.exists() and not path.is_file():
        path.write_bytes(buffer.getvalue())  # a device or a pipe, not to be replaced
    else:
        write_atomic(path, buffer.getvalue())


def read_midi(source: str | PathLike[str] | BinaryIO) -> Score:
    """Read a MIDI file; tempo changes are followed, so that times are in seconds as played.

    Tracks without a name are called ``track 1`` and so on; channel 10 is always ``drums``. Notes that never end, end
    with their track.

    Raises
    ------
    AudioError
        Not a MIDI file, or a damaged one.
    """
    data = Path(source).read_bytes() if isinstance(source, (str, PathLike)) else source.read()
    try:
        midi = mido.MidiFile(file=io.BytesIO(data), charset="utf-8", clip=True)
    except Exception as error:  # mido lets IndexError, KeyError and others of its parser through
        raise AudioError(f"this is not a MIDI file that can be read: {error}") from error
    if midi.ticks_per_beat <= 0:
        raise AudioError("this MIDI file counts in film frames, not in beats")
    clock = _TempoMap(midi)
    tracks: dict[str, list[Note]] = {}
    for number, track in enumerate(midi.tracks):
        for channel, notes in _read_track(track, clock).items():
            name = "drums" if channel == DRUM_CHANNEL else track.name or f"track {number}"
            tracks.setdefault(name, []).extend(notes)
    return Score({name: tuple(sorted(notes)) for name, notes in tracks.items()}, clock.tempo, clock.meter)


def parse_meter(meter: str) -> tuple[int, int]:
    """Read a meter like ``4/4``.

    Raises
    ------
    UsageError
        Not two numbers, or the lower one is no power of two.
    """
    upper, _, lower = meter.partition("/")
    if (
        upper.isdecimal()
        and lower.isdecimal()
        and 1 <= int(upper) <= 32
        and int(lower) in (1, 2, 4, 8, 16, 32)
    ):
        return int(upper), int(lower)
    raise UsageError(f"{meter!r} is not a meter", hint="write it like 4/4, 3/4 or 6/8")


def _make_track(name: str, notes: Sequence[Note], channel: int, ticks_per_second: float) -> mido.MidiTrack:
    events = []
    for note in notes:
        if not (0 <= note.midi <= 127 and 1 <= note.velocity <= 127 and note.start_s >= 0):
            raise UsageError(f"{name} holds a note that MIDI cannot: {note}")
        start = round(note.start_s * ticks_per_second)
        end = max(start + 1, round((note.start_s + note.duration_s) * ticks_per_second))
        # At the same tick a repeated note must end before it starts again.
        events.append((end, 0, note.midi, 0))
        events.append((start, 1, note.midi, note.velocity))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    if channel != DRUM_CHANNEL:
        track.append(mido.Message("program_change", channel=channel, program=_PROGRAMS.get(name, 0)))
    now = 0
    for tick, sounding, midi, velocity in sorted(events):
        kind = "note_on" if sounding else "note_off"
        track.append(mido.Message(kind, channel=channel, note=midi, velocity=velocity, time=tick - now))
        now = tick
    return track


class _TempoMap:
    """Ticks to seconds, and the first tempo and meter, from the meta events of all tracks."""

    def __init__(self, midi: mido.MidiFile) -> None:
        self.meter = "4/4"
        changes: list[tuple[int, int]] = []
        for track in reversed(midi.tracks):  # the first track has the last word on the meter
            tick = 0
            found = None
            for message in track:
                tick += message.time
                if message.type == "set_tempo":
                    changes.append((tick, message.tempo))
                elif message.type == "time_signature":
                    found = found or f"{message.numerator}/{message.denominator}"
            self.meter = found or self.meter
        changes.sort(key=lambda change: change[0])
        if not changes or changes[0][0] > 0:
            changes.insert(0, (0, 500_000))  # 120 BPM until told otherwise
        self.tempo = round(60e6 / changes[0][1], 3) if changes[0][1] else 120.0
        self._segments: list[tuple[int, float, float]] = []
        seconds = 0.0
        for index, (tick, tempo) in enumerate(changes):
            if index:
                before, _, per_tick = self._segments[-1]
                seconds += (tick - before) * per_tick
            self._segments.append((tick, seconds, tempo / 1e6 / midi.ticks_per_beat))

    def seconds(self, tick: int) -> float:
        """When a tick sounds."""
        start, seconds, per_tick = next(segment for segment in reversed(self._segments) if segment[0] <= tick)
        return seconds + (tick - start) * per_tick


def _read_track(track: mido.MidiTrack, clock: _TempoMap) -> dict[int, list[Note]]:
    """Notes by channel."""
    notes: dict[int, list[Note]] = {}
    sounding: dict[tuple[int, int], list[tuple[float, int]]] = {}
    tick = 0

    def end(channel: int, midi: int, start: float, velocity: int) -> None:
        notes.setdefault(channel, []).append(Note(start, clock.seconds(tick) - start, midi, velocity))

    for message in track:
        tick += message.time
        if message.type == "note_on" and message.velocity > 0:
            key = (message.channel, message.note)
            sounding.setdefault(key, []).append((clock.seconds(tick), message.velocity))
        elif message.type in ("note_on", "note_off") and sounding.get((message.channel, message.note)):
            end(message.channel, message.note, *sounding[message.channel, message.note].pop(0))
    for (channel, midi), starts in sounding.items():
        for start, velocity in starts:
            end(channel, midi, start, velocity)
    return notes
