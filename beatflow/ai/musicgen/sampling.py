"""From logits to tokens: guidance, what may be drawn, and the noise that draws it.

A token is drawn as ``torch.multinomial`` draws one: the largest of probability over exponential noise. The noise is
drawn on the CPU from one generator per take, in the order and shape of transformers' and audiocraft's loops at batch 1.
So it is the same on every device, and a take's draws depend on no other take. torch seeds that generator with the low
32 bits of the seed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from beatflow.ai.engine import Sampling


def is_guided(sampling: Sampling) -> bool:
    """Say whether each take needs an unconditional row beside its conditional one."""
    return sampling.guidance is not None and sampling.guidance != 1.0


def is_greedy(sampling: Sampling) -> bool:
    """Say whether the likeliest token is taken, so that no noise is needed."""
    return not sampling.top_p and sampling.top_k == 1


class Noise:
    """Exponential noise, one stream per take.

    Parameters
    ----------
    seeds : sequence of int
        One per take.
    codebooks, vocabulary : int
        The shape of one take's logits.
    """

    def __init__(self, seeds: Sequence[int], codebooks: int, vocabulary: int) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._shape = (codebooks, vocabulary)

    def draw(self, steps: int, pinned: bool = False) -> Tensor:
        """Draw the noise of the next steps: float32, shape (steps, takes, codebooks, vocabulary).

        Step by step: torch fills a larger tensor in another order.
        """
        block = torch.empty((steps, len(self._generators), *self._shape), pin_memory=pinned)
        for step in block:
            for take, generator in zip(step, self._generators, strict=True):
                take.exponential_(generator=generator)
        return block


def guide(logits: Tensor, guidance: float) -> Tensor:
    """Push the conditional rows, which come first, away from the unconditional ones (Ho and Salimans 2022, eq. 6)."""
    conditional, unconditional = logits.chunk(2)
    return unconditional + (conditional - unconditional) * guidance


def choose(logits: Tensor, noise: Tensor | None, sampling: Sampling) -> Tensor:
    """Choose a token per row.

    Parameters
    ----------
    logits : Tensor
        float32, shape (..., vocabulary), guidance done.
    noise : Tensor or None
        Of the same shape, from `Noise`; None takes the likeliest.
    sampling : Sampling
        ``top_p`` above 0 goes before ``top_k``, as in audiocraft.

    Returns
    -------
    Tensor
        int64, shape (...).
    """
    if noise is None or is_greedy(sampling):
        return logits.argmax(-1)
    if sampling.temperature is not None:
        logits = logits / sampling.temperature
    if sampling.top_p:
        return _choose_nucleus(logits.softmax(-1), noise, sampling.top_p)
    if sampling.top_k:
        kept = logits.topk(min(sampling.top_k, logits.shape[-1]), sorted=False).values
        logits = logits.masked_fill(logits < kept.amin(-1, keepdim=True), -torch.inf)
    return (logits.softmax(-1) / noise).argmax(-1)


def _choose_nucleus(probabilities: Tensor, noise: Tensor, top_p: float) -> Tensor:
    """Draw among the likeliest that together reach ``top_p``, in falling order, as audiocraft's noise falls on them."""
    ordered, tokens = probabilities.sort(-1, descending=True)
    outside = ordered.cumsum(-1) - ordered > top_p
    drawn = (ordered.masked_fill(outside, 0.0) / noise).argmax(-1, keepdim=True)
    return tokens.gather(-1, drawn).squeeze(-1)
