"""A depot's refs: one document, one encoding, moved as one."""

import json
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import given

from beatflow.errors import DamagedError
from beatflow.places.place import Content, Place
from beatflow.sharing.depot.layout import REFS
from beatflow.sharing.depot.refs import RefsDocument, apply_updates, encode_document, read_document
from beatflow.sharing.remote import MovedError, RefUpdate, RemoteError

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN, WILD = "refs/heads/main", "refs/heads/wild"
DOCUMENT = RefsDocument({MAIN: A, "refs/tags/v1": B}, MAIN, ("d" * 64,))


def test_what_is_written_is_read(place: Place) -> None:
    assert read_document(place) is None
    tag = place.swap(REFS, encode_document(DOCUMENT), None)
    assert read_document(place) == RefsDocument(DOCUMENT.refs, MAIN, DOCUMENT.history, tag)


def test_the_encoding_is_what_the_format_says() -> None:
    """Golden: a change here changes docs/format.md."""
    assert encode_document(RefsDocument({MAIN: A}, MAIN, ("d" * 64,))) == (
        b'{\n "digest": "9e4422fa637538558c2ebb42d80833cc1c80459b7731c282f3db1e18a23bca15",\n'
        b' "head": "refs/heads/main",\n "history": [\n  "' + b"d" * 64 + b'"\n ],\n "refs": {\n  "refs/heads/main": "'
        + b"a" * 40 + b'"\n },\n "version": 1\n}\n'
    )  # fmt: skip


def change(**changed: Any) -> bytes:
    value = json.loads(encode_document(DOCUMENT))
    return json.dumps(value | changed, sort_keys=True, indent=1).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"version": 1}',
        change(refs={MAIN: "A" * 40}),
        change(refs={MAIN: 5}),
        change(refs=[]),
        change(history=["../../x"]),
        change(history="d" * 64),
        change(head=5),
        change(head="refs/heads/other"),
        change(digest="0" * 64),
        change(more=1),
        change(version="1"),
        encode_document(DOCUMENT) + b" ",
        encode_document(DOCUMENT).replace(b"aaaa", b"aaab"),
        b'{"version": 1, "refs": "' + bytes(17 << 20) + b'"}',
    ],
    ids=range(17),
)
def test_what_is_damaged_is_refused(place: Place, data: bytes) -> None:
    place.swap(REFS, data, None)
    with pytest.raises(DamagedError, match=r"refs at .* are damaged"):
        read_document(place)


def test_a_later_format_asks_for_a_later_version(place: Place) -> None:
    place.swap(REFS, change(version=2, other=[1]), None)
    with pytest.raises(RemoteError, match="later version") as caught:
        read_document(place)
    assert caught.value.hint == "pip install --upgrade beatflow"


def test_updates_move_all_or_nothing() -> None:
    moved = apply_updates(
        DOCUMENT,
        [RefUpdate(MAIN, A, C), RefUpdate(WILD, None, B), RefUpdate("refs/tags/v1", B, None)],
        (),
        None,
    )
    assert moved.refs == {MAIN: C, WILD: B}
    assert DOCUMENT.refs[MAIN] == A
    with pytest.raises(MovedError, match="wild is gone at the remote") as caught:
        apply_updates(DOCUMENT, [RefUpdate(MAIN, A, C), RefUpdate(WILD, B, C)], (), None)
    assert caught.value.exit_code == 4
    assert "bf pull" in str(caught.value.hint)
    with pytest.raises(MovedError, match="main is at aaaaaaaaaa now"):
        apply_updates(DOCUMENT, [RefUpdate(MAIN, None, C)], (), None)


def test_what_is_done_already_is_done() -> None:
    updates = [RefUpdate(MAIN, C, A), RefUpdate(WILD, B, None)]
    assert apply_updates(DOCUMENT, updates, DOCUMENT.history, None) == DOCUMENT


@pytest.mark.parametrize(
    ("update", "wanted", "head"),
    [
        (RefUpdate(WILD, None, B), WILD, MAIN),
        (RefUpdate(MAIN, A, None), WILD, None),
    ],
)
def test_the_default_branch_stays_while_it_is_there(update: RefUpdate, wanted: str, head: str | None) -> None:
    assert apply_updates(DOCUMENT, [update], (), wanted).head == head


def test_the_default_branch_is_the_pushers_first() -> None:
    def both(wanted: str | None) -> str | None:
        updates = [RefUpdate(WILD, None, B), RefUpdate("refs/heads/also", None, A)]
        return apply_updates(RefsDocument(), updates, (), wanted).head

    assert both(WILD) == WILD
    assert both("refs/heads/none") == "refs/heads/also"
    assert both(None) == "refs/heads/also"


class Fixed:
    """A place in which every key holds the same."""

    address = "stick"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, key: str) -> Content:
        return Content(self._data, "tag")


@given(
    st.binary(max_size=80)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_comes_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(DamagedError):
        read_document(cast(Place, Fixed(data)))


@given(
    st.sampled_from(["version", "refs", "head", "history", "digest", "more"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text()),
)
def test_a_member_that_is_another_is_refused_in_words(name: str, value: object) -> None:
    if change(**{name: value}) != encode_document(DOCUMENT):
        with pytest.raises((DamagedError, RemoteError)):
            read_document(cast(Place, Fixed(change(**{name: value}))))
