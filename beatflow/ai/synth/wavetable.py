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
    decay,
    exp2,
    log2,
    moving_phase,
    pitch_hz,
    ramp,
    smooth_step,
    steady_sine,
)
from beatflow.ai.synth.randomness import Stream

_SIZE = 2048
_STEPS = 3
"""Filter rows per octave."""
_LOWEST_HZ = 80.0
_ROWS = 24
"""80 Hz · 2**(23 / 3) = 16.2 kHz."""
_TOP_HZ = 15500.0


@lru_cache(maxsize=1)
def _sines(harmonics: int = 512) -> Floats:
    """Integer sines of the harmonics 1.., shape (harmonics, size)."""
    index = (np.arange(1, harmonics + 1)[:, None] * np.arange(_SIZE)[None, :]) % _SIZE
    return np.asarray(np.rint(SINE_TABLE[index * (SINE_TABLE.size // _SIZE)] * 65536.0))


def _spectrum(wave: str, harmonics: int) -> Floats:
    """Harmonic amplitudes of a named wave."""
    h: Floats = ramp(harmonics) + 1.0
    odd: Floats = (np.arange(harmonics) % 2 == 0).astype(np.float64)
    series: dict[str, Floats] = {"saw": 1.0 / h, "square": odd / h, "hollow": odd / (h * np.sqrt(h))}
    if wave in series:
        return series[wave]
    drawbars = {
        "organ": (1.0, 0.8, 0.5, 0.45, 0.0, 0.22, 0.0, 0.3),
        "flute": (1.0, 0.5, 0.28, 0.1, 0.06, 0.04),
    }
    result = np.zeros(harmonics)
    row = drawbars.get(wave, (1.0,))
    result[: min(len(row), harmonics)] = row[:harmonics]
    return result


@lru_cache(maxsize=256)
def _table(wave: str, harmonics: int, hz: float, resonance: float) -> Floats:
    """Rows of one turn each, flattened; each row ends with its first sample again. Two-pole low-pass per row."""
    frequency = (ramp(harmonics) + 1.0) * hz
    cutoff = _LOWEST_HZ * exp2(ramp(_ROWS) / _STEPS)
    ratio = frequency[None, :] / cutoff[:, None]
    ratio = ratio * ratio
    gain = 1.0 / np.sqrt((1.0 - ratio) * (1.0 - ratio) + ratio / (resonance * resonance))
    gain /= np.sqrt(1.0 + ratio * ratio * 0.25)  # one pole more well above the cut-off
    amplitudes = np.rint(gain * _spectrum(wave, harmonics)[None, :] * 65536.0)
    rows = (amplitudes @ _sines()[:harmonics]) / 4294967296.0
    return np.concatenate((rows, rows[:, :1]), axis=1).ravel()


@dataclass(frozen=True, slots=True)
class Subtractive:
    """Oscillators through a swept low-pass.

    Parameters
    ----------
    wave : str
        ``saw``, ``square``, ``hollow``, ``organ``, ``flute`` or ``sine``.
    voices, detune_cents : int, float
        Oscillators spread evenly over ± ``detune_cents`` and over the stereo field.
    attack_s, half_s, sustain : float
        Loudness: smooth attack, then halving every ``half_s`` towards ``sustain``.
    cutoff, sweep, sweep_half_s : float
        Filter: harmonics of the note at rest, octaves added at the start, half-life of that.
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
    release_s: float = 0.08

    def tone(self, midi: int, hardness: float, frames: int, glide: int) -> Floats:
        """A held tone, shape (frames,) or (frames, 2); ``glide`` semitones away at its start."""
        hz = pitch_hz(float(midi))
        stereo = self.voices > 1
        out = np.zeros((frames, 2)) if stereo else np.zeros(frames)
        row = self._rows(hz, hardness, frames)
        stream = Stream("oscillators", self.wave, midi)
        bend = self._bend(frames, glide)
        for voice in range(self.voices):
            place = 2.0 * voice / (self.voices - 1) - 1.0 if stereo else 0.0
            tuned = hz * exp2(place * self.detune_cents / 1200.0)
            single = self._oscillator(hz, tuned * bend, row, stream.uniform(), frames)
            if stereo:
                out[:, 0] += single * (1.0 - 0.7 * place)
                out[:, 1] += single * (1.0 + 0.7 * place)
            else:
                out += single
        out /= float(np.sqrt(float(self.voices)))
        if self.sub:
            low = self.sub * steady_sine(frames, hz * 0.5 if hz > 110.0 else hz)
            out += low[:, None] if stereo else low
        level = self._level(frames)
        return out * (level[:, None] if stereo else level)

    def _level(self, frames: int) -> Floats:
        level = self.sustain + (1.0 - self.sustain) * decay(frames, self.half_s)
        rise = min(frames, max(int(self.attack_s * RATE), 32))
        level[:rise] *= smooth_step(rise)
        return level

    def _rows(self, hz: float, hardness: float, frames: int) -> Floats | float:
        """Position on the filter axis, moving or at rest."""
        octaves = log2(max(hz * self.cutoff, _LOWEST_HZ) / _LOWEST_HZ) + (hardness - 0.6) * 1.5
        rest = octaves * _STEPS
        top = _ROWS - 1.001
        if self.sweep == 0.0 and self.swell_s == 0.0:
            return min(max(rest, 0.0), top)
        moving = rest + self.sweep * (0.4 + hardness) * _STEPS * decay(frames, self.sweep_half_s)
        if self.swell_s:
            rise = min(frames, int(self.swell_s * RATE))
            moving[:rise] -= 2.0 * _STEPS * (1.0 - smooth_step(rise))
        return np.minimum(np.maximum(moving, 0.0), top)

    def _bend(self, frames: int, glide: int) -> Floats | float:
        """Frequency factor over time: glide and vibrato."""
        if glide == 0 and self.vibrato_cents == 0.0:
            return 1.0
        octaves = (glide / 12.0) * decay(frames, 0.025)
        if self.vibrato_cents:
            swing = steady_sine(frames, 5.1) * (self.vibrato_cents / 1200.0)
            octaves = octaves + swing * (1.0 - decay(frames, 0.25))
        return exp2(octaves)

    def _oscillator(
        self, hz: float, tuned: Floats | float, row: Floats | float, start: float, frames: int
    ) -> Floats:
        harmonics = max(1, min(512, int(_TOP_HZ / hz)))
        table = _table(self.wave, harmonics, hz, self.resonance)
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
