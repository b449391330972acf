"""Records that have just come, in memory: made to fit beside those that are here, and proved before anyone keeps them.

A chunk is proved by its id and a file by its oid, both from decoded bytes; checksums alone prove nothing, since
whoever lies can compute them. Knows codecs and prediction, neither shelves nor packs' files.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.care import copy_of
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import MUST_KNOW, REBUILT, Codec, Flag, Kind, Record
from beatflow.objects.packset import PackSet
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.reach import MAX_DEPTH, Reach
from beatflow.objects.reading import ChunkReader, read_reach
from beatflow.objects.threads import Workers

T = TypeVar("T")

_MAX_COST = 255


class Arrivals:
    """Records that came together, before those of a store.

    Parameters
    ----------
    packs : PackSet
        The store's.
    """

    def __init__(self, packs: PackSet) -> None:
        self._packs = packs
        self._records: dict[bytes, Record] = {}
        self._reaches: dict[bytes, Reach] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, id: bytes) -> bool:
        return id in self._records

    def read(self, kind: int, id: bytes, decode: Callable[[Record], T]) -> T:
        """Read a chunk that has come, else one that is here."""
        record = self._records.get(id) if kind == Kind.CHUNK else None
        return decode(record) if record else self._packs.read(kind, id, decode)

    def add(self, record: Record) -> None:
        """Take a chunk's record as it came."""
        self._records[record.entry.id] = record

    def records(self, order: Iterable[bytes]) -> Iterator[NewRecord]:
        """Yield the records in an order, to be written."""
        return (copy_of(self._records[id]) for id in order if id in self._records)

    def drop(self, id: bytes) -> None:
        """Forget a chunk."""
        self._records.pop(id, None)

    def fit(self, order: Iterable[bytes], reader: ChunkReader) -> None:
        """Bring predictions' reach in line with the sources that are here, which may be predicted themselves.

        Parameters
        ----------
        order : iterable of bytes
            Ids, what others are predicted from before these.
        reader : ChunkReader
            Reads chunks from here.

        Raises
        ------
        DamagedError
            A chunk lacks what it is predicted from.
        """
        for id in order:
            record = self._records.get(id)
            if record is None:
                continue
            fitted = fit_reach(record, self._reach_of)
            if fitted is None:
                fitted = stand_alone(record, reader)
            self._records[id] = fitted
            self._reaches[id] = read_reach(fitted)

    def _reach_of(self, id: bytes) -> Reach:
        if id not in self._reaches:
            self._reaches[id] = self._packs.read(Kind.CHUNK, id, read_reach)
        return self._reaches[id]


def fit_reach(record: Record, reach_of: Callable[[bytes], Reach]) -> Record | None:
    """Return a record with its reach as its sources have it now; None where that is too far to be read."""
    if record.entry.codec not in REBUILT:
        return record
    reaches = [reach_of(id) for id in record.dependencies]
    depth = 1 + max(reach.depth for reach in reaches)
    cost = 1 + max(reach.cost for reach in reaches)
    form, channels, former_depth, former_cost = record.parameters
    if depth > MAX_DEPTH or cost > _MAX_COST:
        return None
    if depth <= former_depth <= MAX_DEPTH:
        return record
    return record._replace(parameters=bytes((form, channels, depth, max(cost, former_cost))))


def stand_alone(record: Record, reader: ChunkReader) -> Record:
    """Code a predicted chunk anew, from itself alone.

    Raises
    ------
    DamagedError
        It cannot be decoded, or proves to be another.
    """
    from beatflow.objects.codec import encode
    from beatflow.objects.rebuilding import rebuild

    entry = record.entry
    raw = rebuild(record, reader.read)
    if sha256(raw) != entry.id:
        raise DamagedError(f"{entry.id.hex()}: the bytes do not match their SHA-256")
    form, channels = record.parameters[:2]
    done = encode(raw, Layout(SampleFormat(form), channels))
    alone = entry._replace(codec=done.codec, flags=0, stored_length=len(done.payload))
    return Record(alone, done.parameters, done.payload)


def check_known(record: Record) -> None:
    """Refuse a chunk that this version cannot decode, and so cannot prove.

    Raises
    ------
    BeatFlowError
        Its codec or a flag is newer.
    """
    entry = record.entry
    dependent = bool(entry.flags & Flag.DEPENDS)
    if (
        entry.codec not in Codec.__members__.values()
        or entry.flags & MUST_KNOW
        or dependent != (entry.codec in REBUILT)
    ):
        raise BeatFlowError(
            f"a sound is coded in a way that is newer than this BeatFlow (codec {entry.codec})",
            "upgrade BeatFlow",
        )


def prove_chunks(
    reader: ChunkReader, refs: Iterable[ChunkRef], pool: Workers, window: int
) -> Iterator[tuple[ChunkRef, BeatFlowError | None]]:
    """Decode chunks and compare them with their ids; yield each with what is wrong with it."""

    def prove(ref: ChunkRef) -> BeatFlowError | None:
        try:
            reader.read(ref)
        except BeatFlowError as error:
            return error
        return None

    return work_ahead(pool, window, prove, refs)
