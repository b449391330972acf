"""Renditions by kernels, against numpy's: the same bytes, whatever the formats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.rendition import Part, sum_parts
from tests.native.switching import in_numpy
from tests.objects.test_rendition import TARGETS, fill


@st.composite
def sums(draw: st.DrawFn) -> tuple[list[Part], Layout, int]:
    layout = Layout(draw(st.sampled_from(TARGETS)), draw(st.integers(1, 8)))
    frames = draw(st.sampled_from([0, 1, 7, 255, 256, 257, 2049]))
    parts = []
    for seed in range(draw(st.integers(0, 5))):
        kind = Layout(draw(st.sampled_from(list(SampleFormat))), draw(st.sampled_from([1, layout.channels])))
        raw = fill(kind.format, kind.channels, draw(st.sampled_from([1, 5, 300, 2500])), seed)
        gains = tuple(draw(st.integers(0, 1 << 26)) for _ in range(layout.channels))
        if draw(st.booleans()):
            gains = gains[:1] * layout.channels
        parts.append(Part(draw(st.integers(-400, 400)), raw, kind, gains))
    return parts, layout, frames


@settings(max_examples=200, deadline=None)
@given(sums())
def test_both_give_the_same(drawn: tuple[list[Part], Layout, int]) -> None:
    found = sum_parts(*drawn)
    with in_numpy():
        assert sum_parts(*drawn) == found


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", [form for form in SampleFormat if form.width >= 4])
def test_edges_of_what_is_finer(form: SampleFormat, target: SampleFormat) -> None:
    """Halves between 24-bit integers, what is beyond full scale, and what single precision cannot hold."""
    order = ">" if form.is_big_endian else "<"
    unit = 2.0**-23
    values = np.array(
        [0.5 * unit, 1.5 * unit, -0.5 * unit, -2.5 * unit, 1.0, -1.0, 1 - unit / 2, -1 - unit, 5e-324, -0.0]
        + ([1e30, -1e30, 3e38, 2.0**-24 + 2.0**-50] if form.is_float else [2**-31.0, 1 - 2**-31.0])
    )
    scaled = values if form.is_float else np.clip(np.rint(values * 2.0**31), -(2.0**31), 2.0**31 - 1)
    raw = scaled.astype(f"{order}{'f' if form.is_float else 'i'}{form.width}").tobytes()
    for gain in (1 << 20, 1 << 19, 3, 1 << 30, 0):
        drawn = [Part(0, raw, Layout(form, 1), (gain,))], Layout(target, 1), len(values)
        found = sum_parts(*drawn)
        with in_numpy():
            assert sum_parts(*drawn) == found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("place", [0, 2999])
def test_what_is_no_number_is_refused(value: float, place: int) -> None:
    values = np.zeros(3000, "<f8")
    values[place] = value
    drawn = [Part(-10, values.tobytes(), Layout(SampleFormat.F64LE, 1), (1,))], Layout(SampleFormat.U8, 1), 5
    with pytest.raises(ValueError, match="not numbers"):
        sum_parts(*drawn)
    with in_numpy(), pytest.raises(ValueError, match="not numbers"):
        sum_parts(*drawn)
