"""Hearing what is in a recording: its notes, or its tempo, key and loudness. Joins engines, meters, files and cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.ai.engine import Progress, Transcription, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import digest
from beatflow.errors import AudioError, UsageError
from beatflow.making.take import CONFIDENT, Source
from beatflow.repository import Repository
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_finite, check_sound, hint_missing
from beatflow.sound.looks import AGAIN

MAX_DURATION_S = 600.0
GUIDE_S = 300.0
"""How much of a recording an engine that follows it gets to hear."""
_COMPLETE = "tempo_alternatives"
"""A figure that only a whole analysis brings."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The notes in a recording, and the recording as provenance names it."""

    transcription: Transcription
    source: Source

    @property
    def tempo(self) -> float | None:
        """The tempo, unless it is a mere guess."""
        return self.source.tempo

    def write_midi(self, path: Path) -> None:
        """Write the notes as a MIDI file."""
        from beatflow.sound.midi import write_midi

        write_midi(path, {"melody": self.transcription.notes}, self.transcription.tempo)


def find_sound(directory: Path, file: str) -> Path:
    """Where the sound file is that an argument names.

    Raises
    ------
    UsageError
        There is none, or it is a folder.
    """
    path = directory / file
    if not path.exists():
        raise UsageError(f"{file} does not exist", hint=hint_missing(file))
    if path.is_dir():
        raise UsageError(f"{file} is a folder, not a sound", hint="name a file in it")
    return path


def hear(choice: Choice, recording: Path | BinaryIO, name: str, progress: Progress = no_progress) -> Heard:
    """Find the notes in a recording.

    Raises
    ------
    AudioError
        It cannot be read, is too long for a hum, or nothing in it has a pitch.
    """
    with AudioReader(recording, name) as reader:
        if reader.info.duration_s > MAX_DURATION_S:
            minutes = reader.info.duration_s / 60
            raise AudioError(
                f"{name} is {minutes:.0f} minutes long; a hum is at most {MAX_DURATION_S / 60:.0f}",
                hint="cut it first: ffmpeg -i FILE -ss START_S -t SECONDS FILE.wav",
            )
        check_sound(reader)
        audio = reader.read(reader.info.frames)
    # What came through a pipe is known by its samples alone.
    oid = digest(recording) if isinstance(recording, Path) else sha256(audio.samples.tobytes()).hexdigest()
    heard: Transcription = choice.engine.transcribe(audio, progress)
    source = Source(
        heard.notes,
        ({"path": name, "oid": oid},),
        Audio(audio.samples[: int(GUIDE_S * audio.sample_rate)], audio.sample_rate),
        audio.duration_s,
        _sure_tempo(heard),
        heard.key,
        {"engine": choice.info.name, "engine_version": choice.info.version},
    )
    return Heard(heard, source)


def _sure_tempo(heard: Transcription) -> float | None:
    return round(heard.tempo, 1) if heard.tempo_confidence >= CONFIDENT else None


def measure_file(
    recording: Path | BinaryIO,
    name: str,
    bpm_range: tuple[float, float] | None = None,
    repository: Repository | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Measure a sound file: the figures of `Analysis.to_json`, its ``format`` and ``subtype``, and its ``oid``.

    Measured once for each content: a track remembers the figures.

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """
    with AudioReader(recording, name) as reader:
        oid = digest(recording) if isinstance(recording, Path) else None
        cache = repository.analysis_cache if repository and oid and bpm_range is None else None
        known = cache.get(oid) if cache and oid else None
        if known and _COMPLETE in known:
            return {"oid": oid, **known}
        if not reader.info.frames:
            raise AudioError(f"{name} holds no samples", hint=AGAIN)
        facts = analyze(_checked(reader, name, progress), bpm_range).to_json()
        facts |= {
            "format": reader.info.format,
            "subtype": reader.info.subtype,
            "truncated": reader.info.truncated,
        }
    if cache and oid:
        cache.put(oid, facts)
    return {"oid": oid, **facts}


def _checked(reader: AudioReader, name: str, progress: Progress) -> Iterator[Audio]:
    done = 0
    for block in reader.blocks():
        check_finite(block, name, done)
        yield block
        done += block.frames
        progress(done / reader.info.frames, name)
