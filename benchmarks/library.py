"""How long a library takes: to read tracks for the first time, again, and to answer. ``python -m benchmarks.library``.

CPU seconds of this process, so that what else runs on the machine has little say. Sounds are pointers only: a library
reads none.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from beatflow.library.database import Database, open_database
from beatflow.library.journal import note_event
from beatflow.library.queries import Filter, list_most_used, list_recent, list_runs, search
from beatflow.library.registry import list_tracks, remember_track
from beatflow.library.statistics import measure
from beatflow.library.updating import Sources, update_library
from beatflow.objects.git.value import FILE, Entry, Signature
from beatflow.objects.pointer import Pointer, encode_pointer
from beatflow.repository import Repository

WORDS = (
    "lofi", "rainy", "night", "dusty", "break", "house", "neon", "drive", "slow", "brass", "tape", "cello", "sun",
    "club", "amen",
)  # fmt: skip


def sign() -> Signature:
    """Who made it all."""
    return Signature("Ada", "ada@example.com", 1_700_000_000)


def make_track(root: Path, number: int, count: int) -> None:
    """Write a history of so many sounds, each with its record, and play every tenth."""
    root.mkdir(parents=True)
    repository = Repository.create(root, sign)
    git, parent = repository.git, None
    for take in range(count):
        oid = hashlib.sha256(f"{number} {take}".encode()).hexdigest()
        prompt = " ".join(WORDS[(take * step + number) % len(WORDS)] for step in (1, 3, 7))
        record = {
            "kind": "generate", "engine": "synth", "prompt": prompt, "seed": take, "tempo": 90.0, "key": "A:min",
            "seconds": 2.0 + take % 7, "real_time_factor": 9.0, "device": "cpu", "dtype": "float32", "inputs": [],
            "asked": {"bars": 8}, "parameters": {"chords": [float(beat) for beat in range(60)]},
        }  # fmt: skip
        tree = {
            "mix.wav": Entry(FILE, git.write_blob(encode_pointer(Pointer(oid, 3_000_000 + take)))),
            f".provenance/{oid}.json": Entry(FILE, git.write_blob(json.dumps(record).encode())),
        }
        who = Signature("Ada", "ada@example.com", 1_700_000_000 + take * 60 + number)
        parent = git.write_commit(git.write_tree(tree), [parent] if parent else [], f"take {take}", who, who)
        if take % 10 == 0:
            note_event(repository.state, "play", "2026-01-01T00:00:00+00:00", oid=oid, path="mix.wav")
    git.write_ref("refs/heads/main", parent, sign())


def timed(what: str, work: Callable[[], Any], repeats: int = 5) -> None:
    """Print the CPU time of some work, the least of several times."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    print(f"{what:44}{min(times) * 1000:10.1f} ms")


def main() -> None:
    """Make tracks, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=10_000)
    parser.add_argument("--tracks", type=int, default=20)
    parser.add_argument("--database", help="postgresql://…; else a file")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        state = Path(folder, "state")
        for number in range(given.tracks):
            make_track(Path(folder, f"track {number}"), number, given.sounds // given.tracks)
            remember_track(state, Path(folder, f"track {number}"))
        sources = Sources("benchmark", list_tracks(state), state, sign)
        database = open_database(given.database, state)
        run(database, sources, state)
        database.close()


def run(database: Database, sources: Sources, state: Path) -> None:
    """Measure each step."""
    root = sources.tracks[0]
    timed("read everything for the first time", lambda: update_library(database, sources), 1)
    timed("nothing changed", lambda: update_library(database, sources))

    def play() -> None:
        oid = hashlib.sha256(b"0 0").hexdigest()
        note_event(root / ".beatflow" / "state", "play", "2026-01-02T00:00:00+00:00", oid=oid, path="mix.wav")
        update_library(database, sources)

    timed("one sound was played", play)
    timed("recent", lambda: list_recent(database, Filter()))
    timed("search for two words", lambda: search(database, "rain cell", Filter()))
    timed("most-played", lambda: list_most_used(database, "plays", Filter()))
    timed("history", lambda: list_runs(database, Filter()))
    timed("stats", lambda: measure(database, Filter(), None))
    timed("make a known track known", lambda: remember_track(state, root))


if __name__ == "__main__":
    main()
