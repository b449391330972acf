"""A sample's very waveform is found far below the music, and says how loud it is; other sounds do not have it."""

import numpy as np
import pytest

from beatflow.finding.occurrences import Occurrence
from beatflow.finding.waveform import Part, find_waveform, prepare
from beatflow.sound.audio import Audio
from beatflow.sound.resample import resample
from tests.finding.material import RATE, audio, beat, bed


def sound(wave: np.ndarray, rate: int = RATE) -> Audio:
    return Audio(wave.astype(np.float32).reshape(len(wave), -1), rate)


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return beat(5)


@pytest.fixture(scope="module")
def parts(sample: np.ndarray) -> list[Part]:
    return prepare(sound(sample))


def lay(sample: np.ndarray, gain: float, at_s: float = 7.0, seed: int = 3) -> np.ndarray:
    under = bed(seed)
    at = int(at_s * RATE)
    piece = sample[: len(under) - at]
    under[at : at + piece.size] += gain * piece
    return under


def find(parts: list[Part], wave: np.ndarray) -> list[Occurrence]:
    return find_waveform(parts, [sound(wave)])


def check(found: list[Occurrence], at_s: float = 7.0) -> Occurrence:
    (one,) = found
    assert one.start_s - one.sample_start_s == pytest.approx(at_s, abs=0.001)
    return one


@pytest.mark.parametrize("gain", [1.0, 0.1, -0.03])
def test_however_soft_and_its_gain_is_told(sample: np.ndarray, parts: list[Part], gain: float) -> None:
    one = check(find(parts, lay(sample, gain)))
    assert one.gain_db == pytest.approx(20 * np.log10(abs(gain)), abs=0.5)
    assert one.end_s == pytest.approx(11.0, abs=0.01)


def test_other_sounds_do_not_have_it(parts: list[Part]) -> None:
    for seed in range(3):
        assert find(parts, bed(seed)) == []
        assert find(parts, beat(10 + seed, 10.0)) == []


def test_blocks_do_not_matter(sample: np.ndarray, parts: list[Part]) -> None:
    whole = lay(sample, 0.1)
    blocks = (sound(whole[start : start + 7001]) for start in range(0, len(whole), 7001))
    assert find_waveform(parts, blocks) == find(parts, whole)


def test_in_two_channels_at_another_rate(sample: np.ndarray, parts: list[Part]) -> None:
    mixed = resample(audio(lay(sample, 0.2)), 48_000).samples[:, 0]
    one = check(find_waveform(parts, [sound(np.stack([mixed, 0.3 * mixed], axis=1), 48_000)]))
    assert one.share > 0.5


def test_cut_off_at_the_beginning_and_at_the_end(sample: np.ndarray, parts: list[Part]) -> None:
    head = bed(3)
    head[: sample.size - RATE] += 0.3 * sample[RATE:]
    one = check(find(parts, head), -1.0)
    assert one.start_s == 0.0
    assert one.sample_start_s == pytest.approx(1.0, abs=0.001)
    check(find(parts, lay(sample, 0.3, 17.5)), 17.5)


def test_long_samples_come_as_one(sample: np.ndarray) -> None:
    long = np.concatenate([sample, beat(6)])
    one = check(find(prepare(sound(long)), lay(long, 0.1)))
    assert one.sample_start_s == 0.0
    assert one.sample_end_s == pytest.approx(8.0, abs=0.01)


def test_what_has_no_waveform(parts: list[Part], sample: np.ndarray) -> None:
    assert prepare(sound(np.zeros(RATE))) == []
    assert prepare(sound(sample[: RATE // 10])) == []
    assert find([], sample) == []
    assert find(parts, np.zeros(30 * RATE)) == []
    assert find(parts, np.full(RATE, 0.5)) == []
    assert find_waveform(parts, []) == []
    broken = lay(sample, 0.3)
    broken[: RATE // 2] = np.nan
    check(find(parts, broken))
