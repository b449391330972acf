"""Events to sound: notes and hits onto a bus, each a little different from the last one like it."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from beatflow.ai.synth.drums_midi import HATS, OPEN_HAT, REVERSE
from beatflow.ai.synth.exactmath import RATE, Floats
from beatflow.ai.synth.grid import Event
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.sounds.bus import Bus
from beatflow.ai.synth.sounds.drumkit import LEVELS, PLACES, drum_hit
from beatflow.ai.synth.sounds.instruments import finish_of, instrument_of
from beatflow.ai.synth.sounds.touch import Touch
from beatflow.ai.synth.sounds.voices import shaped
from beatflow.ai.synth.threads import Check
from beatflow.sound.audio import Samples

_LAYERS = 4
_TAKES = 4
_CHOKE = 600


def loudness_of(velocity: int) -> float:
    """Amplitude of a MIDI velocity: its power of one and a half."""
    part = velocity / 127.0
    return part * float(np.sqrt(part))


def tinted(wave: Samples, tint: float) -> Samples:
    """Tilt a hit's brightness in place: ``x[n] + tint (x[n] - x[n-1])``, about 6 ``tint`` dB at 10 kHz."""
    difference = wave[1:] - wave[:-1]
    difference *= np.float32(tint)
    wave[1:] += difference
    return wave


def render_drums(bus: Bus, events: Sequence[Event], kit: str, check: Check) -> None:
    """Hits onto the bus: a few takes of each drum, in two strengths; an open hat is choked by the next one."""
    hits: dict[tuple[int, int, bool], Floats] = {}
    stream = Stream("sticks", kit)
    closed = sorted(bus.grid.frame(event.tick) + event.shift for event in events if event.midi in HATS)
    for count, event in enumerate(events):
        take = (event.midi, stream.below(_TAKES), event.velocity > 84)
        if take not in hits:
            check()
            hits[take] = drum_hit(kit, *take)
        wave = hits[take].astype(np.float32)
        frame = bus.grid.frame(event.tick) + event.shift
        held = bus.grid.frame(event.tick + event.length) - bus.grid.frame(event.tick)
        if event.midi == OPEN_HAT:
            after = bisect_right(closed, frame)
            held = max(64, min([held, *(place - frame for place in closed[after : after + 1])]))
            wave = shaped(wave, held, _CHOKE) if held < wave.size else wave
        elif event.midi == REVERSE:  # it ends where its event ends
            frame += held - wave.size
        level = loudness_of(event.velocity) * LEVELS[event.midi]
        place = PLACES.get(event.midi, 0.0)
        # Strength within the layer, and chance, tell neighbours apart.
        inside = (event.velocity - (106 if event.velocity > 84 else 42)) / 84.0
        hit = tinted(wave, 0.5 * inside + 0.12 * stream.bell())
        bus.add(hit, frame, level * (1.0 - place), level * (1.0 + place))
        if count % 64 == 0:
            check()


def render_notes(bus: Bus, events: Sequence[Event], sound: str, check: Check) -> None:
    """Notes of one instrument onto the bus; a held tone is made once per touch and cut to each note."""
    instrument = instrument_of(sound)
    doubled = finish_of(sound).doubled
    release = int(instrument.release_s * RATE)
    spans: list[tuple[Touch, int, int, int]] = []
    longest: dict[Touch, int] = {}
    for event in events:
        start = bus.grid.frame(event.tick)
        held = max(bus.grid.frame(event.tick + event.length) - start, 64)
        layer = event.velocity * _LAYERS // 128
        wobble = bus.grid.frame(event.wobble) if event.wobble else 0
        touch = Touch(event.midi, (layer + 0.5) / _LAYERS, event.glide, 0, wobble)
        longest[touch] = max(longest.get(touch, 0), held + release)
        spans.append((touch, start + event.shift, held, event.velocity))
    tones: dict[tuple[Touch, int], Samples] = {}
    stream = Stream("fingers", sound)
    for count, (touch, start, held, velocity) in enumerate(spans):
        inside = (velocity * _LAYERS % 128) / 128.0 - 0.5
        tint = 0.25 * inside + 0.1 * stream.bell()
        level = loudness_of(velocity)
        for take in (0, 1) if doubled else (0,):
            if (touch, take) not in tones:
                check()
                own = Touch(touch.midi, touch.hardness, touch.glide, take, touch.wobble)
                tones[touch, take] = instrument.tone(own, longest[touch]).astype(np.float32)
            side = 0.0 if not doubled else 0.8 * (2 * take - 1)
            wave = tinted(shaped(tones[touch, take], held, release), tint)
            bus.add(wave, start, level * (1.0 - side), level * (1.0 + side))
        if count % 32 == 0:
            check()
