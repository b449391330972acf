"""A singing voice from a glottal source and a vocal tract, for music with known stems: nobody's recording is needed.

The source is a Rosenberg pulse with a return phase (Rosenberg 1971, J. Acoust. Soc. Am. 49:583) and breath that
follows the open glottis; the tract is five resonances in a row (Klatt 1980, J. Acoust. Soc. Am. 67:971), which glide
from vowel to vowel; consonants are bursts, hisses and hums. Deterministic by the generator it is given. Knows nothing
of separators.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from beatflow.sound.note import Note

Float = NDArray[np.float64]

# F1 to F3 of American English vowels (Peterson and Barney 1952), rounded; F4 and F5 are nearly the same for all.
_VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (570, 840, 2410),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (640, 1190, 2390),
    (490, 1350, 1690),
)
_HUM = (250, 1100, 2200)
_UPPER = (3400, 4600)
_WIDTHS = (70.0, 90.0, 130.0, 180.0, 260.0)
_HISSES = ((4500.0, 12000.0), (2200.0, 7000.0), (1200.0, 9000.0))


@dataclass(frozen=True)
class Singer:
    """How someone sings: ``tract`` scales the formants (1 a man, 1.17 a woman), depths are in cents."""

    tract: float = 1.0
    octave: int = 0
    vibrato_cents: float = 40.0
    vibrato_hz: float = 5.5
    scoop_cents: float = 80.0
    jitter_cents: float = 6.0
    breath: float = 0.05
    open_share: float = 0.6
    dull_hz: float = 2500.0
    ring_db: float = 6.0
    consonants: float = 0.7


def draw_singer(rng: np.random.Generator) -> Singer:
    """Someone: men and women, breathy and brassy, with and without vibrato."""
    high = rng.random() < 0.5
    return Singer(
        tract=rng.uniform(1.08, 1.3) if high else rng.uniform(0.88, 1.08),
        octave=0 if high else -1,
        vibrato_cents=rng.choice([0.0, rng.uniform(10, 80)]),
        vibrato_hz=rng.uniform(4.5, 7.0),
        scoop_cents=rng.uniform(0, 200),
        jitter_cents=rng.uniform(2, 12),
        breath=float(np.exp(rng.uniform(np.log(0.01), np.log(0.25)))),
        open_share=rng.uniform(0.4, 0.8),
        dull_hz=float(np.exp(rng.uniform(np.log(900), np.log(6000)))),
        ring_db=rng.uniform(0, 12),
        consonants=rng.uniform(0.3, 1.0),
    )


def sing_words(
    notes: Sequence[Note], singer: Singer, frames: int, sample_rate: int, rng: np.random.Generator
) -> Float:
    """Sing a syllable on each note; shape (frames,), peak 1."""
    out = np.zeros(frames + sample_rate)
    vowel = np.array(_VOWELS[rng.integers(len(_VOWELS))], float)
    for at, note in enumerate(notes):
        before = vowel
        vowel = np.array(_VOWELS[rng.integers(len(_VOWELS))], float)
        legato = at > 0 and note.start_s - (notes[at - 1].start_s + notes[at - 1].duration_s) < 0.06
        start = int(note.start_s * sample_rate)
        if start >= frames:
            break
        sound, lead = _sing_syllable(note, singer, before if legato else vowel, vowel, sample_rate, rng)
        first = max(0, start - lead)
        stop = min(out.size, first + sound.size)
        out[first:stop] += sound[: stop - first]
    out = out[:frames]
    return out / (np.max(np.abs(out)) or 1.0)


def _sing_syllable(
    note: Note, singer: Singer, before: Float, vowel: Float, sample_rate: int, rng: np.random.Generator
) -> tuple[Float, int]:
    """One syllable, and how many frames of it (its consonant) come before the note."""
    length = max(int(0.09 * sample_rate), int((note.duration_s + 0.05) * sample_rate))
    hz = _glide(note.midi + 12 * singer.octave, singer, length, sample_rate, rng)
    source = _pulse(hz, singer, sample_rate, rng)
    voiced = _shape(source, before, vowel, singer, sample_rate)
    time = np.arange(length) / sample_rate
    rise, fall = rng.uniform(0.015, 0.08), rng.uniform(0.04, 0.12)
    level = np.clip(time / rise, 0, 1) * np.clip((length / sample_rate - time) / fall, 0, 1)
    level *= 1.0 + 0.3 * np.sin(np.pi * time * sample_rate / length) - 0.2 * time
    voiced *= np.clip(level, 0, None) / (np.sqrt(np.mean(voiced**2)) + 1e-9)
    voiced *= 0.2 * (0.4 + 0.6 * note.velocity / 127.0)
    if rng.random() > singer.consonants:
        return voiced, 0
    kind = rng.integers(4)
    lead = int(rng.uniform(0.03, 0.13) * sample_rate)
    if kind == 3:  # m, n: the source through a closed mouth
        hum = _pulse(np.full(lead, hz[0]), singer, sample_rate, rng)
        hum = _resonate(hum, np.array(_HUM, float), singer, sample_rate)
        hum *= 0.08 * np.hanning(lead) / (np.sqrt(np.mean(hum**2)) + 1e-9)
        return np.concatenate([hum, voiced]), lead
    low, high = _HISSES[rng.integers(len(_HISSES))]
    band = butter(2, [low, min(high, 0.45 * sample_rate)], "bandpass", fs=sample_rate, output="sos")
    noise = sosfilt(band, rng.standard_normal(lead))
    if kind == 0:  # p, t, k: nothing, then a burst
        noise *= np.where(np.arange(lead) < 0.7 * lead, 0.0, 1.0) * np.linspace(1, 0, lead) * 4.0
    noise *= np.hanning(lead) * rng.uniform(0.02, 0.14) / (np.sqrt(np.mean(noise**2)) + 1e-9)
    return np.concatenate([noise, voiced]), lead


def _glide(midi: float, singer: Singer, length: int, sample_rate: int, rng: np.random.Generator) -> Float:
    """Frequency over time: a scoop into the note, vibrato that sets in late, a wandering pitch."""
    time = np.arange(length) / sample_rate
    cents = -singer.scoop_cents * np.exp(-time / 0.04)
    depth = singer.vibrato_cents * np.clip((time - 0.15) / 0.25, 0, 1)
    cents += depth * np.sin(2 * np.pi * singer.vibrato_hz * time + rng.uniform(0, 6.28))
    knots = np.arange(0.0, time[-1] + 0.04, 0.02)
    cents += np.interp(time, knots, rng.standard_normal(knots.size) * singer.jitter_cents)
    return 440.0 * 2.0 ** ((midi - 69 + cents / 100.0) / 12.0)


def _pulse(hz: Float, singer: Singer, sample_rate: int, rng: np.random.Generator) -> Float:
    """Derivative of the flow through the glottis, made duller, with breath while it is open."""
    phase = (np.cumsum(hz) / sample_rate + rng.random()) % 1.0
    opening, closing = 0.66 * singer.open_share, singer.open_share
    rising = np.sin(np.pi * phase / opening) * (np.pi / (2 * opening))
    falling = -np.sin(0.5 * np.pi * (phase - opening) / (closing - opening)) * (
        0.5 * np.pi / (closing - opening)
    )
    back = -(0.5 * np.pi / (closing - opening)) * np.exp(-(phase - closing) / 0.02)
    flow = np.where(phase < opening, rising, np.where(phase < closing, falling, back))
    breath = rng.standard_normal(hz.size) * (0.3 + 0.7 * (phase < closing))
    pole = np.exp(-2 * np.pi * singer.dull_hz / sample_rate)
    return lfilter([1 - pole], [1, -pole], flow) + singer.breath * breath


def _shape(source: Float, before: Float, vowel: Float, singer: Singer, sample_rate: int) -> Float:
    """The source through a tract that moves from one vowel to the next in the first 80 ms."""
    there = _resonate(source, vowel, singer, sample_rate)
    if np.array_equal(before, vowel):
        return there
    ramp = np.clip(np.arange(source.size) / (0.08 * sample_rate), 0, 1)
    return (1 - ramp) * _resonate(source, before, singer, sample_rate) + ramp * there


def _resonate(source: Float, vowel: Float, singer: Singer, sample_rate: int) -> Float:
    """Five resonances in a row; the upper ones stand out as trained singers' do."""
    out = source
    formants = [*vowel * singer.tract, *(upper * singer.tract for upper in _UPPER)]
    ring = 10 ** (singer.ring_db / 20)
    for index, (hz, width) in enumerate(zip(formants, _WIDTHS, strict=True)):
        narrow = width / ring if index in (3, 4) else width
        radius = np.exp(-np.pi * narrow / sample_rate)
        turn = 2 * radius * np.cos(2 * np.pi * hz / sample_rate)
        out = lfilter([1 - turn + radius**2], [1, -turn, radius**2], out)
    return np.asarray(out)
