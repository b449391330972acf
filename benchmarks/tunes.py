"""MIDI tunes of two games with their tempo, bars and, where somebody set it, their key; and fluidsynth for them.

What a file says is taken for the truth: its tempo where it does not change in the part that is rendered, its time
signature for the bars. A key signature of C major is taken for none: it is what programs write by themselves.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile

FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
RATE = 44_100
LONGEST_S = 45.0
_FOLDERS = (Path("/usr/share/games/openttd/baseset/openmsx"), Path("/usr/share/planetblupi/music"))


@dataclass(frozen=True)
class Tune:
    """A MIDI file and what it says of itself, cut after `seconds`."""

    name: str
    path: Path
    seconds: float
    tempo: float | None
    key: str | None
    meter: str | None
    beats: tuple[float, ...]
    downbeats: tuple[float, ...]


def find_tunes() -> Iterator[Tune]:
    """All tunes of the packages that are installed."""
    for folder in _FOLDERS:
        for path in sorted(folder.glob("*.mid")):
            yield read_tune(path)


def read_tune(path: Path) -> Tune:
    """Read what a MIDI file says of its tempo, key and bars."""
    file = mido.MidiFile(path)
    tick, key = 0, None
    tempi: list[tuple[int, int]] = [(0, 500_000)]
    signatures: list[tuple[int, int, int]] = []
    for message in mido.merge_tracks(file.tracks):
        tick += message.time
        if message.type == "set_tempo":
            tempi.append((tick, message.tempo))
        elif message.type == "time_signature":
            signatures.append((tick, message.numerator, message.denominator))
        elif message.type == "key_signature" and key is None and message.key != "C":
            key = f"{message.key.removesuffix('m')}:{'min' if message.key.endswith('m') else 'maj'}"
    seconds = min(LONGEST_S, file.length)
    times = _seconds_of(np.arange(0, tick + 1, file.ticks_per_beat), tempi, file.ticks_per_beat)
    times = times[times < seconds]
    early = [
        tempo for at, tempo in tempi if _seconds_of(np.array([at]), tempi, file.ticks_per_beat)[0] < seconds
    ]
    last = {round(tempo) for tempo in early[1:]} or {500_000}
    steady = len(last) == 1
    tempo = 60e6 / last.pop() if steady else None
    beats = tuple(np.round(times, 4).tolist())
    kinds = {signature[1:] for signature in signatures}
    if len(kinds) != 1 or (numerator := next(iter(kinds))[0]) < 3:
        return Tune(path.stem, path, seconds, tempo, key, None, beats, ())
    denominator = next(iter(kinds))[1]
    if denominator != 4:
        return Tune(path.stem, path, seconds, tempo, key, f"{numerator}/{denominator}", beats, ())
    return Tune(path.stem, path, seconds, tempo, key, f"{numerator}/4", beats, beats[::numerator])


def _seconds_of(ticks: np.ndarray, tempi: list[tuple[int, int]], per_beat: int) -> np.ndarray:
    """When ticks sound, with all changes of tempo before them."""
    tempi = sorted(tempi, key=lambda row: row[0])
    at = np.array([row[0] for row in tempi], float)
    rate = np.array([row[1] for row in tempi]) / 1e6 / per_beat
    begin = np.concatenate([[0.0], np.cumsum(np.diff(at) * rate[:-1])])
    part = np.searchsorted(at, ticks, side="right") - 1
    return np.asarray(begin[part] + (ticks - at[part]) * rate[part])


def render(source: Path, target: Path, seconds: float, gain: float = 0.5) -> None:
    """Render a MIDI file with General MIDI sounds, no further than `seconds`."""
    with tempfile.TemporaryDirectory() as folder:
        short, whole = Path(folder) / "short.mid", Path(folder) / "whole.wav"
        _cut(mido.MidiFile(source), seconds + 1).save(short)
        command = ["fluidsynth", "-ni", "-q", "-g", str(gain), "-r", str(RATE), "-F", whole, FONT, short]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with soundfile.SoundFile(whole) as file:
            samples = file.read(min(file.frames, round(seconds * RATE)), dtype="float32", always_2d=True)
        soundfile.write(target, samples, RATE, "PCM_16")


def _cut(file: mido.MidiFile, seconds: float) -> mido.MidiFile:
    """What sounds before a time, all tracks in one."""
    track, passed, tempo = mido.MidiTrack(), 0.0, 500_000
    for message in mido.merge_tracks(file.tracks):
        passed += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        if passed > seconds:
            break
        if message.type == "set_tempo":
            tempo = message.tempo
        track.append(message)
    # Without these, a note that was cut off sounds on, and fluidsynth never ends.
    for channel in range(16):
        track.append(mido.Message("control_change", channel=channel, control=120, value=0))
    return mido.MidiFile(type=0, ticks_per_beat=file.ticks_per_beat, tracks=[track])
