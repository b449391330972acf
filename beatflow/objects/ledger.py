"""Accounts for every byte of a store: each record is charged to the first file that needs it.

Knows packs, manifests and dependencies, and decodes nothing but manifests; who the files belong to is the caller's to
say. Records are told apart by kind and the first 8 bytes of their id, as in `collection`.
"""

from collections import Counter
from dataclasses import dataclass

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.ids import parse_oid
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import ENTRY_BYTES, RECORD_HEAD_BYTES, Entry, Flag, Kind, prefix_of
from beatflow.objects.packproof import read_sources
from beatflow.objects.packset import PackSet
from beatflow.objects.reading import read_manifest

PREDICTION = range(64, 128)
"""Codecs that rebuild a chunk from others."""

NOBODY = -1
"""The party of files that share with no one."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a store's bytes are.

    ``chunk_bytes - missing_bytes - saved_by_coding_bytes - saved_by_prediction_bytes + bookkeeping_bytes +
    unreached_bytes`` is ``stored_bytes``, exactly.

    Attributes
    ----------
    packs, stored_bytes : int
        All packs, and their bytes.
    chunk_bytes : int
        The chunks of all files that were charged, each once, as they stand in the files.
    missing_bytes : int
        How many of these are not in the store.
    saved_by_coding_bytes, saved_by_prediction_bytes : int
        How much shorter chunks are stored; what is kept only to predict others from is taken off the latter.
    bookkeeping_bytes : int
        Manifests, heads and directories, and records of kinds that this version does not know.
    unreached_records, unreached_bytes : int
        Records that no file needs, second copies included.
    """

    packs: int
    stored_bytes: int
    chunk_bytes: int
    missing_bytes: int
    saved_by_coding_bytes: int
    saved_by_prediction_bytes: int
    bookkeeping_bytes: int
    unreached_records: int
    unreached_bytes: int


class Ledger:
    """The books of one store, to be filled file by file.

    Attributes
    ----------
    shared : Counter
        Party to the stored bytes of chunks that its files and those of another party use, each once a party.
    """

    def __init__(self, packs: PackSet) -> None:
        self._packs = packs
        self._listed = packs.current()
        self._sources = self._read_sources()
        self._owners: dict[int, int] = {}
        self._manifests: set[int] = set()
        self._only_sources: dict[int, Entry] = {}
        # Files' chunks that are rebuilt from others, until those are charged.
        self._rebuilt: dict[str, list[Entry]] = {}
        self._shared_chunks: set[int] = set()
        self._users: set[tuple[int, int]] = set()
        self.shared: Counter[int] = Counter()
        self._chunk_bytes = self._missing = self._payload = self._charged = self._records = 0
        self._coding = self._prediction = 0

    def add_file(self, oid: str, size: int, party: int = NOBODY) -> int:
        """Charge a file's own chunks that no file before it had; return the stored bytes of that.

        Parameters
        ----------
        oid : str
        size : int
            Bytes of the file, believed only where its manifest is missing.
        party : int
            Whose it is: chunks used by several parties are shared.
        """
        id = parse_oid(oid)
        entry = self._packs.find(Kind.MANIFEST, id)
        new = prefix_of(id) not in self._manifests
        charged = 0
        if new:
            self._manifests.add(prefix_of(id))
            charged = self._charge(entry) if entry else 0
        try:
            chunks = read_manifest(self._packs, id).chunks if entry else None
        except BeatFlowError:
            chunks = None
        if chunks is None:
            if new:
                self._chunk_bytes += size
                self._missing += size
            return charged
        for ref in dict.fromkeys(chunks):
            charged += self._add_chunk(oid, ref, party)
        return charged

    def add_sources(self, oid: str) -> int:
        """Charge what a file's chunks are rebuilt from and no file has, those that came beside it included.

        Called once all of them were added: the stems of a mix are theirs.
        """
        return sum(self._charge_sources(entry) for entry in self._rebuilt.pop(oid, ()))

    def close(self) -> Account:
        """Return the sums."""
        stored = sum(pack.size for pack in self._listed)
        records = total = 0
        for pack in self._listed:
            for entry in pack.directory:
                if entry.kind in Kind.__members__.values():
                    records += 1
                    total += _cost(entry)
        unreached = total - self._charged
        return Account(
            len(self._listed),
            stored,
            self._chunk_bytes,
            self._missing,
            self._coding,
            self._prediction - sum(entry.stored_length for entry in self._only_sources.values()),
            stored - unreached - self._payload,
            records - self._records,
            unreached,
        )

    def _add_chunk(self, oid: str, ref: ChunkRef, party: int) -> int:
        key = prefix_of(ref.id)
        owner = self._owners.get(key)
        if owner is None:
            self._owners[key] = party
            return self._charge_chunk(oid, ref)
        if NOBODY not in (owner, party) and owner != party and (key, party) not in self._users:
            entry = self._packs.find(Kind.CHUNK, ref.id)
            cost = _cost(entry) if entry else 0
            self._users.add((key, party))
            self.shared[party] += cost
            if key not in self._shared_chunks:
                self._shared_chunks.add(key)
                self.shared[owner] += cost
        return 0

    def _charge_chunk(self, oid: str, ref: ChunkRef) -> int:
        entry = self._packs.find(Kind.CHUNK, ref.id)
        if entry is None:
            self._chunk_bytes += ref.length
            self._missing += ref.length
            return 0
        self._chunk_bytes += entry.raw_length
        saved = entry.raw_length - entry.stored_length
        if entry.codec in PREDICTION:
            self._prediction += saved
        else:
            self._coding += saved
        if self._only_sources.pop(prefix_of(ref.id), None):
            return 0
        if prefix_of(ref.id) in self._sources:
            self._rebuilt.setdefault(oid, []).append(entry)
        self._payload += entry.stored_length
        return self._charge(entry)

    def _charge_sources(self, entry: Entry) -> int:
        """Charge what a chunk is rebuilt from and no file uses."""
        charged = 0
        waiting = list(self._sources.get(prefix_of(entry.id), ()))
        while waiting:
            id = waiting.pop()
            key = prefix_of(id)
            source = self._packs.find(Kind.CHUNK, id)
            if source is None or key in self._owners or key in self._only_sources:
                continue
            self._only_sources[key] = source
            self._payload += source.stored_length
            charged += self._charge(source)
            waiting += self._sources.get(key, ())
        return charged

    def _charge(self, entry: Entry) -> int:
        self._records += 1
        self._charged += _cost(entry)
        return _cost(entry)

    def _read_sources(self) -> dict[int, tuple[bytes, ...]]:
        found = {}
        for pack in self._listed:
            for entry in pack.directory:
                if entry.kind == Kind.CHUNK and entry.flags & Flag.DEPENDS:
                    try:
                        found[prefix_of(entry.id)] = read_sources(pack, entry)
                    except DamagedError:
                        continue
        return found


def _cost(entry: Entry) -> int:
    """Return what a record takes in a pack: its head, payload and line of the directory."""
    return RECORD_HEAD_BYTES + entry.stored_length + ENTRY_BYTES
