"""Manifests: one encoding each, and nothing else is accepted."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import AudioError, BeatFlowError, DamagedError
from beatflow.objects import manifest as manifests
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef, Manifest, Region, build_manifest, decode, encode

LAYOUTS = st.one_of(
    st.none(),
    st.builds(Layout, st.sampled_from(list(SampleFormat)), st.integers(1, 1024), st.integers(0, 2**32 - 1)),
)


@st.composite
def any_manifest(draw: st.DrawFn) -> Manifest:
    chunks = []
    for layout in draw(st.lists(LAYOUTS, max_size=5)):
        unit = layout.frame_bytes if layout else 1
        lengths = draw(st.lists(st.integers(1, 2000), min_size=1, max_size=4))
        ids = st.binary(min_size=32, max_size=32)
        chunks += [(layout, ChunkRef(draw(ids), frames * unit)) for frames in lengths]
    return build_manifest(chunks)


@given(any_manifest())
def test_round_trip(manifest: Manifest) -> None:
    data = encode(manifest)
    assert decode(data) == manifest
    assert encode(decode(data)) == data


@given(any_manifest(), st.data())
def test_a_changed_bit_is_another_manifest_or_none(manifest: Manifest, draw: st.DataObject) -> None:
    data = bytearray(encode(manifest))
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    data[bit // 8] ^= 1 << bit % 8
    try:
        found = decode(bytes(data))
    except BeatFlowError:
        return
    assert encode(found) == data
    assert found != manifest


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    with contextlib.suppress(BeatFlowError):
        assert encode(decode(data)) == data


def test_empty_file() -> None:
    assert encode(Manifest(())) == struct.pack("<HHIQ", 1, 0, 0, 0)
    assert decode(encode(Manifest(()))).size == 0


REF = ChunkRef(bytes(32), 8)
STEREO = Layout(SampleFormat.S16LE, 2, 44100)


@pytest.mark.parametrize(
    "wrong",
    [
        Manifest((Region(None, ()),)),
        Manifest((Region(None, (REF,)), Region(None, (REF,)))),
        Manifest((Region(STEREO, (ChunkRef(bytes(32), 6),)),)),
        Manifest((Region(None, (ChunkRef(bytes(32), 0),)),)),
        Manifest((Region(None, (ChunkRef(bytes(32), 2**24 + 1),)),)),
    ],
)
def test_what_no_writer_makes_no_reader_takes(wrong: Manifest) -> None:
    with pytest.raises(DamagedError):
        decode(encode(wrong))


def test_sizes_that_do_not_add_up() -> None:
    data = encode(Manifest((Region(None, (REF,)),)))
    for at, value in ((8, 9), (16, 2), (17, 1), (24, 9), (32, 2)):
        with pytest.raises(DamagedError):
            decode(data[:at] + bytes((value,)) + data[at + 1 :])


def test_a_later_version() -> None:
    with pytest.raises(BeatFlowError, match="newer"):
        decode(b"\x02\x00" + encode(Manifest(()))[2:])


def test_a_file_too_large_to_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MAX_MANIFEST_BYTES", 100)
    with pytest.raises(AudioError, match="too large"):
        encode(Manifest((Region(None, (REF, REF, REF)),)))
