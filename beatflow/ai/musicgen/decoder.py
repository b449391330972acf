"""Draws a MusicGen decoder's tokens, step after step, as fast as the weights can be read.

The loop gives the tokens of transformers' own ``generate`` for the same seed at batch 1 (and of audiocraft's, up to
float rounding), but keeps everything on the device: keys and values in a cache of fixed size, both guidance branches in
one batch, noise sent ahead in blocks, and on CUDA each step recorded once and replayed as a graph. Knows no text, no
audio and no files.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.delay import build_grid, get_offsets, read_grid
from beatflow.ai.musicgen.matrix import make_float
from beatflow.ai.musicgen.quantisation import make_int8
from beatflow.ai.musicgen.runtime import Report
from beatflow.ai.musicgen.sampling import Noise, is_greedy, is_guided
from beatflow.ai.musicgen.session import PACES, Pace, Session, Shape
from beatflow.ai.musicgen.transformer import Transformer
from beatflow.errors import EngineError

FORMATS = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
    "int8": torch.float32,
}
"""The number format in which each ``dtype`` computes what it does not quantise."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the takes follow.

    Parameters
    ----------
    states : Tensor
        Encoded and projected to the decoder's width, shape (rows, length, width). One row per take; with guidance
        (`sampling.is_guided`) first all conditional rows, then all unconditional ones.
    mask : Tensor
        1 where a state counts, 0 at padding, shape (rows, length).
    prefix : bool
        They stand before the first token (melody checkpoints); otherwise every layer attends to them.
    """

    states: Tensor
    mask: Tensor
    prefix: bool


class Decoder:
    """A MusicGen language model, ready to draw tokens.

    Parameters
    ----------
    language_model : MusicgenForCausalLM or MusicgenMelodyForCausalLM
        Moved to the device and the number format in place. Its weights are shared, not copied, and it goes on working
        beside the decoder; not so with ``int8``, which takes its layers' weights away.
    device : str
        As torch writes it.
    dtype : str
        One of `FORMATS`. ``int8`` keeps the layers' weights in 8 bits; on the CPU only.
    pace : Pace, optional
        How the device is fed, where not as `session.PACES` has it.
    """

    def __init__(self, language_model: Any, device: str, dtype: str, pace: Pace | None = None) -> None:
        if dtype not in FORMATS or (dtype == "int8" and device != "cpu"):
            raise ValueError(f"no number format {dtype} on {device}")
        self.dtype = dtype
        model = language_model.to(device=device, dtype=FORMATS[dtype]).eval()
        self._transformer = Transformer(model, make_int8 if dtype == "int8" else make_float)
        self._pace = pace or PACES[self._transformer.device.type]
        config = model.config
        self._pad: int = config.pad_token_id
        self._offsets = get_offsets(config.num_codebooks, config.audio_channels)
        self._session: Session | None = None

    def sample(
        self,
        conditions: Conditions,
        steps: int,
        sampling: Sampling,
        seeds: Sequence[int],
        lead: Tensor | None = None,
        report: Report = lambda done: None,
    ) -> Tensor:
        """Draw tokens, one take per seed in one batch.

        Parameters
        ----------
        conditions : Conditions
        steps : int
            How many come after the lead.
        sampling : Sampling
            ``None`` in a field leaves it out: no temperature, no top k, no guidance. ``top_k`` 1 is greedy.
        seeds : sequence of int
            One per take; a take's draws depend on its own seed alone.
        lead : Tensor, optional
            Tokens that they continue, shape (takes, codebooks, steps before the first).
        report : callable
            Told after every step (on a GPU after every block of steps) how many of ``steps`` are done. What it
            raises ends the call; the next call starts afresh.

        Returns
        -------
        Tensor
            int64 on the CPU, shape (takes, codebooks, steps), without the lead.

        Raises
        ------
        EngineError
            The model's output is not finite.
        """
        takes, codebooks = len(seeds), self._transformer.codebooks
        if lead is None:
            lead = torch.empty((takes, codebooks, 0), dtype=torch.int64)
        rows = takes * 2 if is_guided(sampling) else takes
        if steps < 1 or conditions.mask.shape != conditions.states.shape[:2]:
            raise ValueError(
                f"{steps} steps, mask {conditions.mask.shape} of states {conditions.states.shape}"
            )
        if len(conditions.states) != rows or lead.shape[:2] != (takes, codebooks):
            raise ValueError(f"{rows} rows for {takes} takes: {conditions.states.shape}, lead {lead.shape}")
        known = lead.shape[2]
        grid = build_grid(lead.cpu(), steps, self._offsets, self._pad)
        noise = None if is_greedy(sampling) else Noise(seeds, codebooks, self._transformer.vocabulary)
        states, mask = _silence(conditions)
        shape = Shape(
            takes=takes,
            rows=rows,
            columns=grid.shape[2],
            conditions=conditions.states.shape[1],
            prefix=conditions.prefix,
            masked=not bool(mask.all()),
            sampling=sampling,
        )
        with torch.inference_mode(), _on(self._transformer.device):
            try:
                session = self._open_session(shape)
                session.start(grid, states, mask, known)
                for done, finite in session.run(known, noise):
                    if not finite:
                        raise self._not_finite(done)
                    report(min(done, steps))
                return read_grid(session.grid.cpu(), self._offsets)[:, :, known:]
            except BaseException:
                self._session = None
                raise

    def forget(self) -> None:
        """Give back the buffers that are kept for the next call; it makes new ones."""
        self._session = None

    def _open_session(self, shape: Shape) -> Session:
        """Take the last call's buffers where they fit: windows of one command differ in nothing but tokens."""
        if self._session is None or self._session.shape != shape:
            self._session = None  # first give back what it holds
            self._session = Session(self._transformer, shape, self._pace)
        return self._session

    def _not_finite(self, done: int) -> EngineError:
        """Say that the number format was too narrow, or, where it is wide, that the weights are to blame."""
        if self.dtype in ("float16", "bfloat16"):
            hint = "compute in a wider number format: BF_DTYPE=float32"
        else:
            hint = "see whether the weights are what they should be: bf models verify"
        return EngineError(f"the model's output is not a number after {done} steps in {self.dtype}", hint)


def _silence(conditions: Conditions) -> tuple[Tensor, Tensor]:
    """Zero the states that do not count, as transformers does, and tell which ones attention must pass over.

    Text that is attended to has no bias: zeros give zeros, so that a row without any text need not be passed over.
    """
    heard = conditions.mask.bool()
    if conditions.prefix:
        return conditions.states, heard
    states = conditions.states * conditions.mask[..., None].to(conditions.states.dtype)
    return states, heard | ~heard.any(1, keepdim=True)


def _on(device: torch.device) -> AbstractContextManager[object]:
    """Make a GPU the current one: graphs and events belong to it."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
