"""Beats made with the mouth, with known hits: thumps of the lips, bursts of air, hisses; and real drums, and espeak-ng.

Two sets of performers: one to tune by, one to measure on, whose kicks come from the throat, whose snares are sucked in
and whose hats lisp.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from beatflow.ai.listening.beatbox import CLOSED_HAT, KICK, OPEN_HAT, SNARE
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note
from benchmarks.hummer import Float, clipped, in_room
from benchmarks.syllables import speak

RATE = 32000
SAMPLES = Path("/usr/share/sonic-pi/samples")
_PATTERNS = (
    "k.h.s.h.k.k.s.h.", "k.hhs.h.k.hks.o.", "k...s...k.k.s...", "h.h.h.h.h.hhh.o.", "k.h.k.h.s.h.k.s.",
    "k..k..s.k..k..s.", "khshkhshkkshk.o.", "s.k.s.k.s.khs.h.",
)  # fmt: skip
_DRUMS = {"k": KICK, "s": SNARE, "h": CLOSED_HAT, "o": OPEN_HAT}
_KITS = {
    "drums, one": ("bd_haus", "sn_dolf", "drum_cymbal_closed", "drum_cymbal_open"),
    "drums, another": ("bd_808", "sn_zome", "elec_tick", "drum_cymbal_pedal"),
    "drums, a third": ("drum_bass_hard", "drum_snare_hard", "drum_cymbal_closed", "drum_cymbal_open"),
}


@dataclass(frozen=True)
class Beatbox:
    """A recording of hits, and the truth about it."""

    kind: str
    audio: Audio
    notes: tuple[Note, ...]
    tempo: float


def _noise(rng: np.random.Generator, size: int, low: float, high: float) -> Float:
    sos = butter(2, (low, min(high, 0.48 * RATE)), "bandpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(sos, rng.standard_normal(size)))


def _hit(drum: int, odd: bool, manner: np.random.Generator, rng: np.random.Generator) -> Float:
    """One hit; ``manner`` draws what the performer always does, ``rng`` what differs from hit to hit."""
    m = manner.uniform(size=8)
    time = np.arange(int(0.5 * RATE)) / RATE
    wobble = rng.uniform(0.9, 1.1)
    if drum == KICK:
        low, drop = (70 + 50 * m[0]) * wobble, 1.0 + 1.5 * m[1] if not odd else 0.3 * m[1]
        hz = low * (1.0 + drop * np.exp(-time / 0.02))
        thump = np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.exp(-time / (0.03 + 0.04 * m[2]))
        if odd:
            thump += 0.4 * np.sin(4 * np.pi * np.cumsum(hz) / RATE) * np.exp(-time / 0.03)
        puff = _noise(rng, time.size, 60, 500 + 700 * m[3]) * np.exp(-time / 0.008)
        return thump + (0.3 + 0.6 * m[4]) * puff / np.abs(puff).max()
    if drum == SNARE:
        low, high = (
            ((700 + 700 * m[0]), (4000 + 3000 * m[1])) if not odd else (1200 + 500 * m[0], 3500 + 3500 * m[1])
        )
        burst = _noise(rng, time.size, low * wobble, high) * np.exp(-time / (0.03 + 0.04 * m[2]))
        body = np.sin(2 * np.pi * (170 + 80 * m[3]) * time) * np.exp(-time / 0.02)
        return burst / np.abs(burst).max() + (0.25 * m[4] if not odd else 0.1 * m[4]) * body
    fall = 0.012 + 0.015 * m[2] if drum == CLOSED_HAT else 0.11 + 0.08 * m[2]
    low = 4800 + 2500 * m[0] if not odd else 3600 + 1500 * m[0]
    hiss = _noise(rng, time.size, low * wobble, 15000) * np.clip(time / (0.002 + 0.004 * m[3]), 0, 1)
    hiss = hiss * np.exp(-time / (fall * wobble))
    return (0.35 + 0.4 * m[4]) * hiss / np.abs(hiss).max()


def _score(rng: np.random.Generator) -> tuple[tuple[Note, ...], float]:
    tempo = float(rng.uniform(78, 132))
    rows = [_PATTERNS[int(place)] for place in rng.integers(len(_PATTERNS), size=3)]
    step = 60.0 / tempo / 4.0
    notes = [
        Note(0.25 + (16 * bar + place) * step + float(rng.normal(0, 0.006)), step, _DRUMS[letter],
             int(rng.integers(64, 112)))
        for bar, row in enumerate(rows) for place, letter in enumerate(row) if letter in _DRUMS
    ]  # fmt: skip
    return tuple(notes), tempo


def make_beat(seed: int, odd: bool, snr_db: float = 35.0) -> Beatbox:
    """Three bars by one performer; ``odd`` ones do it another way."""
    rng = np.random.default_rng(seed)
    notes, tempo = _score(rng)
    out = np.zeros(int((notes[-1].start_s + 0.8) * RATE))
    for note in notes:
        # The same manner for the same drum, hit after hit.
        hit = _hit(note.midi, odd, np.random.default_rng([seed, note.midi]), rng) * (note.velocity / 112.0)
        first = int(note.start_s * RATE)
        out[first : first + hit.size] += hit[: out.size - first]
    noise = rng.standard_normal(out.size)
    out += noise * np.sqrt(np.mean(out**2)) * 10.0 ** (-snr_db / 20.0)
    kind = "odd performers" if odd else "performers"
    return Beatbox(
        kind, Audio((0.5 * out / np.abs(out).max()).astype(np.float32)[:, None], RATE), notes, tempo
    )


def _sampled(seed: int, kind: str) -> Beatbox:
    rng = np.random.default_rng(seed)
    notes, tempo = _score(rng)
    out = np.zeros(int((notes[-1].start_s + 2.0) * 44100))
    for note in notes:
        name = _KITS[kind][list(_DRUMS.values()).index(note.midi)]
        hit, rate = soundfile.read(SAMPLES / f"{name}.flac", always_2d=True)
        hit = hit.mean(axis=1)
        first = int(note.start_s * rate)
        size = min(hit.size, out.size - first)
        out[first : first + size] += hit[:size] / np.abs(hit).max() * note.velocity / 112.0
    return Beatbox(
        kind, Audio((0.5 * out / np.abs(out).max()).astype(np.float32)[:, None], 44100), notes, tempo
    )


def say_boots_and_cats(bars: int = 4, voice: str = "en-gb", tempo: float = 100.0) -> Beatbox:
    """The classic: boots (kick), and (hat), cats (snare), and (hat), each word on its beat."""
    beat = 60.0 / tempo / 2.0
    words = (("boots", KICK), ("ts", CLOSED_HAT), ("cats", SNARE), ("ts", CLOSED_HAT))
    sounds = {"boots": "[[b'u]]", "ts": "[[ts]]", "cats": "[[k'a]]"}
    rate, notes, parts = 22050, [], []
    for place in range(4 * bars):
        word, drum = words[place % 4]
        sound, rate = speak(sounds[word], voice, 300)
        loud = np.flatnonzero(np.abs(sound) > 0.08 * np.abs(sound).max())
        parts.append(sound[loud[0] : loud[0] + int(0.9 * beat * rate)] / np.abs(sound).max())
        notes.append(Note(0.2 + place * beat, beat, drum, 100))
    out = np.zeros(int((0.2 + 4 * bars * beat + 0.5) * rate))
    for note, part in zip(notes, parts, strict=True):
        first = int(note.start_s * rate)
        out[first : first + part.size] += part
    return Beatbox(
        "boots and cats", Audio((0.5 * out).astype(np.float32)[:, None], rate), tuple(notes), tempo
    )


def make_beats(held_out: bool, each: int = 8) -> Iterator[Beatbox]:
    """Make the beats to measure on, or those to tune by."""
    for turn in range(each):
        yield make_beat(100 + turn + 50 * held_out, False)
    if not held_out:
        yield from (_sampled(turn, "drums, another") for turn in range(each // 2))
        return
    for turn in range(each):
        yield make_beat(300 + turn, True, 28.0)
    for turn in range(each // 2):
        plain = make_beat(200 + turn, False)
        sound = plain.audio.samples[:, 0].astype(float)
        rough = clipped(in_room(sound, turn, 0.4, 0.25), 6.0)
        yield Beatbox(
            "in a room, too hot", Audio(rough.astype(np.float32)[:, None], RATE), plain.notes, plain.tempo
        )
        narrow = resample_poly(sound, 16000, RATE)
        yield Beatbox("16 kHz", Audio(narrow.astype(np.float32)[:, None], 16000), plain.notes, plain.tempo)
    for kind in ("drums, one", "drums, a third"):
        yield from (_sampled(turn, kind) for turn in range(each // 2))
    yield from (
        say_boots_and_cats(4, voice, tempo) for voice, tempo in (("en-gb", 100.0), ("en-us+f2", 84.0))
    )
