"""Measure what the log of a long history costs: ``python -m benchmarks.log [COMMITS]``.

Makes a history of COMMITS (10,000) with a side branch of three commits merged every twelve: five stems and a mix, each
commit with another take of one stem and another mix. Trees, commits and what is remembered of each sound are written by
the store's own functions; the sounds themselves are not there, since a log of what is known never reads one. Prints the
best seconds, by the clock and of the processor, of whole commands: a first page (``| head``) and everything, with git's
objects as commits leave them and again as ``git gc`` packs them.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beatflow.explaining import Explainer
from beatflow.history import write_commit
from beatflow.log.logbook import open_silhouettes
from beatflow.objects.git.value import FILE, Entry, Signature, Tree
from beatflow.objects.pointer import Pointer, encode_pointer
from beatflow.repository import Repository
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.sound.silhouette import COLUMNS, Silhouette
from beatflow.transaction import Transaction
from benchmarks.table import format_table, replace_part

ROUNDS = 7
STEMS = ("drums", "bass", "vocals", "keys", "guitar")
SAMPLE_RATE, FRAMES = 44_100, 180 * 44_100
PAGE_LINES = 40

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("log", "--graph"),
    ("log", "--graph", "--oneline"),
    ("log",),
    ("log", "--oneline"),
    ("log", "-n", "20"),
    ("show",),
)
"""What is run to its first page."""
WHOLE: tuple[tuple[str, ...], ...] = (("log", "--graph"), ("log", "--oneline"))
"""What is run to its end."""


class History:
    """A history that is made here, from a seed."""

    def __init__(self, root: Path) -> None:
        self._random = random.Random(1)
        self._time_s = 1_600_000_000
        self.repository = Repository.create(root, self._sign)
        self._explainer = Explainer(self.repository)
        self._silhouettes = open_silhouettes(self.repository)
        self._made = 0
        self._oids: dict[str, str] = {}

    def _sign(self) -> Signature:
        return Signature("Scale", "scale@example.org", self._time_s, 60)

    def build(self, commits: int) -> None:
        """Write the commits and have the branch ``main`` name the last."""
        tree: Tree = {"track.toml": Entry(FILE, self.repository.git.write_blob(b'tempo = 120\nkey = "Am"\n'))}
        for stem in STEMS:
            self._record(tree, f"stems/{stem}.wav")
        head, side = self._commit(tree, []), None
        while self._made < commits:
            step = self._made % 12
            if step == 4:
                side, side_tree = head, dict(tree)
            if step in (5, 7, 9) and side:
                side = self._change(side_tree, [side])
            elif step == 11 and side:
                self._merge(tree, side_tree)
                head, side = self._change(tree, [head, side]), None
            else:
                head = self._change(tree, [head])
        with Transaction(self.repository, "commit", "a long history") as transaction:
            transaction.set_ref("refs/heads/main", head)
            transaction.publish()

    def _merge(self, tree: Tree, side: Tree) -> None:
        """Take one stem of a side branch."""
        path = f"stems/{self._random.choice(STEMS)}.wav"
        if tree[path] != side[path]:
            before, after = (self._oids[one[path].oid] for one in (tree, side))
            self._explainer.remember(before, after, self._explain())
            tree[path] = side[path]

    def _change(self, tree: Tree, parents: list[str]) -> str:
        self._record(tree, f"stems/{self._random.choice(STEMS)}.wav")
        return self._commit(tree, parents)

    def _commit(self, tree: Tree, parents: list[str]) -> str:
        self._record(tree, "mix.wav")
        self._made += 1
        self._time_s += 600
        return write_commit(self.repository, tree, parents, f"take {self._made}: more of everything", {})

    def _record(self, tree: Tree, path: str) -> None:
        """Put another sound at a path, of which everything is known."""
        oid = hashlib.sha256(self._random.randbytes(16)).hexdigest()
        entry = Entry(FILE, self.repository.git.write_blob(encode_pointer(Pointer(oid, FRAMES * 4))))
        self._oids[entry.oid] = oid
        if path == "mix.wav":
            self.repository.analysis_cache.put(oid, {"loudness_lufs": self._random.uniform(-18, -9)})
            self._silhouettes.put(oid, self._draw())
        elif path in tree:
            self._explainer.remember(self._oids[tree[path].oid], oid, self._explain())
        tree[path] = entry

    def _draw(self) -> dict[str, Any]:
        peaks, levels = (self._random.randbytes(COLUMNS) for _ in range(2))
        return Silhouette(peaks, levels, FRAMES / SAMPLE_RATE).to_json()

    def _explain(self) -> Explanation:
        gain = Change("gain", {"gain_db": self._random.uniform(-6, 6)})
        start = self._random.randrange(80) * 2 * SAMPLE_RATE
        figures = {"action": "replaced", "start_frame": start, "frames": 4 * SAMPLE_RATE}
        pieces = (
            Piece(0, start, 0),
            Piece(start, 4 * SAMPLE_RATE, None),
            Piece(start + 4 * SAMPLE_RATE, FRAMES - start - 4 * SAMPLE_RATE, start + 4 * SAMPLE_RATE),
        )
        changes = (gain, Change("region", figures))
        return Explanation(changes, pieces, SAMPLE_RATE, FRAMES, FRAMES, -90.0, 12.5)


def take_times(root: Path, arguments: Sequence[str], lines: int | None) -> tuple[float, float]:
    """Return the best seconds by the clock and of the processor until so many lines, or all, are read."""
    command = [sys.executable, "-m", "beatflow", "-C", str(root), *arguments]
    best = (float("inf"), float("inf"))
    for _ in range(ROUNDS if lines else 1):
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for number, _ in enumerate(process.stdout, 1):
                if number == lines:
                    break
            wall_s = time.perf_counter() - start
            process.stdout.close()
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        best = (min(best[0], wall_s), min(best[1], usage.ru_utime + usage.ru_stime))
    return best


def main() -> None:
    """Build, measure and print."""
    arguments = sys.argv[1:]
    page = Path(arguments.pop(arguments.index("--update") + 1)) if "--update" in arguments else None
    numbers = [word for word in arguments if word.isdecimal()]
    commits = int(numbers[0]) if numbers else 10_000
    folder = Path(tempfile.mkdtemp(prefix="beatflow-log-"))
    try:
        root = folder / "track"
        History(root).build(commits)
        kinds = [(words, PAGE_LINES) for words in COMMANDS] + [(words, None) for words in WHOLE]
        loose = [take_times(root, words, lines) for words, lines in kinds]
        packed = loose
        if shutil.which("git"):
            subprocess.run(["git", f"--git-dir={root / '.beatflow'}", "gc", "-q"], check=True)
            packed = [take_times(root, words, lines) for words, lines in kinds]
        rows = [
            [f"bf {' '.join(words)}" + (" \\| head" if lines else ""), *(f"{s:.2f}" for s in (*one, *two))]
            for (words, lines), one, two in zip(kinds, loose, packed, strict=True)
        ]
        head = [f"{commits} commits", "loose, s", "CPU, s", "packed, s", "CPU, s"]
        table = format_table(head, rows)
        print(table)
        if page:
            replace_part(page, "log", table)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
