"""The embedded analyzer: a hummed, whistled or sung line to notes, without weights. Knows samples and notes only."""

from beatflow.ai.engine import EngineInfo, Progress, Setup, Transcription, no_progress
from beatflow.ai.listening.notes import find_notes
from beatflow.ai.listening.melody import find_key, find_tempo, quantize_notes
from beatflow.ai.listening.yin import track_pitch
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio

__all__ = ["PitchTracker", "quantize_notes"]

_STEADY_SHARE = 0.5


class PitchTracker:
    """YIN, a Viterbi path, and segmentation by level and semitone."""

    info = EngineInfo(name="yin", version="1", tasks=frozenset({"transcribe"}), licence="Apache-2.0")

    def __init__(self, setup: Setup | None = None) -> None:
        """Need nothing of the surroundings."""

    def transcribe(self, audio: Audio, progress: Progress = no_progress) -> Transcription:
        """Find the notes, and the tempo and key that fit them.

        Raises
        ------
        AudioError
            Nothing in it has a steady pitch (silence, noise, speech).
        """
        progress(0.0, "listening")
        contour = track_pitch(audio)
        progress(0.8, "finding notes")
        melody = find_notes(contour)
        if not melody.notes or melody.steadiness < _STEADY_SHARE:
            raise AudioError(
                f"no pitched notes found in {audio.duration_s:.1f} s of sound",
                hint="hum or whistle one note at a time, close to the microphone, without music in the background",
            )
        tempo, tempo_confidence = find_tempo(melody.notes)
        key, key_confidence = find_key(melody.notes)
        progress(1.0, "finding notes")
        return Transcription(
            notes=melody.notes,
            tempo=tempo,
            key=str(key),
            tempo_confidence=tempo_confidence,
            key_confidence=key_confidence,
            tuning_cents=round(melody.tuning_cents, 1),
        )
