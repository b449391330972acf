"""The drum set: tuned thumps, filtered noise and inharmonic metal. Who plays it when is composed elsewhere."""

from collections.abc import Callable, Mapping

import numpy as np

from beatflow.ai.synth.drums_midi import (
    AGOGO_HIGH,
    AGOGO_LOW,
    BONGO_HIGH,
    BONGO_LOW,
    BOOM,
    BRUSH,
    CABASA,
    CHINA,
    CLAP,
    CLAVES,
    CLOSED_HAT,
    CONGA,
    CONGA_MUTE,
    COWBELL,
    CRASH,
    FLOOR_TOM,
    GUIRO_LONG,
    GUIRO_SHORT,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    PEDAL_HAT,
    REVERSE,
    RIDE,
    RIDE_BELL,
    RIM,
    SHAKER,
    SNAP,
    SNARE,
    SPLASH,
    TAMBOURINE,
    TIMBALE_HIGH,
    TIMBALE_LOW,
    TOP_TOM,
    TRIANGLE,
    TRIANGLE_MUTE,
    TUMBA,
    WOODBLOCK_HIGH,
    WOODBLOCK_LOW,
)
from beatflow.ai.synth.exactmath import (
    Floats,
    decay,
    moving_phase,
    saturate,
    smooth_step,
    steady_sine,
    table_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.kits import Kit, kit_of
from beatflow.ai.synth.sounds.percussion import PERCUSSION, ended, hit_frames, metal, skin


def _kick(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = hit_frames(kit.kick_half_s)
    hz = kit.kick_hz * (1.0 + kit.kick_sweep * (0.6 + 0.5 * hardness) * decay(frames, kit.kick_sweep_s))
    body = table_sine(moving_phase(hz)) * decay(frames, kit.kick_half_s)
    if kit.taiko:
        body += 0.5 * table_sine(moving_phase(hz * 1.59)) * decay(frames, kit.kick_half_s * 0.5)
    body = saturate(body * kit.kick_drive)
    if kit.shell:
        body += filtered(stream.noise(frames), band(180.0, 520.0, 255)) * decay(frames, 0.02) * kit.shell
    click = filtered(stream.noise(2000), band(1200.0, 7500.0, 63)) * decay(2000, 0.0022)
    body[:2000] += click * (kit.kick_click * (1.2 + 1.4 * hardness))
    return ended(body)


def _boom(kit: Kit, stream: Stream, hardness: float) -> Floats:
    """A deep drum in a big room, as trailers have it."""
    frames = hit_frames(0.32)
    hz = 37.0 * (1.0 + 1.2 * decay(frames, 0.04))
    body = saturate(table_sine(moving_phase(hz)) * decay(frames, 0.32) * 1.8)
    rumble = filtered(stream.noise(frames), band(60.0, 420.0, 511)) * decay(frames, 0.12)
    slap = filtered(stream.noise(frames), band(700.0, 5000.0, 63)) * decay(frames, 0.012)
    return ended(body + rumble * 1.6 + slap * (0.3 * hardness))


def _snare(kit: Kit, stream: Stream, hardness: float) -> Floats:
    if kit.swirl:
        return _brush_tap(kit, stream, hardness)
    frames = hit_frames(max(kit.snare_half_s, kit.snare_noise_s))
    bend = 1.0 + (0.2 + 0.25 * hardness) * decay(frames, 0.006)
    hz = kit.snare_hz * stream.uniform(0.985, 1.015)
    body = table_sine(moving_phase(hz * bend)) * decay(frames, kit.snare_half_s)
    body += 0.6 * table_sine(moving_phase(hz * 1.78 * bend)) * decay(frames, kit.snare_half_s * 0.6)
    if kit.shell:
        body += (0.5 * kit.shell) * steady_sine(frames, hz * 2.62) * decay(frames, kit.snare_half_s)
    noise = stream.noise(frames)
    rattle = filtered(noise, band(kit.snare_low_hz, kit.top_hz)) * decay(frames, kit.snare_noise_s)
    snap = filtered(noise, band(2200.0, 9000.0)) * decay(frames, 0.006)
    wave = saturate(body * (kit.snare_tone * 0.75) + rattle * kit.snare_wires + snap * (0.6 + 1.0 * hardness))
    if kit.snare_gate_s:
        held = int(kit.snare_gate_s * 44100)
        wave[held : held + 900] *= smooth_step(900)[::-1]
        wave = wave[: held + 900]
    return ended(wave)


def _brush_tap(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = hit_frames(0.06)
    wires = filtered(stream.noise(frames), band(1300.0, 11000.0)) * (
        decay(frames, 0.045) + 0.8 * decay(frames, 0.008)
    )
    return ended(wires + steady_sine(frames, kit.snare_hz) * decay(frames, 0.03) * (0.2 + 0.2 * hardness))


def _brush(kit: Kit, stream: Stream, hardness: float) -> Floats:
    """A brush drawn over the skin in a half circle."""
    frames = 15000
    swell = smooth_step(frames) * 4.0
    swell = swell * (1.0 - smooth_step(frames))
    wave = filtered(stream.noise(frames), band(1600.0, 9000.0)) * swell
    return ended(wave * (0.7 + 0.3 * hardness))


def _clap(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = hit_frames(kit.clap_half_s)
    noise = filtered(stream.noise(frames), band(900.0, min(kit.top_hz, 8500.0)))
    level = decay(frames, kit.clap_half_s) * (0.35 + 0.25 * hardness)
    for start in (0, 441 + stream.below(60), 926 + stream.below(120)):
        level[start : start + 380] += decay(380, 0.003) * 1.2
    return ended(saturate(noise * level * 1.7))


def _rim(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 3500
    wave = steady_sine(frames, 1720.0 * kit.tune) * decay(frames, 0.006)
    wave += steady_sine(frames, 480.0 * kit.tune) * decay(frames, 0.009)
    tick = filtered(stream.noise(frames), band(2500.0, 9000.0, 63)) * decay(frames, 0.004)
    return ended(wave + tick * (0.6 + 0.6 * hardness))


def _hat(kit: Kit, stream: Stream, hardness: float, half_s: float) -> Floats:
    half_s = half_s * stream.uniform(0.9, 1.1)
    frames = hit_frames(half_s)
    raw = stream.noise(frames) * (1.3 - kit.metal) + metal(frames, kit.metal_tune) * kit.metal
    chick = (0.3 + 0.4 * hardness) * decay(frames, 0.004)
    return ended(filtered(raw, band(kit.hat_low_hz, kit.top_hz)) * (decay(frames, half_s) + chick))


def _cymbal(kit: Kit, stream: Stream, half_s: float, low_hz: float, tune: float) -> Floats:
    """A wash that begins bright and darkens."""
    frames = hit_frames(half_s)
    raw = stream.noise(frames) + metal(frames, tune)
    high = filtered(raw, band(6000.0, kit.top_hz)) * decay(frames, half_s * 0.7)
    low = filtered(raw, band(low_hz, 6000.0)) * decay(frames, half_s)
    return ended((high + 0.8 * low) * (0.75 + 0.5 * decay(frames, 0.01)))


def _ride(kit: Kit, stream: Stream, hardness: float, bell: bool) -> Floats:
    half_s = kit.ride_half_s
    frames = hit_frames(half_s)
    raw = stream.noise(frames) * 0.7 + metal(frames, 1.7)
    wave = filtered(raw, band(3500.0, kit.top_hz)) * (
        decay(frames, half_s) * 0.18 + decay(frames, 0.012) * 0.5
    )
    strength = 0.5 if bell else 0.2 + 0.1 * hardness
    for hz, share in ((3130.0, 1.0), (4870.0, 0.6), (1040.0 if bell else 2210.0, 0.7)):
        wave += strength * share * steady_sine(frames, hz) * decay(frames, 0.12 if bell else 0.05)
    return ended(wave)


def _reverse(kit: Kit, stream: Stream, hardness: float) -> Floats:
    """A cymbal backwards: it ends where it should."""
    wave = _cymbal(kit, stream, 0.2, 2500.0, 1.7)[::-1].copy()
    wave[-300:] *= smooth_step(300)[::-1]
    return ended(wave)


def _tom(kit: Kit, stream: Stream, hardness: float, hz: float) -> Floats:
    return skin(stream, hardness, hz * kit.tune, kit.tom_half_s, slap=0.9, noise_s=0.012, bend=0.55)


Maker = Callable[[Kit, Stream, float], Floats]
_MAKERS: Mapping[int, Maker] = {
    **PERCUSSION,
    BOOM: _boom,
    KICK: _kick,
    RIM: _rim,
    SNARE: _snare,
    CLAP: _clap,
    BRUSH: _brush,
    CLOSED_HAT: lambda kit, stream, hardness: _hat(kit, stream, hardness, kit.hat_half_s),
    PEDAL_HAT: lambda kit, stream, hardness: _hat(kit, stream, hardness, kit.hat_half_s * 0.6),
    OPEN_HAT: lambda kit, stream, hardness: _hat(kit, stream, hardness, kit.open_half_s),
    CRASH: lambda kit, stream, hardness: _cymbal(kit, stream, 0.3, 2500.0, 1.7),
    SPLASH: lambda kit, stream, hardness: _cymbal(kit, stream, 0.09, 4000.0, 2.3),
    CHINA: lambda kit, stream, hardness: _cymbal(kit, stream, 0.16, 1800.0, 1.2),
    REVERSE: _reverse,
    RIDE: lambda kit, stream, hardness: _ride(kit, stream, hardness, False),
    RIDE_BELL: lambda kit, stream, hardness: _ride(kit, stream, hardness, True),
    LOW_TOM: lambda kit, stream, hardness: _tom(kit, stream, hardness, 82.0),
    FLOOR_TOM: lambda kit, stream, hardness: _tom(kit, stream, hardness, 98.0),
    MID_TOM: lambda kit, stream, hardness: _tom(kit, stream, hardness, 118.0),
    HIGH_TOM: lambda kit, stream, hardness: _tom(kit, stream, hardness, 145.0),
    TOP_TOM: lambda kit, stream, hardness: _tom(kit, stream, hardness, 175.0),
}
DRUMS = frozenset(_MAKERS)
"""The General MIDI numbers that every kit knows."""

LEVELS: Mapping[int, float] = {
    BOOM: 1.05, KICK: 1.0, RIM: 0.5, SNARE: 0.85, CLAP: 0.75, BRUSH: 0.4, CLOSED_HAT: 0.5, PEDAL_HAT: 0.4,
    OPEN_HAT: 0.42, CRASH: 0.5, SPLASH: 0.4, CHINA: 0.45, REVERSE: 0.4, RIDE: 0.42, RIDE_BELL: 0.4, LOW_TOM: 0.7,
    FLOOR_TOM: 0.7, MID_TOM: 0.68, HIGH_TOM: 0.65, TOP_TOM: 0.62, SHAKER: 0.4, TAMBOURINE: 0.35, COWBELL: 0.35,
    SNAP: 0.5, BONGO_HIGH: 0.5, BONGO_LOW: 0.52, CONGA_MUTE: 0.45, CONGA: 0.55, TUMBA: 0.58, TIMBALE_HIGH: 0.48,
    TIMBALE_LOW: 0.5, AGOGO_HIGH: 0.32, AGOGO_LOW: 0.33, CABASA: 0.36, GUIRO_SHORT: 0.34, GUIRO_LONG: 0.34,
    CLAVES: 0.4, WOODBLOCK_HIGH: 0.4, WOODBLOCK_LOW: 0.42, TRIANGLE_MUTE: 0.22, TRIANGLE: 0.24,
}  # fmt: skip
"""Loudness of each drum against the kick, before the player's velocity."""

PLACES: Mapping[int, float] = {
    CLOSED_HAT: 0.22, PEDAL_HAT: 0.22, OPEN_HAT: 0.22, RIDE: -0.3, RIDE_BELL: -0.3, CRASH: -0.25, SPLASH: 0.3,
    CHINA: -0.4, REVERSE: 0.1, SHAKER: -0.4, TAMBOURINE: 0.35, COWBELL: 0.3, LOW_TOM: 0.4, FLOOR_TOM: 0.3,
    MID_TOM: 0.05, HIGH_TOM: -0.2, TOP_TOM: -0.35, RIM: -0.1, SNAP: 0.1, BRUSH: -0.15, BONGO_HIGH: 0.45,
    BONGO_LOW: 0.35, CONGA_MUTE: -0.35, CONGA: -0.35, TUMBA: -0.5, TIMBALE_HIGH: 0.3, TIMBALE_LOW: 0.4,
    AGOGO_HIGH: 0.5, AGOGO_LOW: 0.5, CABASA: 0.4, GUIRO_SHORT: 0.45, GUIRO_LONG: 0.45, CLAVES: -0.3,
    WOODBLOCK_HIGH: 0.35, WOODBLOCK_LOW: 0.35, TRIANGLE_MUTE: -0.45, TRIANGLE: -0.45,
}  # fmt: skip
"""Pan of each drum, -1 left .. 1 right, as the drummer's audience sees the kit mirrored."""


def drum_hit(kit: str, midi: int, take: int, hard: bool = True) -> Floats:
    """One hit, shape (frames,), peak 1; ``take`` tells the round robin's hits apart, ``hard`` two strengths.

    A number that no kit knows is a rim click.
    """
    made = _MAKERS.get(midi, _rim)(kit_of(kit), Stream("drum", kit, midi, take, hard), 0.9 if hard else 0.35)
    return made / float(np.max(np.abs(made)))
