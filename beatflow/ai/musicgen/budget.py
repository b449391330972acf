"""How much memory a MusicGen needs, reckoned from its shape before anything is loaded.

Enough to refuse what cannot fit and to choose how many takes go at once; what it misses, running out of memory and
trying smaller mends.
"""

from dataclasses import dataclass

from beatflow.ai.device import Device
from beatflow.ai.musicgen.checkpoint import Checkpoint
from beatflow.ai.musicgen.footprint import estimate_bytes
from beatflow.errors import MemoryShortError

_WORKSPACE = {"cuda": 600 << 20, "mps": 300 << 20, "cpu": 100 << 20}
"""torch's own: libraries, kernels, buffers of matrix products."""

_WORDS = 64
"""Tokens of a prompt; few have more."""

_PIECE_S = 0.75
"""The codec's smallest piece with its context."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a checkpoint needs, against what there is.

    Parameters
    ----------
    checkpoint : Checkpoint
    dtype : str
        Of the language model.
    guided : bool
        Two rows for each take.
    available : int
        Bytes that may be used.
    base : int
        Bytes that everything but the language model takes.
    """

    checkpoint: Checkpoint
    dtype: str
    guided: bool
    available: int
    base: int

    def need(self, takes: int, steps: int) -> int:
        """Bytes for so many takes at once, in windows of so many steps."""
        words = _WORDS + self.checkpoint.chroma_length
        decoder = estimate_bytes(self.checkpoint.decoder, self.dtype, takes, steps, self.guided, words)
        return self.base + int(decoder.total)

    def most_takes(self, takes: int, steps: int) -> int:
        """How many of the takes fit at once, at least 1."""
        while takes > 1 and self.need(takes, steps) > self.available:
            takes -= 1
        return max(1, takes)


def reckon(
    checkpoint: Checkpoint, device: Device, dtype: str, most: int | None, guided: bool = True
) -> Budget:
    """Set up the budget of a checkpoint on a device; ``most`` bytes may be used, or, with None, what is free."""
    # Five layers' worth of the codec's activations at full rate, which is where it peaks.
    codec = round(checkpoint.geometry.sample_rate * _PIECE_S) * checkpoint.filters * 4 * 5
    base = checkpoint.other_parameters * 4 + codec + _WORKSPACE[device.kind]
    free = device.free_bytes if most is None else min(most, device.total_bytes)
    return Budget(checkpoint, dtype, guided, free, base)


def check_fits(budget: Budget, name: str, device: Device, steps: int) -> None:
    """See that one take can be made at all.

    Raises
    ------
    MemoryShortError
        It cannot; nothing has been loaded yet.
    """
    need = budget.need(1, steps)
    if need > budget.available:
        raise MemoryShortError(
            f"{name} needs about {_size(need)} on {device.torch_name}, {_size(budget.available)} are there for it",
            hint=advise(name, device),
        )


def advise(name: str, device: Device) -> str:
    """What to do where a model does not fit."""
    smaller = "bf models list shows what runs here"
    if not name.endswith("small"):
        smaller = f"take --engine {'musicgen-stereo-small' if 'stereo' in name else 'musicgen-small'}"
    if device.kind == "cpu":
        return f"{smaller}, or --dtype int8, or close other programs"
    return f"{smaller}, or --device cpu, or close what else uses the GPU"


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.0f} MiB"
