"""Remembers at which paths of the worktree no file lies on purpose, and what would lie there.

Written by transactions alone. Not a cache: without it, what was left elsewhere would look deleted. Knows no worktree; a
file that lies at such a path counts, whatever is said here.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.durable import write_atomic
from beatflow.objects.git.value import EXECUTABLE, FILE, Entry

VERSION = 1


class AbsentFiles:
    """Path to entry, read when first asked for.

    Parameters
    ----------
    path : Path
        Where it is kept; where nothing lies, no file is absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Entry] | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All of them.

        Raises
        ------
        DamagedError
            What is kept cannot be read.
        """
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def change(self, added: Mapping[str, Entry], removed: Iterable[str]) -> None:
        """Add and remove paths, durably; needs the repository's lock, and is quick where nothing changes."""
        before = self._read()
        after = {path: entry for path, entry in before.items() if path not in set(removed)} | dict(added)
        self._entries = after
        if after == before:
            return
        if after:
            files = {path: [entry.mode, entry.oid] for path, entry in sorted(after.items())}
            write_atomic(self._path, json.dumps({"version": VERSION, "files": files}).encode())
        else:
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Entry]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            document = json.loads(data)
            if document["version"] != VERSION:
                raise ValueError("of another version")
            rows = {str(path): Entry(int(mode), str(oid)) for path, (mode, oid) in document["files"].items()}
            if any(entry.mode not in (FILE, EXECUTABLE) or len(entry.oid) != 40 for entry in rows.values()):
                raise ValueError("no entries of files")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedError(
                f"{self._path}, which says what this partial clone leaves elsewhere, cannot be read: {error}",
                hint=f"remove it; what then shows as deleted, bf restore PATH brings back: rm {self._path}",
            ) from None
        return rows
