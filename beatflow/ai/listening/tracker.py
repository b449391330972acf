"""The embedded analyzer: a line that is hummed, whistled, sung or played, or a beat made with the mouth, to notes."""

import numpy as np

from beatflow.ai.engine import (
    DEFAULT_LISTENING,
    EngineInfo,
    Listening,
    Progress,
    Setup,
    Transcription,
    no_progress,
)
from beatflow.ai.listening.beatbox import Beat, find_hits
from beatflow.ai.listening.melody import find_key, find_tempo
from beatflow.ai.listening.notes import Melody, find_notes
from beatflow.ai.listening.yin import Contour, track_pitch
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.tonality import parse_key

_STEADY = 0.5
_CLEAR_DB = 18.0
_FEWEST_HITS = 4
_IN_TIME = 0.15
_LOUD_DB = -20.0
_MORE_HITS = 1.5
"""A beat made with the mouth has 1.7 times as many hits as notes, and more; a melody's notes are its hits."""
_ENOUGH_NOTES = 8
_SURELY_STEADY, _OUT_OF_TIME, _SHORT_S = 0.9, 0.13, 0.3
"""Fifteen synthetic voices in thirteen languages have three of four notes below 0.28 s, and those that are as steady as
singing (Mandarin, Thai, Japanese, Vietnamese) a confidence in their tempo of 0.12 or less; the fastest singing more."""
_VOICED = 0.68
"""Of the loud moments of a beat made with the mouth up to 60 % have a pitch; of speech, three quarters and more."""


class PitchTracker:
    """YIN and a Viterbi path to notes; where nothing has a pitch but much is struck, hits."""

    info = EngineInfo(
        name="yin",
        version="2",
        tasks=frozenset({"transcribe"}),
        licence="Apache-2.0",
        options=frozenset(("part", "key", "tempo")),
    )

    def __init__(self, setup: Setup | None = None) -> None:
        """Need nothing of the surroundings."""

    def transcribe(
        self, audio: Audio, progress: Progress = no_progress, wanted: Listening = DEFAULT_LISTENING
    ) -> Transcription:
        """Find the notes, and the tempo and key that fit them.

        Raises
        ------
        AudioError
            Nothing in it has a steady pitch, and it is no beat (silence, noise, speech).
        """
        progress(0.0, "listening")
        if wanted.part == "drums":
            beat = find_hits(audio)
            if not beat.notes:
                raise AudioError(
                    f"no hits found in {audio.duration_s:.3g} s of sound",
                    hint="beatbox close to the microphone, or leave --as drums out for a melody",
                )
            return _of_hits(beat, wanted, progress)
        contour = track_pitch(audio)
        progress(0.8, "finding notes")
        key = parse_key(wanted.key) if wanted.key else None
        melody = find_notes(contour, key)
        beat = find_hits(audio) if _is_unvoiced(contour) else Beat((), 0.0)
        struck = _is_beat(beat)
        sung = bool(melody.notes) and melody.steadiness >= _STEADY
        # A kick from the throat has a pitch as well; it is one hit of several.
        if struck and wanted.part is None and (not sung or len(beat.notes) >= _MORE_HITS * len(melody.notes)):
            return _of_hits(beat, wanted, progress)
        tempo, tempo_confidence = find_tempo(melody.notes)
        if sung and wanted.part is None and _is_spoken(melody, tempo_confidence):
            raise AudioError(
                f"this sounds like speech: {len(melody.notes)} short notes, none of them in time",
                hint="sing or hum it; --as melody takes it as it is",
            )
        if not sung:
            hint = (
                "hum or whistle one note at a time, close to the microphone, without music in the background"
            )
            if struck:
                hint = f"it has {len(beat.notes)} clear hits: --as drums plays them"
            elif wanted.part is None:
                hint += "; a beat made with the mouth wants --as drums"
            raise AudioError(f"no pitched notes found in {audio.duration_s:.3g} s of sound", hint=hint)
        found, key_confidence = (key, 1.0) if key else find_key(melody.notes)
        progress(1.0, "finding notes")
        return Transcription(
            notes=melody.notes,
            tempo=tempo,
            key=str(found),
            tempo_confidence=tempo_confidence,
            key_confidence=key_confidence,
            tuning_cents=round(melody.tuning_cents, 1),
        )


def _is_unvoiced(contour: Contour) -> bool:
    """Whether little of what is loud has a pitch."""
    loud = contour.level_db > _LOUD_DB
    return bool(loud.any() and np.isfinite(contour.midi[loud]).mean() < _VOICED)


def _is_beat(beat: Beat) -> bool:
    """Whether hits stand out and are in time; speech's syllables and the wavering of noise are neither."""
    if len(beat.notes) < _FEWEST_HITS or beat.clarity_db < _CLEAR_DB:
        return False
    return find_tempo(beat.notes)[1] >= _IN_TIME


def _is_spoken(melody: Melody, tempo_confidence: float) -> bool:
    """Whether many notes are short, unsteady and out of time: languages with level tones pass for steady otherwise."""
    if len(melody.notes) < _ENOUGH_NOTES or melody.steadiness >= _SURELY_STEADY:
        return False
    lengths = [note.duration_s for note in melody.notes]
    return tempo_confidence < _OUT_OF_TIME and float(np.percentile(lengths, 75)) < _SHORT_S


def _of_hits(beat: Beat, wanted: Listening, progress: Progress) -> Transcription:
    tempo, confidence = find_tempo(beat.notes)
    progress(1.0, "finding hits")
    return Transcription(beat.notes, tempo, wanted.key or "C:maj", confidence, 0.0, part="drums")
