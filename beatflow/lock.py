"""One writer at a time: a lock that names its holder and vanishes with it.

The operating system holds the lock (``flock``, or ``msvcrt`` on Windows), so a process that dies by any means leaves
none behind; the text in the file only says who has it. Readers never ask for it.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from beatflow.errors import LockedError
from beatflow.filelock import try_lock

RETRY_S = 0.05


class Lock:
    """An exclusive lock on a file, held inside a ``with`` block.

    Parameters
    ----------
    path : Path
        The lock file; made when missing, never removed.
    holder : str
        What is being done, for others to read.
    timeout_s : float
        How long to wait for another holder.

    Raises
    ------
    LockedError
        Another process still holds it after ``timeout_s``.
    """

    def __init__(self, path: Path, holder: str, timeout_s: float = 10.0) -> None:
        self.path = path
        self._holder = holder
        self._timeout_s = timeout_s
        self._descriptor = -1

    def __enter__(self) -> "Lock":
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._acquire(descriptor)
            # The text is for people: a full disk must not keep `bf gc` from making room.
            with suppress(OSError):
                self._write(descriptor, json.dumps({"pid": os.getpid(), "command": self._holder}).encode())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._write(self._descriptor, b"")
        os.close(self._descriptor)

    @staticmethod
    def _write(descriptor: int, text: bytes) -> None:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"the repository is being changed by {self._other(descriptor)}",
                    hint="wait for it to end, then try again",
                )
            time.sleep(RETRY_S)

    def _other(self, descriptor: int) -> str:
        holder = _holder(descriptor)
        try:
            return f"{holder['command']!r} (process {holder['pid']})"
        except KeyError:
            return "another process"


def _holder(descriptor: int) -> dict[str, Any]:
    """Return what the holder of a lock wrote of itself; nothing where it cannot be read."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder = json.loads(os.read(descriptor, 4096))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def wait_while_held(path: Path, timeout_s: float = 10.0) -> bool:
    """Wait until no other process holds the lock on a file, for so long at most.

    Says whether one did, as far as one can know.
    """
    held = False
    # Network disks give no such lock to who may not write.
    with suppress(OSError), path.open("rb", buffering=0) as file:
        deadline = time.monotonic() + timeout_s
        while not try_lock(file.fileno()):
            if _holder(file.fileno()).get("pid") == os.getpid():
                break
            held = True
            if time.monotonic() >= deadline:
                break
            time.sleep(RETRY_S)
    return held
