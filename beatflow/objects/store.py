"""The audio store: exact bytes of sound files, by SHA-256, in packs of chunks that versions share.

The one door for everybody else; it joins packs, manifests and codecs and knows no history, no refs and no users.
Whoever writes (batch, collect, quarantine, sweep) must hold the repository's lock for as long as that takes;
reading needs none.
Importing this module, opening a store and looking up what is in it load nothing that reads a file's bytes; reading
manifests loads neither numpy nor any codec.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError
from beatflow.objects.durable import link_or_copy, make_directory, write_atomic
from beatflow.objects.ids import parse_oid, prefix_range
from beatflow.objects.pack import Kind
from beatflow.objects.packset import PackSet

if TYPE_CHECKING:
    from beatflow.objects.batch import Batch
    from beatflow.objects.care import Salvaged, Usage
    from beatflow.objects.checking import Checkup
    from beatflow.objects.collection import Collected
    from beatflow.objects.exchange.catalogue import Catalogue
    from beatflow.objects.exchange.receiving import Receiving
    from beatflow.objects.exchange.sending import Sending
    from beatflow.objects.intake import Progress
    from beatflow.objects.layout import Layout
    from beatflow.objects.ledger import Ledger
    from beatflow.objects.loss import Problem
    from beatflow.objects.manifest import Manifest
    from beatflow.objects.mending import Mending
    from beatflow.objects.pointer import Pointer
    from beatflow.objects.reading import ChunkReader
    from beatflow.objects.renewal import Renewal

_MAX_WORKERS = 8
FORMAT = "beatflow audio store 1\n"

Supply = Callable[[list[str]], None]
"""Asked for sounds that are not in the store: puts them there, or raises an error that says why it cannot."""


class AudioStore:
    """An existing store.

    Parameters
    ----------
    path : Path
        Its folder.
    workers : int, optional
        Threads for coding; by default one per core, 2 to 8.

    Attributes
    ----------
    supply : callable or None
        Asked for what is read and not here. Membership, batches, checks and collections never ask.

    Raises
    ------
    NotFoundError
        There is no store.
    BeatFlowError
        It is of a later format.
    """

    def __init__(self, path: Path, workers: int | None = None) -> None:
        self.path = path
        # The compressors let go of the interpreter, so one thread per core.
        self._workers = workers or min(_MAX_WORKERS, max(2, os.cpu_count() or 2))
        self._packs = PackSet(path / "packs")
        self.supply: Supply | None = None
        _check_format(path)

    @cached_property
    def _reader(self) -> "ChunkReader":
        from beatflow.objects.reading import ChunkReader

        return ChunkReader(self._packs)

    @classmethod
    def create(cls, path: Path, workers: int | None = None) -> "AudioStore":
        """Make an empty store, or open the one that is there."""
        for name in ("packs", "tmp", "quarantine"):
            make_directory(path / name)
        # Last, so that a folder with this file is a whole store.
        if not (path / "format").exists():
            write_atomic(path / "format", FORMAT.encode())
        return cls(path, workers)

    def __contains__(self, oid: str) -> bool:
        return self._packs.find(Kind.MANIFEST, parse_oid(oid)) is not None

    def oids(self) -> Iterator[str]:
        """Yield every file's oid, in order."""
        return self._between(bytes(32), b"\xff" * 32)

    def find_prefix(self, prefix: str) -> list[str]:
        """Return the oids that begin with `prefix` (4 to 64 hexadecimal digits), in order."""
        return list(self._between(*prefix_range(prefix)))

    def manifest(self, oid: str) -> "Manifest":
        """Return how a file is made of chunks.

        Raises
        ------
        NotFoundError
            The store does not have it.
        """
        from beatflow.objects.reading import read_manifest

        self._need([oid])
        return read_manifest(self._packs, parse_oid(oid))

    def size(self, oid: str) -> int:
        """Return the bytes of a file."""
        return self.manifest(oid).size

    def iter_bytes(self, oid: str) -> Iterator[bytes]:
        """Yield a file's bytes in blocks of up to a chunk, decoded ahead on threads and verified.

        Raises
        ------
        NotFoundError
            The store does not have it.
        DamagedError
            A part is missing or damaged. Wrong bytes are never yielded; what came before was right so far, so a
            caller that writes a file must not publish it until the iterator has ended.
        """
        from beatflow.objects.reading import iter_verified

        self._need([oid])
        return iter_verified(self._packs, oid, self._workers, self._reader)

    def read(self, oid: str) -> bytes:
        """Return all bytes of a file, verified."""
        return b"".join(self.iter_bytes(oid))

    def write_files(
        self,
        targets: Sequence[tuple[str, Path]],
        progress: "Progress | None" = None,
        beside: Mapping[str, Path] | None = None,
    ) -> None:
        """Write files, given as (oid, new path), all verified; quicker than one by one.

        Parameters
        ----------
        targets : sequence of (oid, Path)
        progress : callable, optional
            Called with the bytes written since the last call.
        beside : mapping of str to Path, optional
            Oid of a sound to a file that held just that a moment ago: it is quicker to read than the store.

        Raises
        ------
        NotFoundError
            The store does not have one of them; nothing was written.
        DamagedError
            A part is missing or damaged; none of the files that were written may be used.
        """
        from beatflow.objects.exporting import write_files

        self._need([oid for oid, _ in targets])
        write_files(self._packs, targets, self._workers, progress, beside)

    def open(self, oid: str) -> io.BufferedReader:
        """Open a file for reading anywhere in it; each chunk is verified when it is decoded."""
        from beatflow.objects.reading import StoredFile

        return io.BufferedReader(StoredFile(self._reader, self.manifest(oid)), 64 * 1024)

    def batch(self, temporary: Path | None = None) -> "Batch":
        """Return a new batch to add files with.

        Parameters
        ----------
        temporary : Path, optional
            Folder for unfinished files, on the store's disk. With one of its own, only publishing needs the lock.
        """
        from beatflow.objects.batch import Batch

        return Batch(self._packs, lambda: self._reader, temporary or self.path / "tmp", self._workers)

    def find_absent(self, sounds: "Iterable[Pointer]") -> "list[Pointer]":
        """Return those that are not here with all their chunks, each once."""
        from beatflow.objects.exchange.need import Presence

        return list(Presence(self._packs).find_absent(sounds))

    def plan_receiving(self, catalogue: "Catalogue", sounds: "Sequence[Pointer]") -> "Receiving":
        """Plan to bring what is not here of some files from where a catalogue is of."""
        from beatflow.objects.exchange.receiving import Receiving

        return Receiving(catalogue, self._packs, sounds, self._workers)

    def plan_sending(self, catalogue: "Catalogue", sounds: "Sequence[Pointer]") -> "Sending":
        """Plan to hand over what a catalogue does not have of some files."""
        from beatflow.objects.exchange.sending import Sending

        return Sending(self._packs, catalogue, sounds)

    def check(
        self, oids: Iterable[str] | None = None, data: bool = False, progress: "Progress | None" = None
    ) -> "Iterator[Problem]":
        """Yield what is wrong; changes nothing.

        Parameters
        ----------
        oids : iterable of str, optional
            Check these files and what they need; by default everything.
        data : bool
            Decode and hash all bytes too, not only the structure.
        progress : callable, optional
            Called with the bytes checked since the last call.
        """
        checkup = self.checkup(progress)
        if oids is None:
            yield from checkup.check_packs(data)
            yield from checkup.check_files(self.oids())
        else:
            yield from checkup.read_files(oids, data)

    def checkup(self, progress: "Progress | None" = None) -> "Checkup":
        """Begin to look over the store: what `check` does, with what was found in between."""
        from beatflow.objects.checking import Checkup

        return Checkup(PackSet(self._packs.folder), self._workers, progress)

    def ledger(self) -> "Ledger":
        """Begin to account for the store's bytes."""
        from beatflow.objects.ledger import Ledger

        return Ledger(self._packs)

    def mending(
        self,
        chunks: "Mapping[bytes, Layout | None]",
        manifests: Iterable[str],
        sounds: Iterable[str],
        write: bool = True,
    ) -> "Mending":
        """Begin to put back lost chunks, which `sounds` want, and lost manifests."""
        from beatflow.objects.mending import Mending

        wanting = {parse_oid(oid): self.manifest(oid) for oid in sounds}
        lost = set(map(parse_oid, manifests))
        return Mending(self._packs, self.path / "tmp", chunks, lost, wanting, write)

    def mend_from(self, mending: "Mending", other: "AudioStore", name: str) -> None:
        """Put back what another store has."""
        mending.take_from_store(other._packs, name)

    def count_sound(self, pack: str) -> int:
        """Return how many records `quarantine` would keep of a damaged pack."""
        from beatflow.objects import care

        return sum(care.count_sound(found) for found in self._packs.current() if found.name == pack)

    def quarantine(self, pack: str) -> "Salvaged":
        """Move a damaged pack out of the way, keeping what is sound in it in a new one; nothing is deleted."""
        from beatflow.objects import care

        return care.quarantine(self._packs, pack, self.path / "tmp", self.path / "quarantine")

    def collect(self, keep: Iterable[str], dry_run: bool = False) -> "Collected":
        """Drop what no file of `keep` needs, and join small packs.

        Raises
        ------
        DamagedError
            A file of `keep` cannot be followed to its chunks; nothing was changed.
        """
        from beatflow.objects import collection

        return collection.collect(self._packs, self.path / "tmp", keep, dry_run)

    def renewal(self) -> "Renewal":
        """Begin to write the sounds anew, smaller where that can be."""
        from beatflow.objects.renewal import Renewal

        return Renewal(self._packs, self.path / "tmp", self._workers)

    def clone_packs(self, destination: "AudioStore") -> int:
        """Give another store all packs of this one, as hard links where possible; return how many were new."""
        packs = self._packs.current()
        there = {pack.name for pack in destination._packs.current()}
        new = [pack for pack in packs if pack.name not in there]
        for pack in new:
            link_or_copy(pack.path, destination._packs.folder / pack.path.name)
        destination._packs.write_index(destination.path / "tmp")
        return len(new)

    def sweep(self) -> int:
        """Remove what killed writers left in ``tmp``; return how many bytes that frees."""
        freed = 0
        for path in sorted((self.path / "tmp").iterdir()):
            freed += path.stat().st_size
            path.unlink()
        return freed

    def usage(self) -> "Usage":
        """Return what the store holds."""
        from beatflow.objects import care

        return care.usage(self._packs)

    def count_records(self) -> int:
        """Return how many records lie in all packs, second copies included."""
        return sum(len(pack.directory) for pack in self._packs.current())

    def _need(self, oids: Iterable[str]) -> None:
        """Have sounds here, from elsewhere where that can be."""
        missing = list(dict.fromkeys(oid for oid in oids if oid not in self))
        if missing and self.supply:
            self.supply(missing)
            missing = [oid for oid in missing if oid not in self]
        if missing:
            raise NotFoundError(f"sound {missing[0]} is not in this store", "bf check")

    def _between(self, low: bytes, high: bytes) -> Iterator[str]:
        return (id.hex() for id in self._packs.between(Kind.MANIFEST, low, high))


def _check_format(path: Path) -> None:
    try:
        text = (path / "format").read_bytes().decode("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"no audio store in {path}") from None
    if text == FORMAT:
        return
    if not text.startswith("beatflow audio store "):
        raise DamagedError(f"{path / 'format'} does not name a format", "bf check")
    raise BeatFlowError(
        f"the audio store in {path} is of a later format: {text.strip()!r}", "upgrade BeatFlow"
    )
