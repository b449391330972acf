"""The index over packs: right whatever state it is in, few files, and no more than a cache."""

import io
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.objects import packindex, packset
from beatflow.objects.ids import sha256
from beatflow.objects.pack import Kind
from beatflow.objects.packset import Pack, PackSet
from beatflow.objects.packwriter import PackWriter
from beatflow.objects.store import AudioStore
from tests.objects.damage import flip
from tests.objects.test_care import plain

KINDS = (Kind.CHUNK, Kind.MANIFEST, 90)
# Two of each begin alike, as far as the index looks.
IDS = [sha256(b"%d" % (number // 2))[:8] + sha256(b"%d" % number)[8:] for number in range(24)]

Key = tuple[int, bytes]


class World:
    """A folder of packs, and what is in each of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.index = folder / "index"
        self.contents: dict[Path, set[Key]] = {}
        for name in ("packs", "tmp"):
            (folder / name).mkdir(parents=True)
        self._serial = count()

    def add(self, keys: set[Key]) -> Path:
        """Publish one pack."""
        writer = PackWriter(self.temporary / "x")
        for kind, id in sorted(keys):
            writer.add(plain(kind, id, b"%d" % next(self._serial)))
        path = self.folder / "packs" / f"{writer.finish()}.pack"
        writer.path.rename(path)
        self.contents[path] = keys
        return path

    def remove(self, path: Path) -> None:
        """Take one pack away."""
        path.unlink()
        del self.contents[path]

    def open(self) -> PackSet:
        """Return a new reader."""
        return PackSet(self.folder / "packs")

    def write_index(self) -> None:
        """Do what a writer does."""
        self.open().write_index(self.temporary)

    @property
    def files(self) -> list[Path]:
        """The index's files."""
        return sorted(self.index.iterdir()) if self.index.exists() else []

    def verify(self, packs: PackSet) -> None:
        """Compare every answer with the truth."""
        there = set().union(*self.contents.values())
        found = {(kind, id) for kind in KINDS for id in IDS if packs.find(kind, id)}
        assert found == there
        for kind in KINDS:
            for low in (IDS[0], IDS[5]):
                for high in (low, low[:8] + b"\xff" * 24, low[:1] + b"\xff" * 31):
                    expected = sorted(id for key, id in there if key == kind and low <= id <= high)
                    assert list(packs.between(kind, low, high)) == expected


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    index_all(monkeypatch)
    return World(tmp_path / "audio")


def index_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even one pack indexed, in several buckets."""
    monkeypatch.setattr(packindex, "FEW_PACKS", 1)
    monkeypatch.setattr(packset, "FEW_PACKS", 1)
    monkeypatch.setattr(packindex, "_BUCKET_ROWS", 4)


def some_keys(seed: int, number: int = 8) -> set[Key]:
    chosen = random.Random(seed)
    return {(chosen.choice(KINDS), chosen.choice(IDS)) for _ in range(number)}


@pytest.mark.parametrize("seed", range(5))
def test_few_packs_are_searched_alike_however_much_is_asked(tmp_path: Path, seed: int) -> None:
    """Without an index, and from some questions on with a table in memory."""
    world = World(tmp_path / "audio")
    paths = [world.add(some_keys(seed + number)) for number in range(0, 30, 10)]
    packs = world.open()
    for _ in range(3):
        world.verify(packs)
    world.add(some_keys(seed + 50))
    world.remove(paths[0])
    packs.rescan()
    for _ in range(3):
        world.verify(packs)
    assert world.files == []


def truncate(path: Path, chosen: random.Random) -> None:
    os.truncate(path, chosen.randrange(path.stat().st_size))


def extend(path: Path, chosen: random.Random) -> None:
    path.write_bytes(path.read_bytes() + bytes(13))


def replace(path: Path, chosen: random.Random) -> None:
    path.write_bytes(chosen.randbytes(chosen.randrange(500)))


def flip_one(path: Path, chosen: random.Random) -> None:
    flip(path, chosen.randrange(path.stat().st_size))


DAMAGE: tuple[Callable[[Path, random.Random], None], ...] = (truncate, extend, replace, flip_one)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(["add", "add", "remove", "index", "index", "damage", "lose", "borrow"]), max_size=14
    ),
    seed=st.integers(0, 1000),
)
def test_answers_as_the_packs_do(
    steps: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        index_all(monkeypatch)
        world = World(tmp_path_factory.mktemp("w") / "audio")
        chosen = random.Random(seed)
        reader = world.open()
        for step in steps:
            files = world.files
            if step == "add":
                world.add(some_keys(chosen.random().__hash__()))
            elif step == "remove" and world.contents:
                world.remove(chosen.choice(sorted(world.contents)))
                # Nothing tells a reader that holds a directory of a pack that this has gone for good.
                reader = world.open()
            elif step == "index":
                world.write_index()
            elif step == "damage" and files:
                # As a disk does it: never under a file that somebody has mapped.
                path = chosen.choice(files)
                path.write_bytes(path.rename(world.folder / "old").read_bytes())
                chosen.choice(DAMAGE)(path, chosen)
            elif step == "lose" and files:
                chosen.choice(files).unlink()
            elif step == "borrow":
                other = World(tmp_path_factory.mktemp("o") / "audio")
                other.add(some_keys(1))
                other.write_index()
                world.index.mkdir(exist_ok=True)
                for path in other.files:
                    path.rename(world.index / path.name)
            world.verify(reader)
            world.verify(world.open())
        world.write_index()
        world.verify(world.open())
        covered = {name for path in world.files for name in packindex.IndexFile(path).packs}
        assert covered == {path.stem for path in world.contents}


def test_every_flipped_bit(world: World) -> None:
    for seed in range(3):
        world.add(some_keys(seed))
    world.write_index()
    (path,) = world.files
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.unlink()
        path.write_bytes(whole)
        flip(path, at)
        world.verify(world.open())
    # A writer passes no damage on.
    for at in range(0, len(whole), 3):
        for file in world.files:
            file.unlink()
        path.write_bytes(whole)
        flip(path, at)
        world.write_index()
        world.verify(world.open())
        assert {name for file in world.files for name in packindex.IndexFile(file).packs} == {
            pack.stem for pack in world.contents
        }


def test_damage_that_comes_to_light_under_a_reader(world: World) -> None:
    for seed in range(5):
        world.add(some_keys(seed))
    world.write_index()
    reader = world.open()
    world.verify(reader)
    (path,) = world.files
    with path.open("r+b") as file:
        file.seek(-200, io.SEEK_END)
        file.write(bytes(200))
    world.verify(reader)


def test_a_damaged_pack_is_not_indexed(world: World) -> None:
    for seed in range(3):
        world.add(some_keys(seed))
    hurt = sorted(world.contents)[0]
    flip(hurt, -60)
    world.write_index()
    world.verify(world.open())
    (path,) = world.files
    assert set(packindex.IndexFile(path).packs) == {pack.stem for pack in world.contents} - {hurt.stem}


def directories_read(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """Return how many packs were looked into."""
    read = []
    load = Pack._load
    with monkeypatch.context() as counted:
        counted.setattr(Pack, "_load", lambda pack, verify: read.append(pack) or load(pack, verify))
        work()
    return len(read)


def test_few_packs_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path / "audio")
    ids = [sha256(b"%d" % number) for number in range(200)]
    for id in ids:
        world.add({(Kind.CHUNK, id)})
    world.write_index()

    def find_all() -> None:
        packs = world.open()
        assert all(packs.find(Kind.CHUNK, id) for id in ids)

    assert directories_read(monkeypatch, lambda: world.open().find(Kind.CHUNK, bytes(32))) == 0
    assert directories_read(monkeypatch, lambda: world.open().find(Kind.CHUNK, ids[7])) == 1
    near = ids[7][:2] + bytes(30), ids[7][:2] + b"\xff" * 30
    assert directories_read(monkeypatch, lambda: list(world.open().between(Kind.CHUNK, *near))) <= 2
    assert directories_read(monkeypatch, find_all) == 200
    for file in world.files:
        file.unlink()
    assert directories_read(monkeypatch, lambda: world.open().find(Kind.CHUNK, bytes(32))) == 200


def test_files_stay_few_and_rows_are_seldom_copied(world: World) -> None:
    written = 0
    for number in range(150):
        before = set(world.files)
        world.add({(Kind.CHUNK, sha256(b"%d" % number))})
        world.write_index()
        assert len(world.files) <= 6
        written += sum(packindex.IndexFile(path).count for path in set(world.files) - before)
    assert written < 150 * 20


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore.create(tmp_path / "audio")


def add(store: AudioStore, data: bytes) -> str:
    with store.batch() as batch:
        oid = batch.add_stream(io.BytesIO(data)).oid
        batch.publish()
    return oid


def fill(store: AudioStore, packs: int) -> list[str]:
    return [add(store, b"file %d" % number) for number in range(packs)]


def index_files(store: AudioStore) -> list[Path]:
    return list((store.path / "index").iterdir())


def test_batches_collection_and_forks_keep_it_up(store: AudioStore, tmp_path: Path) -> None:
    oids = fill(store, 30)
    assert index_files(store)
    fork = AudioStore.create(tmp_path / "fork")
    store.clone_packs(fork)
    assert len({name for path in index_files(fork) for name in packindex.IndexFile(path).packs}) == 30
    store.collect(oids[1:])
    assert not index_files(store)
    for here in (store, AudioStore(store.path)):
        assert [oid in here for oid in oids] == [False] + [True] * 29
    # What is no longer shared is none of the fork's business.
    assert all(oid in AudioStore(fork.path) for oid in oids)
    assert [oid[:6] in found[0] for oid in oids if (found := fork.find_prefix(oid[:6]))] == [True] * 30


def test_a_store_without_room_for_an_index(store: AudioStore) -> None:
    (store.path / "index").write_bytes(b"in the way")
    oids = fill(store, 20)
    assert all(oid in AudioStore(store.path) for oid in oids)
    assert "ab" * 32 not in AudioStore(store.path)
    assert not list((store.path / "tmp").iterdir())


def test_quick_commands_load_no_numpy(store: AudioStore) -> None:
    oids = fill(store, 20)
    program = (
        "import sys; from pathlib import Path; from beatflow.objects.store import AudioStore\n"
        "store = AudioStore(Path(sys.argv[1])); assert sys.argv[2] in store and 'ab' * 32 not in store\n"
        "assert store.find_prefix(sys.argv[2][:6]) and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(store.path), oids[3]], check=True)


def test_writing_loads_no_numpy(world: World) -> None:
    for seed in range(3):
        world.add(some_keys(seed))
    program = (
        "import sys; from pathlib import Path; from beatflow.objects import packindex\n"
        "from beatflow.objects.packset import PackSet; packindex.FEW_PACKS = 1\n"
        "for _ in range(2): PackSet(Path(sys.argv[1])).write_index(Path(sys.argv[2]))\n"
        "assert 'numpy' not in sys.modules"
    )
    arguments = [str(world.folder / "packs"), str(world.temporary)]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    assert world.files


WRITER = """
import io, sys
from pathlib import Path
from beatflow.objects.store import AudioStore

store = AudioStore(Path(sys.argv[1]))
for number in range(60):
    with store.batch() as batch:
        oid = batch.add_stream(io.BytesIO(b"sound %d" % number)).oid
        batch.publish()
    print(oid, flush=True)
    if number % 25 == 24:
        store.collect(list(store.oids()))
"""


def test_a_reader_beside_a_writer(store: AudioStore) -> None:
    reader = AudioStore(store.path)
    oids: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        for line in writer.stdout:
            oids.append(line.strip())
            for here in (reader, AudioStore(store.path)):
                assert all(oid in here for oid in oids)
                assert "ab" * 32 not in here
    assert writer.returncode == 0
    assert len(oids) == 60
    assert [reader.read(oid) for oid in oids] == [b"sound %d" % number for number in range(60)]


def test_threads_share_a_reader(world: World) -> None:
    for seed in range(12):
        world.add(some_keys(seed))
        world.write_index()
    wrong: list[BaseException] = []

    def look(packs: PackSet) -> None:
        try:
            for _ in range(5):
                world.verify(packs)
        except BaseException as error:
            wrong.append(error)

    # The damage is met by all of them at about the same time.
    for path in world.files:
        flip(path, -20)
    packs = world.open()
    threads = [threading.Thread(target=look, args=(packs,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# Every call that changes the disk is counted; the one numbered `fatal` is the last, a write stops half-way in it.
KILLED = """
import os, signal, sys
from pathlib import Path
from beatflow.objects import packindex, packset

fatal, folder = int(sys.argv[1]), Path(sys.argv[2])
packindex.FEW_PACKS = packset.FEW_PACKS = 1
step = 0

def fragile(name):
    real = getattr(Path, name)
    def wrapper(path, *arguments, **options):
        global step
        step += 1
        if step == fatal:
            if name == "write_bytes":
                real(path, arguments[0][: len(arguments[0]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, *arguments, **options)
    setattr(Path, name, wrapper)

for name in ("write_bytes", "replace", "unlink", "mkdir"):
    fragile(name)
packset.PackSet(folder / "packs").write_index(folder / "tmp")
"""


def test_killed_while_writing_it(world: World) -> None:
    def states() -> Iterator[None]:
        world.add(some_keys(1, 4))
        yield
        world.write_index()
        world.add(some_keys(2, 12))
        yield
        world.write_index()
        world.remove(sorted(world.contents)[0])
        world.add(some_keys(3, 4))
        yield

    kills = 0
    for _ in states():
        for fatal in count(1):
            done = subprocess.run([sys.executable, "-c", KILLED, str(fatal), str(world.folder)])
            world.verify(world.open())
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL
            kills += 1
    world.write_index()
    assert len(world.files) == 1
    assert kills >= 7


def test_bytes_are_those_of_the_contract(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/format.md, by hand: 5 rows in 2 buckets over 2 packs."""
    monkeypatch.setattr(packindex, "_BUCKET_ROWS", 2)
    ids = sorted(sha256(b"%d" % number) for number in range(4))
    paths = [
        world.add({(Kind.CHUNK, id) for id in ids[:3]}),
        world.add({(Kind.MANIFEST, id) for id in ids[2:]}),
    ]
    world.write_index()
    names = sorted(path.stem for path in paths)
    first, second = (names.index(path.stem) for path in paths)
    rows = [(id, 1, first) for id in ids[:3]] + [(id, 2, second) for id in ids[2:]]
    rows.sort()
    parts = [[row for row in rows if row[0][0] >> 7 == half] for half in (0, 1)]
    data = [b"".join(struct.pack("<8sBI", id[:8], kind, pack) for id, kind, pack in part) for part in parts]
    tables = b"".join(bytes.fromhex(name) for name in names)
    tables += struct.pack("<II", len(parts[0]), zlib.crc32(data[0])) + struct.pack(
        "<II", 5, zlib.crc32(data[1])
    )
    head = struct.pack("<8sHHIII", b"\x89BFI\r\n\x1a\n", 1, 1, 2, 5, zlib.crc32(tables))
    head += struct.pack("<I", zlib.crc32(head))
    (path,) = world.files
    found = path.read_bytes()
    assert len(found) == len(head) + len(tables) + 5 * 13
    assert found[: len(head) + len(tables)] == head + tables
    assert found[len(head) + len(tables) :] == b"".join(data)
