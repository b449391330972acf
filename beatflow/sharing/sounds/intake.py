"""Takes whole files into a repository's store as they come from elsewhere: proved first, published under the lock.

For what travels as files (Git LFS); packs of chunks come by `exchange`. Cutting and coding need no lock.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.scratch import Scratch

if TYPE_CHECKING:
    from beatflow.objects.store import AudioStore

_FLUSH_BYTES = 64 * 1024 * 1024

Progress = Callable[[int], None]


def find_absent(audio: "AudioStore", sounds: Iterable[Pointer]) -> list[Pointer]:
    """Return those that a store does not have with all their chunks, each once."""
    return audio.find_absent(sounds)


class Intake:
    """Files on their way into a store, to be used as a context; a clean exit publishes what was added.

    Parameters
    ----------
    repository : Repository
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._scratch = Scratch(repository.scratch)
        self._new_bytes = 0

    def __enter__(self) -> Self:
        self._repository.scratch.mkdir(exist_ok=True)
        self._scratch.__enter__()
        self._batch = self._repository.audio.batch(self._scratch.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush()
            else:
                # What came before an interruption has been proved like all else, and need not travel again.
                with suppress(BeatFlowError, OSError):
                    self.flush()
        finally:
            self._batch.discard()
            self._scratch.__exit__(kind, error, trace)

    def new_file(self) -> Path:
        """Return a fresh path on the store's disk for a file that is coming; nothing is there yet."""
        return self._scratch.new_file()

    def add_file(self, pointer: Pointer, path: Path, progress: Progress | None = None) -> None:
        """Add a file that has come; it is not needed after.

        Parameters
        ----------
        pointer : Pointer
            What it must be.
        path : Path
        progress : callable, optional
            Called with the bytes added since the last call.

        Raises
        ------
        DamagedError
            It is another; nothing of it was added.
        """
        size = path.stat().st_size
        if size != pointer.size:
            raise DamagedError(f"sound {pointer.oid} came with {size} bytes in place of {pointer.size}")
        found = _hash_file(path)
        if found != pointer.oid:
            raise DamagedError(f"sound {pointer.oid} came damaged: what came has SHA-256 {found}")
        stored = self._batch.add_path(path, progress)
        if stored.oid != pointer.oid:
            raise DamagedError(f"sound {pointer.oid} changed after it had come")
        self._new_bytes += stored.new_bytes
        if self._new_bytes > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Publish what was added.

        Raises
        ------
        ConflictError
            The store was collected meanwhile; what was added since the last time is lost.
        LockedError
            Somebody else is changing the repository.
        """
        self._new_bytes = 0
        with self._repository.locked("bf fetch"):
            self._batch.publish()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
