"""What moods are told from, on pieces whose cues are known."""

import numpy as np
import pytest

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.mood.features import FEATURES, measure_features
from beatflow.sound.resample import resample
from tests.mood.pieces import MAJOR, MINOR, RATE, merry, mournful, play


def test_everything_is_measured_and_named_in_order() -> None:
    assert list(measure_features(merry())) == list(FEATURES)


@pytest.mark.parametrize("tempo", [80.0, 120.0, 150.0])
def test_tempo_and_onsets(tempo: float) -> None:
    time = np.arange(12 * RATE) / RATE
    hits = np.exp(-(time % (60 / tempo)) * 30) * np.random.default_rng(0).normal(0, 0.2, len(time))
    found = measure_features(
        Audio((hits + play(12.0, 30.0, gain=0.05).samples[:, 0]).astype(np.float32)[:, None], RATE)
    )
    assert found["onsets_per_s"] == pytest.approx(tempo / 60, rel=0.3)
    ratio = found["tempo"] / tempo
    assert min(abs(ratio - octave) for octave in (0.5, 1, 2)) < 0.02


def test_mode() -> None:
    assert measure_features(play(chord=MAJOR))["mode"] > 0.3
    assert measure_features(play(chord=MINOR))["mode"] < -0.2


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("brightness_hz", {"harmonics": 2}, {"harmonics": 12}),
        ("register_hz", {"tonic_hz": 130.8}, {"tonic_hz": 523.3}),
        ("articulation_db", {"held": 0.98}, {"held": 0.3}),
        ("loudness_lufs", {"gain": 0.05}, {"gain": 0.5}),
        ("attack_db", {"tempo": 60.0}, {"tempo": 180.0}),
    ],
)
def test_each_cue_grows_with_what_it_is_named_after(
    name: str, less: dict[str, float], more: dict[str, float]
) -> None:
    assert measure_features(play(**less))[name] < measure_features(play(**more))[name]  # type: ignore[arg-type]


def test_brightness_and_register_are_in_hertz() -> None:
    time = np.arange(4 * RATE) / RATE
    found = measure_features(Audio((0.3 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)[:, None], RATE))
    assert found["brightness_hz"] == pytest.approx(1000, rel=0.1)
    assert found["rolloff_hz"] == pytest.approx(1000, rel=0.05)
    assert found["register_hz"] == pytest.approx(1000, rel=0.01)
    assert found["roughness"] == pytest.approx(0, abs=0.01)


def test_noise_is_noisy_and_a_semitone_is_rough() -> None:
    rng = np.random.default_rng(1)
    noise = measure_features(Audio(rng.normal(0, 0.1, (4 * RATE, 1)).astype(np.float32), RATE))
    assert noise["noisiness_db"] > -2
    assert "mode" not in noise
    time = np.arange(4 * RATE) / RATE

    def pair(semitones: float) -> Audio:
        hz = 440 * 2 ** (semitones / 12)
        wave = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * hz * time)
        return Audio((0.2 * wave).astype(np.float32)[:, None], RATE)

    fifth, semitone = (measure_features(pair(apart))["roughness"] for apart in (7, 1))
    assert semitone > 5 * fifth


def test_level_matters_to_the_loudness_alone() -> None:
    loud, soft = measure_features(play(gain=0.5)), measure_features(play(gain=0.05))
    assert loud["loudness_lufs"] - soft["loudness_lufs"] == pytest.approx(20, abs=0.1)
    for name in ("brightness_hz", "register_hz", "roughness", "mfcc_1", "mfcc_2", "articulation_db"):
        assert loud[name] == pytest.approx(soft[name], rel=0.05, abs=0.2)


def test_blocks_of_any_length_and_channels_that_are_alike_give_the_same() -> None:
    whole = merry(4.0)
    parts = [Audio(whole.samples[at : at + 3001], RATE) for at in range(0, whole.frames, 3001)]
    assert measure_features(parts) == pytest.approx(measure_features(whole), rel=1e-3, abs=1e-3)
    stereo = measure_features(Audio(np.repeat(whole.samples, 2, axis=1), RATE))
    assert stereo["brightness_hz"] == pytest.approx(measure_features(whole)["brightness_hz"], rel=1e-3)


def test_the_sample_rate_does_not_change_the_colour_below_it() -> None:
    low = merry(4.0)
    high = resample(low, 44_100)
    one, other = measure_features(low), measure_features(high)
    assert one["register_hz"] == pytest.approx(other["register_hz"], rel=0.03)
    assert one["onsets_per_s"] == pytest.approx(other["onsets_per_s"], rel=0.1)
    assert one["mfcc_1"] == pytest.approx(other["mfcc_1"], abs=12)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((3 * RATE, 2), np.float32),
        np.full((3 * RATE, 1), 0.5, np.float32),
        np.full((110, 1), 0.5, np.float32),
        merry(0.9).samples,
        np.zeros((0, 1), np.float32),
    ],
    ids=["silence", "dc", "5 ms", "less than a second", "nothing"],
)
def test_where_there_is_no_mood_there_are_no_features(samples: np.ndarray) -> None:
    assert measure_features(Audio(samples, RATE)) == {}


def test_clipping_and_low_sample_rates_are_measured_all_the_same() -> None:
    clipped = Audio(np.clip(play().samples * 40, -1, 1), RATE)
    assert measure_features(clipped)["loudness_lufs"] > -6
    assert np.isfinite(list(measure_features(resample(merry(4.0), 8000)).values())).all()


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(AudioError, match="no sound"):
        measure_features([])
    samples = mournful(1.5).samples.copy()
    samples[5] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        measure_features(Audio(samples, RATE))
    with pytest.raises(AudioError, match="follows one of 1"):
        measure_features([mournful(1.5), Audio(np.zeros((10, 2), np.float32), RATE)])
