"""What becomes a depot, and what does not."""

from pathlib import Path

import pytest

from beatflow.errors import NotFoundError
from beatflow.places.disk import DiskPlace
from beatflow.places.place import ChangedError, Content, Place
from beatflow.sharing.depot.layout import MARKER, is_depot, make_depot, require_depot
from beatflow.sharing.remote import RemoteError


def test_an_empty_place_becomes_one(place: Place) -> None:
    assert not is_depot(place)
    with pytest.raises(NotFoundError, match="nothing is at") as caught:
        require_depot(place)
    assert "bf push" in str(caught.value.hint)
    make_depot(place)
    make_depot(place)
    assert is_depot(place)
    content = place.read(MARKER)
    assert content
    assert content.data == b"beatflow depot 1\n"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("My Song.wav", b"", "holds other things"),
        (MARKER, b"beatflow depot 2\n", "later version"),
        (MARKER, b"something else\n", "says something else"),
    ],
)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    for call in (is_depot, make_depot, require_depot):
        with pytest.raises(RemoteError, match=words):
            call(DiskPlace(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_that_somebody_makes_this_moment_is_one(tmp_path: Path) -> None:
    class Overtaken(DiskPlace):
        def read(self, key: str) -> Content | None:
            content = super().read(key)
            make_depot(DiskPlace(tmp_path))
            return content

    assert is_depot(Overtaken(tmp_path))


def test_a_service_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    class Careless(DiskPlace):
        def swap(self, key: str, data: bytes, tag: str | None) -> str:
            there = self.read(key)
            return super().swap(key, data, there.tag if there else None)

    place = Careless(tmp_path / "stick")
    with pytest.raises(RemoteError, match="overwrites what others have written"):
        make_depot(place)
    assert place.read(MARKER) is None


def test_somebody_else_may_be_as_quick(tmp_path: Path) -> None:
    class Slow(DiskPlace):
        def swap(self, key: str, data: bytes, tag: str | None) -> str:
            DiskPlace(tmp_path / "stick").swap(key, data, None)
            raise ChangedError("too late")

        def read(self, key: str) -> Content | None:
            return super().read(key)

    make_depot(Slow(tmp_path / "stick"))
    assert is_depot(DiskPlace(tmp_path / "stick"))
