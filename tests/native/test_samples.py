"""Samples of every format by kernels, against numpy's."""

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.native import kernels
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.samples import read_samples

FORMATS = list(SampleFormat)


def library() -> Any:
    return kernels()


def address(values: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)


def read(raw: bytes, form: int, count: int) -> tuple[int, list[int]]:
    out = np.zeros(count + 1, np.int32)
    out[count] = 77
    code = library().bf_read_samples(raw, ctypes.c_int64(count), form, address(out))
    assert out[count] == 77
    return code, out[:count].tolist()


def write(values: list[int], form: SampleFormat) -> bytes:
    given = np.array(values, np.int32)
    out = np.full(len(values) * form.width + 1, 77, np.uint8)
    assert (
        library().bf_write_samples(address(given), ctypes.c_int64(len(values)), int(form), address(out)) == 0
    )
    assert out[-1] == 77
    return out[:-1].tobytes()


@st.composite
def integers(draw: st.DrawFn) -> tuple[SampleFormat, list[int]]:
    form = draw(st.sampled_from(FORMATS))
    half = 1 << (form.bits - 1)
    edges = st.sampled_from([-half, half - 1, 0, 1, -1])
    few = draw(st.lists(st.one_of(edges, st.integers(-half, half - 1)), max_size=40))
    return form, few * draw(st.sampled_from([1, 1, 300]))


@given(integers())
def test_integers_of_every_format(drawn: tuple[SampleFormat, list[int]]) -> None:
    form, values = drawn
    raw = write(values, form)
    wanted = read_samples(raw, Layout(form, 1))
    assert wanted is not None
    assert wanted.reshape(-1).tolist() == values
    assert read(raw, form, len(values)) == (0, values)
    shifted = b"\0" + raw  # nowhere near a word's boundary
    assert read(shifted[1:], form, len(values)) == (0, values)


@given(st.data())
def test_any_bytes(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMATS))
    raw = data.draw(st.binary(max_size=80))
    raw = raw[: len(raw) // form.width * form.width]
    check(raw, form)


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    np.inf,
    -np.inf,
    np.nan,
    0.5,
    2.0**-23,
    2.0**-24,
    5e-324,
    1e-40,
    -1.0 - 2**-22,
]


@pytest.mark.parametrize("form", [form for form in FORMATS if form.is_float])
@pytest.mark.parametrize("value", SPECIAL)
@pytest.mark.parametrize("place", [0, 5, 4096, 8191])
def test_floats_that_are_integers_or_not(form: SampleFormat, value: float, place: int) -> None:
    values = np.full(8192, 0.25)
    values[place] = value
    check(values.astype(f"{'>' if form.is_big_endian else '<'}f{form.width}").tobytes(), form)


def check(raw: bytes, form: SampleFormat) -> None:
    """Have numpy and the kernel read some bytes; both say the same of them."""
    count = len(raw) // form.width
    with np.errstate(invalid="ignore"):
        wanted = read_samples(raw, Layout(form, 1))
    code, found = read(raw, form, count)
    assert code == (wanted is None)
    if wanted is not None:
        assert found == wanted.reshape(-1).tolist()
        assert write(found, form) == raw


def test_formats_that_there_are_none_of() -> None:
    out = np.zeros(1, np.int32)
    for form in (-1, 0, 13, 1000):
        assert library().bf_read_samples(bytes(8), ctypes.c_int64(1), form, address(out)) == -1
        assert library().bf_write_samples(address(out), ctypes.c_int64(1), form, address(out)) == -1
        assert library().bf_width(form) == 0
    assert [library().bf_width(int(form)) for form in FORMATS] == [form.width for form in FORMATS]
    assert [library().bf_bits(int(form)) for form in FORMATS] == [form.bits for form in FORMATS]
