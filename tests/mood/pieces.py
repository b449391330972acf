"""Little pieces of music whose cues are known, since they are made here."""

from pathlib import Path

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.writing import write_audio

RATE = 22_050
MAJOR, MINOR = (0, 4, 7, 12), (0, 3, 7, 12)


def play(
    seconds: float = 8.0,
    tempo: float = 120.0,
    chord: tuple[int, ...] = MAJOR,
    tonic_hz: float = 261.63,
    harmonics: int = 6,
    held: float = 0.4,
    gain: float = 0.3,
    seed: int = 0,
) -> Audio:
    """Chords on every beat; ``held`` is how much of a beat a note lasts, ``harmonics`` its brightness."""
    frames = int(seconds * RATE)
    wave = np.zeros(frames)
    beat = int(60 / tempo * RATE)
    time = np.arange(int(beat * held)) / RATE
    rise = np.minimum(1, np.arange(len(time)) / (0.005 * RATE))
    # A release without a click: its splash would be an onset.
    fall = np.minimum(1, np.arange(len(time))[::-1] / (0.1 * RATE))
    envelope = rise * (0.5 - 0.5 * np.cos(np.pi * fall))
    rng = np.random.default_rng(seed)
    steps = (0, 5, 7, 0)
    for number, start in enumerate(range(0, frames - len(time), beat)):
        root = tonic_hz * 2 ** (steps[number // 4 % 4] / 12)
        for semitone in (chord[number % 4], *chord[:3]):
            hz = root * 2 ** (semitone / 12)
            for k in range(1, harmonics + 1):
                if hz * k < RATE / 2:
                    phase = rng.uniform(0, 6.28)
                    wave[start : start + len(time)] += (
                        envelope * np.sin(2 * np.pi * hz * k * time + phase) / k
                    )
    return Audio((gain * wave / np.abs(wave).max()).astype(np.float32)[:, None], RATE)


def merry(seconds: float = 8.0, seed: int = 0) -> Audio:
    """Fast, major, bright, detached, with hi-hats on eighths."""
    tempo = 150 + 3 * seed
    chords = play(seconds, tempo, MAJOR, 392.0 * 2 ** (seed / 12), 12, 0.35, 0.4, seed).samples
    time = np.arange(len(chords)) / RATE
    hats = np.exp(-(time % (30 / tempo)) * 60) * np.random.default_rng(seed).normal(0, 0.12, len(time))
    return Audio(chords + hats.astype(np.float32)[:, None], RATE)


def mournful(seconds: float = 8.0, seed: int = 0) -> Audio:
    """Slow, minor, dark, held."""
    return play(seconds, 56 + seed, MINOR, 146.8 * 2 ** (seed / 12), 2, 0.98, 0.15, seed)


def write(path: Path, audio: Audio) -> Path:
    """Write a piece to a file, folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, audio)
    return path
