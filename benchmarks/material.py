"""Where a benchmark's sound comes from: four stems, and another take of each, from BeatFlow's own producer, a MIDI
file or a folder of sounds. Knows nothing of versions or stores.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.pcm import Pcm, to_integers

RATE = 44100
STEMS = ("drums", "bass", "chords", "melody")
_TEMPO = 90.0
_BAR = round(4 * 60 / _TEMPO * RATE)
_DRUM_CHANNEL = 9
_BASSES = range(32, 40)  # of General MIDI's programs, counted from 0
_LEVEL = 0.8 * 32768


@dataclass(frozen=True)
class Material:
    """Sound to work on.

    ``stems`` and ``takes`` have the same names, shapes and 16-bit range: a take is the same part played again.
    ``bar`` is in frames.
    """

    stems: Mapping[str, Pcm]
    takes: Mapping[str, Pcm]
    bar: int = _BAR


def load(source: str, seconds: float, seed: int) -> Material:
    """Return about `seconds` of sound.

    Parameters
    ----------
    source : str
        ``synth``, a MIDI file (needs fluidsynth and a sound font that it finds), or a folder of sounds, which are
        dealt to the stems one after the other.

    Raises
    ------
    ValueError
        The source has too little sound, or is none.
    """
    frames = max(2, round(seconds * RATE / _BAR)) * _BAR
    if source == "synth":
        return Material(_synth(frames, seed), _synth(frames, seed + 1))
    path = Path(source)
    if path.is_dir():
        stems = _deal(path, frames, seed)
    elif path.is_file():
        stems = _play(path, frames)
    else:
        raise ValueError(f"{source} is neither synth nor a file nor a folder")
    levelled = _level(stems)
    rng = np.random.default_rng(seed)
    return Material(levelled, {name: _again(stem, rng) for name, stem in levelled.items()})


def _synth(frames: int, seed: int) -> dict[str, Pcm]:
    """The embedded producer's stems, at 16 bits."""
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine

    brief = Brief("lofi", seed, _TEMPO, "A:min", frames // _BAR, loop=False, stems=STEMS)
    made = SynthEngine().generate(brief).stems
    return {name: _fit(to_integers(made[name].samples.astype(float) * 32768), frames) for name in STEMS}


def _deal(folder: Path, frames: int, seed: int) -> dict[str, Pcm]:
    """Fill one stem after the other with the folder's sounds; another seed begins with another sound."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".wav", ".ogg", ".flac"))
    start = seed % max(1, len(files))
    sounds = _read_all(files[start:] + files[:start])
    stems = {}
    for name in STEMS:
        parts, length = [], 0
        while length < frames:
            part = next(sounds, None)
            if part is None:
                raise ValueError(f"{folder} has too little sound at {RATE} Hz for {len(STEMS)} stems")
            parts.append(part)
            length += len(part)
        stems[name] = _fit(np.concatenate(parts), frames)
    return stems


def _read_all(files: Iterable[Path]) -> Iterator[Pcm]:
    from beatflow.sound.files import read_audio

    for path in files:
        audio = read_audio(path)
        if audio.sample_rate == RATE:
            stereo = np.broadcast_to(audio.samples[:, :2], (audio.frames, 2))
            yield to_integers(stereo.astype(float) * 32768)


def _play(path: Path, frames: int) -> dict[str, Pcm]:
    """Render a MIDI file in four parts; what is neither drums nor bass goes to two stems by turns."""
    import mido

    song = mido.MidiFile(path)
    programs = {message.channel: message.program for message in song if message.type == "program_change"}
    played = sorted({message.channel for message in song if message.type == "note_on"})
    basses = [channel for channel in played if programs.get(channel) in _BASSES]
    others = [channel for channel in played if channel != _DRUM_CHANNEL and channel not in basses]
    parts = ([_DRUM_CHANNEL], basses, others[0::2], others[1::2])
    return {name: _fit(_render(song, part), frames) for name, part in zip(STEMS, parts, strict=True)}


def _render(song: "mido.MidiFile", channels: list[int]) -> Pcm:  # noqa: F821 - mido is imported late
    import mido
    import soundfile

    tracks = mido.merge_tracks(song.tracks)
    part = mido.MidiFile(ticks_per_beat=song.ticks_per_beat, type=0)
    part.tracks.append(mido.MidiTrack(_silenced(message, channels) for message in tracks))
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder, "part.mid"), Path(folder, "part.wav")
        part.save(midi)
        command = ["fluidsynth", "-ni", "-q", "-r", str(RATE), "-F", str(wave), str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wave, dtype="int16", always_2d=True)
    return samples.astype(np.int32)


def _silenced(message: "mido.Message", channels: list[int]) -> "mido.Message":  # noqa: F821
    """The message, without its sound where it is of another channel; its time stays."""
    if message.type == "note_on" and message.channel not in channels:
        return message.copy(velocity=0)
    return message


def _fit(samples: Pcm, frames: int) -> Pcm:
    """Cut, or fill with silence."""
    return np.pad(samples[:frames], ((0, max(0, frames - len(samples))), (0, 0)))


def _level(stems: Mapping[str, Pcm]) -> dict[str, Pcm]:
    """Bring stems to a level at which their sum does not clip."""
    peak = int(np.abs(np.sum(list(stems.values()), axis=0)).max())
    if peak == 0:
        raise ValueError("the source is silent")
    return {name: to_integers(stem * (_LEVEL / peak)) for name, stem in stems.items()}


def _again(stem: Pcm, rng: np.random.Generator) -> Pcm:
    """The part from another place, a little louder and with noise of its own: nothing of it is in the stem."""
    noise = rng.integers(-2, 3, stem.shape)
    return to_integers(np.roll(stem, len(stem) // 2 + 1, axis=0) * 1.07 + noise)
