"""Put a production history through `bf` and its peers: ``python -m benchmarks.store``.

Runs every program's own commands, process start included, on the same files; writes only what changed; verifies what
is restored. See docs/benchmarks.md. Loads no numpy (see `benchmarks.workload`).
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.process import Cost, folder_bytes, run
from benchmarks.table import format_table, replace_part
from benchmarks.tools import TOOLS, Tool, find
from benchmarks.workload import Version, Workload, add_options

SCHEMA = "beatflow.benchmark/1"
HEAD = (
    "",
    "all commits, s",
    "CPU, s",
    "median, s",
    "v1, s",
    "restore v1, s",
    "status, s",
    "peak, MB",
    "store, MB",
    "store : bf",
    "time : bf",
)  # fmt: skip
_STATUS_RUNS = 3


@dataclass(frozen=True)
class Result:
    """What one program took; `store_bytes` after each version, `gc` and `packed_bytes` where it can pack tighter."""

    name: str
    commits: tuple[Cost, ...]
    store_bytes: tuple[int, ...]
    restore: Cost
    status: Cost | None
    gc: Cost | None
    packed_bytes: int | None

    @property
    def total(self) -> Cost:
        """Of all commits."""
        return reduce(Cost.__add__, self.commits)

    @property
    def median_s(self) -> float:
        """Of the commits after the first."""
        return statistics.median(cost.wall_s for cost in self.commits[1:] or self.commits)

    def least(self, other: "Result") -> "Result":
        """Return the better of two runs, command by command."""
        return replace(
            self,
            commits=tuple(map(Cost.least, self.commits, other.commits)),
            restore=self.restore.least(other.restore),
            status=self.status and other.status and self.status.least(other.status),
            gc=self.gc and other.gc and self.gc.least(other.gc),
        )


class Course:
    """One program on one workload, in a folder of its own."""

    def __init__(self, tool: Tool, workload: Workload, folder: Path) -> None:
        self._tool = tool
        self._workload = workload
        self._folder = folder
        self._track, self._store = folder / "track", folder / "store"
        for made in (self._track, self._store, folder / "home"):
            made.mkdir(parents=True)
        self._environment = make_environment(folder / "home") | {
            name: value.format(store=self._store) for name, value in tool.environment.items()
        }

    def run(self, all_versions: bool = False) -> Result:
        """Commit everything, look, pack, and restore the first version (or each, untimed but for the first).

        Raises
        ------
        RuntimeError
            A command failed, or a restored file is not what it was.
        """
        tool, versions = self._tool, self._workload.versions
        self._do(tool.init, self._track, versions[0])
        commits, sizes = [], []
        before = None
        for version in versions:
            self._workload.apply(self._track, before, version)
            commits.append(self._do(tool.commit, self._track, version))
            sizes.append(self._size())
            before = version
        looks = [self._do(tool.status, self._track, versions[-1]) for _ in range(_STATUS_RUNS)]
        restored = self._restore(versions[0])
        gc = self._do(tool.gc, self._track, versions[-1]) if tool.gc else None
        for version in versions if all_versions else versions[-1:]:
            self._restore(version)
        return Result(
            tool.name,
            tuple(commits),
            tuple(sizes),
            restored,
            reduce(Cost.least, looks) if tool.status else None,
            gc,
            self._size() if gc else None,
        )

    def _restore(self, version: Version) -> Cost:
        target = Path(tempfile.mkdtemp(dir=self._folder, prefix=version.name))
        cost = self._do(self._tool.restore, target, version, target)
        if wrong := self._workload.wrong(_content(target), version):
            raise RuntimeError(f"{self._tool.name} did not restore {version.name}: {', '.join(wrong)}")
        shutil.rmtree(target)
        return cost

    def _do(
        self, commands: Iterable[str], directory: Path, version: Version, target: Path | None = None
    ) -> Cost:
        index = self._workload.versions.index(version)
        words = {
            "track": self._track,
            "store": self._store,
            "to": target,
            "name": version.name,
            "message": version.message,
            "back": len(self._workload.versions) - 1 - index,
        }
        total = Cost()
        for command in commands:
            total += run(list(fill(command, words, version.tops)), directory, self._environment)
        return total

    def _size(self) -> int:
        return folder_bytes(
            *(Path(text.format(track=self._track, store=self._store)) for text in self._tool.store)
        )


def fill(command: str, words: Mapping[str, object], tops: Sequence[str]) -> Iterable[str]:
    program, *rest = command.split()
    yield find(program) or program
    for word in rest:
        if word == "{tops}":
            yield from tops
        else:
            yield word.format(**words)


def _content(target: Path) -> Path:
    """Where the files are: restic puts them under the whole path that they had."""
    while not (target / "mix.wav").exists() and len(inner := list(target.iterdir())) == 1:
        target = inner[0]
    return target


def make_environment(home: Path) -> dict[str, str]:
    """The user's PATH, and nothing else of the user's: own home and caches, own name, one language."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    git = {"user.name": "Ada", "user.email": "ada@example.com", "gc.autoDetach": "false"}
    settings: dict[str, str] = {}
    for number, (key, value) in enumerate(git.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | settings | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": str(len(git)),
        "BF_AUTHOR_NAME": "Ada",
        "BF_AUTHOR_EMAIL": "ada@example.com",
    }  # fmt: skip


def compare(
    tools: Sequence[Tool], workload: Workload, scratch: Path, runs: int = 1, all_versions: bool = False
) -> list[Result]:
    """Run every program `runs` times and return the best of each; programs take turns."""
    best: dict[str, Result] = {}
    for number in range(runs):
        for tool in tools:
            print(f"run {number + 1}: {tool.name}", file=sys.stderr, flush=True)
            folder = Path(tempfile.mkdtemp(dir=scratch))
            try:
                result = Course(tool, workload, folder).run(all_versions)
            except RuntimeError as error:
                print(f"{tool.name} failed: {error}", file=sys.stderr)
                continue
            finally:
                _remove(folder)
            best[tool.name] = best[tool.name].least(result) if tool.name in best else result
    return list(best.values())


def format_results(results: Sequence[Result]) -> str:
    """Return one table; where a program can pack its store tighter, a second row has the store after that."""
    ours = next((result for result in results if result.name == "bf"), None)
    our_bytes = ours and (ours.packed_bytes or ours.store_bytes[-1])
    rows = []
    for result in results:
        total = result.total
        spare = total.wall_s / ours.total.wall_s if ours else None
        rows.append([
            result.name,
            f"{total.wall_s:.2f}",
            f"{total.cpu_s:.2f}",
            f"{result.median_s:.2f}",
            f"{result.commits[0].wall_s:.2f}",
            f"{result.restore.wall_s:.2f}",
            f"{result.status.wall_s:.3f}" if result.status else "",
            f"{total.peak_bytes / 1e6:.0f}",
            *_sizes(result.store_bytes[-1], our_bytes),
            f"{spare:.2f}" if spare else "",
        ])  # fmt: skip
        if result.gc and result.packed_bytes:
            cells = [f"{result.name}, gc", f"+{result.gc.wall_s:.2f}", f"+{result.gc.cpu_s:.2f}", *[""] * 4]
            peak = f"{result.gc.peak_bytes / 1e6:.0f}"
            rows.append([*cells, peak, *_sizes(result.packed_bytes, our_bytes), ""])
    return format_table(HEAD, rows)


def _sizes(size: int, ours: int | None) -> list[str]:
    return [f"{size / 1e6:.1f}", f"{size / ours:.2f}" if ours else ""]


def _versions_of(tools: Iterable[Tool]) -> list[str]:
    """The programs and their versions, as they say themselves."""
    found = []
    for program in dict.fromkeys(program for tool in tools for program in tool.programs):
        word = "version" if program in ("restic", "git-annex") else "--version"
        done = subprocess.run([find(program) or program, word], capture_output=True, text=True, check=False)
        number = re.search(r"\d+(\.\d+)+", done.stdout)
        found.append(f"{program} {number.group() if number else '?'}")
    return found


def _remove(folder: Path) -> None:
    """Delete a folder; git-annex takes the right to write from what is in it."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare bf with other stores on a production history.")
    add_options(parser)
    parser.add_argument(
        "--workload", type=Path, help="one that benchmarks.workload wrote, in place of a new one"
    )
    parser.add_argument("--tools", help="comma-separated names; by default all that are installed")
    parser.add_argument("--runs", type=int, default=2, help="the best of so many counts (default: 2)")
    parser.add_argument("--all-versions", action="store_true", help="restore and verify every version")
    parser.add_argument(
        "--scratch", type=Path, help="where to work: 2 GB, and as much for each program in turn"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    names = [tool.name for tool in TOOLS]
    options.tools = options.tools.split(",") if options.tools else names
    if unknown := sorted(set(options.tools) - set(names)):
        parser.error(f"no tool {', '.join(unknown)}; there are {', '.join(names)}")
    return options


def main() -> None:
    """Print the table."""
    options = _parse()
    asked = [tool for tool in TOOLS if tool.name in options.tools]
    tools = [tool for tool in asked if not tool.missing()]
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = options.workload or Path(scratch, "workload")
        if not options.workload:
            made = [
                "--source",
                options.source,
                "--seconds",
                str(options.seconds),
                "--seed",
                str(options.seed),
            ]
            command = [sys.executable, "-m", "benchmarks.workload", str(folder), *made]
            subprocess.run(command, check=True, stdout=sys.stderr)
        workload = Workload.load(folder)
        results = compare(tools, workload, Path(scratch), options.runs, options.all_versions)
        facts = {
            "workload": workload.source,
            "versions": len(workload.versions),
            "total_bytes": workload.total_bytes,
            "distinct_bytes": workload.distinct_bytes,
            "runs": options.runs,
            "processors": os.cpu_count(),
            "programs": _versions_of(tools),
            "missing": [tool.name for tool in asked if tool not in tools],
        }
    text = _describe(facts, tools) + format_results(results)
    print(text)
    if options.json:
        listed = [asdict(result) for result in results]
        options.json.write_text(json.dumps({"schema": SCHEMA, **facts, "results": listed}, indent=1) + "\n")
    if options.update:
        replace_part(options.update, "store", text)
    sys.exit(0 if len(results) == len(tools) else 1)


def _describe(facts: Mapping[str, Any], tools: Iterable[Tool]) -> str:
    """What was measured, in a few lines."""
    return (
        f"Workload: {facts['workload']}; {facts['versions']} versions, {facts['total_bytes'] / 1e6:.0f} MB, "
        f"{facts['distinct_bytes'] / 1e6:.0f} MB of distinct files.\n"
        f"Best of {facts['runs']}, {facts['processors']} processors. {', '.join(facts['programs'])}.\n"
        + "".join(f"{tool.name}: {tool.note}.\n" for tool in tools if tool.note)
        + (f"Not installed: {'; '.join(facts['missing'])}.\n" if facts["missing"] else "")
        + "\n"
    )


if __name__ == "__main__":
    main()
