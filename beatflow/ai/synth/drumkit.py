"""The drums: tuned thumps, filtered noise and inharmonic metal, by General MIDI drum number.

Knows single hits only; who plays them when is composed elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from beatflow.ai.synth.exactmath import (
    RATE,
    SINE_TABLE,
    Floats,
    decay,
    moving_phase,
    saturate,
    smooth_step,
    steady_phase,
    steady_sine,
    table_sine,
)
from beatflow.ai.synth.fir import band, filtered
from beatflow.ai.synth.randomness import Stream

KICK, RIM, SNARE, CLAP = 36, 37, 38, 39
LOW_TOM, MID_TOM, HIGH_TOM = 41, 45, 48
CLOSED_HAT, PEDAL_HAT, OPEN_HAT = 42, 44, 46
CRASH, RIDE, TAMBOURINE, COWBELL, SHAKER = 49, 51, 54, 56, 70
_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 800.0, 1204.4)
"""Six square waves, as analogue hi-hats have them; the kit tunes them."""


@dataclass(frozen=True, slots=True)
class Kit:
    """How one drum kit sounds. Half-lives in seconds, frequencies in Hz, levels as factors."""

    kick_hz: float = 50.0
    kick_sweep: float = 4.0
    kick_sweep_s: float = 0.012
    kick_half_s: float = 0.07
    kick_drive: float = 1.4
    kick_click: float = 0.3
    snare_hz: float = 185.0
    snare_tone: float = 0.7
    snare_half_s: float = 0.045
    snare_noise_s: float = 0.05
    snare_low_hz: float = 900.0
    snare_gate_s: float = 0.0
    clap_half_s: float = 0.06
    hat_half_s: float = 0.014
    open_half_s: float = 0.11
    hat_low_hz: float = 6500.0
    metal: float = 0.5
    metal_tune: float = 2.4
    top_hz: float = 18000.0


KITS: Mapping[str, Kit] = {
    "dusty": Kit(
        kick_hz=54.0, kick_sweep=2.2, kick_half_s=0.055, kick_click=0.16, kick_drive=1.9, snare_hz=178.0,
        snare_tone=0.9, snare_noise_s=0.05, hat_half_s=0.012, hat_low_hz=4800.0, metal=0.3, top_hz=9500.0,
        open_half_s=0.07,
    ),
    "boombap": Kit(
        kick_hz=57.0, kick_sweep=2.8, kick_half_s=0.06, kick_click=0.35, kick_drive=2.2, snare_hz=205.0, snare_tone=1.0,
        snare_noise_s=0.06, hat_half_s=0.016, hat_low_hz=5200.0, metal=0.4, top_hz=14000.0,
    ),
    "808": Kit(
        kick_hz=46.0, kick_sweep=3.5, kick_half_s=0.07, kick_click=0.35, snare_hz=195.0, snare_tone=0.5,
        snare_noise_s=0.045, snare_low_hz=1500.0, hat_half_s=0.01, metal=0.75, metal_tune=2.6, clap_half_s=0.07,
    ),
    "909": Kit(
        kick_hz=51.0, kick_sweep=4.5, kick_sweep_s=0.014, kick_half_s=0.06, kick_click=0.45, kick_drive=2.0,
        snare_hz=200.0, snare_tone=0.55, snare_noise_s=0.055, hat_half_s=0.016, open_half_s=0.13, metal=0.45,
    ),
    "techno": Kit(
        kick_hz=50.0, kick_sweep=5.0, kick_sweep_s=0.012, kick_half_s=0.055, kick_click=0.4, kick_drive=2.6,
        snare_hz=220.0, snare_tone=0.4, snare_noise_s=0.04, hat_half_s=0.012, open_half_s=0.1, metal=0.6,
    ),
    "breaks": Kit(
        kick_hz=62.0, kick_sweep=2.6, kick_half_s=0.045, kick_click=0.5, kick_drive=2.2, snare_hz=225.0, snare_tone=1.0,
        snare_half_s=0.05, snare_noise_s=0.065, snare_low_hz=1100.0, hat_half_s=0.018, metal=0.4,
    ),
    "gated": Kit(
        kick_hz=55.0, kick_sweep=3.2, kick_half_s=0.065, kick_click=0.5, kick_drive=1.8, snare_hz=180.0, snare_tone=0.8,
        snare_half_s=0.06, snare_noise_s=0.16, snare_low_hz=700.0, snare_gate_s=0.2, hat_half_s=0.016, metal=0.5,
    ),
    "soft": Kit(
        kick_hz=48.0, kick_sweep=1.5, kick_half_s=0.08, kick_click=0.05, kick_drive=1.0, snare_tone=0.4,
        snare_noise_s=0.05, hat_half_s=0.02, hat_low_hz=5200.0, metal=0.15, top_hz=11000.0,
    ),
}  # fmt: skip


def _ended(wave: Floats) -> Floats:
    """Fade both ends so that no hit clicks: 16 frames in, the last tenth out."""
    frames = wave.shape[0]
    wave[:16] *= smooth_step(16)
    tail = frames // 10
    wave[frames - tail :] *= smooth_step(tail)[::-1]
    return wave


def _frames(half_s: float) -> int:
    """Eleven half-lives: -66 dB."""
    return max(int(11.0 * half_s * RATE), 2000)


def _kick(kit: Kit, stream: Stream) -> Floats:
    frames = _frames(kit.kick_half_s)
    hz = kit.kick_hz * (1.0 + kit.kick_sweep * decay(frames, kit.kick_sweep_s))
    body = saturate(table_sine(moving_phase(hz)) * decay(frames, kit.kick_half_s) * kit.kick_drive)
    click = filtered(stream.noise(2000), band(1200.0, 7500.0, 63)) * decay(2000, 0.0022)
    body[:2000] += click * (kit.kick_click * 2.2)
    return _ended(body)


def _snare(kit: Kit, stream: Stream) -> Floats:
    frames = _frames(max(kit.snare_half_s, kit.snare_noise_s))
    bend = 1.0 + 0.35 * decay(frames, 0.006)
    body = table_sine(moving_phase(kit.snare_hz * bend)) * decay(frames, kit.snare_half_s)
    body += 0.6 * table_sine(moving_phase(kit.snare_hz * 1.78 * bend)) * decay(frames, kit.snare_half_s * 0.6)
    noise = stream.noise(frames)
    rattle = filtered(noise, band(kit.snare_low_hz, kit.top_hz)) * decay(frames, kit.snare_noise_s)
    snap = filtered(noise, band(2200.0, 9000.0)) * decay(frames, 0.006)
    wave = saturate(body * (kit.snare_tone * 0.75) + rattle * 1.2 + snap * 1.3)
    if kit.snare_gate_s:
        held = int(kit.snare_gate_s * RATE)
        wave[held : held + 900] *= smooth_step(900)[::-1]
        wave = wave[: held + 900]
    return _ended(wave)


def _clap(kit: Kit, stream: Stream) -> Floats:
    frames = _frames(kit.clap_half_s)
    noise = filtered(stream.noise(frames), band(900.0, min(kit.top_hz, 8500.0)))
    level = decay(frames, kit.clap_half_s) * 0.7
    for start in (0, 441, 926):
        level[start : start + 380] += decay(380, 0.003) * 1.2
    return _ended(saturate(noise * level * 2.2))


def _rim(kit: Kit, stream: Stream) -> Floats:
    frames = 3500
    wave = steady_sine(frames, 1720.0) * decay(frames, 0.006) + steady_sine(frames, 480.0) * decay(
        frames, 0.009
    )
    return _ended(wave + filtered(stream.noise(frames), band(2500.0, 9000.0, 63)) * decay(frames, 0.004))


def _metal(frames: int, tune: float) -> Floats:
    """Six squares out of tune with one another."""
    total = np.zeros(frames)
    for hz in _METAL_HZ:
        total += np.sign(SINE_TABLE[steady_phase(frames, hz * tune) >> np.uint32(16)])
    return total / 4.0


def _hat(kit: Kit, stream: Stream, half_s: float) -> Floats:
    frames = _frames(half_s)
    raw = stream.noise(frames) * (1.3 - kit.metal) + _metal(frames, kit.metal_tune) * kit.metal
    wave = filtered(raw, band(kit.hat_low_hz, kit.top_hz)) * (
        decay(frames, half_s) + 0.5 * decay(frames, 0.004)
    )
    return _ended(wave)


def _cymbal(kit: Kit, stream: Stream, half_s: float, ping: float) -> Floats:
    frames = _frames(half_s)
    raw = stream.noise(frames) + _metal(frames, 1.7)
    wave = filtered(raw, band(3000.0, kit.top_hz)) * decay(frames, half_s) * 0.6
    wave += ping * steady_sine(frames, 3130.0) * decay(frames, 0.03)
    wave += ping * 0.6 * steady_sine(frames, 4870.0) * decay(frames, 0.05)
    return _ended(wave)


def _tom(kit: Kit, stream: Stream, hz: float) -> Floats:
    frames = _frames(0.09)
    wave = table_sine(moving_phase(hz * (1.0 + 0.6 * decay(frames, 0.03)))) * decay(frames, 0.09)
    return _ended(
        saturate(wave * 1.5 + filtered(stream.noise(frames), band(800.0, 5000.0, 63)) * decay(frames, 0.012))
    )


def _shaker(kit: Kit, stream: Stream) -> Floats:
    frames = 4000
    level = decay(frames, 0.016)
    level[:700] *= smooth_step(700)
    return _ended(filtered(stream.noise(frames), band(5500.0, min(kit.top_hz, 13000.0))) * level)


def _tambourine(kit: Kit, stream: Stream) -> Floats:
    frames = 8000
    raw = filtered(stream.noise(frames) * 0.6 + _metal(frames, 4.1) * 0.8, band(6500.0, kit.top_hz))
    return _ended(raw * (decay(frames, 0.03) + decay(frames, 0.006)))


def _cowbell(kit: Kit, stream: Stream) -> Floats:
    frames = 9000
    raw = np.sign(steady_sine(frames, 562.0)) + np.sign(steady_sine(frames, 845.0))
    return _ended(filtered(raw * (decay(frames, 0.03) + decay(frames, 0.005)) * 0.4, band(500.0, 5000.0)))


_MAKERS: Mapping[int, Callable[[Kit, Stream], Floats]] = {
    KICK: _kick,
    RIM: _rim,
    SNARE: _snare,
    CLAP: _clap,
    CLOSED_HAT: lambda kit, stream: _hat(kit, stream, kit.hat_half_s),
    PEDAL_HAT: lambda kit, stream: _hat(kit, stream, kit.hat_half_s * 0.6),
    OPEN_HAT: lambda kit, stream: _hat(kit, stream, kit.open_half_s),
    CRASH: lambda kit, stream: _cymbal(kit, stream, 0.28, 0.0),
    RIDE: lambda kit, stream: _cymbal(kit, stream, 0.11, 0.25),
    LOW_TOM: lambda kit, stream: _tom(kit, stream, 82.0),
    MID_TOM: lambda kit, stream: _tom(kit, stream, 118.0),
    HIGH_TOM: lambda kit, stream: _tom(kit, stream, 160.0),
    SHAKER: _shaker,
    TAMBOURINE: _tambourine,
    COWBELL: _cowbell,
}

LEVELS: Mapping[int, float] = {
    KICK: 1.0, RIM: 0.5, SNARE: 0.85, CLAP: 0.75, CLOSED_HAT: 0.5, PEDAL_HAT: 0.4, OPEN_HAT: 0.42, CRASH: 0.5,
    RIDE: 0.4, LOW_TOM: 0.7, MID_TOM: 0.68, HIGH_TOM: 0.65, SHAKER: 0.4, TAMBOURINE: 0.35, COWBELL: 0.35,
}  # fmt: skip
"""Loudness of each drum against the kick, before the player's velocity."""

PLACES: Mapping[int, float] = {
    CLOSED_HAT: 0.22, PEDAL_HAT: 0.22, OPEN_HAT: 0.22, RIDE: -0.3, CRASH: -0.25, SHAKER: -0.4, TAMBOURINE: 0.35,
    COWBELL: 0.3, LOW_TOM: 0.35, MID_TOM: 0.05, HIGH_TOM: -0.3, RIM: -0.1,
}  # fmt: skip
"""Pan of each drum, -1 left .. 1 right, as the drummer's audience sees the kit mirrored."""


def drum_hit(kit: str, midi: int, take: int) -> Floats:
    """One hit, shape (frames,), peak 1; ``take`` tells the round robin's hits apart.

    Parameters
    ----------
    kit : str
        A name in ``KITS``.
    midi : int
        A General MIDI drum number that this module knows.
    """
    wave = _MAKERS[midi](KITS[kit], Stream("drum", kit, midi, take))
    return wave / float(np.max(np.abs(wave)))
