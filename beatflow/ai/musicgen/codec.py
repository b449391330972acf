"""The codec's decoder in pieces: memory that does not grow with the length, and the very sound of one go.

EnCodec's decoder (Défossez and others 2022) is a convolution and an LSTM at the rate of the tokens, then convolutions
that only look a few tokens around them. So each piece gets a few tokens more on both sides, whose sound is thrown away,
and the LSTM's state goes from piece to piece.

Works on a list of layers, as both transformers and audiocraft build it; knows neither.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

PIECE = 500
"""Tokens decoded at once: 10 s. EnCodec at 32 kHz takes about 40 MB for each second."""

_CONTEXT = 6
"""Tokens beside a piece: the first convolution looks 3 around, all behind the LSTM together less than 3."""


def decode_latents(
    layers: Sequence[Any],
    latents: Tensor,
    hop: int,
    piece: int = PIECE,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Tensor]:
    """Decode the sum of codebook vectors to samples.

    Parameters
    ----------
    layers : sequence of Module
        A convolution, an LSTM with a skip connection (its ``lstm`` is the recurrent module), and the rest.
    latents : Tensor
        Shape (batch, dimensions, steps).
    hop : int
        Frames of a step.
    piece : int
        Steps at once.
    check : callable
        Called before each piece; raising in it ends the decoding.

    Yields
    ------
    Tensor
        Shape (batch, channels, frames), one after another; together ``steps * hop`` frames, equal to the decoder's own
        output for the whole within the rounding of floats.
    """
    steps = latents.shape[-1]
    held = latents[..., :0]
    first = done = 0  # the token at which ``held`` starts, and up to which the sound is out
    for part in _remember(layers, latents, piece):
        check()
        held = torch.cat([held, part], dim=-1) if held.shape[-1] else part
        known = first + held.shape[-1]
        ready = known if known == steps else known - _CONTEXT
        if ready <= done:
            continue
        sound = held
        for layer in layers[2:]:
            sound = layer(sound)
        yield sound[..., (done - first) * hop : (ready - first) * hop]
        done = ready
        kept = max(first, done - _CONTEXT)
        held, first = held[..., kept - first :], kept


def _remember(layers: Sequence[Any], latents: Tensor, piece: int) -> Iterator[Tensor]:
    """Run the two layers at the tokens' own rate; the LSTM's state goes from piece to piece."""
    steps = latents.shape[-1]
    state = None
    for start in range(0, steps, piece):
        end = min(start + piece, steps)
        left = max(0, start - _CONTEXT)
        wide = layers[0](latents[..., left : min(steps, end + _CONTEXT)])
        part = wide[..., start - left : end - left].permute(2, 0, 1).contiguous()
        heard, state = layers[1].lstm(part, state)
        yield (heard + part).permute(1, 2, 0)


def sum_codebooks(quantizer: Any, tokens: Tensor) -> Tensor:
    """Look tokens of shape (batch, codebooks, steps) up and add them; shape (batch, dimensions, steps)."""
    latents: Tensor = quantizer.decode(tokens.transpose(0, 1))
    return latents.to(torch.float32)
