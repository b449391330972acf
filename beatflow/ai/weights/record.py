"""What is known of the files of a model: size and digest as the hub told them, and the digests that were computed.

A small JSON file beside the weights: ``.beatflow.json`` in a folder of the user's, ``beatflow-REVISION.json`` beside
the ``snapshots`` of the hub's cache. Losing it costs time, never truth.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

BLOCK = 1 << 20


@dataclass(slots=True)
class FileRecord:
    """One file of a model.

    Parameters
    ----------
    size : int or None
        As the hub tells.
    sha256, git : str or None
        Digests as the hub tells: of large files their sha256, of small ones git's blob id.
    seen_sha256 : str or None
        Computed here, when the file had ``seen_size`` bytes and was changed last at ``seen_mtime_ns``.
    """

    size: int | None = None
    sha256: str | None = None
    git: str | None = None
    seen_sha256: str | None = None
    seen_size: int | None = None
    seen_mtime_ns: int | None = None


@dataclass(slots=True)
class Record:
    """What is known of the files in one folder."""

    repository: str | None = None
    revision: str | None = None
    files: dict[str, FileRecord] = field(default_factory=dict)


def record_path(folder: Path) -> Path:
    """Where the record of a folder lies."""
    if folder.parent.name == "snapshots":
        return folder.parent.parent / f"beatflow-{folder.name}.json"
    return folder / ".beatflow.json"


def read_record(folder: Path) -> Record:
    """Read what is known of a folder; empty where nothing is, or it cannot be read."""
    try:
        document = json.loads(record_path(folder).read_text(encoding="utf-8"))
        known = {item.name for item in fields(FileRecord)}
        files = {
            str(name): FileRecord(**{key: value for key, value in entry.items() if key in known})
            for name, entry in document["files"].items()
        }
        return Record(document.get("repository"), document.get("revision"), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Record()


def write_record(folder: Path, record: Record) -> None:
    """Keep what is known of a folder; where it cannot be written (a share that is read only) it is not kept."""
    path = record_path(folder)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    text = json.dumps({"schema": "beatflow.weights/1", **asdict(record)}, indent=2)
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def told_digest(path: Path, entry: FileRecord) -> FileRecord:
    """Complete an entry with what the hub's cache says by a file's place: its blob is named by its digest."""
    if entry.sha256 or entry.git or not path.is_symlink():
        return entry
    name = path.readlink().name
    if not set(name) <= set("0123456789abcdef"):
        return entry
    if len(name) == 64:
        entry.sha256 = name
    elif len(name) == 40:
        entry.git = name
    return entry


def compute_digest(path: Path, told: Callable[[int], None] = lambda count: None) -> tuple[str, str]:
    """Read a file: its sha256 and git's blob id. ``told`` hears of every block how long it is."""
    whole = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            whole.update(block)
            blob.update(block)
            told(len(block))
    return whole.hexdigest(), blob.hexdigest()
