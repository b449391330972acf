"""Sounds that finding is tried on: plucked tunes, drum loops and textures, each from its seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

RATE = 22_050

TUNE = (60, 62, 64, 67, 65, 64, 60, 69, 67, 64, 62, 60)


def play(notes: Sequence[Note], seconds: float | None = None) -> np.ndarray:
    """Notes as plucked tones with eight harmonics; shape (frames,)."""
    end_s = seconds or max(note.start_s + note.duration_s for note in notes) + 0.5
    sound = np.zeros(int(end_s * RATE) + 1)
    for note in notes:
        time = np.arange(int(note.duration_s * RATE)) / RATE
        hz = 440.0 * 2.0 ** ((note.midi - 69) / 12)
        wave = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 9) if hz * k < RATE / 2)
        fade = np.minimum(1.0, (note.duration_s - time) / 0.02)
        start = int(note.start_s * RATE)
        sound[start : start + time.size] += 0.2 * wave * np.exp(-2.0 * time) * fade
    return sound


def line(pitches: Sequence[int], step_s: float = 0.4, up: int = 0) -> list[Note]:
    """Pitches one after another."""
    return [Note(index * step_s, 0.95 * step_s, midi + up) for index, midi in enumerate(pitches)]


def beat(seed: int, seconds: float = 4.0) -> np.ndarray:
    """A loop of hits: noises of several colours on a grid of its own; shape (frames,)."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE))
    step = int(RATE * rng.uniform(0.11, 0.16))
    for start in range(0, sound.size - step, step):
        if rng.random() < 0.7:
            time = np.arange(step) / RATE
            hz = rng.uniform(80, 5000)
            tone = np.sin(2 * np.pi * hz * time * (1 + rng.uniform(-0.3, 0.3) * time))
            hit = tone + 0.5 * rng.standard_normal(step)
            sound[start : start + step] += rng.uniform(0.1, 0.4) * hit * np.exp(-rng.uniform(10, 40) * time)
    return sound


def bed(seed: int, seconds: float = 20.0) -> np.ndarray:
    """Music to lie under: chords that change, at random; shape (frames,)."""
    rng = np.random.default_rng(seed)
    notes, at = [], 0.0
    while at < seconds - 1.0:
        length = float(rng.uniform(0.3, 1.0))
        root = int(rng.integers(45, 60))
        notes += [Note(at, length, root + step) for step in (0, int(rng.integers(3, 5)), 7)]
        at += length
    return play(notes, seconds)


def audio(sound: np.ndarray, peak: float = 0.5) -> Audio:
    """Mono sound as `Audio`."""
    level = float(np.max(np.abs(sound), initial=0.0)) or 1.0
    return Audio((peak * sound / level).astype(np.float32)[:, None], RATE)


def write(path: Path, sound: np.ndarray, rate: int = RATE) -> None:
    """Write mono sound as 16-bit WAV."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    peak = float(np.max(np.abs(sound), initial=0.0)) or 1.0
    soundfile.write(path, 0.5 * sound / peak, rate, subtype="PCM_16", format="WAV")
