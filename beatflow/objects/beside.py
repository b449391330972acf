"""Files beside a store that hold stored sounds as they are: reading a chunk there takes a tenth of decoding it.

Knows manifests and records. Such a file may change at any moment, so nothing that is read there is believed: this is
only for who compares the whole that the chunks make with its id.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from beatflow.errors import AudioError, BeatFlowError, DamagedError
from beatflow.objects.ids import parse_oid
from beatflow.objects.opening import open_regular
from beatflow.objects.pack import Codec, Entry, Kind, Record
from beatflow.objects.packset import PackSet
from beatflow.objects.plain import NO_PARAMETERS
from beatflow.objects.reading import read_manifest

T = TypeVar("T")


class _Place(NamedTuple):
    """Where a chunk lies, in bytes."""

    path: Path
    start: int
    length: int


class RecordsBeside:
    """The records of a store, chunks from files beside it where they lie in one.

    Parameters
    ----------
    packs : PackSet
    files : mapping of str to Path
        Oid of a sound to a file that held just that a moment ago.
    """

    def __init__(self, packs: PackSet, files: Mapping[str, Path]) -> None:
        self._packs = packs
        self._places: dict[bytes, _Place] = {}
        for oid, path in files.items():
            try:
                chunks = read_manifest(packs, parse_oid(oid)).chunks
            except BeatFlowError:
                continue
            start = 0
            for ref in chunks:
                self._places.setdefault(ref.id, _Place(path, start, ref.length))
                start += ref.length

    def read(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        """Find a record, read it, decode it; as `PackSet.read` does."""
        place = self._places.get(id) if kind == Kind.CHUNK else None
        raw = read_stretch(*place) if place else None
        if raw is not None:
            try:
                return decode(
                    Record(Entry(kind, id, Codec.NONE, 0, len(raw), len(raw), 0), NO_PARAMETERS, raw)
                )
            except DamagedError:
                pass
        return self._packs.read(kind, id, decode)


def read_stretch(path: Path, start: int, count: int) -> bytes | None:
    """Return so many bytes of a file from some byte on; None where they cannot be had."""
    try:
        with open_regular(path) as file:
            file.seek(start)
            raw = file.read(count)
    except (OSError, AudioError):
        return None
    return raw if len(raw) == count else None
