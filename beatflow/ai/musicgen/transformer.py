"""MusicGen's decoder as plain tensor operations over transformers' weights, with a key/value cache of fixed size.

Serves `MusicgenForCausalLM` (every layer attends to the text) and `MusicgenMelodyForCausalLM` (melody and text stand
before the first token). Knows nothing of tokens' meaning, sampling or loops. The host never looks at a result, so a
step can be recorded as a CUDA graph.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from beatflow.ai.musicgen.matrix import FloatMatrix, Matrix, fuse


@dataclass(frozen=True, slots=True)
class CrossAttention:
    """A layer's attention to the text."""

    norm: nn.LayerNorm
    query: Matrix
    key_value: Matrix
    out: Matrix


@dataclass(frozen=True, slots=True)
class Layer:
    """The parts of one decoder layer."""

    norm: nn.LayerNorm
    query_key_value: Matrix
    out: Matrix
    cross: CrossAttention | None
    feed_norm: nn.LayerNorm
    up: Matrix
    activation: Callable[[Tensor], Tensor]
    down: Matrix


class Transformer:
    """The decoder of a MusicGen checkpoint.

    Parameters
    ----------
    language_model : MusicgenForCausalLM or MusicgenMelodyForCausalLM
        On its device, in its number format. Its weights are shared, fused where several maps take the same rows.
    make_matrix : callable
        Turns a weight of the layers, shape (outputs, inputs), into a `Matrix`.
    """

    def __init__(self, language_model: Any, make_matrix: Callable[[Sequence[nn.Linear]], Matrix]) -> None:
        decoder = language_model.model.decoder
        self.heads: int = decoder.config.num_attention_heads
        self.width: int = decoder.config.hidden_size
        self.codebooks: int = decoder.config.num_codebooks
        self.vocabulary: int = decoder.config.vocab_size
        self.layers = [_take_layer(layer, make_matrix) for layer in decoder.layers]
        self.attends_to_text = self.layers[0].cross is not None
        self._norm = decoder.layer_norm
        self._output = FloatMatrix(fuse(language_model.lm_heads))
        self._embeddings = _fuse_embeddings(decoder.embed_tokens)
        self._positions = decoder.embed_positions
        self.device = self._embeddings.device
        self.dtype = self._embeddings.dtype
        first_of_each = torch.arange(self.codebooks, device=self.device) * (self.vocabulary + 1)
        self._first_embedding = first_of_each[:, None]

    def get_positions(self, count: int) -> Tensor:
        """Sinusoidal embeddings of the first positions, shape (count, width)."""
        table: Tensor = self._positions.weights
        if count > len(table):
            table = self._positions.get_embedding(count, self.width)
        return table[:count].to(self.device, self.dtype)

    def make_cache(self, rows: int, capacity: int) -> Tensor:
        """Make room for keys and values, shape (layers, 2, rows, heads, capacity, head width)."""
        shape = (len(self.layers), 2, rows, self.heads, capacity, self.width // self.heads)
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def look_at_text(self, seen: Tensor, text: Tensor) -> None:
        """Write the keys and values of the text, shape (rows, length, width), into a cache of its length."""
        rows, length = text.shape[:2]
        for index, layer in enumerate(self.layers):
            assert layer.cross is not None
            pairs = layer.cross.key_value(text.flatten(0, 1)).reshape(rows, length, 2, self.heads, -1)
            seen[index].copy_(pairs.permute(2, 0, 3, 1, 4))

    def embed(self, tokens: Tensor) -> Tensor:
        """Sum the codebooks' embeddings: (rows, codebooks, steps) to (rows, steps, width)."""
        return F.embedding(tokens + self._first_embedding, self._embeddings).sum(1)

    def run(
        self,
        states: Tensor,
        cache: Tensor,
        at: Tensor,
        span: int,
        mask: Tensor | None,
        text: Tensor | None,
        text_mask: Tensor | None,
    ) -> Tensor:
        """Run positions through the layers, and remember them.

        Parameters
        ----------
        states : Tensor
            Embedded, positions added, shape (rows, steps, width). Overwritten.
        cache : Tensor
            From `make_cache`.
        at : Tensor
            int64 positions of the steps, shape (steps,); more than one start at 0 and fill the span.
        span : int
            Attention looks at the first ``span`` positions.
        mask : Tensor or None
            Added to attention scores, broadcast to (rows, heads, steps, span); None to look at all up to oneself.
        text, text_mask : Tensor or None
            The cache of the text, and what is added to scores there, for models that attend to one.

        Returns
        -------
        Tensor
            Shape (rows, steps, width), before the last norm.
        """
        rows, steps, width = states.shape
        flat = states.reshape(rows * steps, width)
        causal = mask is None and steps > 1
        for index, layer in enumerate(self.layers):
            mixed = layer.query_key_value(layer.norm(flat)).reshape(rows, steps, 3, self.heads, -1)
            mixed = mixed.permute(2, 0, 3, 1, 4)
            own = cache[index]
            own.index_copy_(3, at, mixed[1:])
            keys, values = own[:, :, :, :span]
            heard = F.scaled_dot_product_attention(mixed[0], keys, values, attn_mask=mask, is_causal=causal)
            flat = layer.out.add_to(flat, _merge_heads(heard))
            if layer.cross is not None and text is not None:
                query = layer.cross.query(layer.cross.norm(flat)).reshape(rows, steps, self.heads, -1)
                keys, values = text[index]
                heard = F.scaled_dot_product_attention(
                    query.transpose(1, 2), keys, values, attn_mask=text_mask
                )
                flat = layer.cross.out.add_to(flat, _merge_heads(heard))
            fed = layer.activation(layer.up(layer.feed_norm(flat)))
            flat = layer.down.add_to(flat, fed)
        return flat.reshape(rows, steps, width)

    def get_logits(self, states: Tensor) -> Tensor:
        """Logits of every codebook: (rows, width) to (rows, codebooks, vocabulary), float32."""
        logits = self._output(self._norm(states))
        return logits.reshape(len(states), self.codebooks, self.vocabulary).float()


def _merge_heads(heard: Tensor) -> Tensor:
    """Put the heads of (rows, heads, steps, head width) side by side, shape (rows * steps, width)."""
    return heard.transpose(1, 2).reshape(heard.shape[0] * heard.shape[2], -1)


def _take_layer(layer: Any, make_matrix: Callable[[Sequence[nn.Linear]], Matrix]) -> Layer:
    own, text = layer.self_attn, getattr(layer, "encoder_attn", None)
    cross = None
    if text is not None:
        cross = CrossAttention(
            layer.encoder_attn_layer_norm,
            make_matrix([text.q_proj]),
            make_matrix([text.k_proj, text.v_proj]),
            make_matrix([text.out_proj]),
        )
    return Layer(
        layer.self_attn_layer_norm,
        make_matrix([own.q_proj, own.k_proj, own.v_proj]),
        make_matrix([own.out_proj]),
        cross,
        layer.final_layer_norm,
        make_matrix([layer.fc1]),
        layer.activation_fn,
        make_matrix([layer.fc2]),
    )


def _fuse_embeddings(tables: Sequence[nn.Embedding]) -> Tensor:
    """Stack the codebooks' tables into one, and make them views of it."""
    fused = torch.cat([table.weight.detach() for table in tables])
    first = 0
    for table in tables:
        table.weight = nn.Parameter(fused[first : first + table.num_embeddings], requires_grad=False)
        first += table.num_embeddings
    return fused
