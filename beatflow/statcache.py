"""Remembers what the files of a worktree were when last read, so that an unchanged folder costs one ``stat`` a file.

A cache: deleting it costs time, never truth. Knows no git store and no audio store.
"""

import json
import os
from pathlib import Path
from typing import Any

from beatflow.objects.durable import write_cache
from beatflow.objects.git.files import is_git_oid
from beatflow.objects.git.value import EXECUTABLE, FILE, SYMLINK, Entry

VERSION = 2
# Coarser than the clock that file systems read (4 ms on Linux). FAT has steps of 2 s for the modification time, but
# its change time is as fine as others'.
_GRANULE_NS = 20_000_000


def identify(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what changes whenever a file does: size, modification time, change time and inode."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _is_row(row: Any) -> bool:
    """Say whether this can be a file's row: a damaged one must not bring an impossible entry into a tree."""
    *numbers, oid = row
    sound = len(numbers) == 5 and all(type(number) is int for number in numbers)
    return sound and numbers[4] in (FILE, EXECUTABLE, SYMLINK) and isinstance(oid, str) and is_git_oid(oid)


class StatCache:
    """Path -> entry, valid while size, modification time, change time and inode stay the same.

    The change time catches what the others cannot: a file put in place of another with the same size and date.

    Parameters
    ----------
    path : Path
        Where it is kept. A file that is missing, damaged or of another version counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, tuple[int, int, int, int, int, str]] = {}
        self._dirty = False
        try:
            written_ns = path.stat().st_mtime_ns
            document = json.loads(path.read_bytes())
            if document["version"] == VERSION:
                # A file changed within one tick of our reading it would look unchanged: read it again.
                limit = written_ns - _GRANULE_NS
                self._rows = {
                    key: tuple(row)
                    for key, row in document["files"].items()
                    if _is_row(row) and max(row[1], row[2]) < limit
                }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass

    def find(self, path: str, status: os.stat_result) -> Entry | None:
        """Return what stands at a path, when the file is the one last read."""
        row = self._rows.get(path)
        if row and row[:4] == identify(status):
            return Entry(row[4], row[5])
        return None

    def list_largest(self, count: int) -> list[str]:
        """Return the paths of the largest files, each to be asked for with `find`."""
        return sorted(self._rows, key=lambda path: self._rows[path][0], reverse=True)[:count]

    def record(self, path: str, status: os.stat_result, entry: Entry) -> None:
        """Remember what was read; ``status`` is from before the reading."""
        self._rows[path] = (*identify(status), entry.mode, entry.oid)
        self._dirty = True

    def forget(self, path: str) -> None:
        """Drop a path."""
        self._dirty |= self._rows.pop(path, None) is not None

    def retain(self, paths: set[str]) -> None:
        """Drop every path but these."""
        for path in self._rows.keys() - paths:
            self.forget(path)

    def save(self) -> None:
        """Write it, if anything changed; a folder that cannot be written is no error for a cache."""
        if self._dirty:
            document = {"version": VERSION, "files": self._rows}
            try:
                write_cache(self._path, json.dumps(document, separators=(",", ":")).encode())
            except OSError:
                return
            self._dirty = False
