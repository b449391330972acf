"""Writes many stored files at once, side by side in time: what one is predicted from is at hand when it is needed.

Knows packs and manifests; every file is verified as a whole before this ends.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, NamedTuple

from beatflow.errors import DamagedError
from beatflow.objects.beside import RecordsBeside
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.pack import Flag, Kind
from beatflow.objects.packset import PackSet
from beatflow.objects.reading import CACHE_BYTES, ChunkReader, read_manifest
from beatflow.objects.timeline import FILES_AT_ONCE, count_rate, iter_in_time

# A chunk of a mix waits for those of the stems to be decoded: none lasts longer at CD's rate. It must not wait for so
# long that they are no longer kept.
_DELAY_S = 6.0
_KEPT_BYTES = CACHE_BYTES / 3
_SAMPLES = 4
# Whoever is told of each chunk takes the interpreter from those that work.
_TOLD_BYTES = 4 * 1024 * 1024

Progress = Callable[[int], None]


class Output:
    """One file being written, by whichever thread brings the chunk that is next."""

    def __init__(self, oid: str, file: BinaryIO) -> None:
        self.oid = oid
        self._file = file
        self._lock = threading.Lock()
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what was written."""
        self._whole = hashlib.sha256()
        self._file.seek(0)
        self._file.truncate()
        self._next = 0
        self._waiting: dict[int, bytes] = {}
        self._busy = False

    def put(self, place: int, data: bytes, written: Progress) -> None:
        """Take a chunk by its place in the file; write what can be written now, unless another thread is at it.

        `written` is called after each chunk, with its bytes.
        """
        with self._lock:
            self._waiting[place] = data
            if self._busy:
                return
            self._busy = True
        while (following := self._take()) is not None:
            self._write(following)
            written(len(following))

    def _take(self) -> bytes | None:
        with self._lock:
            data = self._waiting.pop(self._next, None)
            if data is None:
                self._busy = False
            else:
                self._next += 1
            return data

    def _write(self, data: bytes) -> None:
        self._whole.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    @property
    def is_whole(self) -> bool:
        """Whether what was written is the file."""
        return self._whole.hexdigest() == self.oid


class _Part(NamedTuple):
    """A chunk that is to be read: in the order of reading, of which output, and where in it."""

    number: int
    output: Output
    place: int
    ref: ChunkRef


class _Crew:
    """Threads that read chunks and hand them to their outputs. Few chunks wait in memory."""

    def __init__(self, reader: ChunkReader, parts: Iterator[_Part], keep: bool, workers: int) -> None:
        self._reader = reader
        self._parts = parts
        self._keep = keep
        self._lock = threading.Lock()
        # One for each chunk that was begun and is not written.
        self._room = threading.Semaphore(2 * workers)
        self._untold = 0
        self._failures: dict[int, BaseException] = {}
        self._stopped = False
        self._events: SimpleQueue[int | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"beatflow-write-{number}") for number in range(workers)
        ]

    def run(self, progress: Progress | None) -> None:
        """Have all of it read and written; raise what went wrong with the first chunk with which something did."""
        try:
            for thread in self._threads:
                thread.start()
            for _ in self._threads:
                while (count := self._events.get()) is not None:
                    if progress:
                        progress(count)
        finally:
            self._stopped = True
            for thread in filter(threading.Thread.is_alive, self._threads):
                thread.join()
        if self._failures:
            raise self._failures[min(self._failures)]
        if progress and self._untold:
            progress(self._untold)

    def _work(self) -> None:
        try:
            while part := self._take():
                self._do(part)
        finally:
            # Whoever waits for room finds out that nothing is left to do.
            self._room.release()
            self._events.put(None)

    def _take(self) -> _Part | None:
        self._room.acquire()
        with self._lock:
            return None if self._stopped or self._failures else next(self._parts, None)

    def _do(self, part: _Part) -> None:
        try:
            data = self._reader.read_for(part.output.oid, part.ref, self._keep)
            part.output.put(part.place, data, self._written)
        except BaseException as error:
            self._failures[part.number] = error
            # What follows in the same file waits for ever; nobody may wait for it to make room.
            self._room.release()

    def _written(self, count: int) -> None:
        self._room.release()
        with self._lock:
            self._untold += count
            if self._untold < _TOLD_BYTES:
                return
            told, self._untold = self._untold, 0
        self._events.put(told)


def write_files(
    packs: PackSet,
    targets: Sequence[tuple[str, Path]],
    workers: int,
    progress: Progress | None = None,
    beside: Mapping[str, Path] | None = None,
) -> None:
    """Write stored files to new paths.

    Parameters
    ----------
    packs : PackSet
    targets : sequence of (oid, Path)
        Nothing may lie at the paths yet.
    workers : int
        Threads to decode on.
    progress : callable, optional
        Called with the bytes written since the last call.
    beside : mapping of str to Path, optional
        Oid of a sound to a file that held just that a moment ago, from which it is quicker to read than to decode.

    Raises
    ------
    DamagedError
        A part is missing or damaged. Files may have been written in part; none of them is to be used.
    """
    quick = ChunkReader(RecordsBeside(packs, beside) if beside else packs, verify=False)
    for start in range(0, len(targets), FILES_AT_ONCE):
        with ExitStack() as stack:
            outputs = [
                Output(oid, stack.enter_context(path.open("xb", buffering=0)))
                for oid, path in targets[start : start + FILES_AT_ONCE]
            ]
            manifests = [read_manifest(packs, bytes.fromhex(output.oid)) for output in outputs]
            delays_s = _choose_delays(packs, manifests)
            try:
                _write(quick, outputs, manifests, delays_s, workers, progress)
            except DamagedError:
                # A file beside the store that has changed can have any effect.
                if not beside:
                    raise
            if not all(output.is_whole for output in outputs):
                _write_again(ChunkReader(packs), outputs, manifests, delays_s, workers)


def _write_again(
    reader: ChunkReader,
    outputs: Sequence[Output],
    manifests: Sequence[Manifest],
    delays_s: Sequence[float],
    workers: int,
) -> None:
    """Write files whose parts do not make the whole from parts that are each verified: there may be other copies."""
    for output in outputs:
        output.begin_again()
    _write(reader, outputs, manifests, delays_s, workers, None)
    for output in outputs:
        if not output.is_whole:
            raise DamagedError(f"sound {output.oid} is damaged: its parts do not make the whole")


def _write(
    reader: ChunkReader,
    outputs: Sequence[Output],
    manifests: Sequence[Manifest],
    delays_s: Sequence[float],
    workers: int,
    progress: Progress | None,
) -> None:
    parts = _list_parts(outputs, manifests, delays_s)
    _Crew(reader, parts, len(outputs) > 1, workers).run(progress)


def _list_parts(
    outputs: Sequence[Output], manifests: Sequence[Manifest], delays_s: Sequence[float]
) -> Iterator[_Part]:
    places = [0] * len(outputs)
    for number, (file, ref) in enumerate(iter_in_time(manifests, delays_s)):
        yield _Part(number, outputs[file], places[file], ref)
        places[file] += 1


def _choose_delays(packs: PackSet, manifests: Sequence[Manifest]) -> list[float]:
    """Return by how much each file comes later than those that it may be rebuilt from, in seconds."""
    rate = sum(map(count_rate, manifests))
    delay_s = min(_DELAY_S, _KEPT_BYTES / rate) if rate and len(manifests) > 1 else 0.0
    return [delay_s if delay_s and _is_rebuilt(packs, manifest) else 0.0 for manifest in manifests]


def _is_rebuilt(packs: PackSet, manifest: Manifest) -> bool:
    """Say whether any of a few of a file's chunks is rebuilt from others."""
    chunks = manifest.chunks
    entries = (packs.find(Kind.CHUNK, ref.id) for ref in chunks[:: -(-len(chunks) // _SAMPLES) or 1])
    return any(entry.flags & Flag.DEPENDS for entry in entries if entry)
