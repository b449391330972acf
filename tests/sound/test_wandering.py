"""Curves of music that wanders, made even and put back."""

import numpy as np
import pytest

from beatflow.sound.onsets import Onsets
from beatflow.sound.wandering import even_out

RATE = 172.0
TIMES = 0.3 + np.concatenate([[0], np.cumsum(60 / np.linspace(90, 110, 60))])
DURATION_S = float(TIMES[-1]) + 1.0


def make(duration_s=DURATION_S):
    hops = round(duration_s * RATE)
    curve = np.zeros(hops, np.float32)
    for time in TIMES:
        curve[round(time * RATE) - 1 : round(time * RATE) + 2] = 1.0
    rough = curve.astype(np.float16)
    chroma = np.zeros((hops // 16 + 1, 24), np.float16)
    chroma[:, 3] = 1.0
    return Onsets(RATE, duration_s, curve, curve, curve, curve, rough, rough, chroma)


def test_beats_lie_evenly_and_come_back_to_when_they_were_played():
    # A path that follows the beats misses single ones by a little.
    jitter = np.random.default_rng(0).normal(0, 0.01, len(TIMES))
    evened = even_out(make(), TIMES + jitter)
    assert evened is not None
    even = np.interp(TIMES, evened.played, evened.even)
    assert np.diff(even) == pytest.approx(0.6, abs=0.02)
    assert evened.restore(even) == pytest.approx(TIMES, abs=1e-6)
    assert evened.restore(np.array([0.0, evened.onsets.duration_s])) == pytest.approx(
        [0, DURATION_S], abs=1e-6
    )
    for curve in (evened.onsets.full, evened.onsets.high, evened.onsets.accents):
        assert len(curve) == round(evened.onsets.duration_s * RATE)
        found = [curve[max(0, round(time * RATE) - 2) :][:5].max() for time in even]
        assert np.mean(found) > 0.9
    assert evened.onsets.chroma[:, 3].all()


@pytest.mark.parametrize("count", [0, 1, 15])
def test_few_beats_say_nothing(count):
    assert even_out(make(), TIMES[:count]) is None


def test_what_is_longer_than_a_piece_stays_as_it_is():
    assert even_out(make(1900.0), TIMES) is None
