"""The pitched instruments: struck and plucked partials, an electric piano, and the table of named sounds.

Every instrument gives a held tone for a pitch; ``shaped`` ends it. Knows no keys, bars or stems.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    Floats,
    decay,
    exp2,
    moving_phase,
    pitch_hz,
    ramp,
    saturate,
    smooth_step,
    steady_sine,
    table_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.wavetable import Subtractive

_TOP_HZ = 15500.0


class Instrument(Protocol):
    """A pitched sound."""

    @property
    def release_s(self) -> float:
        """How long a note rings on after its end (s)."""
        ...

    def tone(self, midi: int, hardness: float, frames: int, glide: int) -> Floats:
        """A held tone, shape (frames,) or (frames, 2), struck with ``hardness`` 0..1.

        The first n frames do not depend on ``frames``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Struck:
    """Partials that decay each at its own pace: piano, strings plucked, bells, bars.

    Parameters
    ----------
    ratios : tuple of float
        Partials of a bell or bar; empty for a string's harmonics.
    slope : float
        Amplitude of harmonic h falls as ``h ** -slope`` in halves of a power (1, 1.5, 2 …).
    half_s, damping : float
        Half-life of the first partial at A4, and how much faster each higher one dies.
    stretch : float
        Inharmonicity of a stiff string: f_h = h f sqrt(1 + stretch h²).
    position : float
        Where the string is struck, as a fraction of its length (harmonics there are missing).
    knock : float
        Level of the hammer's or finger's noise.
    """

    ratios: tuple[float, ...] = ()
    slope: float = 1.0
    half_s: float = 0.5
    damping: float = 0.35
    stretch: float = 0.0
    position: float = 0.13
    knock: float = 0.05
    width: float = 0.3
    release_s: float = 0.12

    def tone(self, midi: int, hardness: float, frames: int, glide: int) -> Floats:
        """See ``Instrument.tone``; a struck thing does not glide."""
        hz = pitch_hz(float(midi))
        stream = Stream("partials", midi, self.slope)
        out = np.zeros((frames, 2))
        life = self.half_s * exp2((69 - midi) / 24.0)
        count = len(self.ratios) or min(28, int(_TOP_HZ / hz))
        for h in range(1, count + 1):
            partial = self._frequency(h, hz)
            start, place = stream.uniform(), stream.uniform(-1.0, 1.0) * self.width
            if partial > _TOP_HZ:
                continue
            half = life / (1.0 + self.damping * (h - 1))
            length = min(frames, int(12.0 * half * RATE) + 1)  # 12 half-lives: -72 dB
            wave = decay(length, half) * steady_sine(length, partial, start)
            fade = min(length, 512)
            wave[length - fade :] *= smooth_step(fade)[::-1]
            wave *= self._amplitude(h, hardness)
            out[:length, 0] += wave * (1.0 - place)
            out[:length, 1] += wave * (1.0 + place)
        self._strike(out, hardness, stream)
        return out

    def _frequency(self, h: int, hz: float) -> float:
        if self.ratios:
            return hz * self.ratios[h - 1]
        return hz * h * float(np.sqrt(1.0 + self.stretch * h * h))

    def _amplitude(self, h: int, hardness: float) -> float:
        root = float(np.sqrt(float(h)))
        slope = self.slope + 0.9 * (0.7 - hardness)  # a soft touch rounds the tone
        amplitude = 1.0
        for _ in range(int(slope * 2)):
            amplitude /= root
        amplitude *= 1.0 + (slope * 2 - int(slope * 2)) * (1.0 / root - 1.0)
        if not self.ratios:
            place = np.array([h * self.position * 0.5])
            amplitude *= 0.15 + abs(float(table_sine(place)[0]))
        return amplitude

    def _strike(self, out: Floats, hardness: float, stream: Stream) -> None:
        frames = out.shape[0]
        rise = min(frames, 48)
        out[:rise] *= smooth_step(rise)[:, None]
        burst = min(frames, int(0.04 * RATE))
        noise = filtered(stream.noise(burst), band(300.0, 2800.0, 63)) * decay(burst, 0.005)
        noise[burst - burst // 4 :] *= smooth_step(burst // 4)[::-1]
        out[:burst] += (noise * (self.knock * (0.3 + hardness)))[:, None]


@dataclass(frozen=True, slots=True)
class ElectricPiano:
    """A tine piano by frequency modulation: a warm body that barks when hit, and a short bell.

    After Chowning 1973 (J. Audio Eng. Soc. 21:526): index and level decay, ratios 1:1 and 1:14.
    """

    half_s: float = 0.9
    bark: float = 0.42
    bell: float = 0.14
    release_s: float = 0.16

    def tone(self, midi: int, hardness: float, frames: int, glide: int) -> Floats:
        """See ``Instrument.tone``."""
        hz = pitch_hz(float(midi))
        life = self.half_s * exp2((62 - midi) / 30.0)
        phase = ramp(frames) * (hz / RATE)
        index = self.bark * (0.25 + 1.1 * hardness) * (0.35 + 0.65 * decay(frames, 0.22))
        body = table_sine(phase + index * 0.5 * table_sine(phase))
        body = body + 0.18 * body * body - 0.09
        ding = table_sine(phase * 14.0) if hz * 14.0 < _TOP_HZ else table_sine(phase * 7.0)
        out = body * decay(frames, life) + ding * decay(frames, 0.045) * (self.bell * hardness)
        rise = min(frames, 96)
        out[:rise] *= smooth_step(rise)
        return out


@dataclass(frozen=True, slots=True)
class SubBass:
    """A sine with some saturation; long it is an 808, with a short drop at the start."""

    half_s: float = 0.7
    drop: float = 0.0
    drive: float = 1.2
    click: float = 0.0
    release_s: float = 0.05

    def tone(self, midi: int, hardness: float, frames: int, glide: int) -> Floats:
        """See ``Instrument.tone``."""
        octaves = (glide / 12.0) * decay(frames, 0.03) + self.drop * decay(frames, 0.012)
        phase = moving_phase(pitch_hz(float(midi)) * exp2(octaves))
        wave = table_sine(phase) + 0.06 * table_sine(2.0 * phase)
        out = saturate(wave * self.drive * (0.6 + 0.6 * hardness)) * decay(frames, self.half_s)
        if self.click:
            burst = min(frames, 900)
            noise = filtered(Stream("thump", midi).noise(burst), band(700.0, 3500.0, 63))
            noise[burst // 2 :] *= smooth_step(burst - burst // 2)[::-1]
            out[:burst] += noise * decay(burst, 0.003) * self.click
        rise = min(frames, 90)
        out[:rise] *= smooth_step(rise)
        return out


_BELL = (1.0, 2.0, 2.76, 4.1, 5.4, 6.8, 8.93)
_BAR = (1.0, 3.98, 9.1)

SOUNDS: Mapping[str, Instrument] = {
    "rhodes": ElectricPiano(),
    "piano": Struck(slope=1.1, half_s=0.55, damping=0.22, stretch=0.00035, knock=0.06, release_s=0.18),
    "felt piano": Struck(slope=1.9, half_s=0.5, damping=0.4, stretch=0.0003, knock=0.12, release_s=0.2),
    "nylon": Struck(slope=1.4, half_s=0.3, damping=0.45, position=0.21, knock=0.16, release_s=0.1),
    "pluck": Struck(slope=1.1, half_s=0.14, damping=0.25, position=0.3, knock=0.02, release_s=0.08),
    "harp": Struck(slope=1.5, half_s=0.45, damping=0.5, position=0.4, knock=0.05, release_s=0.5),
    "bells": Struck(ratios=_BELL, slope=1.3, half_s=0.6, damping=0.3, knock=0.02, width=0.6, release_s=0.6),
    "kalimba": Struck(ratios=(1.0, 2.0, 5.8), slope=1.9, half_s=0.22, damping=1.2, knock=0.2, release_s=0.2),
    "marimba": Struck(ratios=_BAR, slope=2.0, half_s=0.16, damping=1.5, knock=0.12, release_s=0.2),
    "vibraphone": Struck(ratios=(1.0, 4.0, 10.2), slope=1.9, half_s=0.8, damping=1.0, knock=0.012, release_s=0.4),
    "pad": Subtractive(voices=4, detune_cents=11.0, attack_s=0.45, cutoff=6.0, swell_s=1.6, release_s=0.9),
    "warm pad": Subtractive(
        "hollow", voices=3, detune_cents=8.0, attack_s=0.6, cutoff=5.0, swell_s=2.2, sub=0.15, release_s=1.4
    ),
    "strings": Subtractive(
        voices=5, detune_cents=13.0, attack_s=0.16, cutoff=10.0, vibrato_cents=5.0, resonance=0.7, release_s=0.4
    ),
    "brass": Subtractive(
        voices=3, detune_cents=6.0, attack_s=0.045, half_s=0.5, sustain=0.75, cutoff=3.5, sweep=1.2,
        sweep_half_s=0.16, swell_s=0.08, resonance=0.8, release_s=0.12,
    ),
    "organ": Subtractive("organ", voices=2, detune_cents=3.0, attack_s=0.008, cutoff=14.0, release_s=0.05),
    "stab": Subtractive(
        voices=3, detune_cents=9.0, half_s=0.12, sustain=0.12, cutoff=2.5, sweep=2.2, sweep_half_s=0.07, release_s=0.1
    ),
    "supersaw": Subtractive(
        voices=5, detune_cents=17.0, attack_s=0.012, half_s=0.6, sustain=0.8, cutoff=15.0, sweep=0.7,
        sweep_half_s=0.25, release_s=0.25,
    ),
    "arp": Subtractive(
        "square", voices=2, detune_cents=6.0, half_s=0.1, sustain=0.15, cutoff=3.5, sweep=2.0, sweep_half_s=0.06,
        release_s=0.12,
    ),
    "lead": Subtractive(
        voices=2, detune_cents=7.0, attack_s=0.012, half_s=0.5, sustain=0.75, cutoff=5.0, sweep=1.3,
        sweep_half_s=0.2, vibrato_cents=12.0, release_s=0.16,
    ),
    "soft lead": Subtractive(
        "hollow", voices=2, detune_cents=5.0, attack_s=0.02, half_s=0.8, sustain=0.7, cutoff=6.0,
        vibrato_cents=10.0, release_s=0.2,
    ),
    "flute": Subtractive("flute", attack_s=0.05, cutoff=12.0, vibrato_cents=14.0, release_s=0.1),
    "whistle": Subtractive("sine", attack_s=0.04, cutoff=20.0, vibrato_cents=18.0, release_s=0.1),
    "soft sub": Subtractive("flute", attack_s=0.3, cutoff=6.0, sub=0.5, release_s=0.7),
    "sub": SubBass(half_s=2.5, drive=1.1),
    "808": SubBass(half_s=0.55, drop=1.1, drive=2.2, click=0.35, release_s=0.06),
    "upright": Struck(slope=1.7, half_s=0.09, damping=0.4, position=0.22, knock=0.25, width=0.0, release_s=0.07),
    "electric bass": Subtractive(
        "saw", half_s=0.35, sustain=0.25, cutoff=2.6, sweep=1.8, sweep_half_s=0.06, sub=0.45, release_s=0.05
    ),
    "reese": Subtractive(
        voices=3, detune_cents=19.0, attack_s=0.012, cutoff=5.0, resonance=1.1, sub=0.6, swell_s=0.25, release_s=0.07
    ),
    "acid": Subtractive(
        attack_s=0.003, half_s=0.25, sustain=0.35, cutoff=2.2, sweep=2.9, sweep_half_s=0.07, resonance=5.0,
        release_s=0.03,
    ),
    "synth bass": Subtractive(
        voices=2, detune_cents=8.0, half_s=0.16, sustain=0.35, cutoff=3.0, sweep=2.0, sweep_half_s=0.08, sub=0.4,
        release_s=0.04,
    ),
    "house bass": Subtractive(
        "square", half_s=0.14, sustain=0.3, cutoff=2.4, sweep=1.6, sweep_half_s=0.05, sub=0.5, release_s=0.04
    ),
    "rumble": Subtractive("saw", half_s=0.12, sustain=0.3, cutoff=1.8, sweep=1.2, sweep_half_s=0.05, sub=0.35),
}  # fmt: skip


def shaped(tone: Floats, held: int, release: int) -> Floats:
    """End a tone: all of it for ``held`` frames, then a fade that is flat where it reaches silence."""
    out = tone[: held + release].copy()
    tail = out.shape[0] - held
    t = 1.0 - (ramp(tail) + 1.0) / max(tail, 1)
    fade = t * t * (1.5 - 0.5 * t)
    out[held:] *= fade if out.ndim == 1 else fade[:, None]
    return out
