"""Shelves for tests: a folder of packs that counts what is read, and can spoil it."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from beatflow.objects.exchange.catalogue import Catalogue
from beatflow.objects.exchange.receiving import Receiving
from beatflow.objects.exchange.sending import Sending
from beatflow.objects.exchange.shelf import FolderShelf
from beatflow.objects.exchange.tail import TailCache
from beatflow.objects.pointer import Pointer
from beatflow.objects.store import AudioStore

Spoil = Callable[[str, int, bytes], bytes]


class CountingShelf(FolderShelf):
    """A folder of packs as a place far away would be."""

    gap = 1024

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, "the shelf")
        self.folder = folder
        self.reads: list[tuple[str, int, int]] = []
        self.spoil: Spoil | None = None

    def read_range(self, name: str, start: int, length: int) -> bytes:
        self.reads.append((name, start, length))
        data = super().read_range(name, start, length)
        return self.spoil(name, start, data) if self.spoil else data

    def put(self, name: str, path: Path, progress: Callable[[int], None]) -> None:
        progress(path.stat().st_size)
        shutil.copyfile(path, self.folder / f"{name}.pack")

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


def read_catalogue(shelf: FolderShelf, cache: Path | None = None) -> Catalogue:
    catalogue = Catalogue(shelf, TailCache(cache))
    catalogue.refresh()
    return catalogue


def pointers(store: AudioStore, *oids: str) -> list[Pointer]:
    return [Pointer(oid, store.size(oid)) for oid in oids or store.oids()]


def send(store: AudioStore, shelf: CountingShelf, sounds: Sequence[Pointer] = ()) -> Sending:
    """Send sounds, by default all of a store, with a folder for unfinished files that is left as it was."""
    plan = store.plan_sending(read_catalogue(shelf), sounds or pointers(store))
    before = shelf.size
    seen: list[int] = []
    temporary = store.path / "tmp"
    assert plan.run(temporary, shelf.put, seen.append) == plan.bytes == sum(seen) == shelf.size - before
    assert not list(temporary.iterdir())
    return plan


def receive(store: AudioStore, shelf: FolderShelf, sounds: Sequence[Pointer]) -> Receiving:
    """Receive sounds; what is read, and told of, is what was planned."""
    plan = store.plan_receiving(read_catalogue(shelf), sounds)
    seen: list[int] = []
    temporary = store.path / "tmp"
    assert plan.run(temporary, nullcontext, seen.append) == plan.bytes == sum(seen)
    assert not list(temporary.iterdir())
    return plan
