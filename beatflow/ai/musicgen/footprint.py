"""How much memory a call will need, from a checkpoint's figures alone. Knows neither torch nor files."""

from dataclasses import dataclass
from typing import Any

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 4}
"""Of a number where it is not quantised."""
NOISE_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of the decoder's weights, of its caches, and of what comes and goes while it runs."""

    weights: int
    cache: int
    activations: int

    @property
    def total(self) -> int:
        """Bytes of all three."""
        return self.weights + self.cache + self.activations


def estimate_bytes(
    config: Any, dtype: str, takes: int, steps: int, guided: bool, condition_steps: int, known: int = 0
) -> Footprint:
    """Estimate what drawing tokens takes on the device.

    The text encoder, the codec and the library's own overhead (a CUDA context: 0.3 to 0.5 GB) come on top.

    Parameters
    ----------
    config : MusicgenDecoderConfig or MusicgenMelodyDecoderConfig
        The decoder's.
    dtype : str
        As given to `decoder.Decoder`.
    takes, steps : int
        As in `decoder.Decoder.sample`.
    guided : bool
        Two rows per take.
    condition_steps : int
        Length of the conditions: tokens of the text, plus the melody's for melody checkpoints.
    known : int
        Steps of the lead.
    """
    width, layers, codebooks = config.hidden_size, config.num_hidden_layers, config.num_codebooks
    size, rows = BYTES[dtype], takes * (2 if guided else 1)
    prefix = config.model_type.startswith("musicgen_melody")
    positions = known + steps + codebooks + (condition_steps if prefix else 0)

    matrices = layers * width * ((4 if prefix else 8) * width + 2 * config.ffn_dim)
    tables = codebooks * width * (2 * config.vocab_size + 1) + config.max_position_embeddings * width
    weights = matrices * (1 if dtype == "int8" else size) + tables * size

    pair = 2 * layers * rows * width * size
    cache = pair * (positions + 15) + (0 if prefix else pair * condition_steps)

    started = rows * (known + (condition_steps if prefix else 1))
    # Queries, keys, values, what is heard, two residuals, and the wide layer before and after its activation.
    running = started * (6 * width + 2 * config.ffn_dim) * size
    logits = takes * codebooks * config.vocab_size * 4
    masks = started * (known + condition_steps) * size if prefix else 0
    return Footprint(weights, cache, running + masks + logits * (NOISE_BLOCK + 2 * 8))
