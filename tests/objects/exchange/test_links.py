"""What chunks are predicted from, written down in one record of a pack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import DamagedError
from beatflow.objects.exchange.links import Link, decode_links, encode_links
from beatflow.objects.ids import sha256
from beatflow.objects.pack import Codec, Kind
from beatflow.objects.reach import Reach

IDS = [sha256(bytes([number])) for number in range(12)]
LINKS = st.dictionaries(
    st.sampled_from(IDS),
    st.builds(
        Link,
        st.builds(Reach, st.integers(0, 255), st.integers(0, 255)),
        st.lists(st.sampled_from(IDS), max_size=5).map(tuple),
    ),
    min_size=1,
)


@given(LINKS)
def test_round_trip(links: dict[bytes, Link]) -> None:
    record = encode_links(links)
    assert record
    assert (record.kind, record.codec, record.id) == (Kind.CHUNK, Codec.NONE, sha256(record.payload))
    assert decode_links(record.payload) == links


def test_no_links_no_record() -> None:
    assert encode_links({}) is None
    assert decode_links(b"RIFF") is None


@given(LINKS, st.data())
def test_cut_short_or_spoilt_is_damaged_or_other_links(links: dict[bytes, Link], data: st.DataObject) -> None:
    record = encode_links(links)
    assert record
    raw = bytearray(record.payload)
    cut = data.draw(st.integers(13, len(raw) - 1))
    with pytest.raises(DamagedError):
        decode_links(bytes(raw[:cut]))
    at = data.draw(st.integers(13, len(raw) - 1))
    raw[at] ^= 0xFF
    try:
        found = decode_links(bytes(raw))
    except DamagedError:
        return
    assert found is not None
    assert all(len(id) == 32 for link in found.values() for id in link.sources)


def test_links_as_they_are_written() -> None:
    """A golden vector (docs/format.md, the links of a pack)."""
    record = encode_links({b"\x01" * 32: Link(Reach(1, 2), (b"\x02" * 32,))})
    assert record
    head = b"\x89BFlinks\x01\r\n\x1a\n" + bytes.fromhex("02000000 01000000")
    row = bytes.fromhex("00000000 01 02 0100 01000000")
    assert record.payload == head + b"\x01" * 32 + b"\x02" * 32 + row
