"""A part goes where its bars and beats belong, in any block, without a click where it is cut."""

import numpy as np
import pytest

from beatflow.remix.laying import Slice, duck, lay, slice_beats, slice_steady
from beatflow.sound.audio import Audio

RATE = 8000


def clicks(times_s, seconds):
    """A part with a short burst at each time."""
    part = np.zeros((round(seconds * RATE), 1), np.float32)
    for time_s in times_s:
        at = round(time_s * RATE)
        part[at : at + 40, 0] = 0.5
    return part


def find_clicks(samples):
    loud = np.abs(samples[:, 0]) > 0.25
    return np.flatnonzero(loud & ~np.roll(loud, 1)) / RATE


def join(blocks):
    return np.concatenate([block.samples for block in blocks])


def test_a_steady_part_begins_at_its_offset_and_comes_again():
    part = clicks([0.0, 0.5, 1.0, 1.5], 2.4)  # two seconds and a tail
    slices = slice_steady(len(part), -0.7, 5 * RATE, RATE, 2.0)
    made = join(lay(part, slices, 5 * RATE, RATE))
    assert made.shape == (5 * RATE, 1)
    assert find_clicks(made) == pytest.approx([0.3, 0.8, 1.3, 1.8, 2.3, 2.8, 3.3, 3.8, 4.3, 4.8], abs=1e-3)


def test_one_pass_is_the_part_itself_bit_for_bit():
    part = np.random.default_rng(1).normal(0, 0.1, (2 * RATE, 2)).astype(np.float32)
    made = join(lay(part, slice_steady(len(part), 0.0, len(part), RATE, 2.0), len(part), RATE))
    assert np.array_equal(made, part)


def test_beats_that_wander_are_followed():
    beats = (0.0, 0.5, 1.02, 1.5, 1.95, 2.5, 3.1, 3.6, 4.0)
    part = clicks([0.0, 0.5, 1.0, 1.5], 2.0)
    slices = slice_beats(beats, 0.5, 4, 4 * RATE, RATE)
    made = join(lay(part, slices, 4 * RATE, RATE))
    assert find_clicks(made) == pytest.approx(beats[:-1], abs=0.002)
    assert np.abs(np.diff(made[:, 0])).max() <= 0.51


def test_blocks_do_not_matter(monkeypatch):
    part = np.random.default_rng(2).normal(0, 0.1, (RATE, 1)).astype(np.float32)
    slices = slice_beats((-0.1, 0.2, 0.55, 0.8), 0.25, 4, RATE, RATE)
    whole = join(lay(part, slices, RATE, RATE))
    monkeypatch.setattr("beatflow.remix.laying._BLOCK_FRAMES", 333)
    assert np.array_equal(join(lay(part, slices, RATE, RATE)), whole)


def test_slices_stay_within_the_piece_and_the_part():
    for slices in (
        slice_steady(3000, -0.3, 5000, RATE, 0.25),
        slice_beats((-0.4, -0.1, 0.2, 0.4, 0.9), 0.25, 2, 5000, RATE),
    ):
        assert all(isinstance(one, Slice) and one.frames > 0 for one in slices)
        assert min(one.target for one in slices) >= 0
        assert min(one.source for one in slices) >= 0
        assert max(one.target + one.frames for one in slices) <= 5000
        ends = [one.target + one.frames for one in slices]
        assert all(end <= after.target for end, after in zip(ends, slices[1:], strict=False))


def test_what_ducks_is_down_on_the_beat_and_back_before_the_next():
    ones = [Audio(np.ones((1000, 1), np.float32), RATE) for _ in range(8)]
    made = join(duck(iter(ones), np.arange(0.1, 1.2, 0.25), 6.0))
    on, before = round(0.35 * RATE), round(0.33 * RATE)
    assert 20 * np.log10(made[on, 0]) == pytest.approx(-6, abs=0.1)
    assert made[before, 0] == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(made[:, 0])).max() < 0.02  # no step
    same = ones[:2]
    assert list(duck(iter(same), np.array([0.1]), 6.0)) == same
