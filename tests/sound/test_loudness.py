"""Loudness against the cases that EBU Tech 3341 and 3342 describe, synthesised here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.loudness import _high_pass, _shelf, k_response, measure_loudness

RATES = (44_100, 48_000)


def sines(rate, *parts, channels=2, hz=1000.0):
    """Sine tones of (level in dBFS, seconds) one after the other, the same in all channels."""
    pieces = [np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in parts]
    envelope = np.concatenate(pieces)
    tone = envelope * np.sin(2 * np.pi * hz * np.arange(len(envelope)) / rate)
    return Audio(np.repeat(tone.astype(np.float32)[:, None], channels, axis=1), rate)


def test_48_khz_gives_the_standards_coefficients():
    numerator, denominator = _shelf(48_000)
    assert numerator == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-11)
    assert denominator == pytest.approx([1.0, -1.69065929318241, 0.73248077421585], abs=1e-11)
    numerator, denominator = _high_pass(48_000)
    assert numerator.tolist() == [1, -2, 1]
    assert denominator == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-11)


# Tech 3341 table 1: the meter may be off by 0.1 LU.
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_tech_3341_cases_1_to_5(rate, parts, wanted):
    found = measure_loudness(sines(rate, *parts))
    assert found.integrated_lufs == pytest.approx(wanted, abs=0.1)
    if len(parts) == 1:
        assert found.momentary_max_lufs == pytest.approx(wanted, abs=0.1)
        assert found.short_term_max_lufs == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("channels", [5, 6])
def test_tech_3341_case_6_surround(channels):
    levels = {5: (-28, -28, -24, -30, -30), 6: (-28, -28, -24, -3, -30, -30)}[channels]
    tone = sines(48_000, (0, 20), channels=channels)
    audio = Audio(tone.samples * np.array([10 ** (level / 20) for level in levels], np.float32), 48_000)
    assert measure_loudness(audio).integrated_lufs == pytest.approx(-23, abs=0.1)


def test_tech_3341_case_9_short_term():
    audio = sines(48_000, *[(-20, 1.34), (-30, 1.66)] * 5)
    assert measure_loudness(audio).short_term_max_lufs == pytest.approx(-23, abs=0.1)


def test_tech_3341_case_12_momentary():
    audio = sines(48_000, *[(-20, 0.18), (-30, 0.22)] * 25)
    assert measure_loudness(audio).momentary_max_lufs == pytest.approx(-23, abs=0.1)


# Tech 3341: +0.2 / -0.4 dB.
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    ("divisor", "phase", "level", "wanted"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
)
def test_tech_3341_cases_15_to_19_true_peak(rate, divisor, phase, level, wanted):
    angle = 2 * np.pi * np.arange(rate) / divisor + np.radians(phase)
    fade = np.minimum(1, np.minimum(np.arange(rate), np.arange(rate)[::-1]) / (rate / 10))
    audio = Audio((level * fade * np.sin(angle)).astype(np.float32)[:, None], rate)
    found = measure_loudness(audio)
    assert wanted - 0.4 <= found.true_peak_dbtp <= wanted + 0.2
    assert found.sample_peak_dbfs <= found.true_peak_dbtp


# Tech 3342 table 1: the range may be off by 1 LU.
@pytest.mark.parametrize(
    ("levels", "wanted"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_tech_3342_loudness_range(levels, wanted):
    audio = sines(48_000, *[(level, 20) for level in levels])
    assert measure_loudness(audio).range_lu == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_every_rate_hears_the_same(rate):
    assert measure_loudness(sines(rate, (-23, 5))).integrated_lufs == pytest.approx(-23, abs=0.1)


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
    short = measure_loudness(sines(48_000, (-20, 0.39)))
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
