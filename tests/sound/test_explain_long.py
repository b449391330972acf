"""Sounds longer than what is kept of them: the beginning is fitted, the rest followed block by block."""

import numpy as np
import pytest

from beatflow.sound.explain import pair
from beatflow.sound.explain.explain import explain, iter_residual

from .test_explain import check_pieces, kinds, say, store

RATE = 8000
FRAMES = 60 * RATE


@pytest.fixture(autouse=True)
def short_beginning(monkeypatch):
    """Keep 8 s of a mono sound, so that one of a minute is long."""
    monkeypatch.setattr(pair, "MAX_VALUES", 12 * RATE)
    monkeypatch.setattr(pair, "_BEGINNING_VALUES", 8 * RATE)


def make_noise(seed, frames=FRAMES):
    noise = np.random.default_rng(seed).normal(0, 0.1, (frames, 1)).clip(-0.9, 0.9)
    return (np.round(noise * 32768) / 32768).astype(np.float32)


SOUND = make_noise(1)


def tell(old, new):
    explanation = explain(store(old, RATE), store(new, RATE))
    check_pieces(explanation)
    assert sum(piece.frames for piece in explanation.pieces) == len(new)
    return explanation


def test_the_same_to_the_end():
    explanation = tell(SOUND, SOUND)
    assert explanation.identical
    assert explanation.compared_s is None
    assert explanation.null_depth_db == -200


def test_a_gain_and_a_cut_at_the_start():
    explanation = tell(SOUND, 0.5 * SOUND[4000:])
    assert kinds(explanation) == ["gain", "region"]
    assert explanation.find("gain")[0]["gain_db"] == pytest.approx(-6.02, abs=0.02)
    region = explanation.find("region")[0]
    assert (region["action"], region["frames"], region["source_frame"]) == ("deleted", 4000, 0)
    assert explanation.compared_s is None
    assert explanation.null_depth_db < -60


def test_something_at_the_end():
    longer = tell(SOUND, np.vstack([SOUND, make_noise(2, 5000)]))
    assert kinds(longer) == ["region"]
    assert (longer.changes[0]["action"], longer.changes[0]["start_frame"]) == ("inserted", FRAMES)
    assert longer.pieces[-1].source is None
    shorter = tell(SOUND, SOUND[:-5000])
    assert (shorter.changes[0]["action"], shorter.changes[0]["frames"]) == ("deleted", 5000)


@pytest.mark.parametrize("action", ["replaced", "muted"])
def test_a_region_far_behind_the_beginning(action):
    new = SOUND.copy()
    new[40 * RATE : 42 * RATE] = make_noise(3, 2 * RATE) if action == "replaced" else 0
    explanation = tell(SOUND, new)
    assert kinds(explanation) == ["region"]
    region = explanation.changes[0]
    assert region["action"] == action
    assert region["start_frame"] == 40 * RATE
    assert region["frames"] == 2 * RATE
    assert [piece.source is None for piece in explanation.pieces] == [False, True, False]


def test_a_cut_far_behind_the_beginning_ends_the_comparison():
    """It is not identical, and not more is said than was seen."""
    new = np.vstack([SOUND[: 20 * RATE], SOUND[21 * RATE :]])
    explanation = tell(SOUND, new)
    assert kinds(explanation) == ["residual"]
    assert explanation.compared_s == pytest.approx(20, abs=0.05)
    assert explanation.changes[0]["worst_s"] == explanation.compared_s
    assert explanation.pieces[-1].source is None


def test_the_end_of_what_is_kept_is_not_the_end_of_the_sound():
    """A filter is not followed; nothing is said to be inserted where reading stopped."""
    new = 0.7 * SOUND[3000:] + 0.5 * SOUND[2999:-1]
    explanation = tell(SOUND, new.astype(np.float32))
    assert explanation.compared_s == pytest.approx(8, abs=0.5)
    assert all(region["start_frame"] == 0 for region in explanation.find("region"))


def test_another_take():
    explanation = tell(SOUND, make_noise(4))
    assert explanation.new_take
    assert explanation.compared_s == 8


def test_the_residual_is_as_long_as_the_sound():
    new = (0.5 * SOUND).astype(np.float32)
    old_file, new_file = store(SOUND, RATE), store(new, RATE)
    explanation = explain(old_file, new_file)
    rest = np.vstack([block.samples for block in iter_residual(old_file, new_file, explanation)])
    assert rest.shape == new.shape
    assert float(np.abs(rest).max()) < 1e-4


def test_what_is_short_enough_is_compared_whole():
    assert say(SOUND[:RATE], SOUND[:RATE]).compared_s is None
