"""Measure what a long history costs: ``python -m benchmarks.scale [COMMITS] [CHUNKS]``.

Makes a track of five stems, twice: with 20 commits and with COMMITS (2,000), each of which replaces one stem. Stems are
random and cut very small, so that CHUNKS (1,000,000) fit on a disk; everything else is the real thing, with a pack, an
operation and git objects per commit. Prints the median seconds of whole commands on both tracks, and their ratio.
"""

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from beatflow.history import record_commit
from beatflow.objects import chunking
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.transaction import Transaction

FEW = 20
ROUNDS = 9
# On average; FastCDC with 64, 256 and 1024 bytes makes them so.
CHUNK_BYTES = 290
STEMS = ("drums", "bass", "vocals", "keys", "guitar")

LOOK_UP = """
import sys
from pathlib import Path
from beatflow.objects.store import AudioStore
store = AudioStore(Path(sys.argv[1]) / ".beatflow/audio")
sys.exit(not (sys.argv[2] in store and "ab" * 32 not in store and store.find_prefix(sys.argv[2][:9])))
"""


class Track:
    """A track whose history is made here; ``random`` makes its stems."""

    def __init__(self, root: Path, chunks: int) -> None:
        self.root = root
        self._stem_bytes = chunks * CHUNK_BYTES
        self._random = random.Random(1)
        self._made = 0

    def change(self) -> None:
        """Replace one stem."""
        path = self.root / "stems" / f"{STEMS[self._made % len(STEMS)]}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"fLaC" + self._random.randbytes(self._stem_bytes))
        self._made += 1

    def build(self, commits: int) -> None:
        """Make the history, in this process."""
        time_s = 1_700_000_000

        def sign() -> Signature:
            return Signature("Scale", "scale@example.org", time_s, 0)

        for _ in STEMS[1:]:
            self.change()
        repository = Repository.create(self.root, sign)
        for number in range(commits):
            self.change()
            time_s += 60
            with Transaction(repository, "commit", "commit") as transaction:
                record_commit(transaction, f"take {number}")
                transaction.publish()

    def oid(self) -> str:
        """Return one of HEAD's sounds."""
        files = json.loads(run(self.root, "ls", "--json"))["files"]
        return next(str(file["oid"]) for file in files if file["path"].startswith("stems/"))


def run(root: Path, *arguments: str) -> str:
    """Run one whole command."""
    command = [sys.executable, "-m", "beatflow", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def cut_small() -> None:
    """Have this process, but no other, cut sounds into tiny chunks."""
    chunking.MIN_CHUNK, chunking.AVERAGE_CHUNK, chunking.MAX_CHUNK = 64, 256, 1024


def measured(track: Track) -> dict[str, Callable[[], object]]:
    """Return what is timed; each is one process."""
    root = track.root
    oid = track.oid()

    def look_up() -> None:
        subprocess.run([sys.executable, "-c", LOOK_UP, str(root), oid], check=True)

    def commit_nothing() -> None:
        command = [sys.executable, "-m", "beatflow", "-C", str(root), "commit", "-m", "nothing"]
        assert subprocess.run(command, capture_output=True).returncode == 1

    return {
        "look up": look_up,
        "status": lambda: run(root, "status"),
        "log -n 20": lambda: run(root, "log", "-n", "20", "--oneline"),
        "check HEAD": lambda: run(root, "check", "HEAD"),
        "commit, no change": commit_nothing,
        "commit, one stem": lambda: run(root, "commit", "-m", "one stem"),
    }


def take_times(tracks: list[Track]) -> dict[str, list[float]]:
    """Return the median seconds of each command on each track, rounds interleaved."""
    works = [measured(track) for track in tracks]
    medians = {}
    for name in works[0]:
        times: list[list[float]] = [[] for _ in tracks]
        for number in range(ROUNDS + 1):
            for track, work, taken in zip(tracks, works, times, strict=True):
                if name == "commit, one stem":
                    track.change()
                start = time.perf_counter()
                work[name]()
                # The first round is for the disk's cache.
                if number:
                    taken.append(time.perf_counter() - start)
        medians[name] = [statistics.median(taken) for taken in times]
    return medians


def main() -> None:
    """Build, measure and print."""
    commits, chunks = (int(text) for text in (sys.argv[1:] + ["2000", "1000000"][len(sys.argv) - 1 :])[:2])
    folder = Path(tempfile.mkdtemp(prefix="beatflow-scale-"))
    try:
        cut_small()
        tracks = [Track(folder / str(count), chunks // commits) for count in (FEW, commits)]
        for track, count in zip(tracks, (FEW, commits), strict=True):
            start = time.perf_counter()
            track.build(count)
            print(f"{count} commits made in {time.perf_counter() - start:.0f} s")
        print(f"{'':20}{FEW:>10}{commits:>10}   ratio")
        for name, (few, many) in take_times(tracks).items():
            print(f"{name:20}{few:9.3f}s{many:9.3f}s{many / few:8.2f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
