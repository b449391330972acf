"""Hand percussion: skins, wood, bells, shakers; and what every drum is made of."""

from collections.abc import Callable, Mapping

import numpy as np

from beatflow.ai.synth.drums_midi import (
    AGOGO_HIGH,
    AGOGO_LOW,
    BONGO_HIGH,
    BONGO_LOW,
    CABASA,
    CLAVES,
    CONGA,
    CONGA_MUTE,
    COWBELL,
    GUIRO_LONG,
    GUIRO_SHORT,
    SHAKER,
    SNAP,
    TAMBOURINE,
    TIMBALE_HIGH,
    TIMBALE_LOW,
    TRIANGLE,
    TRIANGLE_MUTE,
    TUMBA,
    WOODBLOCK_HIGH,
    WOODBLOCK_LOW,
)
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
from beatflow.ai.synth.sounds.kits import Kit

_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 800.0, 1204.4)
"""Six square waves, as analogue hi-hats have them; the kit tunes them."""
_MEMBRANE = ((1.0, 1.0, 1.0), (1.594, 0.45, 0.55), (2.136, 0.28, 0.4), (2.653, 0.18, 0.3))
"""Modes of an ideal round membrane: ratio (Rossing, Science of Percussion Instruments, ch. 2), level, life."""


def ended(wave: Floats) -> Floats:
    """Fade both ends so that no hit clicks: 16 frames in, the last tenth out."""
    frames = wave.shape[0]
    wave[:16] *= smooth_step(16)
    tail = frames // 10
    wave[frames - tail :] *= smooth_step(tail)[::-1]
    return wave


def hit_frames(half_s: float) -> int:
    """Eleven half-lives: -66 dB."""
    return max(int(11.0 * half_s * RATE), 2000)


def metal(frames: int, tune: float) -> Floats:
    """Six squares out of tune with one another."""
    total = np.zeros(frames)
    for hz in _METAL_HZ:
        total += np.sign(SINE_TABLE[steady_phase(frames, hz * tune) >> np.uint32(16)])
    return total / 4.0


def skin(
    stream: Stream, hardness: float, hz: float, half_s: float, slap: float, noise_s: float, bend: float
) -> Floats:
    """A stretched skin: its modes, whose pitch falls a little after the blow, and the blow's noise."""
    frames = hit_frames(half_s)
    hz = hz * stream.uniform(0.99, 1.01)
    course = moving_phase(hz * (1.0 + bend * (0.5 + 0.7 * hardness) * decay(frames, 0.022)))
    wave = np.zeros(frames)
    for ratio, level, life in _MEMBRANE:
        strength = level * stream.uniform(0.8, 1.2) * (1.0 if ratio == 1.0 else 0.4 + 0.8 * hardness)
        wave += table_sine(course * ratio) * decay(frames, half_s * life) * strength
    noise = filtered(stream.noise(frames), band(900.0, 6000.0, 63)) * decay(frames, noise_s)
    return ended(saturate(wave * 0.8) + noise * (slap * (0.3 + 0.8 * hardness)))


def _conga(stream: Stream, hardness: float, hz: float, half_s: float, slap: float) -> Floats:
    return skin(stream, hardness, hz, half_s, slap, 0.005, 0.06)


def _shell(stream: Stream, hardness: float, hz: float) -> Floats:
    """A timbale: a skin over a metal shell."""
    wave = skin(stream, hardness, hz, 0.07, 1.0, 0.006, 0.1)
    ring = steady_sine(wave.size, hz * 4.2) * decay(wave.size, 0.05)
    return ended(wave + ring * (0.25 * hardness))


def _wood(stream: Stream, hardness: float, hz: float, half_s: float) -> Floats:
    frames = 4000
    wave = steady_sine(frames, hz) * decay(frames, half_s)
    wave += 0.35 * steady_sine(frames, hz * 2.61) * decay(frames, half_s * 0.4)
    tick = filtered(stream.noise(frames), band(1500.0, 9000.0, 63)) * decay(frames, 0.0015)
    return ended(wave + tick * (0.3 + 0.5 * hardness))


def _bell(
    frames: int, stream: Stream, hardness: float, partials: tuple[tuple[float, float, float], ...]
) -> Floats:
    """Partials of (Hz, level, half-life)."""
    wave = np.zeros(frames)
    for hz, level, half_s in partials:
        wave += (
            steady_sine(frames, hz, stream.uniform())
            * decay(frames, half_s)
            * (level * stream.uniform(0.85, 1.15))
        )
    tick = filtered(stream.noise(frames), band(3000.0, 11000.0, 63)) * decay(frames, 0.002)
    return ended(wave + tick * (0.2 + 0.4 * hardness))


def _agogo(stream: Stream, hardness: float, hz: float) -> Floats:
    return _bell(11000, stream, hardness, ((hz, 1.0, 0.05), (hz * 2.41, 0.6, 0.035), (hz * 3.9, 0.3, 0.02)))


def _cowbell(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 9000
    raw = np.sign(steady_sine(frames, 562.0)) + np.sign(steady_sine(frames, 845.0))
    level = decay(frames, 0.03) + (0.4 + 0.8 * hardness) * decay(frames, 0.005)
    return ended(filtered(raw * level * 0.4, band(500.0, 5000.0)))


def _triangle(stream: Stream, hardness: float, half_s: float) -> Floats:
    partials = (
        (1630.0, 0.3, half_s),
        (4110.0, 0.8, half_s),
        (5870.0, 0.7, half_s * 0.8),
        (8840.0, 0.5, half_s * 0.6),
    )
    return _bell(hit_frames(half_s), stream, hardness, partials)


def _shaker(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 4000
    level = decay(frames, 0.014 + 0.004 * hardness)
    rise = 900 - int(400 * hardness) + stream.below(120)
    level[:rise] *= smooth_step(rise)
    return ended(filtered(stream.noise(frames), band(5500.0, min(kit.top_hz, 13000.0))) * level)


def _cabasa(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 3600
    level = decay(frames, 0.012)
    level[:500] *= smooth_step(500)
    grains = 0.5 + 0.5 * np.sign(stream.noise(frames // 20 + 1))
    return ended(
        filtered(stream.noise(frames), band(4000.0, 12000.0)) * level * np.repeat(grains, 20)[:frames]
    )


def _tambourine(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 8000
    raw = filtered(stream.noise(frames) * 0.6 + metal(frames, 4.1) * 0.8, band(6500.0, kit.top_hz))
    return ended(raw * (decay(frames, 0.03) + (0.5 + 0.7 * hardness) * decay(frames, 0.006)))


def _guiro(stream: Stream, hardness: float, seconds: float) -> Floats:
    """A stick along the notches, faster towards the end."""
    frames = int(seconds * RATE)
    level = np.zeros(frames)
    place, gap = 0.0, 0.011
    while place < frames - 400:
        start = int(place)
        count = min(320, frames - start)
        level[start : start + count] += decay(count, 0.0016) * stream.uniform(0.7, 1.0)
        place += gap * RATE * stream.uniform(0.9, 1.1)
        gap *= 0.985
    wave = filtered(stream.noise(frames), band(1800.0, 7000.0)) * level
    wave += steady_sine(frames, 2300.0) * level * 0.2
    return ended(wave * (0.5 + 0.5 * smooth_step(frames)))


def _snap(kit: Kit, stream: Stream, hardness: float) -> Floats:
    frames = 3500
    noise = filtered(stream.noise(frames), band(1400.0, 5500.0))
    wave = noise * decay(frames, 0.009) + steady_sine(frames, 2150.0) * decay(frames, 0.005) * 0.35
    return ended(wave)


PERCUSSION: Mapping[int, Callable[[Kit, Stream, float], Floats]] = {
    BONGO_HIGH: lambda kit, stream, hardness: _conga(stream, hardness, 400.0 * kit.tune, 0.03, 1.2),
    BONGO_LOW: lambda kit, stream, hardness: _conga(stream, hardness, 290.0 * kit.tune, 0.035, 1.0),
    CONGA_MUTE: lambda kit, stream, hardness: _conga(stream, hardness, 250.0 * kit.tune, 0.014, 1.6),
    CONGA: lambda kit, stream, hardness: _conga(stream, hardness, 205.0 * kit.tune, 0.07, 0.6),
    TUMBA: lambda kit, stream, hardness: _conga(stream, hardness, 148.0 * kit.tune, 0.09, 0.4),
    TIMBALE_HIGH: lambda kit, stream, hardness: _shell(stream, hardness, 320.0 * kit.tune),
    TIMBALE_LOW: lambda kit, stream, hardness: _shell(stream, hardness, 225.0 * kit.tune),
    AGOGO_HIGH: lambda kit, stream, hardness: _agogo(stream, hardness, 950.0),
    AGOGO_LOW: lambda kit, stream, hardness: _agogo(stream, hardness, 640.0),
    CLAVES: lambda kit, stream, hardness: _wood(stream, hardness, 2480.0, 0.014),
    WOODBLOCK_HIGH: lambda kit, stream, hardness: _wood(stream, hardness, 1180.0, 0.011),
    WOODBLOCK_LOW: lambda kit, stream, hardness: _wood(stream, hardness, 780.0, 0.013),
    TRIANGLE_MUTE: lambda kit, stream, hardness: _triangle(stream, hardness, 0.03),
    TRIANGLE: lambda kit, stream, hardness: _triangle(stream, hardness, 0.3),
    GUIRO_SHORT: lambda kit, stream, hardness: _guiro(stream, hardness, 0.12),
    GUIRO_LONG: lambda kit, stream, hardness: _guiro(stream, hardness, 0.38),
    SHAKER: _shaker,
    CABASA: _cabasa,
    TAMBOURINE: _tambourine,
    COWBELL: _cowbell,
    SNAP: _snap,
}
