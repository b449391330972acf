"""What a mix costs in the store that is a pure render of its stems: ``python -m benchmarks.mixes --music *.flac``.

    python -m benchmarks.mixes --music ~/Music/*.flac --seconds 30

Each piece stands for a stem. They are committed under a `track.toml` with faders, then the mix beside them; what the
second commit adds to the audio store is set against what the mix takes alone. Times are of the processor: the
second commit, and reading the mix back.
"""

import argparse
import hashlib
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from beatflow.history import record_commit
from beatflow.mixing.rendering import open_mix
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio
from beatflow.sound.writing import AudioWriter, write_audio
from beatflow.track import Stem, Track, edit_track
from beatflow.transaction import Transaction

FLAT = [Stem("")] * 5
FADERS = [
    Stem("", -1.5, 0.3),
    Stem("", 0.7, -0.45),
    Stem("", -6.2),
    Stem("", -2.25, 1.0),
    Stem("", -9.0, -0.1),
]
OFFSETS = (441, 0, -333, 22050, 7)


class Case(NamedTuple):
    """Stems, their faders, and what they and the mix are stored as."""

    stems: list[Audio]
    faders: list[Stem]
    stem_subtype: str = "PCM_16"
    mix_subtype: str = "PCM_16"


def list_cases(files: list[str], seconds: int) -> dict[str, Case]:
    """Return what is measured, by name."""
    five = cut_stems(files, 5, seconds, 0.3)
    mono = [Audio(one.samples.mean(axis=1, keepdims=True), one.sample_rate) for one in five[:4]]
    loud = [Audio(one.samples * 3, one.sample_rate) for one in five]
    gains = [replace(one, pan=0.0) for one in FADERS]
    moved = [replace(one, offset=offset) for one, offset in zip(FADERS, OFFSETS, strict=True)]
    return {
        "plain sum, 16 bit": Case(five, FLAT),
        "gains": Case(five, gains),
        "gains and pans": Case(five, FADERS),
        "and offsets": Case(five, moved),
        "mono stems, panned": Case([*mono, five[4]], FADERS),
        "clipped": Case(loud, FADERS),
        "24 stems": Case(cut_stems(files, 24, seconds, 0.15), [FADERS[number % 5] for number in range(24)]),
        "24 bit": Case(five, FADERS, "PCM_24", "PCM_24"),
        "16-bit stems, 24-bit mix": Case(five, FADERS, "PCM_16", "PCM_24"),
        "16-bit stems, float mix": Case(five, FADERS, "PCM_16", "FLOAT"),
        "float stems, float mix": Case(five, FADERS, "FLOAT", "FLOAT"),
        "float stems, 16-bit mix": Case(five, FADERS, "FLOAT", "PCM_16"),
    }


def cut_stems(files: list[str], count: int, seconds: int, level: float) -> list[Audio]:
    """Cut as many stems out of the music as are wanted; those of one piece begin 3 s apart."""
    stems = []
    for number in range(count):
        audio = read_audio(files[number % len(files)])
        start = (number // len(files)) * 3 * audio.sample_rate
        part = audio.samples[start : start + seconds * audio.sample_rate] * np.float32(level)
        stems.append(Audio(np.ascontiguousarray(part), audio.sample_rate))
    return stems


def measure(case: Case) -> str:
    """Return one row of the table."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        root, alone = Path(one), Path(other)
        repository = make_track(root, case)
        before = count_stored(root)
        clipped = render(root, case)
        data = (root / "mix.wav").read_bytes()
        working = commit(repository, "mix")
        added = count_stored(root) - before
        (alone / "mix.wav").write_bytes(data)
        commit(Repository.create(alone, repository.signer), "mix")
        plain = count_stored(alone)
        reading = read_back(repository, data)
    share = f"{100 * added / plain:.2f} %"
    return f"{len(data):>10} {plain:>10} {added:>9} {share:>8} {working:6.2f} s {reading:6.2f} s {clipped:>8}"


def make_track(root: Path, case: Case) -> Repository:
    """Commit the stems of a case with their score."""
    repository = Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))
    (root / "stems").mkdir()
    for audio, stem in zip(case.stems, place(case).values(), strict=True):
        write_audio(root / stem.file, audio, case.stem_subtype)
    changes = {
        ("stems", name, key): getattr(stem, key)
        for name, stem in place(case).items()
        for key in ("file", "gain_db", "pan", "offset")
        if getattr(stem, key)
    }
    (root / "track.toml").write_bytes(edit_track(None, changes))
    commit(repository, "stems")
    return repository


def place(case: Case) -> dict[str, Stem]:
    """Return the faders of a case with their files."""
    return {
        f"part{number}": replace(one, file=f"stems/part{number}.wav")
        for number, one in enumerate(case.faders)
    }


def render(root: Path, case: Case) -> int:
    """Write the mix; return how many samples clipped."""
    with ExitStack() as stack:
        mix = open_mix(
            Track(stems=place(case)), lambda path: (root / path).open("rb"), case.mix_subtype, stack
        )
        out = AudioWriter(root / "mix.wav", mix.sample_rate, mix.channels, case.mix_subtype)
        stack.enter_context(out)
        for block in mix:
            out.write(block)
        return mix.clipped


def commit(repository: Repository, message: str) -> float:
    """Record everything; return how long the processor took."""
    started = time.process_time()
    with Transaction(repository, "commit", message) as transaction:
        record_commit(transaction, message)
        transaction.publish()
    return time.process_time() - started


def read_back(repository: Repository, data: bytes) -> float:
    """Read the mix from the store and compare it; return how long the processor took."""
    started = time.process_time()
    with repository.audio.open(hashlib.sha256(data).hexdigest()) as file:
        assert file.read() == data
    return time.process_time() - started


def count_stored(root: Path) -> int:
    """Return the bytes of a track's audio store."""
    return sum(file.stat().st_size for file in (root / ".beatflow/audio/packs").iterdir())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--music", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    print(f"{'':26}{'mix':>10} {'alone':>10} {'added':>9} {'':8} {'commit':>8} {'read':>8} {'clipped':>8}")
    for name, case in list_cases(options.music, options.seconds).items():
        print(f"{name:26}{measure(case)}", flush=True)


if __name__ == "__main__":
    main()
