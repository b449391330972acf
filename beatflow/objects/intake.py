"""Files on their way into a store: read and cut on a thread of their own, and hashed as a whole.

Knows blocks of bytes, no packs. Few blocks of a file are in memory at a time, and their memory is used again.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from mmap import mmap
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore
from typing import TYPE_CHECKING, NamedTuple, Protocol

from beatflow.errors import AudioError
from beatflow.native.buffers import keep_memory
from beatflow.objects.container import Source
from beatflow.objects.opening import open_regular
from beatflow.objects.split import BLOCK_BYTES, Block, blocks

if TYPE_CHECKING:
    from beatflow.objects.threads import Threads

Progress = Callable[[int], None]
"""Called with the bytes read since the last call; an exception raised in it undoes the file being added."""

# Blocks of a file in memory: one is written to, one waits, one is hashed, the chunks of two are looked up.
_BLOCKS = 5


class Readable(Protocol):
    """Anything with bytes to read; an empty answer is the end."""

    def read(self, count: int, /) -> bytes: ...


class Buffers:
    """Memory for blocks, used again: new memory is slower than what is done with it."""

    def __init__(self) -> None:
        keep_memory()
        self._free: list[mmap] = []

    def take(self) -> mmap:
        """Return a buffer; what stands in it means nothing."""
        try:
            return self._free.pop()
        except IndexError:
            # A bytearray would be written with zeros, while no other thread runs.
            return mmap(-1, BLOCK_BYTES)

    def give(self, buffer: mmap) -> None:
        """Take one back."""
        self._free.append(buffer)


class Reading(Protocol):
    """Blocks that somebody reads."""

    def __iter__(self) -> Iterator[Block]:
        """Yield them in order."""
        ...

    def release(self, block: Block) -> None:
        """Say that a block is not needed any more."""
        ...


class StreamReading:
    """A stream, read by whoever wants its blocks."""

    def __init__(self, stream: Readable, buffers: Buffers) -> None:
        self._stream = stream
        self._buffers = buffers

    def __iter__(self) -> Iterator[Block]:
        """Yield its blocks."""
        return blocks(Source(self._stream.read), self._buffers.take)

    def release(self, block: Block) -> None:
        """Let its memory be used again."""
        self._buffers.give(block.data)


class _Signature(NamedTuple):
    """What changes when somebody writes a file or puts another in its place."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


class _StoppedError(Exception):
    """Nobody wants the rest."""


class FileReading:
    """A file, read and cut on a thread as far ahead as there is room for.

    Parameters
    ----------
    path : Path
    pool : Threads
        Of one thread, so that files are read one after the other.
    buffers : Buffers
    """

    def __init__(self, path: Path, pool: "Threads", buffers: Buffers) -> None:
        self.path = path
        self._buffers = buffers
        self._room = Semaphore(_BLOCKS)
        self._ready: SimpleQueue[Block | BaseException | None] = SimpleQueue()
        self._stopped = False
        self._before: _Signature | None = None
        self._after: _Signature | None = None
        pool.submit(self._read)

    def __iter__(self) -> Iterator[Block]:
        """Yield its blocks.

        Raises
        ------
        AudioError
            It is no regular file.
        OSError
            It cannot be read.
        """
        while (found := self._ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found

    def release(self, block: Block) -> None:
        """Let the memory of a block be used again."""
        self._buffers.give(block.data)
        self._room.release()

    def is_what_it_was(self) -> bool:
        """Say whether the file that was read is still there, as it was when that began."""
        return self._before is not None and self._before == self._after == _sign(self.path.stat())

    def close(self) -> None:
        """Read no further."""
        self._stopped = True
        self._room.release()

    def _read(self) -> None:
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise AudioError(f"{self.path} is not a regular file")
            with open_regular(self.path) as file:
                self._before = _sign(os.fstat(file.fileno()))
                left = self._before.size

                # A file that grows as fast as it is read must still come to an end.
                def read_into(target: memoryview) -> int:
                    nonlocal left
                    count: int = file.readinto(target[:left]) or 0
                    left -= count
                    return count

                def read(count: int) -> bytes:
                    nonlocal left
                    data = file.read(min(count, left))
                    left -= len(data)
                    return data

                for block in blocks(Source(read, read_into), self._take_buffer):
                    self._ready.put(block)
                    del block
                self._after = _sign(os.fstat(file.fileno()))
            self._ready.put(None)
        except _StoppedError:
            pass
        except BaseException as error:
            self._ready.put(error)

    def _take_buffer(self) -> mmap:
        self._room.acquire()
        if self._stopped:
            raise _StoppedError
        return self._buffers.take()


class Intake:
    """A whole that is read.

    Attributes
    ----------
    size : int
        Bytes so far.
    """

    def __init__(self, reading: Reading) -> None:
        self.size = 0
        self.release = reading.release
        self._reading = reading
        self._progress: Progress | None = None
        self._hash = hashlib.sha256()

    def tell(self, progress: Progress | None) -> None:
        """Say whom to tell of what is read, and has been."""
        self._progress = progress
        if progress and self.size:
            progress(self.size)

    def __iter__(self) -> Iterator[Block]:
        """Yield its blocks, each of which is to be released."""
        for block in self._reading:
            with memoryview(block.data) as whole, whole[block.start : block.end] as new:
                self._hash.update(new)
            self.size += block.end - block.start
            if self._progress and block.end > block.start:
                self._progress(block.end - block.start)
            yield block

    def digest(self) -> bytes:
        """Return the SHA-256 of all, once all is read."""
        return self._hash.digest()


def _sign(status: os.stat_result) -> _Signature:
    return _Signature(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
