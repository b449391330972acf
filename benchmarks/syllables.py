"""A speech synthesiser made to sing: syllables of espeak-ng, each at the pitch and length of a note.

The mouth is espeak-ng's (linear prediction of its frames, consonants included), the larynx is ours: pulses at the
note's pitch. Needs espeak-ng.
"""

import io
import subprocess
from collections.abc import Sequence
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, resample_poly

from beatflow.sound.note import Note

Float = NDArray[np.float64]
RATE = 16000
SYLLABLES = ("la:", "du:", "na:", "mi:", "ba:", "so:", "tE:", "wO:")
_HOP, _FRAME, _ORDER = 80, 400, 18


def speak(text: str, voice: str = "en-gb", words_per_minute: int = 150) -> tuple[Float, int]:
    """What espeak-ng says, and its rate; shape (frames,)."""
    argv = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text]
    wav = subprocess.run(argv, check=True, capture_output=True).stdout
    sound, rate = soundfile.read(io.BytesIO(wav))
    return np.asarray(sound, dtype=float), int(rate)


@cache
def _mouth(syllable: str, voice: str) -> tuple[Float, Float, NDArray[np.bool_]]:
    """Filters, gains and voicing of a syllable, frame by frame, from where it is first heard."""
    sound, rate = speak(f"[[{syllable}]]", voice, 100)
    divisor = int(np.gcd(rate, RATE))
    sound = resample_poly(sound, RATE // divisor, rate // divisor)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1]]
    filters, gains, voiced = [], [], []
    for first in range(0, sound.size - _FRAME, _HOP):
        frame = sound[first : first + _FRAME] * np.hanning(_FRAME)
        likeness = np.correlate(frame, frame, "full")[_FRAME - 1 :]
        likeness[0] = likeness[0] * 1.0001 + 1e-9
        taps = solve_toeplitz(likeness[:_ORDER], likeness[1 : _ORDER + 1])
        filters.append(np.concatenate([[1.0], -taps]))
        gains.append(np.sqrt(max(1e-12, likeness[0] - taps @ likeness[1 : _ORDER + 1])))
        voiced.append(likeness[40:230].max() > 0.35 * likeness[0])
    return np.array(filters), np.array(gains), np.array(voiced)


def sing_syllables(
    notes: Sequence[Note], seed: int, voice: str = "en-gb", vibrato_cents: float = 20.0
) -> Float:
    """Sing notes on syllables; the vowel begins where the note does. Shape (frames,) at ``RATE``, peak 1."""
    rng = np.random.default_rng(seed)
    frames = int((notes[-1].start_s + notes[-1].duration_s + 0.5) * RATE)
    out = np.zeros(frames + _FRAME)
    window = np.hanning(_FRAME)
    for note in notes:
        filters, gains, voiced = _mouth(SYLLABLES[int(rng.integers(len(SYLLABLES)))], voice)
        vowel = int(np.argmax(np.convolve(voiced, np.ones(4), "valid") >= 4))
        hops = int(note.duration_s * RATE / _HOP)
        usable = max(1, int(0.75 * (len(gains) - vowel)))
        steps = vowel + np.minimum(np.arange(hops), np.linspace(0, usable - 1, hops)).astype(int)
        places = np.concatenate([np.arange(vowel), steps])
        size = (len(places) + 5) * _HOP
        time = np.arange(size) / RATE - vowel * _HOP / RATE
        bend = vibrato_cents * np.clip((time - 0.15) / 0.2, 0, 1) * np.sin(2 * np.pi * 5.3 * time)
        bend -= 60.0 * np.exp(-np.clip(time, 0, None) / 0.03)
        hz = 440.0 * 2.0 ** ((note.midi - 69 + bend / 100.0) / 12.0)
        turns = np.cumsum(hz) / RATE
        pulses = np.diff(np.floor(turns), prepend=0.0) * np.sqrt(RATE / hz)
        pulses = lfilter([1.0], [1.0, -0.8], pulses) + 0.05 * rng.standard_normal(size)
        start = round(note.start_s * RATE) - vowel * _HOP
        level = (0.4 + 0.6 * note.velocity / 112.0) * np.clip(
            (hops + vowel - np.arange(len(places))) / 10.0, 0, 1
        )
        for hop, place in enumerate(places):
            source = pulses if voiced[place] or hop >= vowel else rng.standard_normal(size)
            piece = source[hop * _HOP : hop * _HOP + _FRAME] * window[: size - hop * _HOP]
            at = start + hop * _HOP
            if at >= 0 and at + _FRAME <= out.size:
                out[at : at + _FRAME] += level[hop] * gains[place] * lfilter([1.0], filters[place], piece)
    return np.asarray(out[:frames] / np.max(np.abs(out)))
