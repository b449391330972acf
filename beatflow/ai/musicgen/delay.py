"""The delay pattern: each codebook of a time step is predicted some columns after the first (Copet and others 2023).

Arithmetic on tokens alone; knows no model. A grid has one column more than there is anything to predict: the first is
all padding and starts the decoder off.
"""

import torch
from torch import Tensor

UNKNOWN = -1
"""What stands in a grid where a token has yet to be predicted."""


def get_offsets(codebooks: int, channels: int) -> tuple[int, ...]:
    """How many columns each codebook lags behind the first; the two channels of stereo are interleaved.

    >>> get_offsets(4, 1), get_offsets(8, 2)
    ((0, 1, 2, 3), (0, 0, 1, 1, 2, 2, 3, 3))
    """
    return tuple(codebook // channels for codebook in range(codebooks))


def build_grid(lead: Tensor, steps: int, offsets: tuple[int, ...], pad: int) -> Tensor:
    """Lay out what is known, and where predictions go.

    Parameters
    ----------
    lead : Tensor
        Known tokens, shape (batch, codebooks, known steps); no steps where nothing is known.
    steps : int
        Steps to predict after them.
    offsets : tuple of int
        From `get_offsets`.
    pad : int
        The token that stands where a codebook has nothing to say.

    Returns
    -------
    Tensor
        int64, shape (batch, codebooks, 1 + known + steps + largest offset), with ``UNKNOWN`` where to predict. The
        first column to predict is 1 + known.
    """
    batch, codebooks, known = lead.shape
    total = known + steps
    grid = torch.full(
        (batch, codebooks, 1 + total + max(offsets)), pad, dtype=torch.int64, device=lead.device
    )
    for codebook, offset in enumerate(offsets):
        row = grid[:, codebook, 1 + offset : 1 + offset + total]
        row[:, :known] = lead[:, codebook]
        row[:, known:] = UNKNOWN
    return grid


def read_grid(grid: Tensor, offsets: tuple[int, ...]) -> Tensor:
    """Undo the delay: shape (batch, codebooks, known + predicted steps)."""
    total = grid.shape[2] - 1 - max(offsets)
    rows = [grid[:, codebook, 1 + offset : 1 + offset + total] for codebook, offset in enumerate(offsets)]
    return torch.stack(rows, dim=1)
