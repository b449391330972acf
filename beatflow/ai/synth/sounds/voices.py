"""Struck partials, electric pianos, and sine basses. ``shaped`` ends a tone of any instrument."""

from dataclasses import dataclass

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    Floats,
    begin,
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
from beatflow.ai.synth.sounds.touch import Touch
from beatflow.sound.audio import Samples

_TOP_HZ = 15500.0


@dataclass(frozen=True, slots=True)
class Struck:
    """Partials that decay each at its own pace: piano, harp, bells, bars.

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
    after : float
        Share of the sound that dies three times more slowly, as in a piano, whose strings come to swing against one
        another.
    count : int
        Partials of a string at most.
    """

    ratios: tuple[float, ...] = ()
    slope: float = 1.0
    half_s: float = 0.5
    damping: float = 0.35
    stretch: float = 0.0
    position: float = 0.13
    knock: float = 0.05
    width: float = 0.3
    after: float = 0.0
    count: int = 28
    release_s: float = 0.12

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``; a struck thing does not glide."""
        hz = pitch_hz(float(touch.midi))
        stream = Stream("partials", touch.midi, self.slope)
        out = np.zeros((frames, 2))
        life = self.half_s * exp2((69 - touch.midi) / 24.0)
        count = len(self.ratios) or min(self.count, int(_TOP_HZ / hz))
        for h in range(1, count + 1):
            partial = self._frequency(h, hz)
            start, place = stream.uniform(), stream.uniform(-1.0, 1.0) * self.width
            if partial > _TOP_HZ:
                continue
            wave = self._partial(frames, partial, start, life / (1.0 + self.damping * (h - 1)))
            wave *= self._amplitude(h, touch.hardness)
            out[: wave.size, 0] += wave * (1.0 - place)
            out[: wave.size, 1] += wave * (1.0 + place)
        begin(out, 48)
        if self.knock:
            _knock(out, self.knock * (0.3 + touch.hardness), Stream("knock", touch.midi, touch.take))
        return out

    def _partial(self, frames: int, hz: float, start: float, half_s: float) -> Floats:
        """A dying sine; it ends 12 half-lives on, at -72 dB."""
        long = half_s * 3.0 if self.after else half_s
        length = min(frames, int(12.0 * long * RATE) + 1)
        wave = steady_sine(length, hz, start)
        if self.after:
            wave *= decay(length, half_s) * (1.0 - self.after) + decay(length, long) * self.after
        else:
            wave *= decay(length, half_s)
        if length < frames:
            fade = min(length, 512)
            wave[length - fade :] *= smooth_step(fade)[::-1]
        return wave

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


def _knock(out: Floats, level: float, stream: Stream) -> None:
    """The noise of a hammer or finger, a little different each time."""
    noise = filtered(stream.noise(1764), band(300.0, 2800.0, 63)) * decay(1764, 0.005)
    noise[-441:] *= smooth_step(441)[::-1]
    begin(noise, 24)
    out[:1764] += (noise * level)[: out.shape[0], None]


@dataclass(frozen=True, slots=True)
class ElectricPiano:
    """A tine piano by frequency modulation: a warm body that barks when hit, and a short bell.

    After Chowning 1973 (J. Audio Eng. Soc. 21:526): index and level decay, ratios 1:1 and 1:14. With ``reed`` the body
    is lopsided, as a reed over its pickup is.
    """

    half_s: float = 0.9
    bark: float = 0.42
    bell: float = 0.14
    reed: float = 0.18
    release_s: float = 0.16

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``."""
        hz = pitch_hz(float(touch.midi))
        life = self.half_s * exp2((62 - touch.midi) / 30.0)
        phase = ramp(frames) * (hz / RATE)
        index = self.bark * (0.25 + 1.1 * touch.hardness) * (0.35 + 0.65 * decay(frames, 0.22))
        body = table_sine(phase + index * 0.5 * table_sine(phase))
        body = body + self.reed * body * body - 0.5 * self.reed
        out = body * decay(frames, life)
        if self.bell:
            ding = table_sine(phase * (14.0 if hz * 14.0 < _TOP_HZ else 7.0))
            out += ding * decay(frames, 0.045) * (self.bell * touch.hardness)
        begin(out, 96)
        return out


@dataclass(frozen=True, slots=True)
class SubBass:
    """A sine with some saturation; long it is an 808, with a short drop at the start.

    Parameters
    ----------
    drop, drop_s : float
        Octaves above the note at its start, and how fast they are gone (half-life).
    wood : float
        Level of a hollow knock an octave and a fifth above: a log drum.
    """

    half_s: float = 0.7
    drop: float = 0.0
    drop_s: float = 0.012
    drive: float = 1.2
    click: float = 0.0
    wood: float = 0.0
    even: float = 0.06
    release_s: float = 0.05

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``; what is slid into has no new attack."""
        drop = 0.0 if touch.glide else self.drop
        octaves = (touch.glide / 12.0) * decay(frames, 0.03) + drop * decay(frames, self.drop_s)
        phase = moving_phase(pitch_hz(float(touch.midi)) * exp2(octaves))
        wave = table_sine(phase) + self.even * table_sine(2.0 * phase)
        if self.wood:
            wave += table_sine(3.0 * phase) * decay(frames, 0.05) * (self.wood * touch.hardness)
        out = saturate(wave * self.drive * (0.6 + 0.6 * touch.hardness)) * decay(frames, self.half_s)
        if self.click and not touch.glide:
            noise = filtered(Stream("thump", touch.midi, touch.take).noise(900), band(700.0, 3500.0, 63))
            noise[450:] *= smooth_step(450)[::-1]
            out[:900] += (noise * decay(900, 0.003))[:frames] * self.click
        begin(out, 90)
        return out


def shaped(tone: Samples, held: int, release: int) -> Samples:
    """End a tone: all of it for ``held`` frames, then a fade that is flat at both ends, so that it has no corner."""
    out = tone[: held + release].copy()
    tail = out.shape[0] - held
    fade = smooth_step(tail)[::-1].astype(np.float32)
    out[held:] *= fade if out.ndim == 1 else fade[:, None]
    return out
