"""The recording that a melody model follows: from a guide to one channel at the model's rate.

The models were trained to follow a chromagram of the music without drums and bass. So these are taken away where
htdemucs is at hand, as audiocraft always does. Notes without a recording are played by sine waves, which a chromagram
hears best.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beatflow.ai.engine import Guide, Progress, Setup
from beatflow.ai.musicgen.chroma import join_melody
from beatflow.ai.musicgen.runtime import Wave
from beatflow.ai.separation import separate_stream
from beatflow.ai.weights.shelf import find_weights
from beatflow.errors import EngineError, MemoryShortError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note
from beatflow.sound.resample import resample

SEPARATOR = "htdemucs"


def hear_guide(
    guide: Guide, sample_rate: int, setup: Setup, longest_s: float, progress: Progress
) -> tuple[Wave, dict[str, object]]:
    """Turn a guide into what the model follows.

    Parameters
    ----------
    guide : Guide
    sample_rate : int
        The model's, Hz.
    setup : Setup
        For the separator.
    longest_s : float
        What is beyond this is not heard.
    progress : callable

    Returns
    -------
    wave : ndarray of float32, shape (1, frames)
    parameters : dict
        How it was come by, for the provenance.

    Raises
    ------
    UsageError
        There is neither a recording nor a note.
    """
    if guide.audio is None:
        return play_notes(guide.notes, sample_rate, longest_s), {"from": "notes", "separated_by": None}
    audio = guide.audio
    audio = Audio(audio.samples[: round(longest_s * audio.sample_rate)], audio.sample_rate)
    if not audio.frames:
        raise UsageError("the recording of the melody is empty")
    separated = _separate(audio, setup, progress)
    mono = audio.samples.mean(axis=1, dtype=np.float64).astype(np.float32) if separated is None else separated
    wave = resample(Audio(mono[:, None], audio.sample_rate), sample_rate).samples.T
    by = None if separated is None else SEPARATOR
    return np.ascontiguousarray(wave), {"from": "recording", "separated_by": by}


def play_notes(notes: Sequence[Note], sample_rate: int, longest_s: float) -> Wave:
    """Play notes with sine waves, shape (1, frames).

    Raises
    ------
    UsageError
        There are none.
    """
    if not notes:
        raise UsageError("there is no melody to follow", hint="hum louder, or give a longer recording")
    end_s = min(longest_s, max(note.start_s + note.duration_s for note in notes))
    frames = max(1, round(end_s * sample_rate))
    wave = np.zeros(frames)
    for note in notes:
        start, stop = round(note.start_s * sample_rate), round((note.start_s + note.duration_s) * sample_rate)
        start, stop = max(0, start), min(stop, frames)
        if stop > start:
            hz = 440.0 * 2.0 ** ((note.midi - 69) / 12)
            phase = 2 * np.pi * hz / sample_rate * np.arange(stop - start)
            wave[start:stop] += note.velocity / 127 * 0.3 * np.sin(phase)
    return wave.astype(np.float32)[None]


def _separate(
    audio: Audio, setup: Setup, progress: Progress
) -> np.ndarray[tuple[int], np.dtype[np.float32]] | None:
    """Leave drums and bass out; None where that cannot be done here."""
    if find_weights(SEPARATOR, replace(setup, runtime="auto")) is None:
        return None
    from beatflow.ai.demucs.engine import DemucsEngine

    try:
        engine = DemucsEngine(replace(setup, engine=SEPARATOR, runtime="auto", dtype="auto"))
        engine.check_ready()
        parts: dict[str, list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]] = {}
        for stems in separate_stream([audio], engine, "FLOAT", progress, audio.frames):
            for stem, part in stems.items():
                parts.setdefault(stem, []).append(part.samples)
    except (EngineError, MemoryShortError) as error:
        setup.tell(f"the melody is followed with drums and bass in it: {error.message}")
        return None
    return join_melody({stem: np.concatenate(pieces).T for stem, pieces in parts.items()})
