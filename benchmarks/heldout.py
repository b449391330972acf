"""What separators are measured on: music with known stems of which nothing was fitted to.

Four sets. ``songs`` and ``solos`` play General MIDI instruments, drum kits and speakers that `benchmarks.pieces.FIT`
does not have; in ``solos`` nobody sings, and a solo instrument stands in the middle of the stage. ``loops`` are drum
loops of sonic-pi with orchestral recordings of Wesnoth, where both are installed. ``beats`` are BeatFlow's own. Knows
no separator.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.pieces import (
    FRAMES,
    HELD_OUT,
    PROGRESSIONS,
    RATE,
    STEMS,
    Part,
    make_accompaniment,
    make_bass,
    make_drums,
    make_piece,
    make_tune,
    render_parts,
)

Stems = dict[str, np.ndarray]
COUNT = 12
LOOPS = Path("/usr/share/sonic-pi/samples")
ORCHESTRA = Path("/usr/share/games/wesnoth/1.16/data/core/music")
_LOOPS = ("loop_amen", "loop_breakbeat", "loop_compus", "loop_industrial", "loop_mika", "loop_tabla")
_ORCHESTRA = (
    "breaking_the_chains",
    "defeat",
    "heroes_rite",
    "journeys_end",
    "love_theme",
    "main_menu",
    "nunc_dimittis",
    "revelation",
    "the_king_is_dead",
    "traveling_minstrels",
    "underground",
    "wanderer",
)
_PROMPTS = (
    "lofi",
    "boom bap",
    "trap",
    "house",
    "techno",
    "drum and bass",
    "synthwave",
    "cinematic",
    "rock",
    "funk",
    "jazz",
    "bossa nova",
)


def make_songs() -> Iterator[Stems]:
    """Songs; every sixth without a voice."""
    for index in range(COUNT):
        yield make_piece(HELD_OUT, 10_000 + index)


def make_solos() -> Iterator[Stems]:
    """Instrumentals: a mono solo in the middle, louder than what accompanies it; a third of them alone with chords."""
    for index in range(COUNT):
        rng = np.random.default_rng(11_000 + index)
        beat = 60.0 / rng.uniform(70, 150)
        bars = int(FRAMES / RATE / (4 * beat)) + 1
        scale = int(rng.integers(12)) + np.array([0, 2, 4, 5, 7, 9, 11])
        progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
        chords = [[int(scale[(d + k) % 7]) for k in (0, 2, 4)] for d in (progression * bars)[:bars]]
        program = (HELD_OUT.leads + HELD_OUT.keys)[index % 13]
        solo = render_parts([Part(program, make_tune(rng, scale, beat, bars))])
        solo = np.repeat(solo.mean(axis=1, keepdims=True), 2, axis=1)
        accompaniment = render_parts(make_accompaniment(rng, HELD_OUT, scale, beat, chords))
        silence = np.zeros((FRAMES, 2))
        alone = index % 3 == 2
        bass = [make_bass(rng, int(rng.choice(HELD_OUT.bass)), beat, chords)]
        yield _mix(
            {
                "drums": silence if alone else make_drums(rng, HELD_OUT, beat, bars),
                "bass": silence if alone else render_parts(bass),
                "vocals": silence,
                "other": _level(solo, -17.0) + _level(accompaniment, -21.0),
            }
        )


def make_loops() -> Iterator[Stems]:
    """Drum loops with an orchestra, whose basses count as other."""
    silence = np.zeros((FRAMES, 2))
    for index in range(COUNT):
        samples, rate = soundfile.read(LOOPS / f"{_LOOPS[index % len(_LOOPS)]}.flac", always_2d=True)
        music = read_music(ORCHESTRA / f"{_ORCHESTRA[index]}.ogg", 15.0 + 2 * index)
        yield _mix(
            {
                "drums": _level(repeat(samples, rate), -18.0),
                "bass": silence,
                "vocals": silence,
                "other": _level(music, -18.0),
            }
        )


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


def make_beats() -> Iterator[Stems]:
    """What `synth` makes of a dozen prompts; chords, melody and texture are other."""
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine

    for index, prompt in enumerate(_PROMPTS):
        made = SynthEngine().generate(Brief(prompt, seed=index, duration_s=FRAMES / RATE))
        stems = {stem: np.zeros((made.mix.frames, 2), np.float32) for stem in STEMS}
        for name, audio in made.stems.items():
            stems[name if name in STEMS else "other"] += audio.samples
        yield {stem: samples[:FRAMES] for stem, samples in stems.items()}


SETS: dict[str, Callable[[], Iterator[Stems]]] = {
    "songs": make_songs,
    "solos": make_solos,
    "loops": make_loops,
    "beats": make_beats,
}


def _level(samples: np.ndarray, db: float) -> np.ndarray:
    return samples * (10 ** (db / 20) / (np.sqrt(np.mean(samples**2)) + 1e-9))


def _mix(stems: Stems) -> Stems:
    levels = {"drums": -18.0, "bass": -19.0}
    stems = {
        stem: _level(samples, levels[stem]) if stem in levels and samples.any() else samples
        for stem, samples in stems.items()
    }
    gain = 0.99 / np.max(np.abs(sum(stems.values())))
    return {stem: (samples * gain).astype(np.float32) for stem, samples in stems.items()}
