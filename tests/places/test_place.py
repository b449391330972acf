"""What every place promises, asked of a folder and of a real S3 in the same words."""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from beatflow.places.address import parse_address
from beatflow.places.opening import Access, open_place
from beatflow.places.place import ChangedError, Place, PlaceError
from tests.servers import S3, has

KINDS = ["disk", *(["s3"] if has("weed") else [])]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "disk":
        yield open_place(parse_address("stick", tmp_path))
    else:
        s3: S3 = request.getfixturevalue("s3")
        bucket = request.getfixturevalue("bucket")
        address = parse_address(f"s3://{bucket}/{secrets.token_hex(6)}/night drive", tmp_path)
        yield open_place(address, Access(environment=s3.environment()))


def write(folder: Path, data: bytes) -> Path:
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def test_nothing_is_there_at_first(place: Place, tmp_path: Path) -> None:
    assert place.is_empty()
    assert list(place.list()) == []
    assert place.find("audio/a.pack") is None
    assert place.read("refs.json") is None
    place.remove("refs.json")
    with pytest.raises(PlaceError):
        place.read_range("audio/a.pack", 0, 1)
    with pytest.raises(PlaceError):
        place.fetch("audio/a.pack", tmp_path / "copy")
    assert not (tmp_path / "stick").exists()


@pytest.mark.parametrize("size", [0, 1, 100_000, 12_345_678])
def test_what_is_stored_comes_back(place: Place, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    sent: list[int] = []
    item = place.store("audio/a.pack", write(tmp_path, data), sent.append)
    assert (item.key, item.size, sum(sent)) == ("audio/a.pack", size, size)
    assert place.find("audio/a.pack") == item
    assert list(place.list("audio/")) == [item]
    came: list[int] = []
    place.fetch("audio/a.pack", tmp_path / "copy", came.append)
    assert (tmp_path / "copy").read_bytes() == data
    assert sum(came) == size
    assert place.read_range("audio/a.pack", size // 2, size // 4) == data[size // 2 : size // 2 + size // 4]
    assert not place.is_empty()


def test_a_fetch_never_overwrites(place: Place, tmp_path: Path) -> None:
    place.store("a", write(tmp_path, b"new"))
    (tmp_path / "mine").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        place.fetch("a", tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == b"old"


def test_a_range_beyond_the_end_is_refused(place: Place, tmp_path: Path) -> None:
    place.store("a", write(tmp_path, b"0123456789"))
    assert place.read_range("a", 8, 2) == b"89"
    assert place.read_range("a", 3, 0) == b""
    for start, length in ((8, 3), (10, 1), (400, 1)):
        with pytest.raises(PlaceError):
            place.read_range("a", start, length)


def test_storing_again_travels_not_and_heals_what_is_wrong(place: Place, tmp_path: Path) -> None:
    data = os.urandom(50_000)
    source = write(tmp_path, data)
    first = place.store("audio/a.pack", source)
    assert place.store("audio/a.pack", source) == first
    place.remove("audio/a.pack")
    place.store("audio/a.pack", write(tmp_path, bytes(50_000)))
    place.store("audio/a.pack", source)
    content = place.read("audio/a.pack")
    assert content
    assert content.data == data


def test_swapping_is_compare_and_swap(place: Place) -> None:
    first = place.swap("refs.json", b"one", None)
    content = place.read("refs.json")
    assert content
    assert (content.data, content.tag) == (b"one", first)
    with pytest.raises(ChangedError):
        place.swap("refs.json", b"two", None)
    second = place.swap("refs.json", b"two", first)
    with pytest.raises(ChangedError):
        place.swap("refs.json", b"three", first)
    with pytest.raises(ChangedError):
        place.swap("other.json", b"three", second)
    content = place.read("refs.json")
    assert content
    assert (content.data, content.tag) == (b"two", second)
    assert place.read("other.json") is None
    place.remove("refs.json")
    assert place.read("refs.json") is None


def test_of_many_who_swap_at_once_each_is_counted(place: Place) -> None:
    def count() -> None:
        for _ in range(5):
            while True:
                content = place.read("count")
                number = int(content.data) if content else 0
                try:
                    place.swap("count", b"%d" % (number + 1), content.tag if content else None)
                except ChangedError:
                    continue
                break

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = place.read("count")
    assert content
    assert content.data == b"20"


def test_listing_is_ordered_and_by_folder(place: Place, tmp_path: Path) -> None:
    source = write(tmp_path, b"x")
    for key in ("b", "history/2.pack", "history/10.pack", "history-old", "a/b/c"):
        place.store(key, source)
    assert [item.key for item in place.list()] == [
        "a/b/c",
        "b",
        "history-old",
        "history/10.pack",
        "history/2.pack",
    ]
    assert [item.key for item in place.list("history/")] == ["history/10.pack", "history/2.pack"]
    assert list(place.list("nothing/")) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "A", "a b", "ä", "a.", "a\n"]
)
def test_what_is_no_key_is_refused(place: Place, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        place.read(key)
    with pytest.raises(ValueError, match="not a key"):
        place.swap(key, b"", None)


def test_raising_in_progress_interrupts(place: Place, tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    source = write(tmp_path, os.urandom(8 << 20))
    with pytest.raises(KeyboardInterrupt):
        place.store("big", source, stop)
    assert place.find("big") is None
    place.store("big", source)
    with pytest.raises(KeyboardInterrupt):
        place.fetch("big", tmp_path / "copy", stop)
