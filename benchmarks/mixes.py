"""What a mix costs in the store that is a pure render of its stems: bytes beyond the stems, over its plain FLAC.

Run: ``python benchmarks/mixes.py FILE...`` with a few pieces of music in any format that soundfile reads. Each
stands for a stem; `track.toml` gets faders; the stems are committed, then the mix beside them.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

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

SECONDS = 30
FADERS = [
    Stem("", -1.5, 0.3),
    Stem("", 0.7, -0.45),
    Stem("", -6.2, 0.0),
    Stem("", -2.25, 1.0),
    Stem("", -9.0, -0.1),
]


def make_stems(files: list[str], count: int, subtype: str, level: float, mono: bool = False) -> list[Audio]:
    """Cut as many stems out of the music as are wanted."""
    stems = []
    for number in range(count):
        audio = read_audio(files[number % len(files)])
        start = (number // len(files)) * 3 * audio.sample_rate
        part = audio.samples[start : start + SECONDS * audio.sample_rate] * np.float32(level)
        if mono:
            part = part.mean(axis=1, keepdims=True)
        stems.append(Audio(np.ascontiguousarray(part), audio.sample_rate))
    return stems


def measure(stems: list[Audio], faders: list[Stem], stem_subtype: str, mix_subtype: str) -> str:
    """Commit stems, then their mix; tell what the second commit added to the store."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        repository = Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))
        table = {}
        for number, (audio, fader) in enumerate(zip(stems, faders, strict=True)):
            path = f"stems/part{number}.wav"
            (root / "stems").mkdir(exist_ok=True)
            write_audio(root / path, audio, stem_subtype)
            table[f"part{number}"] = replace(fader, file=path)
        changes = {
            ("stems", name, key): value
            for name, stem in table.items()
            for key, value in (
                ("file", stem.file),
                ("gain_db", stem.gain_db),
                ("pan", stem.pan),
                ("offset", stem.offset),
            )
            if value
        }
        (root / "track.toml").write_bytes(edit_track(None, changes))
        commit(repository, "stems")
        before = count(root)
        from contextlib import ExitStack

        with ExitStack() as stack:
            mix = open_mix(Track(stems=table), lambda path: (root / path).open("rb"), mix_subtype, stack)
            with AudioWriter(root / "mix.wav", mix.sample_rate, mix.channels, mix_subtype) as writer:
                for block in mix:
                    writer.write(block)
            clipped = mix.clipped
        size = (root / "mix.wav").stat().st_size
        started = time.process_time()
        commit(repository, "mix")
        cpu = time.process_time() - started
        added = count(root) - before
        alone = Path(folder) / "alone"
        alone.mkdir()
        other = Repository.create(Path(tempfile.mkdtemp(dir="/tmp")), repository.signer)
        (other.root / "mix.wav").write_bytes((root / "mix.wav").read_bytes())
        commit(other, "mix")
        plain = count(other.root)
        import shutil

        shutil.rmtree(other.root)
        started = time.process_time()
        from hashlib import sha256

        found = sha256()
        oid = sha256((root / "mix.wav").read_bytes()).hexdigest()
        with repository.audio.open(oid) as file:
            while data := file.read(1 << 20):
                found.update(data)
        assert found.hexdigest() == oid
        reading = time.process_time() - started
        return (
            f"{size:>10} {plain:>10} {added:>9} {100 * added / plain:7.2f} % "
            f"{cpu:6.2f} s {reading:6.2f} s {clipped:>8}"
        )


def commit(repository: Repository, message: str) -> None:
    with Transaction(repository, "commit", message) as transaction:
        record_commit(transaction, message)
        transaction.publish()


def count(root: Path) -> int:
    return sum(file.stat().st_size for file in (root / ".beatflow/audio/packs").iterdir())


def main(files: list[str]) -> None:
    flat = [Stem("")] * 5
    five = make_stems(files, 5, "PCM_16", 0.3)
    many = make_stems(files, 24, "PCM_16", 0.15)
    cases = {
        "plain sum, 16 bit": (five, flat, "PCM_16", "PCM_16"),
        "gains, 16 bit": (five, [replace(one, pan=0.0) for one in FADERS], "PCM_16", "PCM_16"),
        "gains and pans, 16 bit": (five, FADERS, "PCM_16", "PCM_16"),
        "offsets as well": (
            five, [replace(one, offset=(441, 0, -333, 22050, 7)[n]) for n, one in enumerate(FADERS)],
            "PCM_16", "PCM_16",
        ),
        "mono stems, panned": (
            [*make_stems(files, 4, "PCM_16", 0.3, True), five[4]], FADERS, "PCM_16", "PCM_16",
        ),
        "clipped": ([Audio(one.samples * 3, one.sample_rate) for one in five], FADERS, "PCM_16", "PCM_16"),
        "24 stems": (many, [FADERS[n % 5] for n in range(24)], "PCM_16", "PCM_16"),
        "24 bit": (five, FADERS, "PCM_24", "PCM_24"),
        "16-bit stems, 24-bit mix": (five, FADERS, "PCM_16", "PCM_24"),
        "16-bit stems, float mix": (five, FADERS, "PCM_16", "FLOAT"),
        "float stems, float mix": (five, FADERS, "FLOAT", "FLOAT"),
        "float stems, 16-bit mix": (five, FADERS, "FLOAT", "PCM_16"),
    }  # fmt: skip
    print(f"{'':28}{'mix':>10} {'alone':>10} {'added':>9} {'':9} {'commit':>8} {'read':>8} {'clipped':>8}")
    for name, case in cases.items():
        print(f"{name:28}{measure(*case)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
