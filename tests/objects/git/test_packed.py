"""Objects in packs, read without libgit2: against packs that git and libgit2 write, whole and damaged."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from beatflow.objects.git.delta import DeltaError, apply_delta, read_head, read_sizes
from beatflow.objects.git.history import copy_history
from beatflow.objects.git.packed import GitPacks
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry, Signature

WHO = Signature("Ada", "ada@example.com", 1_700_000_000, 0)


def fill(store: GitStore) -> dict[str, bytes]:
    """Many versions of one long text, so that a packer makes deltas; returns the blobs."""
    draw = random.Random(5)
    lines = [f"{draw.random()}\n" for _ in range(400)]
    blobs = {}
    parents: list[str] = []
    for number in range(12):
        lines[number * 7] = f"version {number}\n"
        data = "".join(lines).encode()
        blobs[store.write_blob(data)] = data
        tree = store.write_tree({"notes.txt": Entry(FILE, store.write_blob(data))})
        parents = [store.write_commit(tree, parents, f"version {number}", WHO)]
    store.write_ref("refs/heads/main", parents[0])
    return blobs


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    return GitStore.create(tmp_path / "git")


def pack_by_libgit(store: GitStore) -> list[str]:
    """Put every loose object into one pack, and take the loose ones away."""
    objects = store.path / "objects"
    oids = [path.parent.name + path.name for path in objects.glob("??/*")]
    store.write_pack(oids, objects / "pack")
    for folder in objects.glob("??"):
        shutil.rmtree(folder)
    return oids


def test_everything_that_libgit_packs_is_read(store: GitStore) -> None:
    blobs = fill(store)
    oids = pack_by_libgit(store)
    packs = GitPacks(store.path / "objects" / "pack")
    for oid in oids:
        found = packs.read_object(oid)
        assert found is not None
        assert packs.read_header(oid) == (found[0], len(found[1]))
        assert found[1] == blobs.get(oid, found[1])
    assert {oid for oid in oids if packs.has_object(oid)} == set(oids)
    assert packs.read_object("0" * 40) is None
    assert packs.read_header("0" * 40) is None
    assert not packs.has_object("f" * 40)


if shutil.which("git"):

    def test_deltas_by_offset_and_by_id(store: GitStore, tmp_path: Path) -> None:
        blobs = fill(store)
        git = ["git", "-C", str(store.path)]
        listed = subprocess.run(
            [*git, "rev-list", "--objects", "--all"], check=True, capture_output=True, text=True
        )
        names = "\n".join(line.split()[0] for line in listed.stdout.splitlines()) + "\n"
        for option in ("--delta-base-offset", "--no-reuse-delta"):
            folder = tmp_path / option.strip("-")
            folder.mkdir()
            subprocess.run(
                [*git, "pack-objects", "--depth=40", option, str(folder / "pack")],
                input=names,
                text=True,
                check=True,
                capture_output=True,
            )
            size = sum(path.stat().st_size for path in folder.glob("*.pack"))
            assert size < sum(map(len, blobs.values())) / 5  # it holds deltas, or this proves nothing
            packs = GitPacks(folder)
            for oid, data in blobs.items():
                assert packs.read_object(oid) == (b"blob", data)
                assert packs.read_header(oid) == (b"blob", len(data))


def test_a_store_reads_what_a_fetch_packed(store: GitStore) -> None:
    fill(store)
    before = [commit.message for commit in store.iter_history([store.read_refs()["refs/heads/main"]])]
    pack_by_libgit(store)
    fresh = GitStore(store.path)
    assert [commit.message for commit in fresh.iter_history([fresh.read_refs()["refs/heads/main"]])] == before
    assert "_library" not in vars(fresh)  # libgit2 was not needed


def test_packs_that_come_and_go_are_noticed(store: GitStore) -> None:
    packs = GitPacks(store.path / "objects" / "pack")
    first = store.write_blob(b"one")
    assert packs.read_object(first) is None
    pack_by_libgit(store)
    assert packs.read_object(first) == (b"blob", b"one")


def test_what_little_is_fetched_becomes_files(store: GitStore, tmp_path: Path) -> None:
    blobs = fill(store)
    target = GitStore.create(tmp_path / "target")
    copy_history(store, target, [store.read_refs()["refs/heads/main"]])
    target.flush()
    assert not list((target.path / "objects" / "pack").iterdir())
    assert all(target.read_blob(oid) == data for oid, data in blobs.items())


def test_what_much_is_fetched_stays_a_pack(
    store: GitStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = fill(store)
    monkeypatch.setattr("beatflow.objects.git.objects.FEW_OBJECTS", 3)
    target = GitStore.create(tmp_path / "target")
    copy_history(store, target, [store.read_refs()["refs/heads/main"]])
    assert len(list((target.path / "objects" / "pack").iterdir())) == 2
    assert all(target.read_blob(oid) == data for oid, data in blobs.items())


def test_damage_is_not_read_as_something_else(store: GitStore) -> None:
    blobs = fill(store)
    pack_by_libgit(store)
    (path,) = (store.path / "objects" / "pack").glob("*.pack")
    index = path.with_suffix(".idx")
    draw = random.Random(7)
    for file in (path, index):
        whole = file.read_bytes()
        file.chmod(0o644)
        for _ in range(60):
            damaged = bytearray(whole)
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
            file.write_bytes(damaged)
            packs = GitPacks(path.parent)
            for oid, data in blobs.items():
                assert packs.read_object(oid) in (None, (b"blob", data))
                packs.read_header(oid)
        for length in (0, 7, 100, len(whole) // 2):
            file.write_bytes(whole[:length])
            assert all(
                GitPacks(path.parent).read_object(oid) in (None, (b"blob", data))
                for oid, data in blobs.items()
            )
        file.write_bytes(whole)


@pytest.mark.parametrize(
    "delta",
    [
        b"",
        b"\x05",
        b"\x80\x80",
        b"\x04\x03\x03abc",  # made for a base of another length
        b"\x05\x03\x04abcd",  # makes more than it says
        b"\x05\x03\x03ab",  # cut short
        b"\x05\x03\x00",  # reserved
        b"\x05\x03\x91",  # cut short within a copy
        b"\x05\x03\x91\x04\x03",  # copies what is behind the base
        b"\x05\xff\xff\xff\xff\x7f\x01a",  # announces far too much
    ],
)
def test_bad_deltas_are_refused(delta: bytes) -> None:
    with pytest.raises(DeltaError):
        apply_delta(delta, b"12345", 1 << 20)


def test_a_delta_inserts_and_copies() -> None:
    assert apply_delta(b"\x05\x06\x91\x01\x03\x03abc", b"12345", 1 << 20) == b"234abc"
    assert read_sizes(b"\x80\x01\x7f") == (128, 127, 3)


@pytest.mark.parametrize("head", [b"", b"\x90", b"\x60", b"\x60\x00", b"\x60\x70", b"\x70" + b"x" * 5])
def test_bad_heads_are_refused(head: bytes) -> None:
    with pytest.raises(DeltaError):
        read_head(head, 0)
