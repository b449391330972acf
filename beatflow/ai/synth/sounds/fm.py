"""Frequency modulation: pairs of sines, one bending the other. Brass, reeds of metal, glass, growls.

After Chowning 1973 (J. Audio Eng. Soc. 21:526). Knows sounds, not music.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    Floats,
    begin,
    decay,
    moving_phase,
    pitch_hz,
    ramp,
    steady_sine,
    table_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.touch import Touch

_TOP_HZ = 14000.0
_LN2 = 0.6931471805599453


@dataclass(frozen=True, slots=True)
class Pair:
    """A carrier and its modulator.

    Parameters
    ----------
    carrier, modulator : float
        Ratios to the note.
    index, rest, index_half_s : float
        Depth of the modulation (in turns' worth of Chowning's index) when struck, at rest, and the way between.
    level, half_s : float
        Loudness and its half-life; 0 s holds.
    """

    carrier: float = 1.0
    modulator: float = 1.0
    index: float = 1.0
    rest: float = 0.0
    index_half_s: float = 0.2
    level: float = 1.0
    half_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fm:
    """Some pairs, breathing together.

    Parameters
    ----------
    swell_s : float
        How long brightness takes to come: a brass player's lips. 0 for struck things.
    scoop_cents : float
        How far below its pitch a note begins.
    voices, detune_cents : int, float
        Players, spread in tune and over the stereo field.
    growl : float
        How far a wobbling bass's modulation swings.
    """

    pairs: tuple[Pair, ...]
    attack_s: float = 0.003
    half_s: float = 10.0
    sustain: float = 1.0
    swell_s: float = 0.0
    scoop_cents: float = 0.0
    vibrato_cents: float = 0.0
    voices: int = 1
    detune_cents: float = 0.0
    noise: float = 0.0
    growl: float = 0.0
    sub: float = 0.0
    release_s: float = 0.1

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``."""
        hz = pitch_hz(float(touch.midi))
        out = np.zeros((frames, 2)) if self.voices > 1 else np.zeros(frames)
        stream = Stream("players", touch.midi, touch.take)
        for voice in range(self.voices):
            place = 2.0 * voice / (self.voices - 1) - 1.0 if self.voices > 1 else 0.0
            turns = self._turns(hz, place, touch, frames, stream)
            single = np.zeros(frames)
            for pair in self.pairs:
                single += self._pair(pair, hz, turns, touch, frames)
            if self.voices > 1:
                out[:, 0] += single * (1.0 - 0.6 * place)
                out[:, 1] += single * (1.0 + 0.6 * place)
            else:
                out += single
        out /= float(np.sqrt(float(self.voices)))
        if self.noise:
            air = filtered(stream.noise(frames + 32), band(1500.0, 7000.0, 63))[:frames] * self.noise
            out += air[:, None] if out.ndim == 2 else air
        if self.sub:
            low = steady_sine(frames, hz if hz < 110.0 else hz / 2.0) * self.sub
            out += low[:, None] if out.ndim == 2 else low
        level = self.sustain + (1.0 - self.sustain) * decay(frames, self.half_s)
        begin(level, max(int(self.attack_s * (1.3 - 0.5 * touch.hardness) * RATE), 48))
        return out * (level[:, None] if out.ndim == 2 else level)

    def _turns(self, hz: float, place: float, touch: Touch, frames: int, stream: Stream) -> Floats:
        """Phase of the note in turns: glide, scoop, vibrato."""
        tuned = hz * (1.0 + place * self.detune_cents / 1200.0 * _LN2)
        start = stream.uniform()
        rate = 4.9 + 0.5 * stream.uniform()
        if not (touch.glide or self.scoop_cents or self.vibrato_cents):
            return ramp(frames) * (tuned / RATE) + start
        octaves = np.zeros(frames)
        if touch.glide:
            octaves += (touch.glide / 12.0) * decay(frames, 0.03)
        elif self.scoop_cents:
            octaves -= (self.scoop_cents / 1200.0) * decay(frames, 0.025)
        if self.vibrato_cents:
            swing = steady_sine(frames, rate, start) * (1.0 - decay(frames, 0.3))
            octaves += swing * (self.vibrato_cents / 1200.0)
        x = octaves * _LN2
        return moving_phase(tuned * (1.0 + x * (1.0 + 0.5 * x))) + start

    def _pair(self, pair: Pair, hz: float, turns: Floats, touch: Touch, frames: int) -> Floats:
        depth = pair.rest + (pair.index - pair.rest) * decay(frames, pair.index_half_s)
        depth *= 0.45 + 0.85 * touch.hardness
        if self.swell_s:
            begin(depth, int(self.swell_s * (1.4 - 0.8 * touch.hardness) * RATE))
        if self.growl and touch.wobble:
            depth *= 1.0 - self.growl * (0.5 + 0.5 * steady_sine(frames, RATE / touch.wobble, 0.25))
        # Carson's rule: no more sidebands than there is room for.
        room = max(0.0, (_TOP_HZ / hz - pair.carrier) / pair.modulator - 1.0)
        depth = np.minimum(depth, room)
        if hz * pair.carrier > _TOP_HZ:
            return np.zeros(frames)
        bend = table_sine(turns * pair.modulator) * (depth * 0.15915494309189535)
        wave = table_sine(turns * pair.carrier + bend) * pair.level
        return wave * decay(frames, pair.half_s) if pair.half_s else wave
