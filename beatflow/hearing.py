"""Hearing notes in a recording, and what is made of them. Joins the pitch tracker with files."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from beatflow.ai.engine import Progress, Transcription, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import digest
from beatflow.errors import AudioError
from beatflow.production import Source
from beatflow.sound.files import read_audio

MAX_DURATION_S = 600.0
CONFIDENT = 0.3


@dataclass(frozen=True, slots=True)
class Heard:
    """The notes in a recording, and the recording as provenance names it."""

    transcription: Transcription
    source: Source

    @property
    def tempo(self) -> float | None:
        """The tempo, unless it is a mere guess."""
        heard = self.transcription
        return round(heard.tempo, 1) if heard.tempo_confidence >= CONFIDENT else None

    def write_midi(self, path: Path) -> None:
        """Write the notes as a MIDI file."""
        from beatflow.sound.midi import write_midi

        write_midi(path, {"melody": self.transcription.notes}, self.transcription.tempo)


def hear(choice: Choice, recording: Path | BinaryIO, name: str, progress: Progress = no_progress) -> Heard:
    """Find the notes in a recording.

    Raises
    ------
    AudioError
        It cannot be read, is too long for a hum, or nothing in it has a pitch.
    """
    if isinstance(recording, Path):
        audio = read_audio(recording, name=name)
        inputs = ({"path": name, "oid": digest(recording)},)
    else:
        audio = read_audio(recording, name=name)
        # What came through a pipe is known by its samples alone.
        inputs = ({"path": name, "oid": sha256(audio.samples.tobytes()).hexdigest()},)
    if audio.duration_s > MAX_DURATION_S:
        raise AudioError(
            f"{name} is {audio.duration_s / 60:.0f} minutes long; a hum is at most {MAX_DURATION_S / 60:.0f}"
        )
    heard = choice.engine.transcribe(audio, progress)
    return Heard(heard, Source(heard.notes, inputs))
