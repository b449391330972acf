"""Integers, and stems that sum to the mix in every sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import (
    check_sum,
    from_integers,
    get_bits,
    make_exact,
    measure_sum,
    quantize,
    round_samples,
    to_integers,
)

RATE = 44_100
INTEGER_SUBTYPES = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24}
anything = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 40), st.integers(1, 2)), elements=st.floats(-1.5, 1.5, width=32)
)


@given(st.sampled_from([8, 16, 24]), st.data())
def test_every_integer_survives_float32(bits, data):
    top = 1 << (bits - 1)
    values = data.draw(hnp.arrays(np.int32, (20, 1), elements=st.integers(-top, top - 1)))
    assert np.array_equal(to_integers(from_integers(values, bits, RATE), bits), values)


@given(anything, st.sampled_from([8, 16, 24, 32]))
def test_rounding_is_to_the_nearest_and_saturates(samples, bits):
    scale = 2.0 ** (bits - 1)
    integers, clipped = round_samples(samples, bits)
    wanted = np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1)
    assert np.array_equal(integers, wanted)
    assert clipped == np.count_nonzero(np.abs(np.rint(samples.astype(np.float64) * scale)) > scale)


def test_half_steps_go_to_even_and_full_scale_is_not_called_clipped():
    steps = np.array([[0.5], [1.5], [-0.5], [32768.0], [-32768.0], [32769.0]], np.float32) / 32768
    integers, clipped = round_samples(steps, 16)
    assert integers[:, 0].tolist() == [0, 2, 0, 32767, -32768, 32767]
    assert clipped == 1


def test_the_largest_floats_saturate_quietly():
    integers, clipped = round_samples(np.array([[3e38], [-3e38]], np.float32), 24)
    assert (integers.ravel().tolist(), clipped) == ([2**23 - 1, -(2**23)], 2)


def test_quantize_gives_what_a_file_would_give_back():
    audio = Audio(np.array([[0.3], [-0.7]], np.float32), RATE)
    assert quantize(audio, "FLOAT") is audio
    assert (quantize(audio, "PCM_16").samples * 32768).ravel().tolist() == [9830.0, -22938.0]


def test_lossy_subtypes_have_no_grid():
    with pytest.raises(AudioError, match="VORBIS holds no plain samples"):
        get_bits("VORBIS")


@st.composite
def estimates_and_mix(draw):
    """Up to five stems of any level and a mix that need not be anywhere near their sum."""
    subtype = draw(st.sampled_from(list(INTEGER_SUBTYPES)))
    shape = (draw(st.integers(1, 30)), draw(st.integers(1, 2)))
    values = st.one_of(st.just(0.0), st.floats(-1.5, 1.5, width=32))
    stems = [draw(hnp.arrays(np.float32, shape, elements=values)) for _ in range(draw(st.integers(1, 5)))]
    top = 1 << (INTEGER_SUBTYPES[subtype] - 1)
    mix = draw(hnp.arrays(np.int32, shape, elements=st.integers(-top, top - 1)))
    return stems, mix, subtype


@settings(max_examples=300)
@given(estimates_and_mix())
def test_integer_stems_always_sum_to_the_mix_and_never_clip(case):
    stems, mix_integers, subtype = case
    bits = INTEGER_SUBTYPES[subtype]
    mix = from_integers(mix_integers, bits, RATE)
    exact = make_exact({str(i): Audio(stem, RATE) for i, stem in enumerate(stems)}, mix, subtype)
    integers = [to_integers(stem, bits).astype(np.int64) for stem in exact.values()]
    assert np.array_equal(sum(integers), mix_integers)
    for stem, values in zip(exact.values(), integers, strict=True):
        assert np.array_equal(stem.samples * np.float32(2 ** (bits - 1)), values), (
            "on the grid, hence not clipped"
        )
    assert check_sum(exact, mix, subtype) == 0


@settings(max_examples=200)
@given(estimates_and_mix())
def test_each_stem_is_within_a_step_of_its_estimate_plus_its_share(case):
    stems, mix_integers, subtype = case
    scale = 2.0 ** (INTEGER_SUBTYPES[subtype] - 1)
    stems = [
        stem / np.float32(8 * len(stems)) for stem in stems
    ]  # far from the range, so nothing has to move
    mix_integers = mix_integers // 4
    mix = from_integers(mix_integers, INTEGER_SUBTYPES[subtype], RATE)
    exact = make_exact({str(i): Audio(stem, RATE) for i, stem in enumerate(stems)}, mix, subtype)
    wide = np.stack(stems).astype(np.float64) * scale
    residual = mix_integers - wide.sum(axis=0)
    weight = np.abs(wide).sum(axis=0)
    share = np.where(weight > 0, np.abs(wide) / np.where(weight > 0, weight, 1), 1 / len(stems))
    for i, stem in enumerate(exact.values()):
        assert np.all(np.abs(stem.samples * scale - wide[i] - share[i] * residual) <= 1 + 1e-5)


def test_exact_estimates_come_back_unchanged_and_silence_stays_silent():
    rng = np.random.default_rng(1)
    stems = {name: rng.integers(-9000, 9000, (5000, 2)).astype(np.int32) for name in ("drums", "bass")}
    stems["vocals"] = np.zeros((5000, 2), np.int32)
    mix = from_integers(sum(stems.values()), 16, RATE)
    exact = make_exact({name: from_integers(stem, 16, RATE) for name, stem in stems.items()}, mix, "PCM_16")
    for name, stem in stems.items():
        assert np.array_equal(to_integers(exact[name], 16), stem)


def test_a_residual_does_not_leak_into_a_silent_stem():
    rng = np.random.default_rng(2)
    mix = from_integers(rng.integers(-9000, 9000, (5000, 2)).astype(np.int32), 16, RATE)
    loud = Audio(mix.samples * np.float32(0.8) + np.float32(1e-6), RATE)
    exact = make_exact({"drums": loud, "bass": Audio(np.zeros_like(loud.samples), RATE)}, mix, "PCM_16")
    assert not exact["bass"].samples.any()
    assert np.array_equal(exact["drums"].samples, mix.samples)


def test_blocks_give_what_the_whole_gives():
    rng = np.random.default_rng(3)
    stems = {name: rng.uniform(-0.4, 0.4, (4000, 2)).astype(np.float32) for name in "abc"}
    mix = quantize(Audio(sum(stems.values()) * np.float32(0.9), RATE), "PCM_24")
    whole = make_exact({name: Audio(stem, RATE) for name, stem in stems.items()}, mix, "PCM_24")
    for start in range(0, 4000, 700):
        cut = slice(start, start + 700)
        part = make_exact(
            {name: Audio(stem[cut], RATE) for name, stem in stems.items()},
            Audio(mix.samples[cut], RATE),
            "PCM_24",
        )
        assert all(np.array_equal(part[name].samples, whole[name].samples[cut]) for name in stems)


@given(st.integers(1, 4), st.integers(0, 1000))
def test_float_stems_sum_to_within_half_a_step_of_the_largest(count, seed):
    rng = np.random.default_rng(seed)
    stems = {str(i): Audio(rng.uniform(-1, 1, (300, 2)).astype(np.float32), RATE) for i in range(count)}
    mix = Audio(rng.uniform(-1.2, 1.2, (300, 2)).astype(np.float32), RATE)
    exact = make_exact(stems, mix, "FLOAT")
    total = sum(stem.samples.astype(np.float64) for stem in exact.values())
    largest = np.max([np.abs(stem.samples) for stem in exact.values()], axis=0)
    assert np.all(np.abs(total - mix.samples) <= largest * 2.0**-24)
    assert check_sum(exact, mix, "FLOAT") == 0


def test_one_wrong_sample_is_counted_and_measured():
    mix = from_integers(np.arange(-50, 50, dtype=np.int32)[:, None], 16, RATE)
    broken = mix.samples.copy()
    broken[7] += np.float32(3 / 32768)
    check = measure_sum({"all": Audio(broken, RATE)}, mix, "PCM_16")
    assert (check.differing, check.largest, check.samples) == (1, 3 / 32768, 100)
    assert measure_sum({"all": Audio(broken, RATE)}, mix, "FLOAT").differing == 1


def test_what_cannot_be_exact_is_refused():
    mix = Audio(np.full((4, 1), 0.3, np.float32), RATE)
    with pytest.raises(AudioError, match="not on a grid of 16 bits"):
        make_exact({"a": mix}, mix, "PCM_16")
    with pytest.raises(AudioError, match="finer than float32"):
        make_exact({"a": mix}, mix, "PCM_32")
    with pytest.raises(AudioError, match="no stems"):
        make_exact({}, mix, "PCM_16")
    with pytest.raises(AudioError, match="stem a has 3 frames"):
        make_exact({"a": Audio(mix.samples[:3], RATE)}, mix, "PCM_16")
    with pytest.raises(AudioError, match="not numbers"):
        make_exact({"a": Audio(np.full((4, 1), np.nan, np.float32), RATE)}, mix, "PCM_16")
