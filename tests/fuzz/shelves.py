"""Fuzz target for packs that lie on somebody else's shelf."""

import io
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path

from beatflow.errors import BeatFlowError
from beatflow.objects import pack as packs
from beatflow.objects import packscan
from beatflow.objects.exchange.wholeness import Wholeness, find_damaged
from beatflow.objects.pointer import Pointer
from beatflow.objects.reading import open_manifest
from beatflow.objects.store import AudioStore
from tests.fuzz.targets import seal
from tests.objects.exchange.shelves import CountingShelf, pointers, read_catalogue, send
from tests.objects.test_care import publish
from tests.objects.test_coding import file_of, predicted, whole


def pack_on_shelf(data: bytes) -> None:
    """Whatever a pack on a shelf says, what is kept of it is true; the first byte says what is put right."""
    if not data:
        return
    made = seal(data[1:], data[0])
    if data[0] & 8:
        made = _with_directory(made)
    with tempfile.TemporaryDirectory(prefix="beatflow-fuzz-") as folder:
        shelf = CountingShelf(Path(folder) / "shelf")
        (shelf.folder / f"{'a' * 64}.pack").write_bytes(made)
        store = AudioStore.create(Path(folder) / "store", workers=2)
        with suppress(BeatFlowError):
            catalogue = read_catalogue(shelf)
            wanted = _ask_for_all(made)
            assert Wholeness(catalogue).find_missing(wanted) <= find_damaged(catalogue, wanted)
            for pointer in wanted:
                with suppress(BeatFlowError):
                    store.plan_receiving(catalogue, [pointer]).run(store.path / "tmp", nullcontext)
                    assert len(store.read(pointer.oid)) == pointer.size
        assert not list(AudioStore(store.path).check(data=True))
        assert not list((store.path / "tmp").iterdir())


def _with_directory(data: bytes) -> bytes:
    """Give a pack the directory and trailer that its records, as far as they are in order, should have."""
    found = list(packscan.scan(io.BytesIO(data), len(data)))
    end = packs.PACK_HEAD_BYTES
    entries = {}
    for entry in found:
        if entry.offset == end:
            entries[entry.kind, entry.id] = entry
            end = entry.end
    raw = bytes(packs.make_directory(entries.values()).raw)
    return seal(data[:end] + raw + end.to_bytes(8, "little") + bytes(packs.TRAILER_BYTES - 8), 1)


def _ask_for_all(data: bytes) -> list[Pointer]:
    """Return all files that a pack has manifests of, with the sizes that these say."""
    found = []
    file = io.BytesIO(data)
    for entry in packscan.scan(file, len(data)):
        if entry.kind == packs.Kind.MANIFEST:
            with suppress(BeatFlowError):
                manifest = open_manifest(packs.read_record(file, entry))
                found.append(Pointer(entry.id.hex(), manifest.size))
    return found[:4]


def make_shelf_seeds() -> list[bytes]:
    """Return a pack of chunks on three levels, as it is sent, with each way to put it right again."""
    with tempfile.TemporaryDirectory(prefix="beatflow-fuzz-") as folder:
        store = AudioStore.create(Path(folder) / "store", workers=2)
        publish(store, whole(1), predicted(2, [1], 1), predicted(3, [2, 1], 2), *map(file_of, (1, 2, 3)))
        shelf = CountingShelf(Path(folder) / "shelf")
        send(store, shelf, pointers(store))
        (made,) = shelf.folder.iterdir()
        return [bytes([how]) + made.read_bytes() for how in (0, 7, 15)]
