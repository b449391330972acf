"""Loudness against the cases that EBU Tech 3341 and 3342 describe, synthesised here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.loudness import LoudnessMeter, _high_pass, _shelf, k_response, measure_loudness
from benchmarks.loudness_cases import cases, tones


def test_48_khz_gives_the_standards_coefficients():
    numerator, denominator = _shelf(48_000)
    assert numerator == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-11)
    assert denominator == pytest.approx([1.0, -1.69065929318241, 0.73248077421585], abs=1e-11)
    numerator, denominator = _high_pass(48_000)
    assert numerator.tolist() == [1, -2, 1]
    assert denominator == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-11)


# The whole table, at three rates, is what `python -m benchmarks.analysis loudness` measures.
def _some(rate):
    """Each kind of case; of the series of twenty only some."""
    return [
        case
        for case in cases(rate)
        if " of 20" not in case.name or "(4 of" in case.name or "(18 of" in case.name
    ]


@pytest.mark.parametrize("case", _some(48_000), ids=lambda case: f"{case.name} {case.figure}")
def test_reference_cases(case):
    found = getattr(measure_loudness(case.make()), case.figure)
    assert case.holds(found), f"{found}, wanted {case.wanted}"


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_reference_cases_at_other_rates(rate):
    for case in cases(rate):
        if case.name in ("3341-1", "3341-6 (5.1)", "3341-14 (4 of 20)", "3341-19", "3341-21", "3342-2"):
            assert case.holds(getattr(measure_loudness(case.make()), case.figure)), case.name


def test_a_case_that_is_off_does_not_hold():
    case = next(cases(48_000))
    assert case.wanted == -23
    assert case.holds(-22.9)
    assert not case.holds(-22.8)
    assert not case.holds(None)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_every_rate_hears_the_same(rate):
    assert measure_loudness(tones(rate, (-23, 5))).integrated_lufs == pytest.approx(-23, abs=0.1)


def test_the_response_is_the_one_that_the_recursion_has():
    rate = 44_100
    x = np.zeros(20_000)
    x[0] = 1
    for numerator, denominator in (_shelf(rate), _high_pass(rate)):
        y = np.zeros_like(x)
        for n in range(len(x)):
            y[n] = sum(numerator[k] * x[n - k] for k in range(3) if n >= k)
            y[n] -= sum(denominator[k] * y[n - k] for k in (1, 2) if n >= k)
        x = y
    size = 32_768
    assert np.abs(np.fft.rfft(x, size) - k_response(rate, size)).max() < 1e-9


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 90_000), min_size=1, max_size=6),
    st.integers(1, 3),
    st.sampled_from([11_025, 44_100]),
)
def test_blocks_of_any_length_measure_the_same(lengths, channels, rate):
    samples = np.random.default_rng(0).normal(0, 0.1, (sum(lengths), channels)).astype(np.float32)
    samples[: len(samples) // 3] *= 0.01
    blocks = np.split(samples, np.cumsum(lengths)[:-1])
    assert measure_loudness(Audio(b, rate) for b in blocks) == measure_loudness(Audio(samples, rate))


def test_a_full_scale_click_between_quiet_runs_is_found():
    samples = np.full((50_000, 1), 0.01, np.float32)
    samples[31_999:32_001] = 1.0  # the curve overshoots between two equal samples
    found = measure_loudness(Audio(samples, 44_100))
    assert found.sample_peak_dbfs == 0
    assert found.true_peak_dbtp == pytest.approx(20 * np.log10(4 / np.pi), abs=0.1)


def test_silence_and_very_short_sounds_have_no_loudness():
    silent = measure_loudness(Audio(np.zeros((48_000, 2), np.float32), 48_000))
    assert set(silent.to_json().values()) == {None}
    short = measure_loudness(tones(48_000, (-20, 0.39)))
    assert short.integrated_lufs is None
    assert short.true_peak_dbtp == pytest.approx(-20, abs=0.1)
    assert measure_loudness(Audio(np.zeros((0, 2), np.float32), 48_000)).true_peak_dbtp is None


def test_what_cannot_be_measured():
    with pytest.raises(AudioError, match="1 to 8 channels, not 9"):
        measure_loudness(Audio(np.zeros((10, 9), np.float32), 48_000))
    with pytest.raises(AudioError, match="no sound"):
        measure_loudness([])


def test_samples_that_are_not_finite_raise_no_warning() -> None:
    samples = np.zeros((48000, 1), np.float32)
    samples[100] = np.inf
    measure_loudness(Audio(samples, 48000))


def test_the_course_of_loudness_goes_with_its_figures() -> None:
    rate = 48_000
    time = np.arange(8 * rate) / rate
    wave = np.where(time < 4, 0.1, 0.01) * np.sin(2 * np.pi * 997 * time)
    meter = LoudnessMeter(rate, 1)
    meter.add(wave[:, None].astype(np.float32))
    course, loudness = meter.course(), meter.result()
    assert course.hop_s == 0.1
    assert len(course.momentary) == 77
    assert len(course.short_term) == 51
    assert course.short_term.max() == pytest.approx(loudness.short_term_max_lufs, abs=0.01)
    assert course.momentary[10] - course.momentary[60] == pytest.approx(20.0, abs=0.01)
    assert meter.course().momentary.tolist() == course.momentary.tolist()


def test_a_course_of_silence_and_of_too_little() -> None:
    meter = LoudnessMeter(48_000, 2)
    meter.add(np.zeros((48_000, 2), np.float32))
    assert np.isneginf(meter.course().momentary).all()
    assert len(meter.course().short_term) == 0
