"""A production history on disk, to put through any store: ``python -m benchmarks.workload FOLDER``.

Every distinct file is kept once, under its SHA-256, and ``manifest.json`` says which files a version has. Using a
workload loads no numpy: a process's peak memory counts what its parent held when it started, so whoever measures
others has to stay small.
"""

import argparse
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCHEMA = "beatflow.workload/1"


@dataclass(frozen=True)
class Version:
    """One state of the folder: path to SHA-256."""

    name: str
    message: str
    files: Mapping[str, str]

    @property
    def tops(self) -> list[str]:
        """The folders and sounds at the top, as somebody would name them to a program."""
        return sorted({path.split("/")[0] for path in self.files if path.endswith(".wav")})


@dataclass(frozen=True)
class Workload:
    """The versions in order, and the folder with their files."""

    folder: Path
    source: str
    versions: tuple[Version, ...]

    @classmethod
    def load(cls, folder: Path) -> "Workload":
        """Read what `write` wrote."""
        found = json.loads((folder / "manifest.json").read_text())
        if found["schema"] != SCHEMA:
            raise ValueError(f"{folder} holds a workload of another kind: {found['schema']}")
        return cls(folder, found["source"], tuple(Version(**item) for item in found["versions"]))

    @property
    def total_bytes(self) -> int:
        """Bytes of all files of all versions."""
        return sum(self._size(oid) for version in self.versions for oid in version.files.values())

    @property
    def distinct_bytes(self) -> int:
        """Bytes of all files that differ."""
        return sum(self._size(oid) for oid in {oid for one in self.versions for oid in one.files.values()})

    def apply(self, track: Path, before: Version | None, version: Version) -> None:
        """Bring a folder from one version to the next as a musician does: only what changed is touched.

        A file that moved is moved, every other one that is new replaces the old one as a whole.
        """
        old = before.files if before else {}
        gone = {oid: path for path, oid in old.items() if path not in version.files}
        for path, oid in version.files.items():
            if old.get(path) == oid:
                continue
            target = track / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if oid in gone:
                (track / gone.pop(oid)).rename(target)
                continue
            # Never write through: the old file may be a link into somebody's store, or read-only.
            fresh = target.with_name(target.name + ".new")
            shutil.copyfile(self.folder / "pool" / oid, fresh)
            fresh.replace(target)
        for path in gone.values():
            (track / path).unlink()

    def wrong(self, folder: Path, version: Version) -> list[str]:
        """Return the paths of a version that a folder does not hold byte for byte."""
        return [path for path, oid in version.files.items() if _digest(folder / path) != oid]

    def _size(self, oid: str) -> int:
        return (self.folder / "pool" / oid).stat().st_size


def write(folder: Path, source: str, seconds: float, seed: int) -> None:
    """Make a workload in a folder; the same arguments give the same bytes (with the same numpy and scipy)."""
    from benchmarks.history import versions
    from benchmarks.material import load

    pool = folder / "pool"
    pool.mkdir(parents=True)
    listed = []
    for number, version in enumerate(versions(load(source, seconds, seed), seed), 1):
        files = {}
        for path, data in sorted(version.files.items()):
            files[path] = hashlib.sha256(data).hexdigest()
            (pool / files[path]).write_bytes(data)
        listed.append({"name": f"v{number:02}", "message": version.message, "files": files})
    name = source if source == "synth" else Path(source).name
    manifest = {"schema": SCHEMA, "source": f"{name}, {seconds:g} s, seed {seed}", "versions": listed}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a workload."""
    parser.add_argument("--source", default="synth", help="synth, a MIDI file, or a folder of sounds")
    parser.add_argument("--seconds", type=float, default=172.0, help="length of the piece (default: 172)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes another history")


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Write a workload and say what is in it."""
    parser = argparse.ArgumentParser(description="Write twenty versions of one production into a new folder.")
    parser.add_argument("folder", type=Path)
    add_options(parser)
    options = parser.parse_args()
    write(options.folder, options.source, options.seconds, options.seed)
    workload = Workload.load(options.folder)
    for version in workload.versions:
        print(f"{version.name}  {len(version.files)} files  {version.message}")
    print(f"{workload.total_bytes / 1e6:.0f} MB, of which {workload.distinct_bytes / 1e6:.0f} MB differ")


if __name__ == "__main__":
    main()
