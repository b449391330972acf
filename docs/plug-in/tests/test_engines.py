"""What an engine's own package should test at least: that it is one, keeps its promises and can be stopped."""

import numpy as np
import pytest
from beatflow_drone.drone import STEMS, Drone
from beatflow_drone.midside import MidSide

from beatflow.ai.engine import Brief, Generator, Separator, Setup
from beatflow.errors import UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum


def test_they_are_engines() -> None:
    assert isinstance(Drone(Setup()), Generator)
    assert isinstance(MidSide(Setup()), Separator)


def test_a_drone_is_what_was_asked_for() -> None:
    made = Drone(Setup()).generate(Brief("drone", seed=3, tempo=120.0, key="D:min", bars=2))
    assert (made.tempo, made.key, made.bars) == (120.0, "D:min", 2)
    assert made.mix.frames == 4 * 44100
    assert check_sum(made.stems, made.mix, made.subtype) == 0
    seam = np.abs(made.mix.samples[0] - made.mix.samples[-1]).max()
    assert seam <= np.abs(np.diff(made.mix.samples, axis=0)).max()


def test_the_same_brief_gives_the_same_bytes() -> None:
    first, second, other = (
        Drone(Setup()).generate(Brief("drone", seed=seed, bars=1)).mix.samples for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("brief", [Brief("drone", meter="7/8"), Brief("drone", stems=("drums",))])
def test_what_it_cannot_do(brief: Brief) -> None:
    with pytest.raises(UsageError):
        Drone(Setup()).generate(brief)


def test_it_stops_when_it_is_told_to() -> None:
    def stop(fraction: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Drone(Setup()).generate(Brief("drone"), stop)


@pytest.mark.parametrize("name", STEMS)
def test_one_stem_alone_is_the_same(name: str) -> None:
    whole = Drone(Setup()).generate(Brief("drone", bars=1)).stems[name]
    alone = Drone(Setup()).generate(Brief("drone", bars=1, stems=(name,))).stems[name]
    assert np.array_equal(whole.samples, alone.samples)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_middle_and_sides_sum_to_the_mix(channels: int) -> None:
    mix = np.random.default_rng(0).uniform(-0.5, 0.5, (1000, channels)).astype(np.float32)
    stems = MidSide(Setup()).separate(Audio(mix, 48000))
    np.testing.assert_allclose(sum(stem.samples for stem in stems.values()), mix, atol=1e-6)
