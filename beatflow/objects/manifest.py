"""The manifest: how the exact bytes of one file are put together again from chunks.

Knows the byte table in docs/format.md and no store. Each manifest has exactly one encoding, and `decode` accepts
nothing else.
"""

import struct
from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

from beatflow.errors import AudioError, BeatFlowError, DamagedError
from beatflow.objects.ids import ID_BYTES
from beatflow.objects.layout import MAX_CHANNELS, Layout, SampleFormat

VERSION = 1
MAX_CHUNK_BYTES = 16 * 1024 * 1024
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
MAX_REGIONS = 0xFFFF

_HEAD = struct.Struct("<HHIQ")
_REGION = struct.Struct("<BBHIQI")
_CHUNK = struct.Struct(f"<{ID_BYTES}sI")
_BYTES, _PCM = 0, 1


class ChunkRef(NamedTuple):
    """One chunk of a file: its id and how many bytes of the file it stands for."""

    id: bytes
    length: int


class Region(NamedTuple):
    """A run of chunks that are read alike: samples of one layout, or plain bytes (layout None)."""

    layout: Layout | None
    chunks: tuple[ChunkRef, ...]

    @property
    def length(self) -> int:
        """Bytes of the file in this region."""
        return sum(chunk.length for chunk in self.chunks)


class Manifest(NamedTuple):
    """The chunks of one file, in order."""

    regions: tuple[Region, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(region.length for region in self.regions)

    @property
    def chunks(self) -> tuple[ChunkRef, ...]:
        """All chunks, in the file's order."""
        return tuple(chunk for region in self.regions for chunk in region.chunks)

    def part(self, start: int, stop: int) -> "Manifest":
        """Return how a part of the file is made of chunks, from one of them to before another."""
        regions = []
        for region in self.regions:
            chunks = region.chunks[max(0, start) : max(0, stop)]
            start, stop = start - len(region.chunks), stop - len(region.chunks)
            if chunks:
                regions.append(Region(region.layout, chunks))
        return Manifest(tuple(regions))


def build_manifest(chunks: Iterable[tuple[Layout | None, ChunkRef]]) -> Manifest:
    """Join neighbours of the same layout into regions."""
    return Manifest(
        tuple(
            Region(layout, tuple(chunk for _, chunk in run))
            for layout, run in groupby(chunks, lambda item: item[0])
        )
    )


def encode(manifest: Manifest) -> bytes:
    """Return the one encoding of `manifest`.

    Raises
    ------
    AudioError
        The file has more chunks or regions than a manifest may list.
    """
    chunks = manifest.chunks
    length = _HEAD.size + len(manifest.regions) * _REGION.size + len(chunks) * _CHUNK.size
    if length > MAX_MANIFEST_BYTES or len(manifest.regions) > MAX_REGIONS:
        raise AudioError(f"the file is too large to be kept: {manifest.size} bytes in {len(chunks)} chunks")
    parts = [_HEAD.pack(VERSION, len(manifest.regions), len(chunks), manifest.size)]
    for region in manifest.regions:
        layout = region.layout
        words = (_PCM, layout.format, layout.channels, layout.sample_rate) if layout else (_BYTES, 0, 0, 0)
        parts.append(_REGION.pack(*words, region.length, len(region.chunks)))
    parts.extend(_CHUNK.pack(*chunk) for chunk in chunks)
    return b"".join(parts)


def decode(data: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    DamagedError
        The bytes are not the one encoding of a manifest.
    BeatFlowError
        They are of a later version.
    """
    if len(data) < _HEAD.size:
        raise DamagedError(f"manifest of {len(data)} bytes is too short")
    version, region_count, chunk_count, size = _HEAD.unpack_from(data)
    if version != VERSION:
        raise BeatFlowError(f"manifest version {version} is newer than this BeatFlow", "upgrade BeatFlow")
    chunks_at = _HEAD.size + region_count * _REGION.size
    if len(data) != chunks_at + chunk_count * _CHUNK.size:
        raise DamagedError(f"manifest of {len(data)} bytes does not match its counts")
    refs = [ChunkRef(*fields) for fields in _CHUNK.iter_unpack(data[chunks_at:])]
    if any(not 0 < ref.length <= MAX_CHUNK_BYTES for ref in refs):
        raise DamagedError("manifest lists a chunk of impossible length")
    regions, taken = [], 0
    for kind, number, channels, rate, length, count in _REGION.iter_unpack(data[_HEAD.size : chunks_at]):
        region = Region(_decode_layout(kind, number, channels, rate), tuple(refs[taken : taken + count]))
        taken += count
        _check_region(region, length, count)
        regions.append(region)
    manifest = Manifest(tuple(regions))
    if taken != chunk_count or manifest.size != size:
        raise DamagedError("manifest does not add up")
    if any(before.layout == after.layout for before, after in pairwise(regions)):
        raise DamagedError("manifest splits one region in two")
    return manifest


def _decode_layout(kind: int, number: int, channels: int, rate: int) -> Layout | None:
    if kind == _BYTES and not (number or channels or rate):
        return None
    if kind != _PCM or number not in SampleFormat.__members__.values() or not 1 <= channels <= MAX_CHANNELS:
        raise DamagedError(f"manifest names an unknown region: {kind}, {number}, {channels}")
    return Layout(SampleFormat(number), channels, rate)


def _check_region(region: Region, length: int, count: int) -> None:
    if not count or len(region.chunks) != count or region.length != length:
        raise DamagedError("a region of the manifest does not add up")
    layout = region.layout
    if layout is not None and any(chunk.length % layout.frame_bytes for chunk in region.chunks):
        raise DamagedError("manifest cuts inside a frame")
