"""Writes many stored files at once, side by side in time: what one is predicted from is at hand when it is needed.

Knows packs and manifests; every file is verified as a whole before this ends.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from heapq import merge
from pathlib import Path
from typing import BinaryIO, TypeVar

from beatflow.errors import DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.manifest import ChunkRef, Manifest
from beatflow.objects.packset import PackSet, RecordSource
from beatflow.objects.reading import ChunkReader, read_manifest

_FILES_AT_ONCE = 32
_NOTHING = hashlib.sha256()

Progress = Callable[[int], None]
T = TypeVar("T")


class Output:
    """One file being written."""

    def __init__(self, oid: str, file: BinaryIO) -> None:
        self.oid = oid
        self._file = file
        self._whole = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Take the bytes that follow."""
        self._whole.update(data)
        self._file.write(data)

    @property
    def is_whole(self) -> bool:
        """Whether what was written is the file."""
        return self._whole.hexdigest() == self.oid

    def begin_again(self) -> None:
        """Forget what was written."""
        self._whole = hashlib.sha256()
        self._file.seek(0)
        self._file.truncate()


class Proof:
    """One file being compared with its oid, chunk by chunk."""

    def __init__(self, oid: str) -> None:
        self.oid = oid
        self.whole = _NOTHING

    @property
    def holds(self) -> bool:
        """Whether what came is the file."""
        return self.whole.hexdigest() == self.oid


class _Beginnings:
    """SHA-256 of how files begin: what several have in common at their beginning, as versions do, is hashed once."""

    def __init__(self) -> None:
        # With the hash before, so that it lives as long as its id stands for it.
        self._latest: OrderedDict[tuple[int, bytes], tuple[hashlib._Hash, hashlib._Hash]] = OrderedDict()

    def add(self, proof: Proof, chunk: ChunkRef, data: bytes) -> None:
        """Give a file the chunk that follows, already compared with its id."""
        key = id(proof.whole), chunk.id
        if key not in self._latest:
            after = proof.whole.copy()
            after.update(data)
            self._latest[key] = proof.whole, after
            if len(self._latest) > 2 * _FILES_AT_ONCE:
                self._latest.popitem(last=False)
        _, proof.whole = self._latest[key]


F = TypeVar("F", Output, Proof)


def write_files(
    packs: PackSet,
    targets: Sequence[tuple[str, Path]],
    workers: int,
    progress: Progress | None = None,
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

    Raises
    ------
    DamagedError
        A part is missing or damaged. Files may have been written in part; none of them is to be used.
    """
    quick = ChunkReader(packs, verify=False)
    with ThreadPoolExecutor(workers, "beatflow-decode") as pool:
        for group in _grouped(targets):
            with ExitStack() as stack:
                outputs = [
                    Output(oid, stack.enter_context(path.open("xb", buffering=0))) for oid, path in group
                ]
                manifests = [read_manifest(packs, bytes.fromhex(output.oid)) for output in outputs]
                for output, _, data in _decode(pool, quick, outputs, manifests, 2 * workers):
                    output.write(data)
                    if progress:
                        progress(len(data))
                if not all(output.is_whole for output in outputs):
                    _write_again(pool, ChunkReader(packs), outputs, manifests, 2 * workers)


def verify_parts(
    source: RecordSource, parts: Sequence[tuple[Proof, Manifest]], pool: ThreadPoolExecutor, window: int
) -> None:
    """Decode parts of files, each chunk compared with its id, and give each to its file's proof.

    Raises
    ------
    DamagedError
        A chunk is not what it is called, or cannot be decoded.
    """
    reader = ChunkReader(source)
    beginnings = _Beginnings()
    for group in _grouped(parts):
        proofs, manifests = zip(*group, strict=True)
        for proof, ref, data in _decode(pool, reader, proofs, manifests, window):
            beginnings.add(proof, ref, data)


def _write_again(
    pool: ThreadPoolExecutor,
    reader: ChunkReader,
    outputs: Sequence[Output],
    manifests: Sequence[Manifest],
    most: int,
) -> None:
    """Write files whose parts do not make the whole from parts that are each verified: there may be other copies."""
    for output in outputs:
        output.begin_again()
    for output, _, data in _decode(pool, reader, outputs, manifests, most):
        output.write(data)
    for output in outputs:
        if not output.is_whole:
            raise DamagedError(f"sound {output.oid} is damaged: its parts do not make the whole")


def _grouped(targets: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(targets), _FILES_AT_ONCE):
        yield targets[start : start + _FILES_AT_ONCE]


def _decode(
    pool: ThreadPoolExecutor,
    reader: ChunkReader,
    outputs: Sequence[F],
    manifests: Sequence[Manifest],
    most: int,
) -> Iterator[tuple[F, ChunkRef, bytes]]:
    """Yield each file's chunks in order, those of all files in the order of time, decoding a few ahead."""
    timed = merge(*(_timed(number, manifest) for number, manifest in enumerate(manifests)))

    def read(item: tuple[float, int, ChunkRef]) -> bytes:
        _, number, ref = item
        return _read(reader, ref, len(outputs) > 1, outputs[number].oid)

    for (_, number, ref), data in work_ahead(pool, most, read, timed):
        yield outputs[number], ref, data


def _read(reader: ChunkReader, ref: ChunkRef, keep: bool, oid: str) -> bytes:
    try:
        return reader.read(ref, keep)
    except DamagedError as error:
        raise DamagedError(f"sound {oid} cannot be read: {error.message}", error.hint) from error


def _timed(number: int, manifest: Manifest) -> Iterator[tuple[float, int, ChunkRef]]:
    """Yield a file's chunks with the time, in seconds, at which each ends; bytes take no time."""
    time_s = 0.0
    for region in manifest.regions:
        layout = region.layout
        rate = layout.frame_bytes * (layout.sample_rate or 44100) if layout else 0
        for ref in region.chunks:
            time_s += ref.length / rate if rate else 0.0
            yield time_s, number, ref
