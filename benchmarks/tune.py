"""A tune as MIDI, and other ways to play it: on another instrument, by hand, with other velocities."""

import random
from pathlib import Path

import mido

_TICKS = 480
_SCALE = (57, 59, 60, 62, 64, 65, 67, 69, 72)
_PIANO, _ORGAN = 0, 19


def write_tunes(folder: Path, seconds: float) -> None:
    """Write ``tune.mid`` (piano), ``organ.mid``, ``human.mid`` (off the beat) and ``softer.mid`` into a folder."""
    rng = random.Random(4)
    notes = [
        (at, rng.choice(_SCALE), rng.choice((1, 1, 2)), 64) for at in range(max(2, int(seconds * 4) - 8))
    ]
    human = [(at + rng.uniform(0.0, 0.15), pitch, long, rng.randint(50, 80)) for at, pitch, long, _ in notes]
    softer = [(at, pitch, long, rng.randint(30, 100)) for at, pitch, long, _ in notes]
    _write(folder / "tune.mid", notes, _PIANO)
    _write(folder / "organ.mid", notes, _ORGAN)
    _write(folder / "human.mid", human, _PIANO)
    _write(folder / "softer.mid", softer, _PIANO)


def _write(path: Path, notes: list[tuple[float, int, int, int]], program: int) -> None:
    """Notes are (start in eighths, pitch, length in eighths, velocity) at 120 to the minute."""
    events = []
    for start, pitch, length, velocity in notes:
        events.append((start, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((start + 0.9 * length, mido.Message("note_off", note=pitch)))
    events.sort(key=lambda event: event[0])
    track = mido.MidiTrack([mido.Message("program_change", program=program)])
    now = 0
    for start, message in events:
        at = round(start * _TICKS / 2)
        track.append(message.copy(time=at - now))
        now = at
    song = mido.MidiFile(ticks_per_beat=_TICKS, type=0)
    song.tracks.append(track)
    song.save(path)
