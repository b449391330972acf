"""Samples are found where they are used, whatever was done to them, and nowhere else."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from beatflow.finding.bands import measure_bands
from beatflow.finding.landmarks import Landmarks, find_landmarks
from beatflow.finding.occurrences import Occurrence, find_occurrences
from beatflow.sound.audio import Audio
from beatflow.sound.resample import resample
from beatflow.sound.timestretch import stretch
from tests.finding.material import RATE, audio, beat, bed


def find(sound: Audio) -> Landmarks:
    return find_landmarks(measure_bands([sound]))


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return beat(5)


@pytest.fixture(scope="module")
def landmarks(sample: np.ndarray) -> Landmarks:
    return find(audio(sample))


def lay(sample: np.ndarray, at_s: float = 7.0, db: float = 0.0, seed: int = 3) -> np.ndarray:
    """A sample in music, so much louder than that (in power)."""
    under = bed(seed)
    at = int(at_s * RATE)
    gain = 10 ** (db / 20) * np.sqrt(np.mean(under**2) / np.mean(sample**2))
    under[at : at + sample.size] += gain * sample
    return under


def check(found: list[Occurrence], at_s: float = 7.0) -> Occurrence:
    assert len(found) == 1, found
    assert found[0].start_s - found[0].sample_start_s * found[0].stretch == pytest.approx(at_s, abs=0.05)
    return found[0]


def test_under_other_sounds(sample: np.ndarray, landmarks: Landmarks) -> None:
    one = check(find_occurrences(landmarks, find(audio(lay(sample)))))
    assert one.end_s == pytest.approx(11.0, abs=0.5)
    assert one.stretch == 1.0
    check(find_occurrences(landmarks, find(audio(lay(sample, db=-5.0)))))


def test_softer_filtered_and_resampled(sample: np.ndarray, landmarks: Landmarks) -> None:
    filtered = sosfilt(butter(1, (200, 3000), "bandpass", fs=RATE, output="sos"), sample)
    mixed = audio(lay(np.asarray(filtered)), 0.05)
    check(find_occurrences(landmarks, find(resample(mixed, 48_000))))


def test_a_little_slower(sample: np.ndarray, landmarks: Landmarks) -> None:
    slower = stretch(audio(sample), int(1.04 * sample.size)).samples[:, 0].astype(float)
    one = check(find_occurrences(landmarks, find(audio(lay(slower, db=3.0)))))
    assert one.stretch == pytest.approx(1.04, abs=0.01)


def test_at_its_own_pace_only(landmarks: Landmarks, sample: np.ndarray) -> None:
    check(find_occurrences(landmarks, find(audio(lay(sample))), stretched=False))


def test_tuned_up_as_a_record_is(sample: np.ndarray, landmarks: Landmarks) -> None:
    faster = resample(Audio(sample.astype(np.float32)[:, None], 22_050), round(22_050 / 1.0393)).samples[:, 0]
    one = check(find_occurrences(landmarks, find(audio(lay(faster.astype(float), db=3.0)))))
    assert one.stretch == pytest.approx(1 / 1.0393, abs=0.01)


def test_a_piece_of_it(sample: np.ndarray) -> None:
    long = np.concatenate([sample, beat(6), beat(7)])
    piece = long[int(4.5 * RATE) : int(8.5 * RATE)]
    found = find_occurrences(find(audio(long)), find(audio(lay(piece))))
    assert len(found) == 1
    assert found[0].start_s - found[0].sample_start_s == pytest.approx(7.0 - 4.5, abs=0.05)


def test_every_time_it_comes(sample: np.ndarray, landmarks: Landmarks) -> None:
    sound = lay(sample, 2.0, 3.0)
    sound[int(12 * RATE) : int(12 * RATE) + sample.size] += 2 * sample
    starts = [
        round(one.start_s - one.sample_start_s) for one in find_occurrences(landmarks, find(audio(sound)))
    ]
    assert starts == [2, 12]


def test_long_samples_come_as_one(landmarks: Landmarks) -> None:
    long = np.concatenate([beat(seed) for seed in range(20, 24)])
    found = find_occurrences(find(audio(long)), find(audio(np.concatenate([bed(3), long, bed(4)]))))
    assert len(found) == 1
    assert found[0].start_s == pytest.approx(20.0, abs=0.1)
    assert found[0].end_s == pytest.approx(36.0, abs=0.3)


def test_other_sounds_do_not_have_it(landmarks: Landmarks) -> None:
    for seed in range(6):
        assert find_occurrences(landmarks, find(audio(bed(seed)))) == []
        assert find_occurrences(landmarks, find(audio(beat(100 + seed, 20.0)))) == []


def test_too_little_is_nothing(landmarks: Landmarks) -> None:
    few = Landmarks(np.arange(3), np.arange(3))
    assert find_occurrences(few, landmarks) == []
    assert find_occurrences(landmarks, few) == []
