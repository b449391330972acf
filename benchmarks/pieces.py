"""Short pieces of music with known stems: General MIDI through fluidsynth, with a voice of our own over it.

Two palettes share no instrument and no speaker: one to fit masks to, one to measure on. Needs fluidsynth with
FluidR3_GM (MIT) and espeak-ng; knows nothing of separators.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile

from beatflow.sound.note import Note
from tests.ai.voices import Voice, sing

RATE = 44100
FRAMES = 18 * RATE
FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
STEMS = ("drums", "bass", "vocals", "other")

PROGRESSIONS = (
    [0, 5, 3, 4],
    [0, 3, 4, 4],
    [5, 3, 0, 4],
    [0, 4, 5, 3],
    [1, 4, 0, 0],
    [5, 4, 3, 4],
    [0, 2, 3, 4],
)
_PATTERNS = (
    ("x...x...x...x...", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ("x.....x.x.......", "....x.......x...", "xxxxxxxxxxxxxxxx"),
    ("x..x..x...x.....", "....x..x.x..x...", "x.x.x.x.x.x.x.x."),
    ("x.......x.x.....", "....x.......x..x", "..x...x...x...x."),
    ("x.x....x..xx....", "....x.......x...", "x.xxx.xxx.xxx.xx"),
)
_WORDS = (
    "la",
    "love",
    "you",
    "me",
    "night",
    "drive",
    "moon",
    "fly",
    "away",
    "home",
    "heart",
    "rain",
    "low",
    "high",
)


@dataclass(frozen=True)
class Palette:
    """General MIDI programs (from 0) per part; voices are ``sung``, ``spoken`` or programs."""

    bass: tuple[int, ...]
    keys: tuple[int, ...]
    pads: tuple[int, ...]
    leads: tuple[int, ...]
    kits: tuple[int, ...]
    voices: tuple[int | str, ...]
    speakers: tuple[str, ...]
    samples: Path | None = None  # a folder of one-shots (bd_*, sn_* …) for a third of the drum parts


FIT = Palette(
    bass=(32, 33, 34, 36, 38, 43, 87),
    keys=(0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 16, 18, 19, 22, 24, 25, 26, 29, 31, 45, 46, 98, 100, 104, 107),
    pads=(48, 50, 88, 90, 91, 94, 95, 61, 21, 58, 44, 99),
    leads=(56, 57, 64, 65, 67, 70, 72, 73, 75, 77, 78, 79, 80, 81, 40, 42, 69, 71, 22, 86, 109),
    kits=(0, 8, 16, 24, 40),
    voices=("sung", "spoken", 52, "sung", 54, "spoken", 85),
    speakers=("en+f1", "en+m2", "en+f3", "en+m4", "en+m5", "en+m7"),
    samples=Path("/usr/share/sonic-pi/samples"),
)  # fmt: skip
HELD_OUT = Palette(
    bass=(35, 37, 39),
    keys=(2, 7, 12, 17, 27, 28, 30),
    pads=(49, 51, 92, 93, 62),
    leads=(60, 66, 74, 82, 41, 68),
    kits=(25, 26),
    voices=("sung", "spoken", 53),
    speakers=("en+f2", "en+m3", "en+f4", "en+m1"),
)


@dataclass(frozen=True)
class Part:
    """One MIDI channel."""

    program: int
    notes: Sequence[Note]
    pan: int = 64
    drums: bool = False


def make_piece(palette: Palette, seed: int, share_without_voice: int = 6) -> dict[str, np.ndarray]:
    """Compose and render one piece; every ``share_without_voice``-th has silent vocals.

    Returns
    -------
    dict of ndarray of float32, shape (frames, 2)
        Stems whose sum peaks at 0.99.
    """
    rng = np.random.default_rng(seed)
    beat = 60.0 / rng.uniform(70, 150)
    bars = int(FRAMES / RATE / (4 * beat)) + 1
    steps = np.array([0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    scale = int(rng.integers(12)) + steps
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    chords = [[int(scale[(d + k) % 7]) for k in (0, 2, 4)] for d in (progression * bars)[:bars]]
    stems = {
        "drums": make_drums(rng, palette, beat, bars),
        "bass": render_parts([make_bass(rng, int(rng.choice(palette.bass)), beat, chords)]),
        "vocals": make_vocals(rng, palette, seed, make_tune(rng, scale, beat, bars)),
        "other": render_parts(make_accompaniment(rng, palette, scale, beat, chords)),
    }
    if seed % share_without_voice == share_without_voice - 1:
        stems["vocals"] = np.zeros((FRAMES, 2))
    for stem, db in {"drums": -18.0, "bass": -19.0, "vocals": -18.0, "other": -20.0}.items():
        rms = np.sqrt(np.mean(stems[stem] ** 2)) + 1e-9
        stems[stem] = stems[stem] / rms * 10.0 ** ((db + rng.normal(0.0, 2.5)) / 20.0)
    gain = 0.99 / np.max(np.abs(sum(stems.values())))
    return {stem: (samples * gain).astype(np.float32) for stem, samples in stems.items()}


def make_drums(rng: np.random.Generator, palette: Palette, beat: float, bars: int) -> np.ndarray:
    """A drum part, from one-shots or a General MIDI kit; shape (FRAMES, 2)."""
    if palette.samples and palette.samples.is_dir() and rng.random() < 0.35:
        return _sampled_drums(rng, palette.samples, beat)
    return render_parts([_midi_drums(rng, int(rng.choice(palette.kits)), beat, bars)])


def _sampled_drums(rng: np.random.Generator, folder: Path, beat: float) -> np.ndarray:
    """One-shots of Sonic Pi (CC0) on a pattern."""
    out = np.zeros((FRAMES, 2))
    rows = _PATTERNS[rng.integers(len(_PATTERNS))]
    hats = str(rng.choice(["drum_cymbal_closed", "elec_tick", "elec_cymbal"]))
    for row, stem, gain in zip(rows, ("bd_", "sn_", hats), (1.0, 0.8, 0.4), strict=True):
        files = sorted(folder.glob(f"{stem}*.flac"))
        shot, _ = soundfile.read(files[rng.integers(len(files))], frames=RATE, always_2d=True)
        shot = gain * shot / np.max(np.abs(shot))
        for step in range(int(FRAMES / RATE / beat * 4)):
            if row[step % 16] == "x" and rng.random() < 0.96:
                start = int(step * beat / 4 * RATE)
                stop = min(FRAMES, start + len(shot))
                out[start:stop] += rng.uniform(0.7, 1.0) * shot[: stop - start]
    return out


def _midi_drums(rng: np.random.Generator, kit: int, beat: float, bars: int) -> Part:
    notes = []
    rows = _PATTERNS[rng.integers(len(_PATTERNS))]
    swing = rng.uniform(0.0, 0.15)
    for bar in range(bars):
        for row, drum in zip(rows, (36, int(rng.choice([38, 40])), 42), strict=True):
            for step in (step for step, mark in enumerate(row) if mark == "x" and rng.random() < 0.96):
                start = (4 * bar + (step + swing * (step % 2)) / 4) * beat + abs(rng.normal(0.0, 0.004))
                hit = 46 if drum == 42 and rng.random() < 0.1 else drum
                loud = rng.normal(100 if drum != 42 else 75, 12)
                notes.append(Note(start, 0.1, hit, int(np.clip(loud, 20, 127))))
        if bar % 4 == 0 and rng.random() < 0.6:
            notes.append(Note(4 * bar * beat, 0.5, 49, 90))
        if bar % 4 == 3 and rng.random() < 0.5:
            fill = rng.choice([41, 45, 47, 50], 4)
            notes += [Note((4 * bar + 3 + k / 4) * beat, 0.1, int(tom), 100) for k, tom in enumerate(fill)]
    return Part(kit, notes, drums=True)


def make_bass(rng: np.random.Generator, program: int, beat: float, chords: list[list[int]]) -> Part:
    """A bass line below chords, one per bar."""
    walk = [(k, 0.9, int(step)) for k, step in enumerate(rng.choice([0, 3, 5, 7, 12], 4))]
    figures: list[list[tuple[float, float, int]]] = [
        [(0, 4, 0)],
        [(k / 2, 0.45, 0) for k in range(8)],
        [(0, 1.4, 0), (1.5, 0.4, 0), (2, 1, 7), (3, 0.9, 12)],
        walk,
    ]
    figure = figures[rng.integers(4)]
    notes = []
    for bar, chord in enumerate(chords):
        root = 28 + (chord[0] - 28) % 12
        for start, length, step in figure:
            notes.append(
                Note((4 * bar + start) * beat, length * beat, root + step, int(rng.integers(80, 115)))
            )
    return Part(program, notes)


def make_accompaniment(
    rng: np.random.Generator, palette: Palette, scale: np.ndarray, beat: float, chords: list[list[int]]
) -> list[Part]:
    """Chords, and now and then a pad and a lead, each at its place in the stereo field."""
    rhythms: list[list[tuple[float, float]]] = [
        [(0, 3.8)],
        [(k, 0.6) for k in range(4)],
        [(0, 0.4), (0.75, 0.4), (1.5, 0.9), (2.5, 0.4), (3.5, 0.4)],
    ]
    rhythm = rhythms[rng.integers(3)]
    keys, pad, lead = [], [], []
    for bar, chord in enumerate(chords):
        pitches = [48 + pitch % 12 for pitch in chord]
        for start, length in rhythm:
            loud = int(rng.integers(65, 100))
            keys += [Note((4 * bar + start) * beat, length * beat, pitch, loud) for pitch in pitches]
        pad += [Note(4 * bar * beat, 3.9 * beat, pitch + 12, 70) for pitch in pitches]
        if bar % 2:
            for step in (step for step in range(8) if rng.random() < 0.6):
                pitch = 60 + int(rng.choice(scale)) + int(rng.choice([0, 12]))
                lead.append(Note((4 * bar + step / 2) * beat, 0.45 * beat, pitch, 90))
    pans = [int(pan) for pan in rng.integers(20, 108, 3)]
    parts = [Part(int(rng.choice(palette.keys)), keys, pans[0])]
    if rng.random() < 0.6:
        parts.append(Part(int(rng.choice(palette.pads)), pad, pans[1]))
    if rng.random() < 0.5:
        parts.append(Part(int(rng.choice(palette.leads)), lead, pans[2]))
    return parts


def make_tune(rng: np.random.Generator, scale: np.ndarray, beat: float, bars: int) -> list[Note]:
    """A melody to be sung."""
    notes = []
    for bar in (bar for bar in range(bars) if bar % 4 != 3 or rng.random() < 0.4):
        at = 4.0 * bar + float(rng.choice([0.0, 0.5, 1.0]))
        while at < 4 * bar + 3.7 and at * beat < FRAMES / RATE - 1.0:
            length = float(rng.choice([0.5, 0.5, 1.0, 1.0, 2.0]))
            held = length * beat * rng.uniform(0.8, 1.0)
            notes.append(Note(at * beat, held, 57 + int(rng.choice(scale)), int(rng.integers(80, 120))))
            at += length
    return notes


def make_vocals(rng: np.random.Generator, palette: Palette, seed: int, notes: list[Note]) -> np.ndarray:
    """Somebody or a choir on a melody, or somebody who talks; shape (FRAMES, 2)."""
    kind = palette.voices[seed % len(palette.voices)]
    if isinstance(kind, int):
        return render_parts([Part(kind, notes)])
    mono = (
        _sing(rng, seed, notes)
        if kind == "sung"
        else speak(rng, palette.speakers[seed % len(palette.speakers)])
    )
    mono = np.pad(mono[:FRAMES], (0, max(0, FRAMES - mono.size)))
    out = np.stack([mono, mono], axis=1)
    if rng.random() < 0.7:  # a room
        time = np.arange(int(0.35 * RATE)) / RATE
        room = 0.02 * rng.standard_normal((time.size, 2)) * np.exp(-14.0 * time)[:, None]
        size = 1 << int(np.ceil(np.log2(FRAMES + time.size)))
        wet = np.fft.irfft(np.fft.rfft(out, size, axis=0) * np.fft.rfft(room, size, axis=0), size, axis=0)
        out = out + wet[:FRAMES]
    return out


def _sing(rng: np.random.Generator, seed: int, notes: list[Note]) -> np.ndarray:
    low = 12 * int(rng.random() < 0.5)
    voice = Voice(
        vowels="".join(rng.choice(list("aiuoem"), 6)),
        vibrato_cents=rng.uniform(10, 60),
        vibrato_hz=rng.uniform(4.5, 6.5),
        scoop_cents=rng.uniform(20, 150),
        breath=rng.uniform(0.01, 0.06),
        tilt_db=rng.uniform(-12, -6),
        tract=rng.uniform(0.9, 1.25),
        slur=0.5,
    )
    lower = [Note(note.start_s, note.duration_s, note.midi - low, note.velocity) for note in notes]
    mono = sing(lower, voice, RATE, seed=seed).samples[:, 0].astype(float)
    for note in (note for note in notes if rng.random() < 0.5):  # consonants
        start = int(max(0.0, note.start_s - 0.06) * RATE)
        hiss = rng.standard_normal(int(rng.uniform(0.03, 0.09) * RATE))
        hiss = np.diff(hiss, prepend=0.0) if rng.random() < 0.6 else hiss
        stop = min(mono.size, start + hiss.size)
        mono[start:stop] += 0.08 * (hiss * np.hanning(hiss.size))[: stop - start]
    return mono


def speak(rng: np.random.Generator, speaker: str) -> np.ndarray:
    """Words in a row, by espeak-ng; shape (frames,)."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/voice.wav"
        words = " ".join(rng.choice(_WORDS, 40))
        pitch = str(int(rng.integers(30, 80)))
        subprocess.run(["espeak-ng", "-v", speaker, "-s", "110", "-p", pitch, "-w", file, words], check=True)
        samples, rate = soundfile.read(file)
    time = np.arange(int(samples.size * RATE / rate)) * rate / RATE
    return np.pad(np.interp(time, np.arange(samples.size), samples), (RATE // 2, 0))


def render_parts(parts: Sequence[Part]) -> np.ndarray:
    """Play parts with fluidsynth; shape (FRAMES, 2)."""
    events: list[tuple[float, int, mido.Message]] = []
    for index, part in enumerate(parts):
        channel = 9 if part.drums else index
        events.append((0.0, 0, mido.Message("program_change", channel=channel, program=part.program)))
        events.append((0.0, 0, mido.Message("control_change", channel=channel, control=10, value=part.pan)))
        for note in part.notes:
            on = mido.Message("note_on", channel=channel, note=note.midi, velocity=note.velocity)
            events.append((note.start_s, 2, on))
            off = mido.Message("note_off", channel=channel, note=note.midi)
            events.append((note.start_s + note.duration_s, 1, off))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    last = 0
    for time, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(time * 960)
        track.append(message.copy(time=tick - last))
        last = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder, "part.mid"), Path(folder, "part.wav")
        file.save(midi)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.6", "-r", str(RATE), "-F", str(wave), FONT, str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wave, always_2d=True)
    return np.pad(samples[:FRAMES], ((0, max(0, FRAMES - len(samples))), (0, 0)))
