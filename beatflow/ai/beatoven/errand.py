"""Work that was ordered and paid for, remembered on disk so that an interrupted command can pick it up again.

One small file per order. Its name begins with a digest of what was ordered; the process that sees to it holds a lock on
it, which the operating system lets go when the process dies. Knows nothing of the network.

What a crash leaves: an empty file before `Errand.announce` (nothing was ordered), one without a task after it (the
order may have been sent, its answer was never seen), one with the task after `Errand.remember`, and none after
`Errand.forget`, which comes only when the music that was ordered lies where it belongs.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.filelock import try_lock

_MAX_BYTES = 1 << 16


class Errand:
    """One order, seen to by this process until it is closed.

    ``task`` is the service's name for it, once that is known; ``unanswered`` says that a former process may have sent
    the order and never saw an answer, ``fresh`` that this one is the first to see to it.
    """

    def __init__(self, file: BinaryIO | None = None, path: Path | None = None) -> None:
        self._file = file
        self.path = path
        content = file.read(_MAX_BYTES) if file else b""
        self.task = _parse_task(content)
        self.unanswered = bool(content) and self.task is None
        self.fresh = not content

    def announce(self) -> None:
        """The order is about to be sent."""
        self._write({})

    def remember(self, task: str) -> None:
        """Keep the task's name: from here on the order survives this process."""
        self.task = task
        self._write({"task": task})

    def forget(self) -> None:
        """The order is done with."""
        if self.path:
            if self._file:  # Windows removes no open file
                self._file.close()
                self._file = None
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the order, if it was sent, to whoever comes next."""
        if self._file:
            began = os.fstat(self._file.fileno()).st_size > 0
            self._file.close()
            self._file = None
            if not began:
                self.forget()

    def _write(self, document: Mapping[str, str]) -> None:
        if self._file:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(document).encode())
            self._file.flush()
            os.fsync(self._file.fileno())


def begin_errand(
    folder: Path | None, order: Mapping[str, Any], fetched: Container[Path | None] = ()
) -> Errand:
    """Pick up an order that nobody sees to any more, or begin one.

    Parameters
    ----------
    folder : Path or None
        Where orders are remembered; None, or one that cannot be written to: nowhere.
    order : mapping
        What is ordered, ready for JSON.
    fetched : container of Path
        Orders that are not to be picked up: this process has what they gave.
    """
    if folder is None:
        return Errand()
    digest = hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()[:24]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(folder.glob(f"{digest}-*.json")):
            if path not in fetched and (errand := _pick_up(path)):
                return errand
        # Somebody may pick the new file up first; some file systems give no locks at all.
        for _ in range(3):
            path = folder / f"{digest}-{os.urandom(6).hex()}.json"
            path.touch(mode=0o600, exist_ok=False)
            if errand := _pick_up(path):
                return errand
            path.unlink(missing_ok=True)
    return Errand()


def _pick_up(path: Path) -> Errand | None:
    """Take over an order, unless a process that is alive sees to it."""
    # A file system that has no locks raises.
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("r+b"))
        # Whoever held the lock may have finished and removed the file meanwhile.
        if try_lock(file.fileno()) and path.exists():
            stack.pop_all()
            return Errand(file, path)
    return None


def _parse_task(content: bytes) -> str | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    task = document.get("task") if isinstance(document, dict) else None
    return task if isinstance(task, str) else None
