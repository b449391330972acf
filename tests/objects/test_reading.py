"""A chunk is compared with its id before anybody gets it; what it was made of, only where that is asked for itself."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from beatflow.errors import DamagedError
from beatflow.objects import reading
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import Codec, Entry, Flag, Kind, Record
from beatflow.objects.prediction import Source
from beatflow.objects.reach import Reach
from beatflow.objects.reading import ChunkReader
from beatflow.objects.rendition import Voice, encode

T = TypeVar("T")

LAYOUT = Layout(SampleFormat.S16LE, 1)
PLAIN = bytes(range(200))
WRONG = bytes(200)
REF = ChunkRef(sha256(PLAIN), len(PLAIN))
# A rendition of one stem at the volume that it has: the second half of it.
RENDERED = PLAIN[100:]
TOP = ChunkRef(sha256(RENDERED), len(RENDERED))


class Records:
    """Copies of records, tried in their order as a set of packs does."""

    def __init__(self, copies: Sequence[Record]) -> None:
        self._copies = copies

    def read(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        for record in self._copies:
            if (record.entry.kind, record.entry.id) == (kind, id):
                try:
                    return decode(record)
                except DamagedError:
                    continue
        raise DamagedError("no copy")


def plain_record(payload: bytes) -> Record:
    entry = Entry(Kind.CHUNK, REF.id, Codec.NONE, 0, len(payload), len(payload), 0)
    return Record(entry, bytes(4), payload)


def rendered_record() -> Record:
    voice = Voice(Source(LAYOUT, (REF,), 50), (1 << 20,))
    parameters, payload = encode([voice], LAYOUT, Reach(1, 2))
    entry = Entry(Kind.CHUNK, TOP.id, Codec.RENDITION, Flag.DEPENDS, TOP.length, len(payload), 0)
    return Record(entry, parameters, payload)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    found = list[bytes]()

    def note(data: bytes | memoryview) -> bytes:
        found.append(bytes(data))
        return sha256(data)

    monkeypatch.setattr(reading, "sha256", note)
    return found


def test_each_chunk_is_compared_once_and_only_if_it_is_asked_for(hashed: list[bytes]) -> None:
    reader = ChunkReader(Records([plain_record(PLAIN), rendered_record()]))
    assert reader.read(TOP) == RENDERED
    assert hashed == [RENDERED]
    assert reader.find_kept(REF) == PLAIN
    assert hashed == [RENDERED, PLAIN]
    assert reader.read(REF) == reader.find_kept(REF) == PLAIN
    assert hashed == [RENDERED, PLAIN]


@pytest.mark.parametrize("first", [TOP, REF])
def test_another_copy_is_taken_where_the_first_is_wrong(first: ChunkRef) -> None:
    reader = ChunkReader(Records([plain_record(WRONG), plain_record(PLAIN), rendered_record()]))
    for ref in (first, REF, TOP):
        assert reader.read(ref, keep=True) == (PLAIN if ref is REF else RENDERED)


def test_what_was_kept_unproven_and_is_wrong_is_given_to_nobody() -> None:
    # Right where the rendition looks, wrong elsewhere.
    reader = ChunkReader(Records([plain_record(WRONG[:100] + RENDERED), rendered_record()]))
    assert reader.read(TOP) == RENDERED
    assert reader.find_kept(REF) is None
    with pytest.raises(DamagedError):
        reader.read(REF)


def test_a_chunk_made_of_wrong_ones_is_damaged() -> None:
    reader = ChunkReader(Records([plain_record(WRONG), rendered_record()]))
    for _ in range(2):
        with pytest.raises(DamagedError):
            reader.read(TOP)
    assert reader.find_kept(TOP) is None
