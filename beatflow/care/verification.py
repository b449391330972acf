"""Remembers which packs a check of all data has found in order, so that one that was interrupted goes on where it was.

Nothing but work already done in that one pass is skipped: a pass that comes to its end forgets everything, and a pack
that was written to since is read again.
"""

import json
import time
from contextlib import suppress
from pathlib import Path

from beatflow.objects.durable import write_atomic

VERSION = 1
_SAVE_EVERY_S = 1.0


class Verification:
    """One pass over all packs.

    Parameters
    ----------
    path : Path
        Where it is kept while it lasts. A file that is missing, damaged or of another version begins a new pass.
    started : str
        When a new pass begins, ISO 8601.
    restart : bool
        Begin a new pass whatever is there.

    Attributes
    ----------
    started : str
        When this pass began.
    resumed : int
        How many packs were in order when it was taken up again.
    """

    def __init__(self, path: Path, started: str, restart: bool = False) -> None:
        self._path = path
        self.started = started
        self._packs: dict[str, tuple[int, int]] = {}
        self._saved_s = time.monotonic()
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            document = json.loads(path.read_bytes())
            if document["version"] == VERSION and not restart:
                packs = {
                    str(name): (int(size), int(mtime)) for name, (size, mtime) in document["packs"].items()
                }
                self.started, self._packs = str(document["started"]), packs
        self.resumed = len(self._packs)

    def has(self, pack: Path) -> bool:
        """Say whether a pack was found in order in this pass, and is the same file still."""
        return self._packs.get(pack.stem) == _identify(pack)

    def add(self, pack: Path) -> None:
        """Note that a pack is in order."""
        self._packs[pack.stem] = _identify(pack)
        if time.monotonic() - self._saved_s > _SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write it down; a folder that cannot be written only costs time."""
        document = {"version": VERSION, "started": self.started, "packs": self._packs}
        with suppress(OSError):
            write_atomic(self._path, json.dumps(document).encode())
        self._saved_s = time.monotonic()

    def finish(self) -> None:
        """End the pass: the next one reads everything again."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _identify(pack: Path) -> tuple[int, int]:
    status = pack.stat()
    return status.st_size, status.st_mtime_ns
