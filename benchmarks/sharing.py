"""What it takes to share a production history: ``python -m benchmarks.sharing``.

Pushes every one of the twenty versions as it is made, with `bf`, git-lfs and DVC, to real servers on loopback
(SeaweedFS's S3, git's http-backend with giftless), and clones it again at the end. Bytes are counted on the wire; in a
folder, by what it grew. See docs/benchmarks.md. Loads no numpy (see `benchmarks.workload`).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path

from benchmarks.process import Cost, folder_bytes, run
from benchmarks.store import fill, make_environment
from benchmarks.table import format_table, replace_part
from benchmarks.tools import find
from benchmarks.ways import WAYS, Way
from benchmarks.workload import Version, Workload, add_options
from tests.faults import Wire
from tests.servers import serve_git, serve_s3

SCHEMA = "beatflow.benchmark-sharing/1"


@dataclass(frozen=True)
class Shared:
    """What one way took: of each push its cost and the bytes that went out, and of a clone of it all the same."""

    name: str
    pushes: tuple[Cost, ...]
    sent: tuple[int, ...]
    clone: Cost
    received: int

    @property
    def total(self) -> Cost:
        """Of all pushes."""
        return reduce(Cost.__add__, self.pushes)


class Remote:
    """Where one way pushes to, and the count of what went there."""

    def __init__(self, words: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.words = dict(words)
        self.environment = dict(environment)
        self.wires: list[Wire] = []
        self.folder: Path | None = None

    def count(self) -> tuple[int, int]:
        """Return the bytes that went there and that came from there so far."""
        if self.folder:
            return folder_bytes(self.folder), 0
        return sum(wire.up for wire in self.wires), sum(wire.down for wire in self.wires)


@contextmanager
def open_remote(way: Way, folder: Path) -> Iterator[Remote]:
    """Start what one way needs, with wires before it that count."""
    with ExitStack() as stack:
        remote = Remote({}, {})
        if way.remote == "folder":
            remote.folder = folder / "remote"
            remote.words["remote"] = str(remote.folder)
        if way.remote == "s3":
            s3 = stack.enter_context(serve_s3(folder / "s3"))
            wire = stack.enter_context(Wire(s3.port))
            remote.wires.append(wire)
            endpoint = f"http://127.0.0.1:{wire.port}"
            remote.words |= {"remote": f"s3://{s3.bucket()}/track", "endpoint": endpoint}
            remote.environment |= s3.environment(endpoint)
        if way.remote == "git" or "git" in way.programs:
            host = stack.enter_context(serve_git(folder / "githost"))
            wire = stack.enter_context(Wire(host.port))
            remote.wires.append(wire)
            name = host.repository()
            remote.words["git"] = host.url(name, port=wire.port)
            remote.words.setdefault("remote", remote.words["git"])
            home = folder / "home"
            host.netrc(home)
            remote.environment["NETRC"] = str(home / ".netrc")
        yield remote


class Course:
    """One way on one workload, in a folder of its own."""

    def __init__(self, way: Way, workload: Workload, folder: Path, remote: Remote) -> None:
        self._way, self._workload, self._remote = way, workload, remote
        self._folder, self._track = folder, folder / "track"
        self._track.mkdir(parents=True)
        self._environment = make_environment(folder / "home") | dict(way.environment) | remote.environment

    def run(self) -> Shared:
        """Commit and push every version, then clone it all.

        Raises
        ------
        RuntimeError
            A command failed, or a cloned file is not what it was.
        """
        way, versions = self._way, self._workload.versions
        self._do(way.init, versions[0])
        pushes, sent = [], []
        before = None
        for version in versions:
            self._workload.apply(self._track, before, version)
            self._do(way.commit, version)
            start = self._remote.count()[0]
            pushes.append(self._do(way.push, version))
            sent.append(self._remote.count()[0] - start)
            before = version
        target = self._folder / "clone"
        start = self._remote.count()[1]
        clone = self._do(way.clone, versions[-1], target)
        received = self._remote.count()[1] - start
        if wrong := self._workload.wrong(target, versions[-1]):
            raise RuntimeError(f"{way.name} did not clone {', '.join(wrong)}")
        return Shared(way.name, tuple(pushes), tuple(sent), clone, received)

    def _do(self, commands: Iterable[str], version: Version, target: Path | None = None) -> Cost:
        words = {"message": version.message, "to": target, **self._remote.words}
        total = Cost()
        for command in commands:
            total += run(list(fill(command, words, version.tops)), self._track, self._environment)
        return total


def compare(ways: Sequence[Way], workload: Workload, scratch: Path) -> list[Shared]:
    """Run every way once, each with servers of its own."""
    found = []
    for way in ways:
        print(way.name, file=sys.stderr, flush=True)
        folder = Path(tempfile.mkdtemp(dir=scratch))
        (folder / "home").mkdir()
        try:
            with open_remote(way, folder) as remote:
                found.append(Course(way, workload, folder, remote).run())
            print(format_results(found[-1:], workload.versions), file=sys.stderr, flush=True)
        except RuntimeError as error:
            print(f"{way.name} failed: {error}", file=sys.stderr)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def format_results(results: Sequence[Shared], versions: Sequence[Version]) -> str:
    """Return two tables: in all, and the megabytes that each version sent."""
    rows = [
        [
            result.name,
            f"{sum(result.sent) / 1e6:.1f}",
            f"{result.total.wall_s:.1f}",
            f"{result.total.cpu_s:.1f}",
            f"{result.total.peak_bytes / 1e6:.0f}",
            f"{result.received / 1e6:.1f}" if result.received else "",
            f"{result.clone.wall_s:.1f}",
            f"{result.clone.cpu_s:.1f}",
        ]
        for result in results
    ]
    head = ("", "sent, MB", "20 pushes, s", "CPU, s", "peak, MB", "cloned, MB", "clone, s", "CPU, s")
    text = format_table(head, rows)
    each = [
        [f"{version.name} {version.message}", *(f"{result.sent[number] / 1e6:.2f}" for result in results)]
        for number, version in enumerate(versions)
    ]
    return text + "\n" + format_table(("MB sent", *(result.name for result in results)), each)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare bf with other ways to share a production history.")
    add_options(parser)
    parser.add_argument(
        "--workload", type=Path, help="one that benchmarks.workload wrote, in place of a new one"
    )
    parser.add_argument("--scratch", type=Path, help="where to work: 4 GB")
    parser.add_argument("--ways", help="parts of names, comma-separated; by default all that are installed")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the tables into docs/benchmarks.md")
    return parser.parse_args()


def main() -> None:
    """Print the tables."""
    options = _parse()
    asked = options.ways.split(",") if options.ways else [""]
    chosen = [way for way in WAYS if any(part in way.name for part in asked)]
    ways = [
        way for way in chosen if all(map(find, (*way.programs, *(["weed"] if way.remote == "s3" else []))))
    ]
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = options.workload or Path(scratch, "workload")
        if not options.workload:
            how = ["--source", options.source, "--seconds", str(options.seconds), "--seed", str(options.seed)]
            command = [sys.executable, "-m", "benchmarks.workload", str(folder), *how]
            subprocess.run(command, check=True, stdout=sys.stderr)
        workload = Workload.load(folder)
        results = compare(ways, workload, Path(scratch))
        text = (
            f"Workload: {workload.source}; {len(workload.versions)} versions, {workload.total_bytes / 1e6:.0f} MB, "
            f"{workload.distinct_bytes / 1e6:.0f} MB of distinct files. {os.cpu_count()} processors.\n"
            + "".join(f"Not installed: {way.name}.\n" for way in chosen if way not in ways)
            + "\n"
            + format_results(results, workload.versions)
        )
    print(text)
    if options.json:
        listed = [asdict(result) for result in results]
        options.json.write_text(json.dumps({"schema": SCHEMA, "results": listed}, indent=1) + "\n")
    if options.update:
        replace_part(options.update, "sharing", text)
    sys.exit(0 if len(results) == len(chosen) else 1)


if __name__ == "__main__":
    main()
