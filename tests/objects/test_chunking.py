"""Content-defined cuts: bounded, aligned, independent of blocks, and the same tomorrow."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from beatflow.objects import chunking
from beatflow.objects.chunking import AVERAGE_CHUNK, MAX_CHUNK, MIN_CHUNK, NORMALIZATION
from beatflow.objects.layout import SampleFormat
from beatflow.objects.split import pieces
from tests.objects import sounds

PINNED = [170957, 291244, 296051, 232237, 353790, 406875, 401682, 366373, 518876, 612776, 288308, 60834]
NOISE = np.random.Generator(np.random.PCG64(7)).bytes(4_000_003)


def cut(data: bytes, frame_bytes: int = 1, blocks: list[int] | None = None) -> list[bytes]:
    """Cut what arrives in blocks, as far as it is certain after each."""
    found, at, end = [], 0, 0
    for block in [*(blocks or []), len(data)]:
        end = min(end + block, len(data))
        for length in chunking.cut(bytearray(data), at, end, frame_bytes, last=end == len(data)):
            found.append(data[at : at + length])
            at += length
    return found


def test_pinned_cuts() -> None:
    """Other cuts would still be readable, but versions stored before and after would share nothing."""
    assert [len(chunk) for chunk in cut(NOISE)] == PINNED


def test_without_frames_the_cuts_are_fastcdc_s_own() -> None:
    whole = FastCDC(
        AVERAGE_CHUNK, min_size=MIN_CHUNK, max_size=MAX_CHUNK, normalized_chunking=NORMALIZATION, seed=0
    )
    assert [len(chunk) for chunk in cut(NOISE)] == [chunk.length for chunk in whole.cut_buf(NOISE)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 2_000_000), max_size=6),
    st.sampled_from([1, 2, 4, 6, 8, 24]),
    st.integers(0, 4_000_003),
)
def test_blocks_do_not_matter(blocks: list[int], frame_bytes: int, length: int) -> None:
    data = NOISE[:length]
    found = cut(data, frame_bytes, blocks)
    assert b"".join(found) == data
    assert found == cut(data, frame_bytes)
    assert all(len(chunk) <= MAX_CHUNK for chunk in found)
    assert all(len(chunk) % frame_bytes == 0 and len(chunk) > MIN_CHUNK - frame_bytes for chunk in found[:-1])


@pytest.mark.parametrize("edit", ["cut", "insert", "replace"])
def test_an_edit_leaves_most_chunks_alone(edit: str) -> None:
    pcm = sounds.samples(sounds.music(2_000_000), SampleFormat.S16LE)
    other = sounds.samples(sounds.music(10_000, seed=9), SampleFormat.S16LE)
    middle = 3_000_000
    kept_from = {"cut": middle + 40_000, "insert": middle, "replace": middle + len(other)}[edit]
    edited = pcm[:middle] + (b"" if edit == "cut" else other) + pcm[kept_from:]

    def chunks(data: bytes) -> dict[bytes, int]:
        found = pieces(io.BytesIO(sounds.wav(data)).read)
        return {hashlib.sha256(piece.data).digest(): len(piece.data) for piece in found}

    before, after = chunks(pcm), chunks(edited)
    assert sum(length for id, length in after.items() if id in before) > 0.8 * len(edited)


def test_silence_is_one_chunk_again_and_again() -> None:
    found = cut(bytes(20 * MAX_CHUNK), 6)
    assert len(set(found[:-1])) == 1
