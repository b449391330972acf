"""What a separator's estimates lack: shared smoothly, bounded, counted."""

import numpy as np
import pytest

from beatflow.ai.residual import HOP, ResidualShare


def noise(frames: int, seed: int, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal((frames, 2))).astype(np.float32)


@pytest.mark.parametrize("frames", [1, HOP - 1, HOP, 5 * HOP + 17])
def test_shares_sum_to_the_mix(frames: int) -> None:
    mix = noise(frames, 0)
    estimates = {"a": noise(frames, 1), "b": noise(frames, 2, 0.01), "c": np.zeros_like(mix)}
    found = ResidualShare().share(estimates, mix)
    np.testing.assert_allclose(sum(found.values()), mix, atol=1e-6)
    assert not found["c"].any()
    residual = mix - sum(estimates.values())
    for stem, estimate in estimates.items():
        assert (np.abs(found[stem] - estimate) <= np.abs(residual) + 1e-6).all()


def test_shares_move_slowly_even_from_stretch_to_stretch() -> None:
    """A stem that stops dead takes its share of the residual away over a block, not at once."""
    frames = 8 * HOP
    loud, soft = np.full((frames, 1), 0.5, np.float32), np.full((frames, 1), 0.1, np.float32)
    loud[frames // 2 :] = 0.0
    mix = np.full((frames, 1), 1.0, np.float32)
    mix += loud + soft - 1.0 + 0.2
    for cuts in ([frames], [frames // 2, frames], [3000, 3001, 9000, frames]):
        share, start, changes = ResidualShare(), 0, []
        for end in cuts:
            part = slice(start, end)
            estimates = {"loud": loud[part], "soft": soft[part]}
            changes.append(share.share(estimates, mix[part])["soft"] - soft[part])
            start = end
        change = np.concatenate(changes)[:, 0]
        assert np.abs(np.diff(change)).max() < 2 * 0.2 / HOP


def test_what_sums_already_is_left_alone() -> None:
    stems = {"a": noise(3000, 1), "b": noise(3000, 2)}
    share = ResidualShare()
    found = share.share(stems, stems["a"] + stems["b"])
    assert all(found[stem] is stems[stem] for stem in stems)


def test_silence_that_lacks_everything_is_shared_alike() -> None:
    mix = noise(2000, 3)
    found = ResidualShare().share({"a": 0 * mix, "b": 0 * mix}, mix)
    np.testing.assert_allclose(found["a"], mix / 2, atol=1e-7)


def test_changes_are_counted() -> None:
    share, before = ResidualShare(), noise(500, 4)
    after = before.copy()
    after[7, 0] += np.float32(0.25)
    share.count("a", before, after)
    share.count("a", before, before)
    share.count("b", before, before)
    first, second = share.corrections
    assert first.stem == "a"
    assert first.largest == pytest.approx(0.25)
    energy = np.sum(np.square(after, dtype=np.float64)) + np.sum(np.square(before, dtype=np.float64))
    assert first.relative_db == pytest.approx(10 * np.log10(0.25**2 / energy), abs=0.01)
    assert (second.largest, second.relative_db) == (0.0, None)
