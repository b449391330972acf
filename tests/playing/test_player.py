"""The player: what comes out, sample for sample, whatever is done on the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import UsageError
from beatflow.playing.player import FADE_S, Player
from beatflow.playing.source import Resampled, fit_channels
from tests.playing.sounds import Ramp, Samples, pull_all


@given(st.integers(1, 200), st.integers(1, 600))
def test_a_sound_comes_out_as_it_is_whatever_the_blocks(block: int, frames: int) -> None:
    heard = pull_all(Player([Ramp(frames)], 1000, 1), block)
    assert np.array_equal(heard[:, 0], (np.arange(frames) * 1e-5).astype(np.float32))


def test_a_stretch_is_cut_to_the_frame_and_a_loop_has_no_fade() -> None:
    player = Player([Ramp(1000)], 1000, 1, 0.2, 0.5, loop=True)
    heard = pull_all(player, 64, 900)[:900, 0]
    assert np.array_equal(np.rint(heard * 1e5), np.tile(np.arange(200, 500), 3))


def test_one_channel_goes_to_all_and_many_to_their_mean() -> None:
    mono = pull_all(Player([Ramp(100)], 1000, 2))
    assert np.array_equal(mono[:, 0], mono[:, 1])
    many = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert np.allclose(fit_channels(many, 2), np.repeat(many.mean(axis=1, keepdims=True), 2, axis=1))
    assert fit_channels(many, 5)[:, 3:].max() == 0


def test_going_over_keeps_the_place_and_the_level() -> None:
    """Two like sounds fade linearly, so that the ramp goes on as if nothing had happened."""
    player = Player([Ramp(2000), Ramp(2000)], 1000, 1, crossfade_s=0.05)
    first = player.pull(500)
    assert player.switch(1)
    heard = np.concatenate([first, pull_all(player)])[:, 0]
    assert player.current == 1
    assert np.allclose(heard, np.arange(2000) * 1e-5, atol=1e-7)


def test_unlike_sounds_cross_with_equal_power() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 40_000, 1))
    player = Player([Samples(one, 1000) for one in noise], 1000, 1, crossfade_s=10)
    player.pull(10_000)
    player.switch(1)
    middle = player.pull(10_000)[4000:6000]
    assert abs(20 * np.log10(middle.std() / 0.1)) < 0.5


def test_two_switches_in_a_row_stay_in_step() -> None:
    """What waits to come out counts, or the place would drift with every key."""
    player = Player([Ramp(4000), Ramp(4000)], 1000, 1)
    for _ in range(5):
        player.switch(1 - player.current)
    heard = pull_all(player)[:, 0]
    assert abs(len(heard) - 4000) <= 1
    assert np.allclose(heard, np.arange(len(heard)) * 1e-5, atol=1e-6)


def test_there_is_no_way_to_where_a_sound_has_ended() -> None:
    player = Player([Ramp(2000), Ramp(500)], 1000, 1)
    player.pull(600)
    assert not player.switch(1)
    assert not player.switch(2)
    assert player.current == 0


def test_a_pause_holds_the_place() -> None:
    player = Player([Ramp(2000, scale=1e-4)], 1000, 1)
    player.pull(1000)
    player.toggle()
    quiet = player.pull(500)
    assert quiet[-1] == 0
    assert np.all(np.diff(quiet[: round(FADE_S * 1000), 0]) <= 0)
    held = player.position
    player.pull(300)
    assert player.position == held
    player.toggle()
    rest = pull_all(player)[:, 0]
    assert np.array_equal(np.rint(rest[-900:] * 1e4), np.arange(1100, 2000))
    assert abs(held - 1000) <= 2 * FADE_S * 1000


def test_a_jump_lands_where_it_should_and_stays_inside() -> None:
    player = Player([Ramp(5000)], 1000, 1, 1.0, 4.0)
    player.pull(100)
    player.seek(3000)
    assert np.rint(player.pull(200)[-1, 0] * 1e5) == 3199
    player.seek(-50)
    assert np.rint(player.pull(200)[-1, 0] * 1e5) == 1199
    player.seek(99_999)
    assert len(pull_all(player)) <= 1 + FADE_S * 1000


def test_stopping_fades_out() -> None:
    player = Player([Samples(np.full((5000, 1), 0.5), 1000)], 1000, 1)
    player.pull(100)
    player.stop()
    tail = pull_all(player)[:, 0]
    assert len(tail) == FADE_S * 1000
    assert tail[0] > 0.45
    assert tail[-1] < 0.05


def test_a_dip_is_alike_to_another_sound_and_to_the_same() -> None:
    """Else going over would tell which of two sounds X is."""
    made = []
    for index in (0, 1):
        player = Player([Ramp(2000, scale=1e-4), Ramp(2000, scale=1e-4)], 1000, 1)
        player.pull(500)
        player.dip(index)
        made.append(pull_all(player))
    assert np.array_equal(made[0], made[1])
    assert abs(made[0]).min() < 1e-3


def test_a_dip_reads_all_sounds_whichever_is_wanted() -> None:
    """Else the slower file, a long MP3, would be told by the time that going over takes."""
    for index in (0, 1):
        sources = [Ramp(2000, scale=1e-4), Ramp(2000, scale=1e-4)]
        player = Player(sources, 1000, 1)
        player.pull(500)
        player.dip(index)
        assert [source.at for source in sources] == [540, 540]


def test_a_dip_in_a_pause_keeps_the_place() -> None:
    player = Player([Ramp(2000, scale=1e-4), Ramp(2000, scale=2e-4)], 1000, 1)
    player.pull(500)
    player.toggle()
    player.dip(1)
    faded = player.pull(100)[:, 0]
    assert faded[0] > 0.04
    assert not faded[20:].any()
    player.toggle()
    assert pull_all(player)[20:, 0] == pytest.approx(np.arange(540, 2000) * 2e-4, abs=1e-6)


def test_what_is_no_number_or_beyond_full_scale_does_not_reach_the_ears() -> None:
    wild = np.array([[0.5], [np.nan], [np.inf], [-7.0], [0.25]])
    player = Player([Samples(wild, 1000)], 1000, 1)
    assert pull_all(player)[:, 0].tolist() == [0.5, 0.0, 1.0, -1.0, 0.25]
    assert player.clipped == 1


def test_gains_are_one_for_each_sound() -> None:
    player = Player([Ramp(100), Ramp(100)], 1000, 1, gains_db=[-6.0206, 0.0])
    assert np.allclose(player.pull(50)[:, 0], np.arange(50) * 0.5e-5, rtol=1e-4)
    with pytest.raises(UsageError, match="a gain of 40 dB"):
        Player([Ramp(100)], 1000, 1, gains_db=[40.0])


def test_behind_the_end_there_is_nothing() -> None:
    with pytest.raises(UsageError, match=r"ramp is 0\.10 s long"):
        Player([Ramp(100)], 1000, 1, 5.0)


@pytest.mark.parametrize("start", [0, 1, 4409, 30_000, 43_999])
def test_a_resampled_sound_is_the_same_from_wherever_it_is_read(start: int) -> None:
    time = np.arange(44_100) / 44_100
    source = Samples(0.5 * np.sin(2 * np.pi * 440 * time)[:, None], 44_100)
    whole = Resampled(source, 48_000)
    assert whole.frames == 48_000
    expected = whole.read(48_000)
    assert len(expected) == 48_000
    whole.seek(start)
    part = whole.read(500)
    assert np.abs(part - expected[start : start + 500]).max() < 1e-6
    whole.seek(50_000)
    assert len(whole.read(10)) == 0
    true = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2000, 46_000) / 48_000)
    assert np.abs(expected[2000:46_000, 0] - true).max() < 1e-3
