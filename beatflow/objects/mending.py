"""Puts lost chunks and manifests back into a store, from other stores and from files.

Knows packs, manifests and the cutting of files; not what is lost, which it is told. Every chunk is proved by its id
and every file by its oid before it is written, so that a source can be anything at all. Only for who holds the lock.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.care import copy_of
from beatflow.objects.codec import encode
from beatflow.objects.durable import publish_file, temporary_name
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef, Manifest, build_manifest
from beatflow.objects.manifest import encode as encode_manifest
from beatflow.objects.pack import PACK_SUFFIX, Codec, Kind
from beatflow.objects.packset import PackSet
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.plain import NO_PARAMETERS
from beatflow.objects.reach import MAX_DEPTH
from beatflow.objects.reading import ChunkReader, open_manifest
from beatflow.objects.split import pieces

_BLOCK = 1024 * 1024


class Mending:
    """What is lost of a store, and one new pack with what was found of it.

    Parameters
    ----------
    packs : PackSet
        The store.
    temporary : Path
        Its folder for unfinished files.
    chunks : mapping of bytes to Layout or None
        Ids of the lost chunks, and how to read their bytes when they are samples.
    manifests : set of bytes
        Ids of the files whose manifest is lost.
    sounds : mapping of bytes to Manifest
        Files that want lost chunks, and how they are put together: a file with that SHA-256 has them at these places.
    write : bool
        Whether to write what is found; otherwise it is only counted.

    Attributes
    ----------
    found : Counter of str
        How many chunks and manifests each source had.
    """

    def __init__(
        self,
        packs: PackSet,
        temporary: Path,
        chunks: Mapping[bytes, Layout | None],
        manifests: set[bytes],
        sounds: Mapping[bytes, Manifest],
        write: bool = True,
    ) -> None:
        self._packs = packs
        self._temporary = temporary
        self._chunks = dict(chunks)
        self._manifests = set(manifests)
        self._sounds = sounds
        self._write = write
        self._writer: PackWriter | None = None
        self._placed: set[tuple[int, bytes]] = set()
        self.found: Counter[str] = Counter()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wanted any more."""
        return not (self._chunks or self._manifests)

    def count_missing(self) -> int:
        """Return how many records stay lost: of those that are wanted, some only lacked what has been found."""
        return len(self._manifests) + sum(not self._comes_back(id, MAX_DEPTH) for id in self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.discard()

    def take_from_store(self, packs: PackSet, name: str) -> None:
        """Take what another store has."""
        reader = ChunkReader(packs)
        for id in sorted(self._manifests):
            with suppress(BeatFlowError):
                manifest, record = packs.read(
                    Kind.MANIFEST, id, lambda record: (open_manifest(record), copy_of(record))
                )
                self._put(record, name)
                self._manifests.discard(id)
                self._want(manifest)
        for id, layout in list(self._chunks.items()):
            entry = packs.find(Kind.CHUNK, id)
            if entry is not None:
                with suppress(BeatFlowError):
                    self._put_chunk(id, reader.read(ChunkRef(id, entry.raw_length)), layout, name)

    def take_from_file(self, path: Path, name: str) -> None:
        """Take what a file has: all of it when it is a lost sound, else the chunks that it shares with one.

        Raises
        ------
        OSError
            It cannot be read.
        """
        id = _hash_file(path)
        if id in self._manifests:
            self._take_whole(path, id, name)
        elif id in self._sounds:
            self._take_ranges(path, self._sounds[id], name)
        if self._chunks:
            for layout, data in _cut(path):
                if (found := sha256(data)) in self._chunks:
                    self._put_chunk(found, data, layout or self._chunks[found], name)

    def publish(self) -> str | None:
        """Make what was found durable and readable; return the new pack's name, None when nothing was."""
        if self._writer is None:
            return None
        name = self._writer.finish()
        publish_file(self._writer.path, self._packs.folder / f"{name}{PACK_SUFFIX}")
        self._writer = None
        self._packs.forget()
        self._packs.write_index(self._temporary)
        return name

    def _take_whole(self, path: Path, id: bytes, name: str) -> None:
        """Write a manifest anew from the file itself, and whatever of its chunks is not here."""
        whole = hashlib.sha256()
        refs = []
        for layout, data in _cut(path):
            whole.update(data)
            ref = ChunkRef(sha256(data), len(data))
            refs.append((layout, ref))
            if ref.id in self._chunks or self._packs.find(Kind.CHUNK, ref.id) is None:
                self._put_chunk(ref.id, data, layout, name)
        if whole.digest() == id:
            raw = encode_manifest(build_manifest(refs))
            self._put(NewRecord(Kind.MANIFEST, id, Codec.NONE, 0, NO_PARAMETERS, len(raw), raw), name)
            self._manifests.discard(id)

    def _take_ranges(self, path: Path, manifest: Manifest, name: str) -> None:
        """Take lost chunks from where they lie in a file, however it would be cut today."""
        with path.open("rb") as file:
            at = 0
            for region in manifest.regions:
                for ref in region.chunks:
                    if ref.id in self._chunks:
                        file.seek(at)
                        data = file.read(ref.length)
                        if sha256(data) == ref.id:
                            self._put_chunk(ref.id, data, region.layout, name)
                    at += ref.length

    def _want(self, manifest: Manifest) -> None:
        """Ask for the chunks of a manifest that was just found."""
        for region in manifest.regions:
            for ref in region.chunks:
                if (Kind.CHUNK, ref.id) not in self._placed and not self._packs.find(Kind.CHUNK, ref.id):
                    self._chunks.setdefault(ref.id, region.layout)

    def _comes_back(self, id: bytes, depth: int) -> bool:
        """Say whether a chunk can be read again once what was found is there."""
        if (Kind.CHUNK, id) in self._placed:
            return True
        try:
            sources = self._packs.read(Kind.CHUNK, id, lambda record: record.dependencies)
        except DamagedError:
            return False
        if id not in self._chunks:
            return True
        return depth > 0 and bool(sources) and all(self._comes_back(one, depth - 1) for one in sources)

    def _put_chunk(self, id: bytes, raw: bytes, layout: Layout | None, name: str) -> None:
        self._chunks.pop(id, None)
        if (Kind.CHUNK, id) not in self._placed:
            self._placed.add((Kind.CHUNK, id))
            self.found[name] += 1
            if self._write:
                done = encode(raw, layout)
                self._add(NewRecord(Kind.CHUNK, id, done.codec, 0, done.parameters, len(raw), done.payload))

    def _put(self, record: NewRecord, name: str) -> None:
        self._placed.add((record.kind, record.id))
        self.found[name] += 1
        if self._write:
            self._add(record)

    def _add(self, record: NewRecord) -> None:
        if self._writer is None:
            self._writer = PackWriter(temporary_name(self._temporary, PACK_SUFFIX))
        self._writer.add(record)


def _hash_file(path: Path) -> bytes:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
    return hashed.digest()


def _cut(path: Path) -> Iterator[tuple[Layout | None, bytes]]:
    with path.open("rb", buffering=0) as file:
        for piece in pieces(file.read):
            yield piece.layout, piece.data
