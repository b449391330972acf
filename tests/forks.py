"""Two lines of work that part and meet again: tracks for tests of merging, written with small sounds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beatflow.history import record_commit
from beatflow.merge.merge import Merge, Request, merge
from beatflow.naming import switch_to
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.transaction import Transaction
from tests.world import decode, wav_bytes

RATE = 8000
Files = Mapping[str, bytes | None]


def take(number: int = 0, seconds: float = 2.0, channels: int = 2) -> np.ndarray:
    """Make noise in 16-bit integers, loud enough to be told from any other."""
    shape = (round(seconds * RATE), channels)
    return np.random.default_rng(number).integers(-9000, 9000, shape).astype(np.int16)


def wav(samples: np.ndarray, sample_rate: int = RATE) -> bytes:
    return wav_bytes(samples, sample_rate)


def put(samples: np.ndarray, start_s: float, other: np.ndarray) -> np.ndarray:
    """Return samples with other ones from a second on."""
    result = samples.copy()
    at = round(start_s * RATE)
    result[at : at + len(other)] = other
    return result


def new(number: int, seconds: float = 0.25) -> np.ndarray:
    """What somebody plays into a stretch."""
    return take(number, seconds)


def scale(samples: np.ndarray, gain_db: float) -> np.ndarray:
    return np.rint(samples * 10 ** (gain_db / 20)).astype(np.int16)


class Fork:
    """A track on disk; the clock moves by a minute with each commit."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_700_000_000
        self.repository = Repository.create(folder, self._sign)
        self.root = folder

    def _sign(self) -> Signature:
        self.now += 60
        return Signature("Ada", "ada@example.com", self.now)

    def write(self, files: Files) -> None:
        """Put files into the folder; None removes one."""
        for path, data in files.items():
            target = self.root / path
            if data is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def commit(self, files: Files, message: str = "take") -> str:
        self.write(files)
        with Transaction(self.repository, "commit", message) as transaction:
            oid = record_commit(transaction, message)
            transaction.publish()
        return oid

    def go(self, branch: str, new: bool = False) -> None:
        switch_to(self.repository, branch, start="HEAD" if new else None)

    def part(self, base: Files, ours: Files, theirs: Files) -> None:
        """Commit a base on main, ``theirs`` on a branch of that name, ``ours`` on main, and stay there."""
        self.commit(base, "base")
        self.go("theirs", new=True)
        if theirs:
            self.commit(theirs, "theirs")
        self.go("main")
        if ours:
            self.commit(ours, "ours")

    def merge(self, revision: str = "theirs", **how: object) -> Merge:
        return merge(self.repository, Request(revision, **how), lambda _: None)  # type: ignore[arg-type]

    def read(self) -> dict[str, bytes]:
        """Return every file of the folder."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".beatflow" not in path.parts
        }

    def samples(self, path: str) -> np.ndarray:
        return decode((self.root / path).read_bytes())
