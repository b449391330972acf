"""A stem's own effects: amplifier, equaliser, trembling, echo in tempo, room, and making way for the kick."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beatflow.ai.synth.drums_midi import BOOM, KICK
from beatflow.ai.synth.exactmath import RATE, ramp, saturate, smooth_step, table_sine
from beatflow.ai.synth.fir import equaliser
from beatflow.ai.synth.grid import TICKS, Event, Grid
from beatflow.ai.synth.mixing.rooms import room
from beatflow.ai.synth.sounds.bus import Bus, filter_into, put
from beatflow.ai.synth.threads import Check
from beatflow.sound.audio import Samples

_CROSSFADE = 220
_BLOCK = 1 << 18
_AMPLIFIER_IN = ((70.0, -14.0), (160.0, 0.0), (5000.0, 0.0), (9000.0, -40.0))
"""What goes into a hard-driven amplifier: less of the low end, which would only mumble, and nothing that would fold
back from above half the sample rate."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """A stem's effects, in this order.

    Parameters
    ----------
    points : tuple of (Hz, dB)
        Equaliser.
    drive : float
        Saturation, 0 for none; above 4 an amplifier that distorts.
    body : tuple of (Hz, dB)
        Equaliser after the drive: a cabinet or a box.
    tremolo : float
        Depth of a slow pan from side to side.
    echo, echo_ticks : float, int
        Level of the first repeat and its distance.
    room, space, space_s : str, float, float
        Kind of reverb, its level, its half-life in seconds.
    duck : float
        How far each kick pushes the stem down, 0..1.
    """

    points: tuple[tuple[float, float], ...]
    drive: float = 0.0
    body: tuple[tuple[float, float], ...] = ()
    tremolo: float = 0.0
    echo: float = 0.0
    echo_ticks: int = TICKS * 3 // 4
    room: str = "plate"
    space: float = 0.0
    space_s: float = 0.2
    duck: float = 0.0


def treat(bus: Bus, treatment: Treatment, duck: Samples | None, check: Check) -> None:
    """Run a stem through its effects, in place."""
    if treatment.drive:
        _drive(bus, treatment.drive, check)
    for points in (treatment.body, treatment.points):
        if points:
            _equalise(bus, points, check)
    if treatment.tremolo:
        _tremolo(bus, treatment.tremolo)
    check()
    if treatment.echo:
        _echo(bus, treatment, check)
    if treatment.space:
        for channel in range(2):
            check()
            _reverberate(bus, treatment, channel)
    if duck is not None:
        bus.samples *= duck


def _drive(bus: Bus, drive: float, check: Check) -> None:
    """Saturate; what is quieter than the loudest is driven less."""
    if drive > 4.0:
        _equalise(bus, _AMPLIFIER_IN, check)
    peak = max(float(np.max(bus.samples)), -float(np.min(bus.samples)))
    if not peak:
        return
    for start in range(0, bus.frames, _BLOCK):
        check()
        part = bus.samples[:, start : start + _BLOCK]
        part[:] = saturate(part.astype(np.float64) * (drive / peak))


def _equalise(bus: Bus, points: tuple[tuple[float, float], ...], check: Check) -> None:
    # Points under 50 Hz need a filter long enough to tell them from 0 Hz.
    shape = equaliser(points, 2047 if points[0][0] < 50.0 else 1023)
    for channel in range(2):
        check()
        bus.samples[channel] = bus.filter(channel, shape)


def _tremolo(bus: Bus, depth: float) -> None:
    """A pan of about 4.6 Hz, whole cycles over the piece so that a loop has no seam in it."""
    cycles = max(1, round(bus.frames / RATE * 4.6))
    for start in range(0, bus.frames, _BLOCK):
        part = bus.samples[:, start : start + _BLOCK]
        wave = table_sine((ramp(part.shape[1]) + start) * (cycles / bus.frames)) * depth
        part[0] *= (1.0 + wave).astype(np.float32)
        part[1] *= (1.0 - wave).astype(np.float32)


def _echo(bus: Bus, treatment: Treatment, check: Check) -> None:
    """Repeats that change sides, each softer, in time."""
    distance = bus.grid.frame(treatment.echo_ticks)
    darker = equaliser(((150.0, -12.0), (400.0, 0.0), (2500.0, 0.0), (6000.0, -12.0)), 255)
    sent = []
    for channel in range(2):
        check()
        sent.append(bus.filter(channel, darker))
    level = treatment.echo
    for repeat in range(1, 6):
        for channel in range(2):
            source = sent[channel if repeat % 2 == 0 else 1 - channel]
            for start in range(0, bus.frames, _BLOCK):
                piece = source[start : start + _BLOCK] * np.float32(level)
                put(bus.samples[channel], piece, repeat * distance + start, bus.loop)
        level *= 0.5


def _reverberate(bus: Bus, treatment: Treatment, channel: int) -> None:
    signal = bus.samples[channel].copy()
    tail = room(treatment.room, treatment.space_s, channel)
    filter_into(bus.samples[channel], signal, tail, treatment.space, 0, bus.loop)


def duck_curve(grid: Grid, drums: Sequence[Event], depth: float, loop: bool) -> Samples:
    """Gain over time that dips at each kick and recovers within three quarters of a beat (at most 0.35 s)."""
    length = min(int(0.35 * RATE), grid.frame(TICKS * 3 // 4))
    left = 1.0 - ramp(length) / length
    dip = left * left
    dip[:_CROSSFADE] *= smooth_step(_CROSSFADE)
    gain = np.ones(grid.frames, np.float32)
    for event in drums:
        if event.midi not in (KICK, BOOM):
            continue
        # A few frames early: the dip is there when the kick is.
        wanted = (1.0 - dip * (depth * min(1.0, event.velocity / 100.0))).astype(np.float32)
        start = grid.frame(event.tick) + event.shift - _CROSSFADE // 2
        start = start % grid.frames if loop else max(start, 0)
        count = min(length, grid.frames - start)
        np.minimum(gain[start : start + count], wanted[:count], out=gain[start : start + count])
        if loop and count < length:
            rest = min(length - count, grid.frames)
            np.minimum(gain[:rest], wanted[count : count + rest], out=gain[:rest])
    return gain
