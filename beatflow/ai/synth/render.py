"""Events to sound, one stem at a time: notes onto a bus, then the stem's own equaliser, echo, room and ducking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from beatflow.ai.synth.drumkit import KICK, LEVELS, PLACES, drum_hit
from beatflow.ai.synth.exactmath import RATE, Floats, ramp, saturate, smooth_step, table_sine
from beatflow.ai.synth.fir import Fir, apply, equaliser, impulse_response, quantised
from beatflow.ai.synth.grid import TICKS, Event, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.texture import fold
from beatflow.ai.synth.voices import SOUNDS, shaped

Check = Callable[[], None]
"""Called now and then; raising in it stops the work."""
_REVERB_BUDGET = 2.0**20
_CROSSFADE = 220


@dataclass(frozen=True, slots=True)
class Treatment:
    """A stem's effects.

    Parameters
    ----------
    points : tuple of (Hz, dB)
        Equaliser.
    drive : float
        Saturation, 0 for none.
    space, space_s : float
        Reverb level and half-life in seconds.
    echo, echo_ticks : float, int
        Level of the first repeat and its distance.
    tremolo : float
        Depth of a slow pan from side to side.
    duck : float
        How far each kick pushes the stem down, 0..1.
    """

    points: tuple[tuple[float, float], ...]
    drive: float = 0.0
    space: float = 0.0
    space_s: float = 0.2
    echo: float = 0.0
    echo_ticks: int = TICKS * 3 // 4
    tremolo: float = 0.0
    duck: float = 0.0


class Bus:
    """A stereo stem being made: circular for a loop, cut at the end otherwise."""

    def __init__(self, grid: Grid, loop: bool) -> None:
        self.grid, self.loop = grid, loop
        self.frames = grid.frames
        self.samples = np.zeros((self.frames, 2))

    def add(self, wave: Floats, start: int) -> None:
        """Add a wave (frames,) or (frames, 2) from a frame on."""
        _put(self.samples, wave if wave.ndim == 2 else wave[:, None], start, self.loop)


def _put(target: Floats, wave: Floats, start: int, loop: bool) -> None:
    if loop:
        fold(target, wave, start)
        return
    skipped = max(0, -start)
    start = max(start, 0)
    count = min(target.shape[0] - start, wave.shape[0] - skipped)
    if count > 0:
        target[start : start + count] += wave[skipped : skipped + count]


def loudness_of(velocity: int) -> float:
    """Amplitude of a MIDI velocity: its power of one and a half."""
    part = velocity / 127.0
    return part * float(np.sqrt(part))


def render_drums(bus: Bus, events: Sequence[Event], kit: str, check: Check) -> None:
    """Hits onto the bus; each drum has three takes that alternate."""
    hits: dict[tuple[int, int], Floats] = {}
    for count, event in enumerate(events):
        key = (event.midi, count % 3)
        if key not in hits:
            check()
            hits[key] = drum_hit(kit, *key)
        wave = hits[key]
        frame = bus.grid.frame(event.tick)
        if event.midi == 46:
            held = bus.grid.frame(event.tick + event.length) - frame
            wave = shaped(wave, held, 600) if held < wave.size else wave
        place = PLACES.get(event.midi, 0.0)
        level = loudness_of(event.velocity) * LEVELS[event.midi]
        bus.add(wave[:, None] * np.array([level * (1.0 - place), level * (1.0 + place)]), frame + event.shift)
        if count % 64 == 0:
            check()


def render_notes(bus: Bus, events: Sequence[Event], sound: str, check: Check) -> None:
    """Notes of one instrument onto the bus; a held tone is made once per pitch, touch and glide."""
    instrument = SOUNDS[sound]
    release = int(instrument.release_s * RATE)
    spans = []
    longest: dict[tuple[int, int, int], int] = {}
    for event in events:
        start = bus.grid.frame(event.tick)
        held = max(bus.grid.frame(event.tick + event.length) - start, 64)
        key = (event.midi, event.velocity // 32, event.glide)
        longest[key] = max(longest.get(key, 0), held + release)
        spans.append((key, start + event.shift, held, loudness_of(event.velocity)))
    tones: dict[tuple[int, int, int], Floats] = {}
    for count, (key, start, held, level) in enumerate(spans):
        if key not in tones:
            check()
            midi, layer, glide = key
            tones[key] = instrument.tone(midi, (layer + 0.5) / 4.0, longest[key], glide)
        bus.add(shaped(tones[key], held, release) * level, start)
        if count % 32 == 0:
            check()


def duck_curve(grid: Grid, drums: Sequence[Event], depth: float, loop: bool) -> Floats:
    """Gain over time that dips at each kick and recovers within three quarters of a beat (at most 0.35 s)."""
    length = min(int(0.35 * RATE), grid.frame(TICKS * 3 // 4))
    left = 1.0 - ramp(length) / length
    dip = left * left
    dip[:_CROSSFADE] *= smooth_step(_CROSSFADE)
    gain = np.ones(grid.frames)
    for event in drums:
        if event.midi != KICK:
            continue
        # A few frames early: the dip is there when the kick is.
        wanted = 1.0 - dip * (depth * min(1.0, event.velocity / 100.0))
        start = grid.frame(event.tick) + event.shift - _CROSSFADE // 2
        start = start % grid.frames if loop else max(start, 0)
        count = min(length, grid.frames - start)
        np.minimum(gain[start : start + count], wanted[:count], out=gain[start : start + count])
        if loop and count < length:
            rest = min(length - count, grid.frames)
            np.minimum(gain[:rest], wanted[count : count + rest], out=gain[:rest])
    return gain


def treat(bus: Bus, treatment: Treatment, duck: Floats | None, check: Check) -> None:
    """Run a stem through its effects, in place."""
    samples = bus.samples
    if treatment.drive:
        peak = float(np.max(np.abs(samples)))
        if peak:
            samples *= treatment.drive / peak
            for channel in range(2):
                samples[:, channel] = saturate(samples[:, channel])
    if treatment.points:
        # Points under 50 Hz need a filter long enough to tell them from 0 Hz.
        shape = equaliser(treatment.points, 2047 if treatment.points[0][0] < 50.0 else 1023)
        for channel in range(2):
            check()
            samples[:, channel] = _circulated(bus, samples[:, channel], shape)
    if treatment.tremolo:
        _tremolo(bus, treatment.tremolo)
    wet = samples
    if treatment.echo:
        wet = samples.copy()
        _echo(bus, wet, treatment)
    if treatment.space:
        for channel in range(2):
            check()
            wet[:, channel] += treatment.space * _circulated(
                bus, wet[:, channel], _room(treatment.space_s, channel)
            )
    bus.samples = wet
    if duck is not None:
        bus.samples *= duck[:, None]


def _circulated(bus: Bus, signal: Floats, fir: Fir) -> Floats:
    """Filter one channel with its delay taken back, round the loop's seam or cut at the ends."""
    result = np.zeros(bus.frames)
    _put(result, apply(signal, fir), -fir.delay, bus.loop)
    return result


def _tremolo(bus: Bus, depth: float) -> None:
    """A pan of about 4.6 Hz, whole cycles over the piece so that a loop has no seam in it."""
    cycles = max(1, round(bus.frames / RATE * 4.6))
    wave = table_sine(ramp(bus.frames) * (cycles / bus.frames)) * depth
    bus.samples[:, 0] *= 1.0 + wave
    bus.samples[:, 1] *= 1.0 - wave


def _echo(bus: Bus, wet: Floats, treatment: Treatment) -> None:
    """Repeats that change sides, each softer, in time."""
    distance = bus.grid.frame(treatment.echo_ticks)
    level = treatment.echo
    darker = equaliser(((150.0, -12.0), (400.0, 0.0), (2500.0, 0.0), (6000.0, -12.0)), 255)
    sent = [_circulated(bus, bus.samples[:, channel], darker) for channel in range(2)]
    for repeat in range(1, 6):
        for channel in range(2):
            source = sent[channel if repeat % 2 == 0 else 1 - channel]
            part = wet[:, channel]
            _put(part, source * level, repeat * distance, bus.loop)
        level *= 0.5


@lru_cache(maxsize=32)
def _room(half_s: float, channel: int) -> Fir:
    """The tail of a room: noise after a soft start, the highs dying first; unit energy."""
    frames = int(9.0 * half_s * RATE)
    noise = Stream("room", channel).noise(frames)
    bands = ((500.0, half_s * 0.9), (2000.0, half_s), (5000.0, half_s * 0.7), (11000.0, half_s * 0.4))
    tail = impulse_response(frames, bands, noise)
    early = min(frames // 8, int(0.018 * RATE))
    tail[:early] *= smooth_step(early)
    tail[frames - frames // 8 :] *= smooth_step(frames // 8)[::-1]
    energy = float(np.sqrt(np.cumsum(tail * tail)[-1]))
    return quantised(tail / energy, 0, _REVERB_BUDGET)


def fade_out(bus: Bus) -> None:
    """Let a piece that ends reach silence: the last half bar (at most 2 s) fades."""
    length = min(bus.grid.frame(bus.grid.bar // 2), 2 * RATE, bus.frames)
    bus.samples[bus.frames - length :] *= smooth_step(length)[::-1][:, None]
    bus.samples[-1] = 0.0
