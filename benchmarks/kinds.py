"""What each kind of edit costs to keep: ``python -m benchmarks.kinds``.

A track of four stems and their mix is committed; then, each time from there, one file is edited in one way and
committed again. The table says how many bytes `bf` adds, and how many the new chunks take in FLAC alone.
"""

import argparse
import io
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

from beatflow.objects.codec import encode
from beatflow.objects.ids import sha256
from beatflow.objects.split import Piece, pieces
from benchmarks.filters import high_shelf, low_cut, peak
from benchmarks.history import dithered, mix_down
from benchmarks.material import RATE, Material, load
from benchmarks.pcm import Pcm, decibels, to_integers, wav_bytes
from benchmarks.process import Cost, folder_bytes, run
from benchmarks.table import format_table, replace_part
from benchmarks.tools import find
from benchmarks.workload import add_options

HEAD = ("edit", "file, KB", "FLAC, KB", "bf, KB", "bf : FLAC", "commit, CPU s")
_FADERS_DB = (0.0, -1.5, -3.0, -2.0)
_MOVED_DB = (-1.0, -1.5, -1.8, -2.0)


class Case(NamedTuple):
    """One edit: the file that it writes."""

    name: str
    path: str
    data: bytes


class Outcome(NamedTuple):
    """What one edit cost: bytes of the file, of its new chunks in FLAC and in the store, and processor seconds."""

    name: str
    file_bytes: int
    plain_bytes: int
    stored_bytes: int
    cpu_s: float


def first_files(material: Material) -> dict[str, bytes]:
    """Return the track as it is before the edit."""
    faders = _faders(material, _FADERS_DB)
    files = {f"stems/{name}.wav": wav_bytes(stem, RATE) for name, stem in material.stems.items()}
    files["stems/fine.wav"] = wav_bytes(_fine(material), RATE, 24)
    files["mix.wav"] = wav_bytes(to_integers(mix_down(material.stems, faders)), RATE)
    return files


def cases(material: Material) -> list[Case]:
    """Return the edits."""
    return [*_stem_cases(material), *_fine_cases(material), *_mix_cases(material)]


def _stem_cases(material: Material) -> list[Case]:
    """Edits of one 16-bit stem."""
    name = list(material.stems)[-1]
    stem, take = material.stems[name], material.takes[name]
    frames = len(stem)
    position = np.arange(frames)[:, None]
    louder = stem * decibels(-3.0)
    late = np.concatenate([np.zeros((1234, 2), np.int32), stem])
    steps = decibels(1.0) ** (position // (frames // 5 + 1) - 2)
    middle, side = stem.sum(axis=1) / 2, (stem[:, 0] - stem[:, 1]) / 2
    equalised = peak(high_shelf(stem, 6000.0, 3.0, RATE), 400.0, -4.0, 1.4, RATE)
    made = {
        "1234 frames later": late,
        "-3 dB": to_integers(louder),
        "-3 dB, later": to_integers(late * decibels(-3.0)),
        "-3 dB with dither": dithered(louder, 1),
        "gain in five steps": to_integers(stem * steps),
        "faded in and out": to_integers(
            stem * np.minimum(1.0, np.minimum(position, frames - position) / RATE)
        ),
        "slow swell over it all": to_integers(stem * (0.5 + 0.5 * position / frames)),
        "polarity inverted": to_integers(-stem),
        "channels swapped": stem[:, ::-1],
        "panned to the right": to_integers(stem * [0.6, 1.0]),
        "width 60 %": to_integers(np.stack([middle + 0.6 * side, middle - 0.6 * side], axis=1)),
        "EQ: high shelf": to_integers(high_shelf(stem, 6000.0, 3.0, RATE)),
        "EQ: low cut 80 Hz": to_integers(low_cut(stem, 80.0, RATE)),
        "EQ: shelf and bell": to_integers(equalised),
        "soft clipping": to_integers(np.tanh(stem / 12000) * 12000),
        "resampled to 48 kHz and back": _resampled(stem),
        "dither of its own": dithered(stem.astype(float), 2),
        "new take": take,
    }
    path = f"stems/{name}.wav"
    found = [Case(edit, path, wav_bytes(samples, RATE)) for edit, samples in made.items()]
    found.append(Case("16 to 24 bits", path, wav_bytes(stem << 8, RATE, 24)))
    found.append(Case("-3 dB at 24 bits", path, wav_bytes(to_integers(louder * 256, 24), RATE, 24)))
    found.append(Case("16 bits to float", path, wav_bytes((stem / 32768).astype(np.float32), RATE)))
    return found


def _fine_cases(material: Material) -> list[Case]:
    """Edits of a 24-bit stem."""
    fine = _fine(material)
    path = "stems/fine.wav"
    return [
        Case("24 to 16 bits, rounded", path, wav_bytes(to_integers(fine / 256), RATE)),
        Case("24 to 16 bits, dithered", path, wav_bytes(dithered(fine / 256, 3), RATE)),
        Case("24 bits, -3 dB", path, wav_bytes(to_integers(fine * decibels(-3.0), 24), RATE, 24)),
    ]


def _mix_cases(material: Material) -> list[Case]:
    """New mixes of the same stems."""
    moved = mix_down(material.stems, _faders(material, _MOVED_DB))
    added = np.sum(list(material.stems.values()), axis=0)
    floating = (moved / 32768).astype(np.float32)
    made = {
        "mix: plain sum": to_integers(added),
        "mix: faders moved": to_integers(moved),
        "mix: faders moved, dither": dithered(moved, 4),
        "mix: +6 dB into a clipper": to_integers(moved * decibels(6.0)),
        "mix: bus compressor": to_integers(_compressed(moved)),
        "mix: float bounce": floating,
    }
    found = [Case(edit, "mix.wav", wav_bytes(samples, RATE)) for edit, samples in made.items()]
    found.append(Case("mix: 24-bit bounce", "mix.wav", wav_bytes(to_integers(moved * 256, 24), RATE, 24)))
    return found


def _fine(material: Material) -> Pcm:
    """A stem with something in all of its 24 bits."""
    stem = next(iter(material.takes.values()))
    return to_integers(high_shelf(stem * 256.0, 3000.0, -2.0, RATE), 24)


def _faders(material: Material, levels_db: Sequence[float]) -> dict[str, float]:
    return dict(zip(material.stems, levels_db, strict=True))


def _resampled(stem: Pcm) -> Pcm:
    there = soxr.resample(stem.astype(float), RATE, 48000)
    back = soxr.resample(there, 48000, RATE)
    return to_integers(np.pad(back, ((0, max(0, len(stem) - len(back))), (0, 0)))[: len(stem)])


def _compressed(mix: np.ndarray) -> np.ndarray:
    """Turn loud places down, 2:1 above -12 dB full scale, by a level that follows within 50 ms."""
    block = RATE // 20
    count = -(-len(mix) // block)
    level = np.pad(np.abs(mix).max(axis=1), (0, count * block - len(mix))).reshape(count, block).max(axis=1)
    gain = np.minimum(1.0, np.sqrt(32768 * decibels(-12.0) / np.maximum(level, 1.0)))
    return mix * np.interp(np.arange(len(mix)), np.arange(count) * block, gain)[:, None]


def plain_bytes(data: bytes, known: set[bytes]) -> int:
    """Return what a file's chunks take that are not `known`, coded one by one without a look at others."""
    found = {sha256(piece.data): piece for piece in cut(data)}
    return sum(
        len(encode(piece.data, piece.layout).payload) for id, piece in found.items() if id not in known
    )


def cut(data: bytes) -> list[Piece]:
    """Return the pieces that the store makes of a file."""
    return list(pieces(io.BytesIO(data).read))


class Track:
    """A repository, used through the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Nothing of the user's settings, but the user's programs.
        self._environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ} | {
            "HOME": str(folder.parent),
            "BF_AUTHOR_NAME": "Ada",
            "BF_AUTHOR_EMAIL": "ada@example.com",
        }

    def bf(self, *words: str) -> Cost:
        """Run a command and return what it cost."""
        return run([find("bf") or "bf", *words], self.folder, self._environment)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files into the folder."""
        for path, data in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(data)

    def stored_bytes(self) -> int:
        """Bytes of the packs."""
        return folder_bytes(self.folder / ".beatflow" / "audio" / "packs")


def measure(material: Material, scratch: Path) -> list[Outcome]:
    """Commit each edit on a copy of the first version, and read it back.

    Raises
    ------
    RuntimeError
        What comes back is not what was committed.
    """
    first = Track(scratch / "first")
    first.folder.mkdir()
    files = first_files(material)
    first.write(files)
    first.bf("init")
    first.bf("commit", "-m", "before")
    known = {sha256(piece.data) for data in files.values() for piece in cut(data)}
    outcomes = []
    for case in cases(material):
        track = Track(scratch / "track")
        shutil.copytree(first.folder, track.folder)
        before = track.stored_bytes()
        track.write({case.path: case.data})
        cost = track.bf("commit", "-m", case.name)
        stored = track.stored_bytes() - before
        track.bf("restore", "--to", str(scratch / "back"), case.path)
        back = (scratch / "back" / case.path).read_bytes()
        if back != case.data:
            raise RuntimeError(f"{case.name}: {case.path} did not come back as it was")
        shutil.rmtree(track.folder)
        shutil.rmtree(scratch / "back")
        plain = plain_bytes(case.data, known)
        outcomes.append(Outcome(case.name, len(case.data), plain, stored, cost.cpu_s))
    return outcomes


def format_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return the table."""
    rows = [
        (
            item.name,
            f"{item.file_bytes / 1e3:.0f}",
            f"{item.plain_bytes / 1e3:.1f}",
            f"{item.stored_bytes / 1e3:.1f}",
            f"{item.stored_bytes / item.plain_bytes:.2f}" if item.plain_bytes else "",
            f"{item.cpu_s:.2f}",
        )
        for item in outcomes
    ]
    return format_table(HEAD, rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure what each kind of edit adds to the store.")
    add_options(parser)
    parser.set_defaults(seconds=30.0)
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    material = load(options.source, options.seconds, options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = measure(material, Path(scratch))
    source = options.source if options.source == "synth" else Path(options.source).name
    text = f"Sound: {source}, {options.seconds:g} s, seed {options.seed}.\n\n" + format_outcomes(outcomes)
    print(text)
    if options.update:
        replace_part(options.update, "kinds", text)


if __name__ == "__main__":
    main()
