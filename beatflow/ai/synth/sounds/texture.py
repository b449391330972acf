"""What lies under the music: crackle, tape, weather, a fire, a town. Endless by construction: it flows into its start.

A bed of half a minute at most is made and laid end to end; specks (pops, drops, birds) are strewn over the whole piece.
"""

from collections.abc import Callable

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    Floats,
    cosine,
    decay,
    exp2,
    moving_phase,
    ramp,
    smooth_step,
    table_sine,
)
from beatflow.ai.synth.fir import Fir, apply, band
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.bus import Bus
from beatflow.ai.synth.threads import Check
from beatflow.sound.audio import Samples

_BED = 23 * RATE
_JOINT = 4096
_BLOCK = 1 << 18
# low and high edge of the noise (Hz), its level, how far its loudness swells, seconds of a swell
_BEDS: dict[str, tuple[float, float, float, float, float]] = {
    "vinyl": (300.0, 5000.0, 0.022, 0.0, 1.0),
    "tape": (1800.0, 11000.0, 0.2, 0.0, 1.0),
    "rain": (900.0, 9000.0, 0.12, 0.2, 9.0),
    "waves": (200.0, 3500.0, 0.5, 0.9, 7.0),
    "wind": (180.0, 900.0, 0.5, 0.8, 5.0),
    "fire": (80.0, 700.0, 0.1, 0.5, 2.0),
    "static": (700.0, 4000.0, 0.16, 0.3, 1.3),
    "night": (2500.0, 9000.0, 0.02, 0.2, 6.0),
    "birds": (1500.0, 7000.0, 0.012, 0.2, 8.0),
    "city": (90.0, 1200.0, 0.3, 0.4, 11.0),
}
KINDS = tuple(_BEDS)
_SPECKS_A_SECOND = {
    "vinyl": 9.0, "rain": 45.0, "fire": 14.0, "static": 6.0, "night": 2.6, "birds": 1.2, "city": 0.25,
}  # fmt: skip


def circular(signal: Floats, fir: Fir) -> Floats:
    """Filter a signal that goes round and round."""
    response = apply(signal, fir)
    result = np.zeros(signal.size)
    for start in range(0, response.size, signal.size):
        piece = response[start : start + signal.size]
        result[: piece.size] += piece
    return np.roll(result, -fir.delay)


def render_texture(bus: Bus, kind: str, stream: Stream, check: Check) -> None:
    """Lay a texture under a whole stem; a kind that nobody knows is tape."""
    low, high, level, depth, swell_s = _BEDS.get(kind, _BEDS["tape"])
    cycles = max(1, round(bus.frames / RATE / swell_s))
    for channel in range(2):
        check()
        noise = stream.fork(kind, channel).noise(min(_BED, max(bus.frames, 4096)))
        bed = (circular(noise, band(low, high, 255)) * level).astype(np.float32)
        _lay(bus, channel, bed, depth, cycles)
    if kind in _SPECKS_A_SECOND:
        _strew(bus, kind, stream.fork(kind, "specks"), check)


def _lay(bus: Bus, channel: int, bed: Samples, depth: float, cycles: int) -> None:
    """The bed over and over; the end fades into what would lie before the start."""
    target, frames = bus.samples[channel], bus.frames
    joint = min(_JOINT, frames // 2)
    for start in range(0, frames, _BLOCK):
        count = min(_BLOCK, frames - start)
        place = np.arange(start, start + count)
        part: Floats = bed[place % bed.size].astype(np.float64)
        if start + count > frames - joint:
            share = np.maximum((place - (frames - joint)) / joint, 0.0)
            part = part * (1.0 - share) + bed[(place - frames) % bed.size] * share
        if depth:
            part = part * (
                1.0 - depth * (0.5 + 0.5 * cosine((ramp(count) + start) * (cycles / frames) + 0.07 * channel))
            )
        target[start : start + count] += part.astype(np.float32)


def _strew(bus: Bus, kind: str, stream: Stream, check: Check) -> None:
    """Short sounds at random places."""
    specks = [_MAKERS.get(kind, _pop)(stream.fork(take)) for take in range(24 if kind in _LOUD else 8)]
    for count in range(int(bus.frames / RATE * _SPECKS_A_SECOND[kind]) + 1):
        loud = stream.uniform()
        wave = stream.choice(specks) * (0.04 + _LOUD.get(kind, 0.12) * loud * loud * loud * loud)
        place = stream.uniform(-0.7, 0.7)
        start = stream.below(bus.frames)
        if not bus.loop:
            start = min(start, max(0, bus.frames - wave.size))
        bus.add(wave, start, 1.0 - place, 1.0 + place)
        if count % 64 == 0:
            check()


_LOUD = {"vinyl": 0.5, "rain": 0.5, "fire": 0.6, "static": 0.3}


def _pop(stream: Stream) -> Floats:
    """Dust in a groove, a drop, a spark."""
    length = 500 + stream.below(900)
    noise = stream.noise(length) * decay(length, stream.uniform(0.0003, 0.002))
    low = stream.uniform(400.0, 2200.0)
    wave = apply(noise, band(float(round(low)), float(round(low * 3.5)), 63))
    wave[-200:] *= smooth_step(200)[::-1]
    return wave / float(np.max(np.abs(wave)))


def _cricket(stream: Stream) -> Floats:
    """Three or four strokes of a wing."""
    strokes, gap = 3 + stream.below(2), 1500
    wave = np.zeros(strokes * gap + 200)
    hz = stream.uniform(3900.0, 4700.0)
    for stroke in range(strokes):
        swell = smooth_step(1000) * (1.0 - smooth_step(1000)) * 4.0
        wave[stroke * gap : stroke * gap + 1000] += table_sine(ramp(1000) * (hz / RATE)) * swell
    return wave * 0.4


def _chirp(stream: Stream) -> Floats:
    """A bird: notes that sweep."""
    pieces = []
    base = stream.uniform(2300.0, 4200.0)
    for _ in range(2 + stream.below(4)):
        frames = 1800 + stream.below(3500)
        t = ramp(frames) / frames
        octaves = stream.uniform(-0.5, 0.5) * t + 0.08 * table_sine(t * stream.uniform(2.0, 7.0))
        swell = smooth_step(frames) * (1.0 - smooth_step(frames)) * 4.0
        note = table_sine(moving_phase(base * stream.uniform(0.85, 1.2) * exp2(octaves))) * swell
        pieces += [note, np.zeros(600 + stream.below(2500))]
    return np.concatenate(pieces) * 0.6


def _passing(stream: Stream) -> Floats:
    """A car goes by."""
    frames = 4 * RATE
    swell = smooth_step(frames) * (1.0 - smooth_step(frames)) * 4.0
    return apply(stream.noise(frames), band(120.0, 1500.0, 255))[:frames] * swell * swell * 2.0


_MAKERS: dict[str, Callable[[Stream], Floats]] = {"night": _cricket, "birds": _chirp, "city": _passing}
