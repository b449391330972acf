"""A download that may be cut off: a file by a sound's name, which the next attempt, or command, goes on with."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from beatflow.filelock import try_lock
from beatflow.objects.durable import temporary_name
from beatflow.objects.pointer import Pointer

_SUFFIX = ".part"


class TooMuchError(Exception):
    """More bytes come than the sound has."""


class Part:
    """The part of one sound that is here. Whoever has it open keeps others out; they begin a file of their own.

    Parameters
    ----------
    folder : Path
        Where parts lie.
    sound : Pointer
    """

    def __init__(self, folder: Path, sound: Pointer) -> None:
        self._sound = sound
        self.path = folder / f"{sound.oid}{_SUFFIX}"
        descriptor = _open_alone(self.path)
        if descriptor is None:
            self.path = temporary_name(folder, _SUFFIX)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        if self.size > sound.size:
            self.restart()
        self._file.seek(0, os.SEEK_END)

    @property
    def size(self) -> int:
        """The bytes that are here."""
        return os.fstat(self._file.fileno()).st_size

    def write(self, data: bytes) -> None:
        """Add what has arrived.

        Raises
        ------
        TooMuchError
            It would be more than the sound has; nothing was written.
        """
        if self.size + len(data) > self._sound.size:
            raise TooMuchError
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def restart(self) -> None:
        """Forget what is here."""
        self._file.truncate(0)
        self._file.seek(0)

    def is_right(self) -> bool:
        """Read it all and say whether it is the sound."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest() == self._sound.oid

    def close(self) -> None:
        """Let go of it; what is here stays."""
        self._file.close()

    def remove(self) -> None:
        """Let go of it and remove it."""
        if os.name == "posix":
            # Before closing: nobody else can have it yet.
            self.path.unlink(missing_ok=True)
            self._file.close()
        else:
            self._file.close()
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def __enter__(self) -> "Part":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def count_here(folder: Path, sounds: Iterator[Pointer]) -> int:
    """Return how many bytes of these sounds are here already."""
    total = 0
    for sound in sounds:
        with suppress(OSError):
            total += min(sound.size, (folder / f"{sound.oid}{_SUFFIX}").stat().st_size)
    return total


def _open_alone(path: Path) -> int | None:
    """Open a file that nobody else has open; None where somebody has."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not try_lock(descriptor):
            os.close(descriptor)
            return None
        try:
            # It may have been finished and removed between the two steps.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
