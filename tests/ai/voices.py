"""Hums, whistles and sung lines with known notes, for tests and measurements.

A voice is a sum of harmonics with a falling glottal spectrum under vowel formants, with what real voices do
and clean tones do not: scoops into the note, vibrato, drift, breath noise, soft onsets, slurred notes.
Formant frequencies follow the averages of Peterson and Barney (1952), J. Acoust. Soc. Am. 24:175.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

VOWELS = {
    "a": (730, 1090, 2440),
    "i": (270, 2290, 3010),
    "u": (300, 870, 2240),
    "o": (570, 840, 2410),
    "e": (530, 1840, 2480),
    "m": (250, 1100, 2200),
}
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Voice:
    """How someone hums.

    ``kind`` is ``voice`` or ``whistle``; depths in cents, times in seconds, ``tilt_db`` per octave of harmonics.
    """

    kind: str = "voice"
    vowels: str = "m"
    vibrato_cents: float = 30.0
    vibrato_hz: float = 5.5
    scoop_cents: float = 80.0
    scoop_s: float = 0.06
    drift_cents: float = 8.0
    breath: float = 0.02
    attack_s: float = 0.04
    release_s: float = 0.06
    slur: float = 0.0
    dip: float = 0.1
    tilt_db: float = -12.0
    tract: float = 1.0
    tuning_cents: float = 0.0


def sing(
    notes: Sequence[Note], voice: Voice, sample_rate: int = 22050, seed: int = 0, tail_s: float = 0.4
) -> Audio:
    """Sing ``notes`` one after another; mono, peak 0.5."""
    rng = np.random.default_rng(seed)
    frames = int((notes[-1].start_s + notes[-1].duration_s + tail_s) * sample_rate)
    time = np.arange(frames) / sample_rate
    pitch, level = _contours(notes, voice, time, rng)
    hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    phase = 2.0 * np.pi * np.cumsum(hz) / sample_rate
    tone = np.sin(phase) if voice.kind == "whistle" else _harmonics(notes, voice, time, hz, phase)
    noise = rng.standard_normal(frames)
    noise = np.convolve(noise, [0.5, 0.0, -0.5], mode="same")
    out = level * (tone / (np.max(np.abs(tone)) or 1.0) + voice.breath * noise)
    out += 0.0005 * rng.standard_normal(frames)
    out *= 0.5 / np.max(np.abs(out))
    return Audio(out.astype(np.float32)[:, None], sample_rate)


def _contours(
    notes: Sequence[Note], voice: Voice, time: Float, rng: np.random.Generator
) -> tuple[Float, Float]:
    """Pitch (MIDI) and level over time."""
    pitch = np.full(time.size, float(notes[0].midi))
    level = np.zeros(time.size)
    for index, note in enumerate(notes):
        slurred = index + 1 < len(notes) and rng.random() < voice.slur
        end = note.start_s + note.duration_s
        inside = (time >= note.start_s) & (time < end)
        pitch[time >= note.start_s] = note.midi
        since = time[inside] - note.start_s
        bend = -voice.scoop_cents * np.exp(-since / (voice.scoop_s / 2.0))
        swell = np.clip((since - 0.15) / 0.2, 0.0, 1.0)
        bend += voice.vibrato_cents * swell * np.sin(2.0 * np.pi * voice.vibrato_hz * since)
        pitch[inside] += bend / 100.0
        floor = voice.dip if slurred else 0.0
        rise = np.clip(since / voice.attack_s, 0.0, 1.0)
        fall = np.clip((end - time[inside]) / voice.release_s, floor, 1.0)
        level[inside] = rise * fall * (0.5 + 0.5 * note.velocity / 127.0) * (1.0 - 0.2 * since)
    knots = np.arange(0.0, time[-1] + 0.2, 0.2)
    drift = np.interp(time, knots, rng.standard_normal(knots.size)) * voice.drift_cents
    return pitch + (drift + voice.tuning_cents) / 100.0, np.clip(level, 0.0, None)


def _harmonics(notes: Sequence[Note], voice: Voice, time: Float, hz: Float, phase: Float) -> Float:
    """A glottal source under formants that change from note to note."""
    vowel = np.searchsorted([note.start_s for note in notes], time, side="right") - 1
    table = np.array([VOWELS[letter] for letter in voice.vowels], dtype=float) * voice.tract
    formants = table[np.clip(vowel, 0, None) % len(table)].T
    step = max(1, int(0.003 / (time[1] - time[0])))
    tone = np.zeros(time.size)
    nyquist = 0.45 / (time[1] - time[0])
    coarse = slice(None, None, step)
    for number in range(1, int(min(6000.0, nyquist) / np.median(hz)) + 1):
        frequency = hz[coarse] * number
        gain = np.full(frequency.size, 0.05)
        for index, formant in enumerate(formants):
            width = 60.0 + 40.0 * index
            gain += width**2 / (width**2 + (frequency - formant[coarse]) ** 2) * 0.7**index
        gain *= number ** (voice.tilt_db / 6.02) * (frequency < nyquist) * 10.0
        tone += np.interp(time, time[coarse], gain) * np.sin(number * phase)
    return tone
