"""A tempo that grows is told from a steady one, even where no beat is far from the even grid."""

import numpy as np
import pytest

from beatflow.ai.engine import Brief
from beatflow.sound.audio import Audio
from beatflow.sound.hops import mix_down
from beatflow.sound.tempo import TempoMeter
from benchmarks.crooked import CrookedBand, Faults


def drift_of(audio: Audio) -> float:
    meter = TempoMeter(audio.sample_rate)
    meter.add(mix_down(audio.samples))
    return meter.drift(meter.result((70.0, 150.0)).tempo or 0.0)


def play(drift: float, tempo: float = 100.0, bars: int = 4) -> Audio:
    return CrookedBand(Faults(drift=drift)).generate(Brief("x", 7, tempo, "A:min", bars)).mix


@pytest.mark.parametrize("drift", [0.05, 0.08, -0.08])
@pytest.mark.parametrize("bars", [4, 8])
def test_a_growing_tempo(drift: float, bars: int) -> None:
    assert drift_of(play(drift, bars=bars)) == pytest.approx(drift, abs=0.02)


@pytest.mark.parametrize(("tempo", "bars"), [(83.7, 4), (100.0, 8), (140.0, 4)])
def test_a_steady_tempo(tempo: float, bars: int) -> None:
    assert drift_of(play(0.0, tempo, bars)) == 0.0


def test_too_little_or_nothing() -> None:
    assert drift_of(play(0.08, bars=1)) == 0.0
    assert TempoMeter(8000).drift(100.0) == 0.0
    assert drift_of(Audio(np.zeros((16_000, 1), np.float32), 8000)) == 0.0
