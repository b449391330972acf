"""Band-limited wavetables with a filter axis: a subtractive synthesiser without a recursive filter.

A table holds one turn of a wave at rising filter cut-offs; a filter sweep reads between its rows. Rows are integer
matrix products of harmonic amplitudes and sines, hence exact. Knows sounds, not music.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    SINE_TABLE,
    Floats,
    begin,
    decay,
    exp2,
    log2,
    moving_phase,
    pitch_hz,
    ramp,
    sine,
    smooth_step,
    steady_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.touch import Touch

_SIZE = 2048
_STEPS = 3
"""Filter rows per octave."""
_LOWEST_HZ = 80.0
_ROWS = 24
"""80 Hz · 2**(23 / 3) = 16.2 kHz."""
_TOP_HZ = 15500.0
_LN2 = 0.6931471805599453
_DRAWBARS = {
    "organ": (1.0, 0.8, 0.5, 0.45, 0.0, 0.22, 0.0, 0.3),
    "flute": (1.0, 0.5, 0.28, 0.1, 0.06, 0.04),
    "pan": (1.0, 0.1, 0.32, 0.03, 0.08),
    "sine": (1.0,),
}
Formants = tuple[tuple[float, float, float], ...]
"""Resonances: (Hz, half width in Hz, gain)."""


@lru_cache(maxsize=1)
def _sines(harmonics: int = 512) -> Floats:
    """Integer sines of the harmonics 1.., shape (harmonics, size)."""
    index = (np.arange(1, harmonics + 1)[:, None] * np.arange(_SIZE)[None, :]) % _SIZE
    return np.asarray(np.rint(SINE_TABLE[index * (SINE_TABLE.size // _SIZE)] * 65536.0))


def _spectrum(wave: str, harmonics: int) -> Floats:
    """Harmonic amplitudes of a named wave."""
    h: Floats = ramp(harmonics) + 1.0
    odd: Floats = (np.arange(harmonics) % 2 == 0).astype(np.float64)
    if wave in _DRAWBARS:
        result = np.zeros(harmonics)
        row = _DRAWBARS[wave]
        result[: min(len(row), harmonics)] = row[:harmonics]
        return result
    if wave == "bowed":  # Helmholtz's motion, bowed at a ninth of the string: what has a node there is weak
        return (0.2 + np.abs(sine(h * (0.5 / 9.0)))) / h
    if wave == "pulse":  # an eighth of a turn up
        return np.abs(sine(h * (0.5 / 8.0))) / h * 2.0
    series: dict[str, Floats] = {
        "saw": 1.0 / h,
        "square": odd / h,
        "hollow": odd / (h * np.sqrt(h)),
        "reed": (0.25 + odd) / (np.sqrt(h) * np.sqrt(np.sqrt(h))),
        "glottis": 1.0 / (h * np.sqrt(np.sqrt(h))),
    }
    return series[wave]


@lru_cache(maxsize=64)
def _body(formants: Formants, harmonics: int, hz: float) -> Floats:
    """Gain of each harmonic in a body or a mouth with resonances at fixed frequencies."""
    frequency = (ramp(harmonics) + 1.0) * hz
    gain = np.full(harmonics, 0.18 if formants else 1.0)
    for centre, width, level in formants:
        away = (frequency - centre) / width
        gain += level / (1.0 + away * away)
    return gain


@lru_cache(maxsize=256)
def _table(wave: str, harmonics: int, hz: float, resonance: float, formants: Formants) -> Floats:
    """Rows of one turn each, flattened; each row ends with its first sample again. Two-pole low-pass per row."""
    frequency = (ramp(harmonics) + 1.0) * hz
    cutoff = _LOWEST_HZ * exp2(ramp(_ROWS) / _STEPS)
    ratio = frequency[None, :] / cutoff[:, None]
    ratio = ratio * ratio
    gain = 1.0 / np.sqrt((1.0 - ratio) * (1.0 - ratio) + ratio / (resonance * resonance))
    gain /= np.sqrt(1.0 + ratio * ratio * 0.25)  # one pole more well above the cut-off
    spectrum = _spectrum(wave, harmonics) * _body(formants, harmonics, hz)
    amplitudes = np.rint(gain * spectrum[None, :] * 65536.0)
    rows = (amplitudes @ _sines()[:harmonics]) / 4294967296.0
    return np.concatenate((rows, rows[:, :1]), axis=1).ravel()


@dataclass(frozen=True, slots=True)
class Subtractive:
    """Oscillators through a swept low-pass, with a body of fixed resonances.

    Parameters
    ----------
    wave : str
        ``saw square hollow pulse bowed reed glottis organ flute pan sine``.
    voices, detune_cents : int, float
        Oscillators spread evenly over ± ``detune_cents`` and over the stereo field.
    attack_s, half_s, sustain : float
        Loudness: smooth attack, then halving every ``half_s`` towards ``sustain``.
    cutoff, sweep, sweep_half_s : float
        Filter: harmonics of the note at rest, octaves added at the start, half-life of that.
    vibrato_cents : float
        Each voice at a pace of its own.
    noise, noise_low_hz, noise_high_hz : float
        Breath, or the bow's hair.
    formants : tuple of (Hz, half width in Hz, gain)
        A body or a mouth.
    shake_hz, shake : float
        Trembling loudness: a tremolo bow, a vibrating reed.
    wobble : float
        Octaves that the filter swings by where the touch asks for it.
    width : float
        How far apart the outermost oscillators stand; basses stand close together.
    """

    wave: str = "saw"
    voices: int = 1
    detune_cents: float = 0.0
    attack_s: float = 0.004
    half_s: float = 10.0
    sustain: float = 1.0
    cutoff: float = 6.0
    sweep: float = 0.0
    sweep_half_s: float = 0.1
    swell_s: float = 0.0
    resonance: float = 0.9
    vibrato_cents: float = 0.0
    sub: float = 0.0
    noise: float = 0.0
    noise_low_hz: float = 1500.0
    noise_high_hz: float = 8000.0
    formants: Formants = ()
    shake_hz: float = 0.0
    shake: float = 0.0
    wobble: float = 0.0
    width: float = 0.6
    release_s: float = 0.08

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``."""
        hz = pitch_hz(float(touch.midi))
        stereo = self.voices > 1
        out = np.zeros((frames, 2)) if stereo else np.zeros(frames)
        row = self._rows(hz, touch, frames)
        stream = Stream("oscillators", self.wave, touch.midi, touch.take)
        glide = (touch.glide / 12.0) * decay(frames, 0.025) if touch.glide else None
        bend = None
        for voice in range(self.voices):
            place = 2.0 * voice / (self.voices - 1) - 1.0 if stereo else 0.0
            tuned = hz * exp2(place * self.detune_cents / 1200.0)
            if voice % 2 == 0:  # two players swing alike: half the work
                bend = self._bend(frames, glide, stream)
            single = self._oscillator(
                hz, tuned if bend is None else tuned * bend, row, stream.uniform(), frames
            )
            if stereo:
                out[:, 0] += single * (1.0 - self.width * place)
                out[:, 1] += single * (1.0 + self.width * place)
            else:
                out += single
        out /= float(np.sqrt(float(self.voices)))
        for extra in self._extras(hz, frames, touch, stream):
            out += extra[:, None] if stereo else extra
        level = self._level(frames, touch.hardness)
        return out * (level[:, None] if stereo else level)

    def _extras(self, hz: float, frames: int, touch: Touch, stream: Stream) -> list[Floats]:
        """The sub-oscillator and the air."""
        extras = []
        if self.sub:
            extras.append(self.sub * steady_sine(frames, hz * 0.5 if hz > 110.0 else hz))
        if self.noise:
            air = filtered(stream.noise(frames + 32), band(self.noise_low_hz, self.noise_high_hz, 63))[
                :frames
            ]
            # More of it while the note speaks.
            extras.append(
                air * (self.noise * (0.5 + 0.5 * touch.hardness) * (0.6 + 1.4 * decay(frames, 0.04)))
            )
        return extras

    def _level(self, frames: int, hardness: float) -> Floats:
        level = self.sustain + (1.0 - self.sustain) * decay(frames, self.half_s)
        if self.shake_hz:
            level *= 1.0 - self.shake * (0.5 + 0.5 * steady_sine(frames, self.shake_hz))
        begin(level, max(int(self.attack_s * (1.4 - 0.6 * hardness) * RATE), 48))
        return level

    def _rows(self, hz: float, touch: Touch, frames: int) -> Floats | float:
        """Position on the filter axis, moving or at rest."""
        octaves = log2(max(hz * self.cutoff, _LOWEST_HZ) / _LOWEST_HZ) + (touch.hardness - 0.6) * 1.5
        rest = octaves * _STEPS
        top = _ROWS - 1.001
        wobbling = self.wobble and touch.wobble
        if self.sweep == 0.0 and self.swell_s == 0.0 and not wobbling:
            return min(max(rest, 0.0), top)
        moving = np.full(frames, rest)
        if self.sweep:
            moving += self.sweep * (0.4 + touch.hardness) * _STEPS * decay(frames, self.sweep_half_s)
        if self.swell_s:
            rise = smooth_step(int(self.swell_s * RATE))[:frames]
            moving[: rise.size] -= 2.0 * _STEPS * (1.0 - rise)
        if wobbling:
            swing = 0.5 - 0.5 * steady_sine(frames, RATE / touch.wobble, 0.25)
            moving += (self.wobble * _STEPS) * swing
        return np.asarray(np.minimum(np.maximum(moving, 0.0), top))

    def _bend(self, frames: int, glide: Floats | None, stream: Stream) -> Floats | None:
        """Frequency factor over time: glide and vibrato."""
        octaves = glide
        if self.vibrato_cents:
            swing = steady_sine(frames, 4.8 + 0.7 * stream.uniform(), stream.uniform())
            swing *= (1.0 - decay(frames, 0.25)) * (self.vibrato_cents / 1200.0)
            octaves = swing if octaves is None else octaves + swing
        if octaves is None:
            return None
        return exp2(octaves) if glide is not None else 1.0 + octaves * (_LN2 + (0.5 * _LN2 * _LN2) * octaves)

    def _oscillator(
        self, hz: float, tuned: Floats | float, row: Floats | float, start: float, frames: int
    ) -> Floats:
        harmonics = max(1, min(512, int(_TOP_HZ / hz)))
        table = _table(self.wave, harmonics, hz, self.resonance, self.formants)
        turns = start + (ramp(frames) * (tuned / RATE) if isinstance(tuned, float) else moving_phase(tuned))
        position = (turns - np.floor(turns)) * _SIZE
        index = position.astype(np.int32)
        fraction = position - index
        if isinstance(row, float):
            lower = int(row)
            mix = row - lower
            wide = _SIZE + 1
            blend = table[lower * wide : (lower + 1) * wide] * (1.0 - mix)
            blend = blend + table[(lower + 1) * wide : (lower + 2) * wide] * mix
            left = blend[index]
            return left + (blend[index + 1] - left) * fraction
        level = row.astype(np.int32)
        mixed = row - level
        index += level * (_SIZE + 1)
        low = table[index]
        low += (table[index + 1] - low) * fraction
        index += _SIZE + 1
        high = table[index]
        high += (table[index + 1] - high) * fraction
        return low + (high - low) * mixed
