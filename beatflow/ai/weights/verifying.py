"""Verifying weights: every byte is read and compared with what the hub said, or with what was seen before.

Where nobody ever said what a file should be (a checkpoint of the user's own), its own structure is checked: the lengths
in a safetensors header, the checksums inside of torch's archives.
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beatflow.ai.engine import Setup
from beatflow.ai.weights.catalogue import MODELS, get_model
from beatflow.ai.weights.record import (
    FileRecord,
    compute_digest,
    read_record,
    told_digest,
    write_record,
)
from beatflow.ai.weights.shelf import candidates, explain_missing, weight_files
from beatflow.errors import EngineError

Told = Callable[[int, int, str], None]
"""Called with bytes read, bytes to read in all, and the file."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What became of one file.

    Parameters
    ----------
    name : str
    state : str
        ``ok``: it has the digest that the hub told, or that it had before. ``new``: nobody told one; it is whole as
        far as its structure shows, and its digest is remembered from now on. ``altered``, ``truncated``,
        ``missing``, ``unreadable``: what they say.
    words : str
        More about it.
    sha256 : str or None
        Of what is there.
    """

    name: str
    state: str
    words: str = ""
    sha256: str | None = None

    @property
    def good(self) -> bool:
        """Whether it can be used."""
        return self.state in ("ok", "new")


@dataclass(frozen=True, slots=True)
class Verified:
    """A model that was read: where it lies, and what became of each of its files."""

    name: str
    folder: Path
    files: tuple[FileState, ...]

    @property
    def good(self) -> bool:
        """Whether all of it can be used."""
        return all(file.good for file in self.files)


def verify_weights(name: str, setup: Setup, told: Told = lambda done, total, file: None) -> Verified:
    """Read all files of a model.

    Raises
    ------
    EngineError
        It is not here at all.
    """
    here = candidates(name, setup)
    if not here:
        model = get_model(name)
        raise EngineError(f"the weights of {model.name} are not here", hint=f"bf models pull {model.name}")
    folder = next((path for path in here if not explain_missing(path, name, setup.runtime)), here[0])
    record = read_record(folder)
    paths = weight_files(folder)
    total = sum(path.stat().st_size for path in paths)
    done = 0
    states = []
    for path in paths:

        def advance(count: int, file: str = path.name) -> None:
            nonlocal done
            done += count
            told(done, total, file)

        entry = told_digest(path, record.files.setdefault(path.name, FileRecord()))
        states.append(_read(path, entry, advance))
    states += _missing(folder, name, setup.runtime, {path.name for path in paths})
    write_record(folder, record)
    return Verified(name, folder, tuple(states))


def _read(path: Path, entry: FileRecord, advance: Callable[[int], None]) -> FileState:
    """Read one file and compare; what was seen is noted in its entry."""
    try:
        stat = path.stat()
        sha256, git = compute_digest(path, advance)
    except OSError as error:
        return FileState(path.name, "unreadable", (error.strerror or str(error)).lower())
    if entry.size is not None and stat.st_size < entry.size:
        return FileState(path.name, "truncated", f"{stat.st_size} of {entry.size} bytes", sha256)
    told, got = (entry.sha256, sha256) if entry.sha256 else (entry.git, git)
    if told and told != got:
        return FileState(
            path.name, "altered", f"its digest is {got[:12]}…, the hub said {told[:12]}…", sha256
        )
    untouched = (entry.seen_size, entry.seen_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    if not told:
        if entry.seen_sha256 and entry.seen_sha256 != sha256 and untouched:
            # The same size and time, other bytes: nobody wrote that.
            return FileState(path.name, "altered", f"its digest was {entry.seen_sha256[:12]}… before", sha256)
        if flaw := find_flaw(path):
            return FileState(path.name, *flaw, sha256)
    known = bool(told) or entry.seen_sha256 == sha256
    entry.seen_sha256, entry.seen_size, entry.seen_mtime_ns = sha256, stat.st_size, stat.st_mtime_ns
    return FileState(path.name, "ok" if known else "new", "" if known else "no digest was told", sha256)


def _missing(folder: Path, name: str, runtime: str, there: set[str]) -> list[FileState]:
    """Files that should be there; those of a wrong size were read already."""
    known = MODELS.get(name)
    words = f"bf models pull {name}" if known else ""
    return [
        FileState(what, "missing", words)
        for what in explain_missing(folder, name, runtime)
        if what.split(" has ")[0] not in there
    ]


def find_flaw(path: Path) -> tuple[str, str] | None:
    """Look for damage by a file's own structure: state and words, or None."""
    if path.suffix == ".safetensors":
        return _safetensors_flaw(path)
    if path.suffix in (".bin", ".pt", ".th"):
        return _archive_flaw(path)
    if path.suffix == ".json":
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            return "altered", f"not JSON: {error}"
    return None


def _safetensors_flaw(path: Path) -> tuple[str, str] | None:
    """Compare a file's length with the offsets in its header: 8 bytes of length, JSON, then the tensors' bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length + 8 > size:
            return "truncated", "it ends within its header"
        try:
            header = json.loads(file.read(length))
            end = max(
                (item["data_offsets"][1] for key, item in header.items() if key != "__metadata__"), default=0
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return "altered", "its header is not that of a safetensors file"
    if size != length + 8 + end:
        return ("truncated" if size < length + 8 + end else "altered"), f"{size} of {length + 8 + end} bytes"
    return None


def _archive_flaw(path: Path) -> tuple[str, str] | None:
    """Check the checksums inside of a file of torch's, which is a zip archive; an old one (a pickle) has none."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return None
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        return "truncated", f"its archive has no end: {error}"
    return ("altered", f"{bad} in it does not match its checksum") if bad else None
