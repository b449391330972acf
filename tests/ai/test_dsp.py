"""The embedded separator: the contract, what its masks are made of, and that it beats doing nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from beatflow.ai.cues import centre, describe, log_power, repetition, running_median
from beatflow.ai.dsp import DspSeparator
from beatflow.ai.masks import STEMS, estimate_masks, load_perceptrons
from beatflow.ai.stft import Stft
from beatflow.sound.audio import Audio

from .contract import SEPARATOR_CHECKS, make_mix, scale_notes
from .voices import Voice, sing

ENGINES = [DspSeparator]


@pytest.mark.parametrize("check", SEPARATOR_CHECKS)
@pytest.mark.parametrize("engine", ENGINES)
def test_contract(engine, check) -> None:
    check(engine())


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(0, 3000), step=st.integers(1, 64), overlap=st.sampled_from([4, 8]))
def test_spectra_and_back_change_nothing(frames: int, step: int, overlap: int) -> None:
    samples = np.random.default_rng(frames).standard_normal((frames, 2)).astype(np.float32)
    stft = Stft(4 * step * overlap // 4, step)
    np.testing.assert_allclose(stft.inverse(stft.forward(samples), frames), samples, atol=1e-5)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100, 48000, 192000])
def test_bins_are_equally_far_apart_at_any_rate(sample_rate: int) -> None:
    stft = Stft.with_spacing(sample_rate, 10.77)
    assert stft.window == 4 * stft.step
    assert sample_rate / stft.window == pytest.approx(10.77, rel=0.04)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [3, 17])
def test_running_median_is_the_textbook_median(axis: int, size: int) -> None:
    image = np.random.default_rng(0).standard_normal((40, 31)).astype(np.float32)
    window = (size, 1) if axis == 0 else (1, size)
    np.testing.assert_array_equal(
        running_median(image, size, axis), median_filter(image, window, mode="reflect")
    )


def test_log_power_does_not_know_the_level() -> None:
    spectrum = Stft(256, 64).forward(make_mix(0.2, subtype="FLOAT").samples)
    np.testing.assert_allclose(log_power(spectrum), log_power(spectrum * np.float32(0.125)), atol=1e-3)


def test_centre_tells_the_middle_from_the_sides() -> None:
    rng = np.random.default_rng(2)
    mono, other = rng.standard_normal((2, 4096)).astype(np.float32)
    stft = Stft(256, 64)

    def place(left, right) -> float:
        return float(np.median(centre(stft.forward(np.stack([left, right], axis=1)))))

    assert place(mono, mono) == pytest.approx(1.0, abs=1e-3)
    assert place(mono, -mono) == pytest.approx(-1.0, abs=1e-3)
    assert abs(place(mono, 0 * mono)) < 1e-3
    assert abs(place(mono, other)) < 0.3


def test_what_repeats_is_told_from_what_does_not() -> None:
    chords = np.random.default_rng(5).uniform(-8.0, 0.0, (4, 200)).astype(np.float32)
    music = np.tile(np.repeat(chords, 20, axis=0), (4, 1))
    level = music.copy()
    level[105:115, 50:60] = 0.0  # ten columns of something that is there once
    found = repetition(level, 34)
    np.testing.assert_array_equal(found[105:115], music[105:115])
    short = level[:60]
    assert repetition(short, 34) is short


def test_masks_share_out_everything() -> None:
    mix = make_mix(0.6)
    stft = Stft.with_spacing(mix.sample_rate, 10.77)
    spectrum = stft.forward(mix.samples)
    brief = Stft(stft.step, stft.step // 2).forward(mix.samples)
    cues = describe(spectrum, brief, 10.77)
    assert np.isfinite(cues).all()
    masks = estimate_masks(cues, log_power(spectrum), 10.77)
    assert masks.shape == (len(STEMS), *spectrum.shape[1:])
    np.testing.assert_allclose(masks.sum(axis=0), 1.0, atol=1e-5)
    assert masks.min() >= 0.0


def test_weights_fit_the_cues() -> None:
    first, second = load_perceptrons()
    assert first.outer.shape[0] == len(STEMS)
    assert second.inner.shape[1] == first.inner.shape[1] + 2 * len(STEMS) + 6


def test_estimates_sum_to_the_mix() -> None:
    mix = make_mix(1.0)
    total = sum(audio.samples for audio in DspSeparator().separate(mix).values())
    np.testing.assert_allclose(total, mix.samples, atol=1e-4)


def _si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Scale-invariant signal to distortion ratio in dB (Le Roux and others 2019, ICASSP)."""
    scaled = np.vdot(estimate, truth) / np.vdot(truth, truth) * truth
    return float(10.0 * np.log10(np.vdot(scaled, scaled) / np.vdot(estimate - scaled, estimate - scaled)))


def _band(seconds: float = 8.0) -> dict[str, np.ndarray]:
    """Hits, a bass line, panned chords and a sung line, made of nothing but numpy."""
    rate = 44100
    rng = np.random.default_rng(11)
    time = np.arange(round(seconds * rate)) / rate
    hits = np.zeros(time.size)
    for beat in np.arange(0.0, seconds - 0.3, 0.3):
        since = time[time >= beat] - beat
        if round(beat / 0.3) % 2 == 0:
            hit = np.exp(-14.0 * since) * np.sin(2 * np.pi * (50.0 * since - 6.0 * np.exp(-25.0 * since)))
        else:
            hit = 0.7 * np.exp(-20.0 * since) * rng.standard_normal(since.size)
        hits[time >= beat] += hit
    roots = np.array([55.0, 43.65, 65.41, 49.0])[(time / 1.2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / rate
    pluck = np.exp(-1.5 * (time % 0.6))
    bass = pluck * sum(np.sin(n * phase) / n**1.5 for n in range(1, 6))
    chord = sum(np.sin(n * phase * ratio) / n for ratio in (4.0, 5.04, 5.99) for n in range(1, 8))
    voice = sing(scale_notes(62), Voice(vowels="aiueo", vibrato_cents=50.0), rate).samples[: time.size, 0]
    stems = {
        "drums": np.outer(hits, [1.0, 1.0]),
        "bass": np.outer(bass, [1.0, 1.0]),
        "vocals": np.outer(voice, [1.0, 1.0]),
        "other": np.outer(chord, [1.0, 0.25]),
    }
    return {stem: 0.05 * x / np.sqrt(np.mean(x**2)) for stem, x in stems.items()}


def test_stems_are_nearer_to_the_truth_than_the_mix_is() -> None:
    """Bars well below what is reached here (see benchmarks/separation.py for a real measurement)."""
    stems = _band()
    mix = sum(stems.values())
    found = DspSeparator().separate(Audio(mix.astype(np.float32), 44100))
    for stem, bar in {"drums": 5.0, "bass": 3.0, "vocals": 3.0, "other": 2.0}.items():
        gain = _si_sdr(found[stem].samples, stems[stem]) - _si_sdr(mix, stems[stem])
        assert gain > bar, stem
