"""Weights in 8 bits, for CPUs, where reading the weights is what a step's time goes to.

Each row of a matrix has its own scale; activations stay in floating point. torch's quantised tensor types
(``torch.ao.quantization.quantize_dynamic``) are deprecated since 2.13 in favour of plain int8 tensors; of the products
over those, only this one is quicker than float32 on processors without AVX-512.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Linear, Parameter
from torch.nn import functional as F

from beatflow.ai.musicgen.matrix import Matrix, fuse

MANY_ROWS = 32
"""From here on (a lead, a melody) arithmetic takes the time, and float32 is quicker."""


class Int8Matrix:
    """Weights in 8 bits, shape (outputs, inputs), multiplied by rows rounded to bfloat16."""

    def __init__(self, weight: Tensor) -> None:
        # The scale is rounded first, so that its own rounding is made good by the weights'.
        scale = (weight.abs().amax(1) / 127.0).clamp(min=1e-30).bfloat16()
        self._weight = (weight / scale[:, None]).round_().clamp_(-127, 127).to(torch.int8)
        self._scale = scale

    def __call__(self, rows: Tensor) -> Tensor:
        if len(rows) >= MANY_ROWS:
            return F.linear(rows, self._weight * self._scale[:, None].float())
        return torch._weight_int8pack_mm(rows.bfloat16(), self._weight, self._scale).float()

    def add_to(self, sums: Tensor, rows: Tensor) -> Tensor:
        return sums.add_(self(rows))


def make_int8(linears: Sequence[Linear]) -> Matrix:
    """Quantise the maps of the same rows as one matrix, and take their own weights away."""
    matrix = Int8Matrix(fuse(linears))
    for linear in linears:
        linear.weight = Parameter(linear.weight.new_empty(0), requires_grad=False)
    return matrix
