"""Prove that stems sum to their mix: ``python -m benchmarks.exact_sum [ENGINE ...]``.

Writes mixes of every depth, rate and number of channels (music, clipped, silent, a full-scale square wave, steps of one
unit, a single frame, floats beyond full scale), has them split into files as ``bf split`` does, and holds the files
to their sum with `beatflow.contract.summing`. Engines: ``dsp``; ``demucs``, a tiny one with random weights in the real
format; ``half``, whose estimates lack half of the mix. Prints, per engine and depth, how many of how many sums
hold, and the most that was changed in any stem of the music to make them so.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from beatflow.ai.demucs.engine import DemucsEngine
from beatflow.ai.dsp import DspSeparator
from beatflow.ai.engine import (
    DEFAULT_SEPARATION,
    EngineInfo,
    Progress,
    Separation,
    Separator,
    Setup,
    no_progress,
)
from beatflow.ai.table import Choice
from beatflow.contract.summing import verify_sum
from beatflow.delivery import Handover, Place
from beatflow.making.separation import split_file
from beatflow.sound.audio import Audio
from beatflow.sound.exact import get_bits, quantize
from beatflow.sound.writing import write_audio
from tests.ai.demucs.checkpoints import build_demucs

SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE")
RATES = (44_100, 48_000, 96_000)
CHANNELS = (1, 2, 6)
SECONDS = 0.35


class Half:
    """Lacks half of the mix, and tells more of one stem than of the other."""

    info = EngineInfo("half", "1", frozenset({"separate"}), "CC0-1.0")
    stems = ("drums", "rest")
    segment_s, overlap_s = 0.3, 0.1

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        """Four tenths and one tenth of the mix."""
        gains = {"drums": 0.4, "rest": 0.1}
        return {
            stem: Audio(segment.samples * np.float32(gain), segment.sample_rate)
            for stem, gain in gains.items()
        }


@dataclass
class Row:
    """What the cases of one engine and depth came to."""

    cases: int = 0
    held: int = 0
    failures: list[str] = field(default_factory=list)
    largest: float = 0.0
    relative_db: float = -np.inf
    difference: float = 0.0


def make_sounds(sample_rate: int, channels: int, subtype: str) -> Iterator[tuple[str, Audio]]:
    """Mixes on the grid of a depth, by name."""
    rng = np.random.default_rng(sample_rate + channels)
    time = np.arange(round(SECONDS * sample_rate)) / sample_rate
    tone = sum(0.12 * np.sin(2 * np.pi * hz * time) for hz in (55.0, 220.0, 277.2, 3296.0))
    click = np.exp(-60.0 * (time % 0.25)) * rng.standard_normal(time.size) * 0.3
    music = np.outer(tone, np.linspace(0.5, 1.0, channels)) + click[:, None]
    square = np.sign(np.sin(2 * np.pi * 441.0 * time))[:, None] * np.ones(channels)
    bits = get_bits(subtype) or 24
    sounds = {
        "music": music,
        "clipped": np.clip(6.0 * music, -1.0, 1.0),
        "silent": 0.0 * music,
        "square": square,
        "tiny": rng.integers(-1, 2, music.shape) * 2.0 ** (1 - bits),
        "one frame": music[100:101],
    }
    if get_bits(subtype) is None:
        sounds["beyond full scale"] = 5.0 * music
    for name, samples in sounds.items():
        yield name, quantize(Audio(samples.astype(np.float32), sample_rate), subtype)


def measure(engine: Separator, subtype: str, folder: Path) -> Row:
    """Split every case, and prove its sum."""
    row = Row()
    for sample_rate in RATES:
        for channels in CHANNELS:
            for name, mix in make_sounds(sample_rate, channels, subtype):
                path = folder / "mix.wav"
                write_audio(path, mix, subtype)
                handover = Handover(folder, place=Place(folder / "stems"), force=True)
                split = split_file(path, "mix.wav", Choice(engine, "to be tried"), handover)
                proof = verify_sum(path, [stem.path for stem in split.stems])
                row.cases += 1
                row.held += proof.held
                if not proof.held:
                    row.failures.append(f"{name}, {sample_rate} Hz, {channels} channels")
                row.difference = max(row.difference, proof.largest_difference or 0.0)
                # What a stem has beyond the range goes to the others: of a full-scale square wave that is much.
                for correction in split.corrections if name == "music" else ():
                    row.largest = max(row.largest, correction.largest)
                    if correction.relative_db is not None:
                        row.relative_db = max(row.relative_db, correction.relative_db)
    return row


def main() -> None:
    """Print the table."""
    chosen = sys.argv[1:] or ["dsp", "demucs", "half"]
    print(f"{'engine':8}{'depth':10}{'held':>10}{'difference':>14}{'most changed':>14}{'of the stem':>13}")
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        weights = build_demucs(Path(scratch, "htdemucs")).parent
        makers = {
            "dsp": DspSeparator,
            "demucs": lambda: DemucsEngine(Setup("htdemucs", "cpu", models=weights, offline=True)),
            "half": Half,
        }
        for name in chosen:
            engine = makers[name]()
            for subtype in SUBTYPES:
                row = measure(engine, subtype, Path(scratch))
                failed |= bool(row.failures)
                print(
                    f"{name:8}{subtype:10}{row.held:5}/{row.cases:<4}{_tell_level(row.difference):>14}"
                    f"{_tell_level(row.largest):>14}{row.relative_db:10.1f} dB",
                    flush=True,
                )
                for failure in row.failures:
                    print(f"  does not hold: {failure}")
    sys.exit(failed)


def _tell_level(value: float) -> str:
    return "0" if not value else f"{20 * np.log10(value):.1f} dBFS"


if __name__ == "__main__":
    main()
