"""What the estimates lack, shared smoothly."""

import numpy as np
import pytest
import torch

from beatflow.ai.demucs.residual import HOP, ResidualShare


def share(estimates: torch.Tensor, mix: torch.Tensor, *sizes: int) -> torch.Tensor:
    """All of it, in pieces of these sizes over and over."""
    sharing = ResidualShare(torch)
    parts, start, turn = [], 0, 0
    while start < mix.shape[-1]:
        end = start + sizes[turn % len(sizes)]
        parts.append(sharing.push(estimates[..., start:end], mix[..., start:end]))
        start, turn = end, turn + 1
    parts.append(sharing.push(estimates[..., :0], mix[..., :0], last=True))
    return torch.cat(parts, -1)


@pytest.mark.parametrize("frames", [1, 5, HOP // 2, HOP, HOP + 1, 5 * HOP - 3, 7 * HOP])
def test_the_shares_sum_to_the_mix_however_it_is_cut(frames: int) -> None:
    torch.manual_seed(0)
    estimates, mix = torch.randn(2, 4, 2, frames), torch.randn(2, 2, frames)
    whole = share(estimates, mix, frames)
    assert whole.shape == estimates.shape
    np.testing.assert_allclose(whole.sum(1), mix, atol=1e-5)
    for sizes in ((100,), (HOP, 3), (2 * HOP + 7,)):
        torch.testing.assert_close(share(estimates, mix, *sizes), whole)


def test_a_silent_source_stays_silent_and_the_loud_one_takes_most() -> None:
    frames = 4 * HOP
    estimates = torch.zeros(1, 3, 2, frames)
    estimates[:, 0], estimates[:, 1] = 0.9, 0.1
    made = share(estimates, torch.full((1, 2, frames), 2.0), frames)
    assert not made[:, 2].any()
    np.testing.assert_allclose(made[:, 0], 0.9 + 0.81 / 0.82, atol=1e-5)


def test_where_all_are_silent_all_share_alike() -> None:
    made = share(torch.zeros(1, 4, 2, HOP), torch.ones(1, 2, HOP), HOP)
    np.testing.assert_allclose(made, 0.25)
