"""Predictions by kernels, against numpy's: the same payloads, the same chunks, the same refusals."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beatflow.errors import DamagedError
from beatflow.native import prediction as native
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.portable.residual import ArrayRest
from beatflow.objects.prediction import Predicted, Prediction, Proposal
from beatflow.objects.predictioncodec import decode, encode
from beatflow.objects.reach import Reach
from beatflow.objects.residual import Residual
from beatflow.objects.samples import join_samples, measure_roughness
from tests.native.switching import in_numpy
from tests.objects.test_prediction import (
    Chunks,
    fetcher,
    kind_of,
    predictions,
    random_values,
    raw_of,
    some_payloads,
)

Drawn = tuple[NDArray[np.int32], Layout, Prediction, Chunks]


@settings(max_examples=150, deadline=None)
@given(predictions())
def test_both_write_and_read_the_same(drawn: Drawn) -> None:
    values, layout, guess, chunks = drawn
    inputs = tuple(tuple(chunks[ref.id] for ref in source.chunks) for source in guess.sources)
    raw = raw_of(values, layout)
    proposal = Proposal(guess, inputs, Reach(1, 2))
    found = encode(raw, layout, proposal)
    with in_numpy():
        wanted = encode(raw, layout, proposal)
    if Residual.FLAC not in (kind_of(found), kind_of(wanted)):
        assert found == wanted
    for parameters, payload in (found, wanted):
        for place in (nullcontext(), in_numpy()):
            with place:
                assert decode(parameters, payload, len(raw), fetcher(chunks)) == raw


# What is left --------------------------------------------------------------------------------------------


@st.composite
def rests(draw: st.DrawFn) -> tuple[NDArray[np.int32], int]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = draw(st.sampled_from([8, 16, 24]))
    half = 1 << (bits - 1)
    frames = draw(st.sampled_from([1, 2, 3, 4, 5, 100, 1023, 1024, 1025, 2049, 9000]))
    shape = frames, draw(st.integers(1, 8))
    spread = draw(st.sampled_from([0.3, 1.0, 2.0, 5.0, 40.0, 1e4]))
    values = np.rint(random.normal(0, spread, shape))
    outliers = random.random(shape) < draw(st.sampled_from([0.0, 0.001, 0.1]))
    values[outliers] = random.choice([-half, half - 1, 127, 128, -128, -129], shape)[outliers]
    return np.clip(values, -half, half - 1).astype(np.int32), bits


def kernel_rest(values: NDArray[np.int32], bits: int) -> native.Rest:
    """Return what is left of values where the guess is nothing."""
    form = {8: SampleFormat.S8, 16: SampleFormat.S16BE, 24: SampleFormat.S24LE}[bits]
    frames, channels = values.shape
    source = native.Chunks((bytes(form.width),), form, 1, 0)
    segment = frames.to_bytes(4, "little")
    tables = native.Tables(form, channels, frames, (source,), segment, b"")
    return native.subtract(raw_of(values, Layout(form, channels)), tables)


@settings(max_examples=150, deadline=None)
@given(rests())
def test_what_is_left(drawn: tuple[NDArray[np.int32], int]) -> None:
    values, bits = drawn
    found, wanted = kernel_rest(values, bits), ArrayRest(values, bits)
    assert found.buffer == wanted.buffer == values.tobytes()
    assert found.is_nothing == wanted.is_nothing == (not values.any())
    assert found.count() == wanted.count()
    assert found.correlate() == pytest.approx(wanted.correlate())
    for largest in range(8):
        symbols = found.pack(largest)
        assert symbols == wanted.pack(largest)
        assert found.is_packed_as(symbols)
        assert wanted.is_packed_as(symbols)
        content = bytearray(symbols.content)
        content[len(content) // 2] ^= 1
        changed = symbols._replace(content=bytes(content))
        assert found.is_packed_as(changed) == wanted.is_packed_as(changed)
        assert not found.is_packed_as(symbols._replace(content=symbols.content[:-1]))


def test_what_cannot_be_counted_on_is_left_to_both() -> None:
    """All samples are exceptions: more than the room that is first made for them."""
    values = np.full((5000, 3), 1000, np.int32)
    symbols = kernel_rest(values, 16).pack(1)
    assert len(symbols.exceptions) == 8 * 15000
    assert symbols == ArrayRest(values, 16).pack(1)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(SampleFormat)), st.integers(1, 8), st.sampled_from([1, 2, 3, 5, 4096, 4097, 9001])
)
def test_roughness(form: SampleFormat, channels: int, frames: int) -> None:
    layout = Layout(form, channels)
    values = random_values(np.random.default_rng(frames), frames, layout, 0.1)
    raw = raw_of(values, layout)
    wanted = measure_roughness(join_samples((raw,), layout))
    assert native.measure_roughness(raw, form, channels) == pytest.approx(wanted, rel=1e-4)


# Hostile -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def payloads() -> list[tuple[Predicted, Chunks, int]]:
    return some_payloads()


def outcome(parameters: bytes, payload: bytes, chunks: Chunks, length: int) -> bytes | None:
    try:
        return decode(parameters, payload, length, fetcher(chunks))
    except DamagedError:
        return None


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_both_refuse_the_same(payloads: list[tuple[Predicted, Chunks, int]], data: st.DataObject) -> None:
    # FLAC's readers may differ in what they take of a damaged stream.
    (parameters, payload), chunks, length = data.draw(st.sampled_from(payloads[:2]))
    hostile = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 3))):
        hostile[data.draw(st.integers(66, len(payload) - 1))] = data.draw(st.integers(0, 255))
    found = outcome(parameters, bytes(hostile), chunks, length)
    with in_numpy():
        assert outcome(parameters, bytes(hostile), chunks, length) == found


def test_a_residual_of_another_size_is_refused() -> None:
    source = native.Chunks((bytes(8),), SampleFormat.S16LE, 1, 0)
    tables = native.Tables(SampleFormat.S16LE, 1, 4, (source,), (4).to_bytes(4, "little"), b"")
    assert native.rebuild(tables, None) == bytes(8)
    for rest in (bytes(12), native.Symbols(0, b"", bytes(3)), native.Symbols(8, b"", bytes(4))):
        with pytest.raises(ValueError, match="residual"):
            native.rebuild(tables, rest)
    with pytest.raises(ValueError, match="nowhere"):
        native.rebuild(tables._replace(sources=(source,) * 17), None)
