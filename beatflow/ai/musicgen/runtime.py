"""What runs a MusicGen checkpoint: the protocol that the engine speaks, whichever library is behind it.

Numbers in and out are numpy's, so that nothing above it imports torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import RunFacts, Sampling

Tokens = NDArray[np.int64]
"""Codec tokens, shape (batch, codebooks, steps)."""

Wave = NDArray[np.float32]
"""Samples, shape (channels, frames)."""

Report = Callable[[int], None]
"""Called with how many steps of the call are done; raising in it ends the call."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The shape of a checkpoint.

    Parameters
    ----------
    sample_rate : int
        Of the codec, Hz.
    channels : int
    codebooks : int
        Of all channels together: 4, and 8 for stereo.
    token_rate : float
        Steps a second.
    window_s : float
        The longest stretch that the model was trained on.
    melody : bool
        Takes a recording whose melody it follows.
    """

    sample_rate: int
    channels: int
    codebooks: int
    token_rate: float
    window_s: float
    melody: bool


@dataclass(frozen=True, slots=True)
class PromptFit:
    """A prompt as the text encoder takes it.

    Parameters
    ----------
    text : str
        The prompt, or as much of its start as the encoder reads.
    pieces : int
        What the tokenizer makes of it.
    unknown : int
        Pieces that the tokenizer has no word for (other scripts, emoji).
    """

    text: str
    pieces: int
    unknown: int


class Runtime(Protocol):
    """A loaded checkpoint."""

    geometry: Geometry

    @property
    def facts(self) -> RunFacts:
        """On what it runs; the weights' digests may be computed when first asked."""
        ...

    def fit_prompt(self, prompt: str) -> PromptFit:
        """Cut a prompt to what the text encoder reads."""
        ...

    def make_room(self) -> bool:
        """Give up memory that only saves time (the text encoder goes to the CPU); False where nothing is left."""
        ...

    def sample_tokens(
        self,
        prompts: Sequence[str],
        steps: int,
        sampling: Sampling,
        seeds: Sequence[int],
        lead: Tokens | None = None,
        melodies: Sequence[Wave | None] | None = None,
        report: Report = lambda done: None,
    ) -> Tokens:
        """Draw tokens, one take per prompt in one batch.

        Parameters
        ----------
        prompts : sequence of str
        steps : int
            How many come after the lead.
        sampling : Sampling
            Every field given.
        seeds : sequence of int
            One per take; a take's draws depend on its own seed alone.
        lead : Tokens, optional
            What they continue, steps before the first.
        melodies : sequence of Wave or None, optional
            Per take the recording that it follows, mono at ``geometry.sample_rate``.

        Returns
        -------
        Tokens
            The new steps, without the lead.
        """
        ...

    def encode_audio(self, wave: Wave) -> Tokens:
        """Turn samples into tokens, shape (1, codebooks, steps)."""
        ...

    def decode_tokens(self, tokens: Tokens) -> NDArray[np.float32]:
        """Turn tokens into samples, shape (batch, channels, frames)."""
        ...
