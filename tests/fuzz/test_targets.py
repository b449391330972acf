"""The fuzz targets, briefly: bytes from nowhere, and sound input with some of it changed."""

import io
import tracemalloc

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatflow.errors import DamagedError
from beatflow.objects.codec import decode, encode
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import MAX_CHUNK_BYTES
from beatflow.objects.pack import Codec
from beatflow.objects.packscan import scan
from tests.fuzz.targets import TARGETS, make_seeds

SEEDS = make_seeds()
NUMBERS = [0, 1, 2, 3, 7, 8, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63]
BRIEFLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def changed(draw: st.DrawFn, seed: bytes) -> bytes:
    """Sound input with a few fields overwritten, bytes inserted or taken out, and perhaps cut off."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        # Headers and trailers are where the fields are.
        near = st.integers(0, min(len(data), 200))
        at = draw(st.one_of(near, near.map(lambda back: max(0, len(data) - back)), st.integers(0, len(data))))
        width = draw(st.sampled_from([1, 2, 4, 8]))
        order = draw(st.sampled_from(["little", "big"]))
        number = draw(st.one_of(st.sampled_from(NUMBERS), st.integers(0, 2**64 - 1))) % (1 << 8 * width)
        field = number.to_bytes(width, order)  # type: ignore[arg-type]
        match draw(st.sampled_from(["overwrite", "overwrite", "insert", "take out", "cut"])):
            case "overwrite":
                data[at : at + width] = field
            case "insert":
                data[at:at] = field * draw(st.integers(1, 9))
            case "take out":
                del data[at : at + width]
            case _:
                del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_sound_input(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)


class Counted(io.BytesIO):
    """Counts the bytes read."""

    total = 0

    def read(self, count: int | None = -1) -> bytes:
        data = super().read(count)
        self.total += len(data)
        return data


def test_a_pack_of_false_beginnings_is_searched_once() -> None:
    data = bytes(16) + b"BFr\x01" * 300_000
    file = Counted(data)
    assert list(scan(file, len(data))) == []
    assert file.total < 2 * len(data)


@pytest.mark.parametrize("announced", [1, 1000, MAX_CHUNK_BYTES, 2**32 - 1])
def test_frames_that_announce_more_than_they_may(announced: int) -> None:
    """What a frame would unpack to is compared before anything is allocated for it."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    assert len(bomb) < 50_000
    tracemalloc.start()
    try:
        for codec in (Codec.ZSTD, Codec.PLANES):
            with pytest.raises(DamagedError):
                decode(codec, b"\x07\0\x01\0", bomb, announced)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("frames", [0, 1, 2**36 - 1])
def test_a_flac_stream_that_announces_other_frames(frames: int) -> None:
    raw = bytes(range(256)) * 16
    found = encode(raw, Layout(SampleFormat.S16LE, 2))
    assert found.codec is Codec.FLAC
    stream = bytearray(found.payload)
    low = int.from_bytes(stream[18:26], "big") >> 36 << 36 | frames
    stream[18:26] = low.to_bytes(8, "big")
    with pytest.raises(DamagedError):
        decode(found.codec, found.parameters, bytes(stream), len(raw))


@pytest.mark.parametrize("name", TARGETS)
@BRIEFLY
@given(data=st.data())
def test_changed_input(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS[name]))
    TARGETS[name](data.draw(changed(seed)))


@pytest.mark.parametrize("name", TARGETS)
@BRIEFLY
@given(st.binary(max_size=400))
def test_bytes_from_nowhere(name: str, data: bytes) -> None:
    TARGETS[name](data)
