"""What a command costs: seconds, processor seconds and memory of a process and all that it started and waited for."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the kernel's unit of resident memory."""


class Cost(NamedTuple):
    """Seconds by the clock, seconds of processor time, and the largest process's bytes in memory."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        """Return the cost of one after the other."""
        return Cost(
            self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.peak_bytes, other.peak_bytes)
        )

    def least(self, other: "Cost") -> "Cost":
        """Return the better of two runs of the same: what disturbs a run only ever adds to it."""
        return Cost(*map(min, self, other))


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Everything written before is put on the disk first, so that nobody pays for another's writing.

    Raises
    ------
    RuntimeError
        It failed; says what it wrote on stderr.
    """
    with tempfile.TemporaryFile() as errors:
        os.sync()
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        # Not subprocess's own wait: it forgets the usage.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)


def folder_bytes(*folders: Path) -> int:
    """Return the bytes of all files in folders; a file with several names counts once, a link not at all."""
    sizes = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                status = path.stat()
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())
