"""Lost records come back from stores and files, proved, and nothing else does."""

from pathlib import Path

import pytest

from beatflow.errors import DamagedError
from beatflow.objects.ids import sha256
from beatflow.objects.manifest import ChunkRef, Manifest, Region, encode
from beatflow.objects.pack import Flag, Kind
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.store import AudioStore
from tests.objects.damage import entries, flip, only_pack
from tests.objects.test_care import OTHER, SONG, add, plain, publish


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio")


def test_a_prediction_without_its_source_stands_alone_again(store: AudioStore, tmp_path: Path) -> None:
    chunk = ChunkRef(sha256(OTHER), len(OTHER))
    payload = b"\x01\x00" + sha256(b"nowhere") + b"residual"
    publish(
        store,
        NewRecord(Kind.CHUNK, chunk.id, 64, Flag.DEPENDS, bytes(4), len(OTHER), payload),
        plain(Kind.MANIFEST, chunk.id, encode(Manifest((Region(None, (chunk,)),)))),
    )
    oid = chunk.id.hex()
    with pytest.raises(DamagedError):
        store.read(oid)
    (tmp_path / "source").write_bytes(b"nowhere")
    with store.mending({chunk.id: None, sha256(b"nowhere"): None}, [], [oid], write=False) as mending:
        assert mending.count_missing() == 2
        mending.take_from_file(tmp_path / "source", "here")
        assert (mending.is_whole, mending.count_missing()) == (False, 0)
    (tmp_path / "bounce.bin").write_bytes(OTHER)
    with store.mending({chunk.id: None, sha256(b"nowhere"): None}, [], [oid]) as mending:
        mending.take_from_file(tmp_path / "bounce.bin", "here")
        assert not mending.is_whole
        mending.publish()
    assert mending.found == {"here": 1}
    assert AudioStore(store.path).read(oid) == OTHER
    assert list(store.check()) == []


def test_a_whole_pack_comes_back_from_its_files(store: AudioStore, tmp_path: Path) -> None:
    (oid,) = add(store, SONG)
    only_pack(store.path).unlink()
    lost = AudioStore(store.path)
    for name, data in (("wrong", SONG[:-1]), ("right", SONG)):
        (tmp_path / name).write_bytes(data)
    with lost.mending({}, [oid], []) as mending:
        mending.take_from_file(tmp_path / "wrong", "wrong")
        assert mending.found == {}
        mending.take_from_file(tmp_path / "right", "right")
        assert mending.is_whole
        mending.publish()
    assert lost.read(oid) == SONG


def test_another_store_gives_only_what_it_can_prove(store: AudioStore, tmp_path: Path) -> None:
    (oid,) = add(store, SONG)
    other = AudioStore.create(tmp_path / "other")
    add(other, SONG)
    lost = entries(only_pack(store.path))[1]
    flip(only_pack(store.path), lost.offset + 100)
    flip(only_pack(other.path), lost.offset + 100)
    with store.mending({lost.id: None}, [], [oid]) as mending:
        store.mend_from(mending, other, "other")
        assert mending.found == {}
        assert mending.publish() is None
    assert not list((store.path / "tmp").iterdir())


def test_only_counting_writes_nothing(store: AudioStore, tmp_path: Path) -> None:
    (oid,) = add(store, SONG)
    lost = entries(only_pack(store.path))[1]
    (tmp_path / "song").write_bytes(SONG)
    with store.mending({lost.id: None}, [], [oid], write=False) as mending:
        mending.take_from_file(tmp_path / "song", "here")
        assert mending.publish() is None
    assert (mending.found["here"], mending.is_whole) == (1, True)
    assert not list((store.path / "tmp").iterdir())
