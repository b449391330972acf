"""What all packs of a shelf hold, known without reading the sounds: records, links and manifests.

Knows packs, manifests and shelves. Nothing here is proof that a record is what its entry says; reading it is.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from beatflow.errors import DamagedError
from beatflow.objects.ahead import work_ahead
from beatflow.objects.exchange.links import NO_LINK, TABLE_BYTES, Link, read_link
from beatflow.objects.exchange.shelf import Listed, Shelf
from beatflow.objects.exchange.span import Piece, Span, join
from beatflow.objects.exchange.tail import Tail, TailCache, read_tail, rebuild_tail
from beatflow.objects.ids import parse_oid
from beatflow.objects.manifest import Manifest
from beatflow.objects.pack import (
    ENTRY_BYTES,
    RECORD_HEAD_BYTES,
    Entry,
    Flag,
    Kind,
    Record,
    parse_record,
    prefix_of,
)
from beatflow.objects.pointer import Pointer
from beatflow.objects.pool import Pool
from beatflow.objects.reading import open_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = 8
"""Requests at once: enough to fill a line whose answers take a while."""
_ATTEMPTS = 3


class Spot(NamedTuple):
    """Where a record lies: the pack's name and the entry in its directory."""

    pack: str
    entry: Entry


class Catalogue:
    """The records of a shelf, as its packs' directories have them.

    Parameters
    ----------
    shelf : Shelf
    cache : TailCache
        Copies of what was read before.

    Attributes
    ----------
    damaged : dict of str to str
        Packs that are no whole packs, and why: what they hold counts as not there, unless it is salvaged.
    rotten : set of Spot
        Records that were read and are not what their checksums say: these count as not there.
    """

    def __init__(self, shelf: Shelf, cache: TailCache) -> None:
        self.shelf = shelf
        self.damaged: dict[str, str] = {}
        self.rotten: set[Spot] = set()
        self._cache = cache
        self._tails: dict[str, Tail] = {}
        self._links: dict[str, dict[bytes, Link]] = {}
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._prefixes: NDArray[Any] | None = None
        self._packs: NDArray[Any] | None = None

    def refresh(self) -> None:
        """Look at what is there now; only packs that were not seen before are read."""
        listed = self.shelf.list_packs()
        sizes = dict(listed)
        known = {
            name: tail
            for name, tail in self._tails.items()
            if sizes.get(name) == tail.size and name not in self.damaged
        }
        self.damaged.clear()
        with Pool(STREAMS, "beatflow-catalogue") as pool:
            new = [pack for pack in listed if pack.name not in known]
            for pack, tail in work_ahead(pool, 2 * STREAMS, self._load, new):
                if isinstance(tail, Tail):
                    known[pack.name] = tail
                else:
                    self.damaged[pack.name] = tail.message
        self._cache.keep_only(set(sizes))
        self._set(known)

    def salvage(self) -> None:
        """Look for the records of damaged packs one by one: until the next refresh they count as there."""
        found = {}
        for listed in self.shelf.list_packs():
            if listed.name in self.damaged:
                with suppress(DamagedError):
                    found[listed.name] = rebuild_tail(self.shelf, listed)
        self._set(self._tails | found)

    def _set(self, tails: dict[str, Tail]) -> None:
        self._tails = tails
        self._links = {name: links for name, links in self._links.items() if name in tails}
        self._names = sorted(tails)
        self._prefixes = self._packs = None

    def find_all(self, kind: int, id: bytes) -> Iterator[Spot]:
        """Yield every copy of a record."""
        import numpy as np

        prefixes, packs = self._table()
        prefix = prefix_of(id)
        at = int(np.searchsorted(prefixes, np.uint64(prefix)))
        while at < len(prefixes) and int(prefixes[at]) == prefix:
            name = self._names[int(packs[at])]
            entry = self._tails[name].directory.find(kind, id)
            if entry and Spot(name, entry) not in self.rotten:
                yield Spot(name, entry)
            at += 1

    def find(self, kind: int, id: bytes) -> Spot | None:
        """Return the copy of a record that stands on the fewest predictions."""
        found = list(self.find_all(kind, id))
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda spot: (self.link(spot).reach, spot.pack))

    def link(self, spot: Spot) -> Link:
        """Return what a chunk is predicted from, as far as is known without reading it."""
        if not spot.entry.flags & Flag.DEPENDS:
            return NO_LINK
        with self._lock:
            if spot.pack not in self._links:
                tail = self._tails[spot.pack]
                links = tail.read_links()
                self._links[spot.pack] = self._read_tables(tail) if links is None else links
            return self._links[spot.pack].get(spot.entry.id, NO_LINK)

    def find_manifests(self, pointers: Iterable[Pointer]) -> dict[str, tuple[Manifest, Record]]:
        """Return the manifests of files, by oid, with their records; those that are not there, or damaged, left out.

        Where there are several of a file, one whose chunks are all here.
        """
        spots = [
            spot for pointer in pointers for spot in self.find_all(Kind.MANIFEST, parse_oid(pointer.oid))
        ]
        found: dict[str, tuple[Manifest, Record]] = {}
        for record in self._read_all(spots):
            oid = record.entry.id.hex()
            try:
                manifest = open_manifest(record)
            except DamagedError:
                continue
            if oid not in found or not self._has_chunks(found[oid][0]):
                found[oid] = manifest, record
        return found

    def read_span(self, span: Span[Entry]) -> list[Record]:
        """Read records, each verified by its checksums; where one is damaged, any other copy of it.

        Raises
        ------
        DamagedError
            All copies of one are.
        """
        try:
            return self._read_span(span)
        except DamagedError:
            return [self._read_any(span.pack, piece.what) for piece in span.pieces]

    def _read_span(self, span: Span[Entry]) -> list[Record]:
        for attempt in range(_ATTEMPTS):
            data = self._read(span)
            try:
                return [parse_record(part, entry) for entry, part in span.cut(data)]
            except DamagedError as error:
                # What a bad line spoils on the way is right the next time.
                if attempt == _ATTEMPTS - 1:
                    where = f"pack {span.pack} of {self.shelf.address}"
                    raise DamagedError(f"{where} is damaged: {error.message}", self.shelf.remedy) from error
        raise AssertionError("unreachable")

    def _read_any(self, pack: str, wanted: Entry) -> Record:
        first: DamagedError | None = None
        others = (spot for spot in self.find_all(wanted.kind, wanted.id) if spot.pack != pack)
        for spot in (Spot(pack, wanted), *others):
            (span,) = self.spans([spot])
            try:
                return self._read_span(span)[0]
            except DamagedError as error:
                first = first or error
                self.rotten.add(spot)
        raise first or DamagedError(f"{wanted.id.hex()} is missing")

    def try_span(self, span: Span[Entry]) -> None:
        """Read records and note those that are not what their checksums say."""
        try:
            self._read_span(span)
        except DamagedError:
            spots = [Spot(span.pack, piece.what) for piece in span.pieces]
            if len(spots) == 1:
                self.rotten.update(spots)
                return
            for spot in spots:
                self.try_span(*self.spans([spot]))

    def spans(self, spots: Iterable[Spot]) -> Iterator[Span[Entry]]:
        """Yield the reads that bring these records."""
        packs: dict[str, list[Piece[Entry]]] = {}
        for pack, entry in spots:
            length = RECORD_HEAD_BYTES + entry.stored_length
            packs.setdefault(pack, []).append(Piece(entry.offset, length, entry))
        for pack, pieces in packs.items():
            yield from join(pack, pieces, self.shelf.gap)

    def _has_chunks(self, manifest: Manifest) -> bool:
        return all(any(True for _ in self.find_all(Kind.CHUNK, ref.id)) for ref in manifest.chunks)

    def _load(self, listed: Listed) -> Tail | DamagedError:
        tail = self._cache.find(listed)
        if tail is None:
            try:
                tail = read_tail(self.shelf, listed)
            except DamagedError as error:
                return error
            self._cache.keep(tail)
        return tail

    def _read_all(self, spots: Iterable[Spot]) -> Iterator[Record]:
        """Yield records, those at hand first; damaged ones are left out."""
        rest = []
        for spot in spots:
            try:
                record = self._tails[spot.pack].read(spot.entry)
            except DamagedError:
                continue
            if record is None:
                rest.append(spot)
            else:
                yield record
        with Pool(STREAMS, "beatflow-catalogue") as pool:
            for _, records in work_ahead(pool, STREAMS, self._read_what_can_be, self.spans(rest)):
                yield from records

    def _read_what_can_be(self, span: Span[Entry]) -> list[Record]:
        try:
            return self.read_span(span)
        except DamagedError:
            return []

    def _read_tables(self, tail: Tail) -> dict[bytes, Link]:
        """Read what a pack without links says of its predictions, record by record."""
        links: dict[bytes, Link] = {}
        wanted = {
            entry: min(TABLE_BYTES, RECORD_HEAD_BYTES + entry.stored_length) for entry in tail.dependents()
        }
        while wanted:
            pieces = [Piece(entry.offset, length, entry) for entry, length in wanted.items()]
            wanted = {}
            with Pool(STREAMS, "beatflow-catalogue") as pool:
                spans = join(tail.name, pieces, self.shelf.gap)
                for span, data in work_ahead(pool, STREAMS, self._read, spans):
                    for entry, part in span.cut(data):
                        try:
                            link = read_link(part, entry)
                        except DamagedError:
                            continue
                        if isinstance(link, int):
                            wanted[entry] = link
                        else:
                            links[entry.id] = link
        return links

    def _read(self, span: Span[Entry]) -> bytes:
        return self.shelf.read_range(span.pack, span.start, span.length)

    def _table(self) -> tuple["NDArray[Any]", "NDArray[Any]"]:
        """Return how all ids begin, sorted, and which pack each is in."""
        import numpy as np

        if self._prefixes is None or self._packs is None:
            entry = np.dtype(
                {"names": ["prefix"], "formats": ["<u8"], "offsets": [1], "itemsize": ENTRY_BYTES}
            )
            directories = [self._tails[name].directory for name in self._names]
            prefixes = np.concatenate(
                [
                    np.zeros(0, "<u8"),
                    *(np.frombuffer(directory.raw, entry)["prefix"] for directory in directories),
                ]
            )
            packs = np.repeat(np.arange(len(directories)), [len(directory) for directory in directories])
            order = np.argsort(prefixes, kind="stable")
            self._prefixes, self._packs = prefixes[order], packs[order].astype(np.uint32)
        return self._prefixes, self._packs
