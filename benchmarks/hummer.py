"""Voices and whistles with known notes, made as voices are: a glottal source under vowel formants.

They do what real ones do and clean tones do not: scoops and glides between notes, vibrato that sets in late, drift,
jitter, breath, consonants that close the mouth or hiss before a note, soft repeats. Rooms, microphones and telephones
come after. Formants follow the averages of Peterson and Barney (1952), J. Acoust. Soc. Am. 24:175.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, resample_poly, sosfilt

from beatflow.sound.note import Note

Float = NDArray[np.float64]
RATE = 32000
VOWELS = {
    "a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240), "o": (570, 840, 2410),
    "e": (530, 1840, 2480), "m": (250, 1100, 2200),
}  # fmt: skip


@dataclass(frozen=True)
class Singer:
    """How someone sings. Depths in cents, times in seconds.

    Parameters
    ----------
    vowels : str
        One after the other from note to note; ``m`` is a hum. Empty is a whistle.
    consonant : str
        Before each note: ``l`` or ``n`` (a dip of the level), ``d`` (a closure of 40 ms), ``t`` (a closure, then a
        hiss), or nothing.
    tract : float
        Length of a man's vocal tract over this one's.
    glide_s : float
        How long the way from a note to the next takes where they touch.
    slur : float
        How often nothing but the pitch parts two notes.
    dip_db : float
        How far the level falls before a note that is not slurred.
    """

    vowels: str = "m"
    consonant: str = ""
    tract: float = 1.0
    vibrato_cents: float = 25.0
    vibrato_hz: float = 5.5
    scoop_cents: float = 60.0
    drift_cents: float = 10.0
    jitter_cents: float = 4.0
    glide_s: float = 0.04
    slur: float = 0.0
    dip_db: float = 14.0
    attack_s: float = 0.035
    release_s: float = 0.05
    breath: float = 0.02
    tilt_db: float = -12.0
    tuning_cents: float = 0.0
    sliding_cents: float = 0.0
    """How far the tuning has moved by the end."""
    off_cents: float = 0.0
    """How far notes are off, each for itself (deviation)."""
    shimmer_db: float = 0.0
    """How the level wavers within a note (deviation)."""
    creak: float = 0.0
    """How often a note begins with every second pulse missing, for 80 ms."""


def sing(notes: Sequence[Note], singer: Singer, seed: int) -> Float:
    """Sing notes one after another; shape (frames,) at ``RATE``, peak 1."""
    rng = np.random.default_rng(seed)
    frames = int((notes[-1].start_s + notes[-1].duration_s + 0.5) * RATE)
    time = np.arange(frames) / RATE
    slurred = [
        index + 1 < len(notes)
        and notes[index + 1].midi != note.midi
        and notes[index + 1].start_s - note.start_s - note.duration_s < 0.08
        and rng.random() < singer.slur
        for index, note in enumerate(notes)
    ]
    pitch = _pitch(notes, singer, slurred, time, rng)
    level = _level(notes, singer, slurred, time)
    hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    phase = 2.0 * np.pi * np.cumsum(hz) / RATE
    if singer.vowels:
        tone = _voice(notes, singer, time, hz, phase)
        hiss = sosfilt(butter(2, (800, 6000), "bandpass", fs=RATE, output="sos"), rng.standard_normal(frames))
    else:
        tone = np.sin(phase) + 0.02 * np.sin(2.0 * phase)
        middle = float(np.median(hz))
        band = (0.7 * middle, min(1.4 * middle, 0.45 * RATE))
        hiss = sosfilt(butter(2, band, "bandpass", fs=RATE, output="sos"), rng.standard_normal(frames))
    tone /= np.max(np.abs(tone)) or 1.0
    if singer.creak:
        tone *= 1.0 - _creaks(notes, singer, time, rng) * (np.floor(phase / (2.0 * np.pi)) % 2)
    level = level * 10.0 ** (singer.shimmer_db / 20.0 * _wander(time, 0.04, rng))
    sound = level * (tone + singer.breath * hiss / hiss.std())
    if singer.consonant == "t":
        sound += _hisses(notes, time, rng)
    if singer.off_cents:
        sound += _breaths(notes, time, rng)
    return np.asarray(sound / np.max(np.abs(sound)))


def _pitch(
    notes: Sequence[Note], singer: Singer, slurred: list[bool], time: Float, rng: np.random.Generator
) -> Float:
    off = rng.standard_normal(len(notes)) * singer.off_cents / 100.0
    pitch = np.full(time.size, float(notes[0].midi))
    for index, note in enumerate(notes):
        first = int(note.start_s * RATE)
        since = time[first:] - note.start_s
        joined = index > 0 and slurred[index - 1]
        aim = note.midi + off[index]
        scoop = singer.scoop_cents / 100.0 * rng.uniform(0.5, 1.5)
        before = notes[index - 1].midi + off[index - 1] if joined else aim - scoop
        reach = singer.glide_s if joined else 0.05
        # The middle of a glide is where the new note is heard to begin.
        way = 1.0 / (1.0 + np.exp(-np.clip((since - (0.0 if joined else 0.03)) / (reach / 5.0), -40.0, 40.0)))
        if joined:
            lead = min(first, int(0.5 * reach * RATE))
            before_since = time[first - lead : first] - note.start_s
            early = 1.0 / (1.0 + np.exp(-before_since / (reach / 5.0)))
            pitch[first - lead : first] += (aim - before) * early
        pitch[first:] = before + (aim - before) * way
        swell = np.clip((since - 0.15) / 0.25, 0.0, 1.0)
        rate = singer.vibrato_hz * (1.0 + 0.05 * rng.standard_normal())
        pitch[first:] += singer.vibrato_cents / 100.0 * swell * np.sin(2.0 * np.pi * rate * since)
    drift = _wander(time, 0.25, rng) * singer.drift_cents + _wander(time, 0.02, rng) * singer.jitter_cents
    slide = singer.sliding_cents * time / time[-1]
    return np.asarray(pitch + (drift + slide + singer.tuning_cents) / 100.0)


def _wander(time: Float, every_s: float, rng: np.random.Generator) -> Float:
    knots = np.arange(0.0, time[-1] + 2 * every_s, every_s)
    return np.asarray(np.interp(time, knots, rng.standard_normal(knots.size)))


def _level(notes: Sequence[Note], singer: Singer, slurred: list[bool], time: Float) -> Float:
    level = np.zeros(time.size)
    for index, note in enumerate(notes):
        joined, joins = index > 0 and slurred[index - 1], slurred[index]
        gap = notes[index + 1].start_s - note.start_s - note.duration_s if index + 1 < len(notes) else 1.0
        stop = notes[index + 1].start_s if joins or gap < 0.06 else note.start_s + note.duration_s
        first, last = int(note.start_s * RATE), min(time.size, int(stop * RATE))
        since, left = time[first:last] - note.start_s, stop - time[first:last]
        floor = 10.0 ** (-singer.dip_db / 20.0)
        lowest = floor if gap < 0.06 else 0.0
        closes = 0.05 if singer.consonant in ("d", "t") else singer.release_s
        hold = 0.04 if singer.consonant in ("d", "t") and index + 1 < len(notes) else 0.0
        fall = np.ones(since.size) if joins else np.clip((left - hold) / closes, lowest, 1.0)
        start = (
            1.0
            if joined
            else (
                floor
                if index and notes[index - 1].start_s + notes[index - 1].duration_s > note.start_s - 0.06
                else 0.0
            )
        )
        rise = np.clip(start + (1.0 - start) * since / singer.attack_s, 0.0, 1.0)
        level[first:last] = (
            rise * fall * (0.4 + 0.6 * note.velocity / 112.0) * (1.0 - 0.25 * np.clip(since, 0, 2))
        )
    return level


def _hisses(notes: Sequence[Note], time: Float, rng: np.random.Generator) -> Float:
    """A burst of 25 ms in the closure before each note."""
    out = np.zeros(time.size)
    noise = sosfilt(butter(2, 3000, "highpass", fs=RATE, output="sos"), rng.standard_normal(time.size))
    for note in notes:
        first = max(0, int((note.start_s - 0.03) * RATE))
        size = min(int(0.025 * RATE), time.size - first)
        out[first : first + size] = 0.25 * noise[first : first + size] * np.hanning(size)
    return out


def _breaths(notes: Sequence[Note], time: Float, rng: np.random.Generator) -> Float:
    """Breath drawn before some notes, and a bump of the microphone now and then."""
    out = np.zeros(time.size)
    noise = sosfilt(butter(2, (500, 4000), "bandpass", fs=RATE, output="sos"), rng.standard_normal(time.size))
    for note in notes:
        if rng.random() < 0.12 and note.start_s > 0.3:
            first, size = int((note.start_s - 0.22) * RATE), int(0.18 * RATE)
            out[first : first + size] += 0.08 * noise[first : first + size] * np.hanning(size)
        if rng.random() < 0.05:
            first, size = int((note.start_s + rng.uniform(0.0, 0.3)) * RATE), int(0.06 * RATE)
            size = min(size, time.size - first)
            thump = np.sin(2.0 * np.pi * 45.0 * np.arange(size) / RATE) * np.exp(
                -np.arange(size) / (0.012 * RATE)
            )
            out[first : first + size] += 0.3 * thump
    return out


def _creaks(notes: Sequence[Note], singer: Singer, time: Float, rng: np.random.Generator) -> Float:
    out = np.zeros(time.size)
    for note in notes:
        if rng.random() < singer.creak:
            first = int(note.start_s * RATE)
            out[first : first + int(0.08 * RATE)] = 0.8
    return out


def _voice(notes: Sequence[Note], singer: Singer, time: Float, hz: Float, phase: Float) -> Float:
    """Harmonics with a falling spectrum under formants that change from note to note."""
    vowel = np.clip(np.searchsorted([note.start_s for note in notes], time, side="right") - 1, 0, None)
    table = np.array([VOWELS[letter] for letter in singer.vowels], dtype=float) * singer.tract
    coarse = slice(None, None, 96)
    formants = table[vowel[coarse] % len(table)].T
    # The mouth takes 30 ms from one vowel to the next.
    formants = np.array([lfilter([0.1], [1.0, -0.9], row - row[0]) + row[0] for row in formants])
    tone = np.zeros(time.size)
    for number in range(1, int(6000.0 / np.median(hz)) + 1):
        frequency = hz[coarse] * number
        gain = np.full(frequency.size, 0.05)
        for index, formant in enumerate(formants):
            width = 60.0 + 40.0 * index
            gain += width**2 / (width**2 + (frequency - formant) ** 2) * 0.7**index
        gain *= number ** (singer.tilt_db / 6.02) * (frequency < 0.45 * RATE)
        tone += np.interp(time, time[coarse], gain) * np.sin(number * phase)
    return tone


def in_room(sound: Float, seed: int, rt60_s: float = 0.6, wet: float = 0.35, rate: int = RATE) -> Float:
    """The sound in a room whose noise-like tail falls by 60 dB in ``rt60_s``."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(rt60_s * rate)) / rate
    tail = rng.standard_normal(time.size) * 10.0 ** (-3.0 * time / rt60_s)
    tail[: int(0.008 * rate)] = 0.0
    tail /= np.sqrt(np.sum(tail**2))
    return np.asarray(sound + wet * fftconvolve(sound, tail)[: sound.size])


def with_noise(sound: Float, snr_db: float, seed: int) -> Float:
    """Add pink-ish noise and mains hum, ``snr_db`` below the sound's own power."""
    rng = np.random.default_rng(seed)
    noise = lfilter([1.0], [1.0, -0.9], rng.standard_normal(sound.size))
    noise = noise / noise.std() + 0.3 * np.sin(2.0 * np.pi * 50.0 * np.arange(sound.size) / RATE)
    power = np.mean(sound[np.abs(sound) > 0.01] ** 2)
    return np.asarray(sound + noise / noise.std() * np.sqrt(power) * 10.0 ** (-snr_db / 20.0))


def clipped(sound: Float, gain_db: float = 9.0) -> Float:
    """Recorded too hot."""
    return np.asarray(np.clip(sound / np.max(np.abs(sound)) * 10.0 ** (gain_db / 20.0), -1.0, 1.0))


def at_rate(sound: Float, rate: int) -> Float:
    """The sound at another rate."""
    if rate == RATE:
        return sound
    divisor = int(np.gcd(rate, RATE))
    return np.asarray(resample_poly(sound, rate // divisor, RATE // divisor))
