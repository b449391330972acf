"""What the embedded separator's masks are fitted to: layers of pieces, mixed in many ways.

A piece is rendered once in five layers; mixtures draw from them: songs, instrumentals whose solo stands in the middle
of the stage, single instruments, stems of different pieces, drum loops with an orchestra. What is measured on
(`benchmarks.heldout`) shares no instrument, speaker, singer, loop or orchestral piece with it. Needs what
`benchmarks.pieces` needs, and takes sonic-pi's loops and the music of Wesnoth where they are installed.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.pieces import (
    FIT,
    FRAMES,
    PROGRESSIONS,
    RATE,
    STEMS,
    Part,
    make_accompaniment,
    make_bass,
    make_drums,
    make_tune,
    render_parts,
    speak,
)
from benchmarks.singing import draw_singer, sing_words

LAYERS = ("drums", "bass", "vocals", "chords", "lead")
_STEM_OF = {"drums": "drums", "bass": "bass", "vocals": "vocals", "chords": "other", "lead": "other"}
LOOPS = Path("/usr/share/sonic-pi/samples")
ORCHESTRA = Path("/usr/share/games/wesnoth/1.16/data/core/music")
FIT_LOOPS = (
    "loop_mehackit1",
    "loop_mehackit2",
    "loop_perc1",
    "loop_safari",
    "loop_3d_printer",
    "loop_electric",
)
FIT_ORCHESTRA = ("battle", "casualties_of_war", "elf-land", "frantic", "into_the_shadows", "knolls", "loyalists",
                 "northerners", "sad", "suspense", "the_deep_path", "vengeful")  # fmt: skip
_MORE_LEADS = (0, 4, 11, 24, 26, 52)

Layers = NDArray[np.float32]
Stems = dict[str, NDArray[np.float32]]


def render_layers(seed: int) -> Layers:
    """Compose and render one piece; shape (layers, FRAMES, 2), each layer at an RMS of 0.1 where it sounds."""
    rng = np.random.default_rng(20_000 + seed)
    if seed % 9 == 8 and LOOPS.is_dir() and ORCHESTRA.is_dir():
        layers = [_loop(rng), *[np.zeros((FRAMES, 2))] * 2, _orchestra(rng), np.zeros((FRAMES, 2))]
    else:
        layers = _compose(rng, seed)
    return np.stack([_level(layer) for layer in layers]).astype(np.float32)


def _compose(rng: np.random.Generator, seed: int) -> list[np.ndarray]:
    beat = 60.0 / rng.uniform(65, 165)
    bars = int(FRAMES / RATE / (4 * beat)) + 1
    steps = np.array([0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    scale = int(rng.integers(12)) + steps
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    chords = [[int(scale[(d + k) % 7]) for k in (0, 2, 4)] for d in (progression * bars)[:bars]]
    tune = make_tune(rng, scale, beat, bars)
    lead = int(rng.choice([*FIT.leads, *_MORE_LEADS]))
    return [
        make_drums(rng, FIT, beat, bars),
        render_parts([make_bass(rng, int(rng.choice(FIT.bass)), beat, chords)]),
        _vocals(rng, seed, tune),
        render_parts(make_accompaniment(rng, FIT, scale, beat, chords)),
        render_parts([Part(lead, [note for note in tune if rng.random() < 0.95])]),
    ]


def _vocals(rng: np.random.Generator, seed: int, tune: list) -> np.ndarray:
    """Mostly singers, some with others beside them; some speakers; a choir now and then."""
    if seed % 12 == 11:
        return render_parts([Part(int(rng.choice([52, 54, 85])), tune)])
    if seed % 6 == 4:
        mono = speak(rng, str(rng.choice(FIT.speakers)))[:FRAMES]
        mono = np.pad(mono, (0, FRAMES - mono.size))
        return _add_room(rng, np.stack([mono, mono], axis=1))
    singer = draw_singer(rng)
    mono = sing_words(tune, singer, FRAMES, RATE, rng)
    out = np.stack([mono, mono], axis=1)
    if rng.random() < 0.3:  # doubles, left and right
        for side in (0, 1):
            out[:, side] += 0.5 * sing_words(tune, singer, FRAMES, RATE, rng)
    return _add_room(rng, out)


def _add_room(rng: np.random.Generator, dry: np.ndarray) -> np.ndarray:
    if rng.random() < 0.3:
        return dry
    length = rng.uniform(0.2, 1.2)
    time = np.arange(int(length * RATE)) / RATE
    room = (
        rng.uniform(0.005, 0.03) * rng.standard_normal((time.size, 2)) * np.exp(-6.0 / length * time)[:, None]
    )
    size = 1 << int(np.ceil(np.log2(FRAMES + time.size)))
    wet = np.fft.irfft(np.fft.rfft(dry, size, axis=0) * np.fft.rfft(room, size, axis=0), size, axis=0)
    return dry + wet[:FRAMES]


def _loop(rng: np.random.Generator) -> np.ndarray:
    shot, rate = soundfile.read(LOOPS / f"{rng.choice(FIT_LOOPS)}.flac", always_2d=True)
    return repeat(shot, rate)


def _orchestra(rng: np.random.Generator) -> np.ndarray:
    return read_music(ORCHESTRA / f"{rng.choice(FIT_ORCHESTRA)}.ogg", float(rng.uniform(10, 50)))


def repeat(samples: np.ndarray, rate: int) -> np.ndarray:
    """A loop over and over; shape (FRAMES, 2)."""
    at = np.arange(int(len(samples) * RATE / rate)) * rate / RATE
    samples = np.stack([np.interp(at, np.arange(len(samples)), channel) for channel in samples.T], axis=1)
    samples = np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples
    return np.tile(samples, (FRAMES // len(samples) + 1, 1))[:FRAMES]


def read_music(path: Path, start_s: float) -> np.ndarray:
    """A stretch of a piece of music, by ffmpeg; shape (FRAMES, 2)."""
    command = ["ffmpeg", "-v", "error", "-ss", str(start_s), "-t", str(FRAMES / RATE + 1), "-i", str(path)]
    command += ["-f", "f32le", "-ac", "2", "-ar", str(RATE), "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    samples = np.frombuffer(raw, np.float32).reshape(-1, 2)[:FRAMES]
    return np.pad(samples, ((0, FRAMES - len(samples)), (0, 0))).astype(float)


def _level(samples: np.ndarray) -> np.ndarray:
    rms = float(np.sqrt(np.mean(samples**2)))
    return samples * (0.1 / rms) if rms > 1e-6 else np.zeros_like(samples)


def draw_mixture(rng: np.random.Generator, pool: Sequence[Layers]) -> Stems:
    """Mix layers into a song, an instrumental, a single instrument …; stems whose sum peaks at 0.99."""
    layers = pool[rng.integers(len(pool))]
    kind = rng.choice(["song", "solo", "both", "few", "crossed"], p=[0.4, 0.25, 0.1, 0.1, 0.15])
    take: Mapping[str, float] = dict.fromkeys(LAYERS, 0.0)
    if kind == "song":
        take = {"drums": 0.9, "bass": 0.9, "vocals": 0.97, "chords": 0.95, "lead": 0.1}
    elif kind == "solo":
        take = {"drums": 0.7, "bass": 0.75, "vocals": 0.0, "chords": 0.7, "lead": 1.0}
    elif kind == "both" or kind == "crossed":
        take = {"drums": 0.9, "bass": 0.9, "vocals": 0.8, "chords": 0.9, "lead": 0.5}
    else:
        take = dict(take) | {str(one): 1.0 for one in rng.choice(LAYERS, rng.integers(1, 3), replace=False)}
    stems: Stems = {stem: np.zeros((FRAMES, 2), np.float32) for stem in STEMS}
    for index, layer in enumerate(LAYERS):
        source = pool[rng.integers(len(pool))] if kind == "crossed" else layers
        if rng.random() >= take[layer]:
            continue
        samples = source[index]
        if (layer == "lead" and rng.random() < 0.75) or (layer == "vocals" and rng.random() < 0.1):
            samples = np.repeat(samples.mean(axis=1, keepdims=True), 2, axis=1)
        elif layer in ("lead", "vocals") and rng.random() < 0.3:
            samples = samples * rng.uniform(0.3, 1.0, 2).astype(np.float32)
        if rng.random() < 0.5:
            samples = samples[:, ::-1]
        loud = 2.0 if layer == "lead" and kind == "solo" else 0.0
        stems[_STEM_OF[layer]] += samples * np.float32(10 ** ((loud + rng.normal(0.0, 3.5)) / 20))
    if rng.random() < 0.25:
        stems = {stem: samples.mean(axis=1, keepdims=True) for stem, samples in stems.items()}
    peak = float(np.max(np.abs(sum(stems.values()))))
    return {stem: samples * np.float32(0.99 / max(peak, 1e-9)) for stem, samples in stems.items()}
