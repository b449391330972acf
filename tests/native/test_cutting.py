"""The kernel that cuts is pyfastcdc's twin: the same cuts, whatever the bytes and wherever they end."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyfastcdc.py.constants import GEAR, MASKS

from beatflow.native import cutting
from beatflow.objects import chunking
from beatflow.objects.chunking import AVERAGE_CHUNK, MAX_CHUNK, MIN_CHUNK, NORMALIZATION

SIZES = (
    0,
    1,
    MIN_CHUNK - 1,
    MIN_CHUNK,
    MIN_CHUNK + 1,
    AVERAGE_CHUNK + 1,
    MAX_CHUNK - 1,
    MAX_CHUNK,
    MAX_CHUNK + 1,
)
FRAMES = (1, 2, 3, 4, 6, 8, 12, 24, 8192)


def make_bytes(seed: int, kinds: int, length: int) -> bytearray:
    """Return bytes of so many different values: of few, the hash repeats itself."""
    source = random.Random(seed)
    if kinds == 256:
        return bytearray(source.randbytes(length))
    few = source.choices(range(256 - kinds, 256), k=4096)
    return bytearray(few * (length // len(few) + 1))[:length]


def cut_slowly(data: bytearray, start: int, end: int, frame_bytes: int, last: bool) -> list[int]:
    return list(chunking._cut_slowly(memoryview(data)[start:end], frame_bytes, last))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 2, 8, 256]),
    st.one_of(st.sampled_from(SIZES), st.integers(0, 4_000_000)),
    st.sampled_from([0, 1, 7, 4099]),
    st.sampled_from(FRAMES),
)
@example(1, 1, 3 * MAX_CHUNK, 0, 8192)
def test_the_same_cuts(seed: int, kinds: int, length: int, start: int, frame_bytes: int) -> None:
    data = make_bytes(seed, kinds, start + length)
    end = start + length
    whole = chunking.cut(data, start, end, frame_bytes, last=True)
    assert list(whole) == cut_slowly(data, start, end, frame_bytes, last=True)
    assert sum(whole) == length
    certain = list(chunking.cut(data, start, end, frame_bytes, last=False))
    sooner = cut_slowly(data, start, end, frame_bytes, last=False)
    assert certain[: len(sooner)] == sooner
    assert certain == list(whole[: len(certain)])
    assert length - sum(certain) < MAX_CHUNK


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32), st.lists(st.integers(1, 900_000), min_size=1, max_size=8), st.sampled_from(FRAMES)
)
def test_what_is_certain_stays(seed: int, steps: list[int], frame_bytes: int) -> None:
    """Given bit by bit, the cuts are those of the whole."""
    data = make_bytes(seed, 256, sum(steps))
    found, at, end = [], 0, 0
    for step in steps:
        end += step
        for length in chunking.cut(data, at, end, frame_bytes, last=end == len(data)):
            found.append(length)
            at += length
    assert found == cut_slowly(data, 0, len(data), frame_bytes, last=True)


def test_the_numbers_are_fastcdc_s() -> None:
    assert list(cutting._make_gear()) == list(GEAR)
    bits = AVERAGE_CHUNK.bit_length() - 1
    masks = (MASKS[bits + NORMALIZATION], MASKS[bits - NORMALIZATION])
    assert (MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK, *masks) == chunking._RULES


def test_without_the_kernel_pyfastcdc_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_bytes(3, 256, 1_500_000)
    found = list(chunking.cut(data, 5, len(data), 6, last=True))
    monkeypatch.setattr(chunking, "find_cuts", lambda *arguments: None)
    assert list(chunking.cut(data, 5, len(data), 6, last=True)) == found
