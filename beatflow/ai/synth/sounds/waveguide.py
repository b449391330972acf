"""Physical models: a plucked string and two blown tubes, as delay lines that feed themselves.

What runs round a delay line of n frames is known n frames ahead, so that a model is computed in pieces of the delay's
length, each a few array operations, instead of sample by sample. Knows sounds, not music.

Sources: Jaffe and Smith 1983 (Computer Music Journal 7:2, extensions of Karplus and Strong's string); McIntyre,
Schumacher and Woodhouse 1983 (J. Acoust. Soc. Am. 74:1325, tubes with a reed); Scavone 2002 (the virtual saxophone).
"""

from dataclasses import dataclass

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    Floats,
    begin,
    cosine,
    decay,
    exp2,
    pitch_hz,
    ramp,
    smooth_step,
    steady_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.touch import Touch

_REFERENCE_HZ = 3000.0
_REEDS = ("clarinet", "saxophone")


def _lagrange(delay: float) -> tuple[float, ...]:
    """Four taps that delay by 1 .. 2 frames."""
    d = delay
    return (
        -(d - 1.0) * (d - 2.0) * (d - 3.0) / 6.0,
        d * (d - 2.0) * (d - 3.0) / 2.0,
        -d * (d - 1.0) * (d - 3.0) / 2.0,
        d * (d - 1.0) * (d - 2.0) / 6.0,
    )


def _product(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    """Two short filters in a row."""
    taps = [0.0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        for k, b in enumerate(second):
            taps[i + k] += a * b
    return tuple(taps)


def _heard(line: Floats, end: int, count: int, taps: tuple[float, ...], lag: int) -> Floats:
    """What ``count`` frames of a filtered delay line give from frame ``end`` on, ``lag`` frames later."""
    start = end - lag
    total = line[start : start + count] * taps[0]
    for k, tap in enumerate(taps[1:], 1):
        total += line[start - k : start - k + count] * tap
    return total


def warped(wave: Floats, position: Floats) -> Floats:
    """Read a wave at moving positions (straight lines between frames): vibrato and glides for any model."""
    index = position.astype(np.int64)
    fraction = position - index
    left = wave[index]
    return left + (wave[index + 1] - left) * fraction


def positions(frames: int, touch: Touch, vibrato_cents: float, hz: float = 5.2) -> Floats | None:
    """Where to read a tone for its glide and vibrato; None where it has neither."""
    if touch.glide == 0 and vibrato_cents == 0.0:
        return None
    octaves = (touch.glide / 12.0) * decay(frames, 0.028)
    if vibrato_cents:
        depth = (vibrato_cents / 1200.0) * (1.0 - decay(frames, 0.3))
        octaves = octaves + steady_sine(frames, hz) * depth * (1.0 - decay(frames, 0.18))
    return np.cumsum(exp2(octaves))


@dataclass(frozen=True, slots=True)
class Plucked:
    """A string that is plucked, slapped or struck, damped by its ends and by the hand.

    Parameters
    ----------
    half_s, bright_half_s : float
        Half-lives of the fundamental at A3 and of what lies at 3 kHz.
    top_hz : float
        How bright the pluck is when it is hard.
    position : float
        Where it is plucked, as a fraction of the string.
    click : float
        Level of the pick's or nail's noise.
    buzz : float
        Height of a fret or bridge that the string slaps against, against the pluck's peak; 0 for none.
    body : float
        Level of a box that booms at the attack.
    wah : float
        Depth of a filter that opens with the pluck.
    vibrato_cents, width : float
    """

    half_s: float = 0.6
    bright_half_s: float = 0.15
    top_hz: float = 6500.0
    position: float = 0.16
    click: float = 0.1
    buzz: float = 0.0
    body: float = 0.0
    wah: float = 0.0
    vibrato_cents: float = 0.0
    width: float = 0.0
    release_s: float = 0.08

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``."""
        read = positions(frames, touch, self.vibrato_cents)
        length = frames + 64 if read is None else max(frames, int(read[-1])) + 66
        wave = self._string(touch, length)
        if read is not None:
            wave = warped(wave, np.append(read, read[-1] + ramp(64) + 1.0))
        if self.wah:
            wave = _wah(wave, self.wah, touch.hardness)
        wave = wave[:frames]
        stream = Stream("pluck", touch.midi, touch.take)
        if not touch.glide:
            self._attack(wave, touch.hardness, stream)
        begin(wave, 40)
        if not self.width:
            return wave
        place = self.width * stream.uniform(-1.0, 1.0)
        return np.asarray(wave[:, None] * np.array([1.0 - place, 1.0 + place]))

    def _string(self, touch: Touch, frames: int) -> Floats:
        period = RATE / pitch_hz(float(touch.midi))
        life = self.half_s * exp2((57 - touch.midi) / 30.0)
        kept = exp2(-period / RATE / life)
        bright = min(1.0, exp2(-period / RATE / self.bright_half_s) / kept)
        loss = min(0.5, (1.0 - bright) / (1.0 - cosine(_REFERENCE_HZ / RATE)))
        lag = int(period - 2.0)
        taps = _product((0.5 * loss, 1.0 - loss, 0.5 * loss), _lagrange(period - 1.0 - lag))
        taps = tuple(tap * kept for tap in taps)
        line = np.zeros(8 + lag + 6 + frames)
        start = 8 + lag + 6
        burst = self._pluck(touch, lag + 6)
        line[8:start] = burst
        limit = self.buzz * float(np.max(np.abs(burst)))
        settled = start + int(0.25 * RATE)
        place = start
        while place < line.size:
            count = min(lag, line.size - place)
            piece = _heard(line, place, count, taps, lag)
            if limit and place < settled:
                # What the string would travel beyond the fret, it is thrown back by, most of it.
                piece = np.minimum(piece, limit + (piece - limit) * 0.2)
            line[place : place + count] = piece
            place += count
        return line[start - (lag + 6) // 2 :][:frames].copy()

    def _pluck(self, touch: Touch, frames: int) -> Floats:
        """One turn of the string as it is let go: noise, rounded by a soft touch, combed by the plucking place."""
        stream = Stream("string", touch.midi, touch.take)
        noise = stream.noise(frames + 64)
        top = self.top_hz * exp2(2.2 * (touch.hardness - 0.9))
        wave = filtered(noise, band(0.0, float(round(min(top, 16000.0))), 31))[32 : 32 + frames]
        wave = wave + np.cumsum(wave - np.cumsum(wave)[-1] / frames) * 0.25  # more of the low harmonics
        shift = max(1, int(frames * self.position * stream.uniform(0.9, 1.1)))
        wave = wave - np.concatenate((wave[-shift:], wave[:-shift])) * 0.85
        wave = wave - np.cumsum(wave)[-1] / frames
        power = float(np.sqrt(np.cumsum(wave * wave)[-1] / frames))
        return np.asarray(wave * (0.3 / max(power, 1e-9)))

    def _attack(self, wave: Floats, hardness: float, stream: Stream) -> None:
        if self.click:
            noise = filtered(stream.noise(1600), band(1800.0, 9000.0, 63)) * decay(1600, 0.0025)
            noise[-500:] *= smooth_step(500)[::-1]
            wave[:1600] += noise[: wave.size] * (self.click * (0.2 + 1.2 * hardness))
        if self.body:
            boom = steady_sine(8000, 104.0) + 0.6 * steady_sine(8000, 212.0)
            boom = boom * decay(8000, 0.02) * (self.body * hardness)
            boom[-2000:] *= smooth_step(2000)[::-1]
            wave[:8000] += boom[: wave.size]


def _wah(wave: Floats, depth: float, hardness: float) -> Floats:
    """A band that rises with the attack and falls back: four filters, faded from one to the next."""
    edges = (420.0, 760.0, 1350.0, 2400.0)
    place = (ramp(wave.size) / RATE) / 0.06
    # Up within 60 ms, down over the next 200.
    sweep = np.minimum(place, np.maximum(1.0 - (place - 1.0) * 0.28, 0.0)) * (2.0 + hardness)
    total = wave * (1.0 - depth)
    for number, hz in enumerate(edges):
        weight = np.maximum(1.0 - np.abs(sweep - number), 0.0)
        total += filtered(wave, band(hz * 0.7, hz * 1.45, 127)) * weight * (depth * 1.8)
    return total


@dataclass(frozen=True, slots=True)
class Blown:
    """A tube with a reed: a clarinet's cylinder, or a saxophone's cone.

    Parameters
    ----------
    tube : str
        ``clarinet`` or ``saxophone``.
    breath : float
        Pressure at rest; harder notes blow more.
    noise : float
        How much air is heard.
    attack_s, vibrato_cents : float
    """

    tube: str = "clarinet"
    breath: float = 0.75
    noise: float = 0.03
    attack_s: float = 0.03
    vibrato_cents: float = 8.0
    release_s: float = 0.09

    def tone(self, touch: Touch, frames: int) -> Floats:
        """See ``Instrument.tone``."""
        read = positions(frames, touch, self.vibrato_cents)
        length = frames if read is None else max(frames, int(read[-1]) + 2)
        stream = Stream("reed", touch.midi, touch.take)
        pressure = np.full(length, self.breath * (0.85 + 0.25 * touch.hardness))
        begin(pressure, int(self.attack_s * RATE))
        pressure *= 1.0 + stream.noise(length) * self.noise
        pressure += steady_sine(length, 5.2) * 0.012
        wave = _cylinder(touch, pressure) if self.tube == "clarinet" else _cone(touch, pressure)
        if read is not None:
            wave = warped(wave, read)
        wave = wave * (0.35 + 0.65 * touch.hardness) * 0.6
        begin(wave, 200)
        return wave


def _reed(difference: Floats, offset: float, slope: float) -> Floats:
    """How much a reed gives back at a pressure difference."""
    return np.minimum(np.maximum(difference * slope + offset, -1.0), 1.0)


def _cylinder(touch: Touch, pressure: Floats) -> Floats:
    """Closed at one end: half a period there and back, and odd harmonics."""
    period = RATE / pitch_hz(float(touch.midi))
    total = period / 2.0
    lag = int(total - 1.5)
    taps = tuple(tap * -0.95 for tap in _product((0.5, 0.5), _lagrange(total - 0.5 - lag)))
    start = lag + 8
    line = np.zeros(start + pressure.size)
    place = start
    while place < line.size:
        count = min(lag, line.size - place)
        breath = pressure[place - start : place - start + count]
        difference = _heard(line, place, count, taps, lag) - breath
        line[place : place + count] = breath + difference * _reed(difference, 0.7, -0.3)
        place += count
    return line[start:]


def _cone(touch: Touch, pressure: Floats) -> Floats:
    """A cone, as a line that is blown at a fifth of its length: all harmonics."""
    period = RATE / pitch_hz(float(touch.midi))
    short = max(4, int(period * 0.2))
    rest = period - short
    lag = int(rest - 1.5)
    taps = tuple(tap * -0.95 for tap in _product((0.5, 0.5), _lagrange(rest - 0.5 - lag)))
    start = max(lag, short) + 8
    bore, bell = np.zeros(start + pressure.size), np.zeros(start + pressure.size)
    out = np.zeros(pressure.size)
    place, step = start, min(short, lag)
    while place < bore.size:
        count = min(step, bore.size - place)
        breath = pressure[place - start : place - start + count]
        back = _heard(bore, place, count, taps, lag)
        heard = back - bell[place - short : place - short + count]
        difference = breath - heard
        bell[place : place + count] = back
        bore[place : place + count] = breath - difference * _reed(difference, 0.7, 0.3) - back
        out[place - start : place - start + count] = heard
        place += count
    return out
