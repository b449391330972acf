"""The loop over steps: buffers of fixed size that stay where they are, so that a step can be recorded and replayed.

Everything that changes from step to step (the column, the position, the noise) is a tensor on the device. The host
queues steps and looks at results one block later, so a GPU never waits for it. On a CPU the same code runs step by
step.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.delay import UNKNOWN
from beatflow.ai.musicgen.graphs import record
from beatflow.ai.musicgen.sampling import Noise, choose, guide, is_guided
from beatflow.ai.musicgen.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Shape:
    """What the buffers' sizes and a recorded step depend on.

    Parameters
    ----------
    takes, rows : int
        Takes, and rows of the batch: twice as many with guidance.
    columns : int
        Of the delayed grid.
    conditions : int
        Length of the conditions.
    prefix, masked : bool
        They stand before the first token; some of them do not count.
    sampling : Sampling
    """

    takes: int
    rows: int
    columns: int
    conditions: int
    prefix: bool
    masked: bool
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Pace:
    """How a device is fed.

    Parameters
    ----------
    block : int
        Steps between two looks at the results.
    ahead : int
        Blocks that are queued while the host waits for an older one.
    span : int
        Attention looks at a multiple of so many positions; with 1, at exactly those there are.
    graphs : bool
        Record each step once per span, and replay it.
    """

    block: int
    ahead: int
    span: int
    graphs: bool


PACES = {
    "cpu": Pace(block=1, ahead=0, span=1, graphs=False),
    "mps": Pace(block=8, ahead=0, span=256, graphs=False),
    # 32 steps of a small model take some 20 ms: an interrupt is heard within two blocks.
    "cuda": Pace(block=32, ahead=1, span=512, graphs=True),
}


class Session:
    """The buffers for calls of one shape, and the loop over their steps.

    Parameters
    ----------
    transformer : Transformer
    shape : Shape
    pace : Pace

    Attributes
    ----------
    shape : Shape
    grid : Tensor
        The delayed tokens, shape (takes, codebooks, columns), as `delay.build_grid` lays them out.
    """

    def __init__(self, transformer: Transformer, shape: Shape, pace: Pace) -> None:
        device, dtype = transformer.device, transformer.dtype
        self._transformer, self.shape, self._pace = transformer, shape, pace
        self._prefix = shape.conditions if shape.prefix else 0
        # A multiple of 16: GPU kernels of masked attention want aligned rows.
        self._capacity = -(-(self._prefix + shape.columns - 1) // 16) * 16
        self.grid = torch.empty(
            (shape.takes, transformer.codebooks, shape.columns), dtype=torch.int64, device=device
        )
        self._cache = transformer.make_cache(shape.rows, self._capacity)
        self._text = None if shape.prefix else transformer.make_cache(shape.rows, shape.conditions)
        self._positions = transformer.get_positions(self._capacity)
        self._ranks = torch.arange(self._capacity, device=device)
        # What is added to attention scores: nothing, or minus infinity for what must not be seen.
        self._open = torch.zeros((1, 1, 1, self._capacity), dtype=dtype, device=device)
        masked_length = self._capacity if shape.prefix else shape.conditions
        self._closed = self._open.new_zeros((shape.rows, 1, 1, masked_length)) if shape.masked else None
        self._counters = torch.zeros(3, dtype=torch.int64, device=device)
        self._column, self._position, self._drawn = (self._counters[i : i + 1] for i in range(3))
        self._health = torch.zeros((), device=device)
        noise_shape = (pace.block, shape.takes, transformer.codebooks, transformer.vocabulary)
        self._noise = torch.empty(noise_shape, device=device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def start(self, grid: Tensor, states: Tensor, mask: Tensor, known: int) -> None:
        """Forget the last call, and take in what is known: conditions, and the columns before ``known``.

        Parameters
        ----------
        grid : Tensor
            From `delay.build_grid`.
        states, mask : Tensor
            As in `decoder.Conditions`.
        known : int
            The first column that has yet to be run; the next one is the first to predict.
        """
        transformer = self._transformer
        self.grid.copy_(grid)
        self._health.zero_()
        states = states.to(transformer.device, transformer.dtype)
        heard = mask.to(transformer.device).bool()
        sequence = transformer.embed(self._get_rows(self.grid[:, :, :known]))
        if self._closed is not None:
            self._closed.zero_()
            self._closed[:, 0, 0, : heard.shape[1]].masked_fill_(~heard, -torch.inf)
        if self._text is None:
            sequence = torch.cat([states, sequence], dim=1)
        else:
            transformer.look_at_text(self._text, states)
        length = sequence.shape[1]
        if length:
            states = sequence + self._positions[:length]
            at = self._ranks[:length]
            transformer.run(
                states, self._cache, at, length, self._make_causal_mask(length), *self._see_text()
            )
        self._column.fill_(known)
        self._position.fill_(length)

    def run(self, known: int, noise: Noise | None) -> Iterator[tuple[int, bool]]:
        """Predict column after column; after each block tell how many are done, and whether the logits were finite.

        Parameters
        ----------
        known : int
            As given to `start`.
        noise : Noise or None
            None where the likeliest token is taken.
        """
        pinned = self.grid.device.type == "cuda"
        last = self.shape.columns - 1
        marks: deque[_Mark] = deque()
        for first in range(known, last, self._pace.block):
            count = min(self._pace.block, last - first)
            if noise is not None:
                self._noise[:count].copy_(noise.draw(count, pinned), non_blocking=pinned)
            self._drawn.zero_()
            for column in range(first, first + count):
                self._advance(self._prefix + column)
            marks.append(_Mark(first + count - known, self._health))
            while len(marks) > self._pace.ahead:
                yield marks.popleft().wait()
        for mark in marks:
            yield mark.wait()

    def _advance(self, position: int) -> None:
        """Run the step at a position, recorded where the device can."""
        span = min(self._capacity, (position // self._pace.span + 1) * self._pace.span)
        if not self._pace.graphs:
            self._step(span)
            return
        if span not in self._graphs:
            self._graphs[span] = self._record(span)
        self._graphs[span].replay()

    def _record(self, span: int) -> torch.cuda.CUDAGraph:
        """Run a step so that libraries set themselves up, take it back, and record it."""
        grid, counters = self.grid.clone(), self._counters.clone()
        self._step(span)
        self.grid.copy_(grid)
        self._counters.copy_(counters)
        return record(partial(self._step, span), like=next(iter(self._graphs.values()), None))

    def _step(self, span: int) -> None:
        """Run one column, and fill in the next one where it is unknown."""
        transformer, sampling = self._transformer, self.shape.sampling
        tokens = self._get_rows(self.grid.index_select(2, self._column))
        states = transformer.embed(tokens) + self._positions.index_select(0, self._position)
        states = transformer.run(
            states, self._cache, self._position, span, self._make_step_mask(span), *self._see_text()
        )
        logits = transformer.get_logits(states[:, 0])
        self._health += logits.sum() * 0.0  # 0, or not a number from here on
        if is_guided(sampling) and sampling.guidance is not None:
            logits = guide(logits, sampling.guidance)
        chosen = choose(logits, self._noise.index_select(0, self._drawn)[0], sampling)
        self._counters += 1
        known = self.grid.index_select(2, self._column)
        self.grid.index_copy_(2, self._column, torch.where(known == UNKNOWN, chosen[..., None], known))

    def _get_rows(self, tokens: Tensor) -> Tensor:
        """Give each row of the batch its take's tokens."""
        return tokens.repeat(self.shape.rows // self.shape.takes, 1, 1)

    def _see_text(self) -> tuple[Tensor | None, Tensor | None]:
        """Give what the layers see of the text, and its mask."""
        return (self._text, self._closed) if self._text is not None else (None, None)

    def _make_step_mask(self, span: int) -> Tensor | None:
        """Hide what lies beyond the current position, and the prefix's padding; None where there is nothing to hide."""
        mask = None
        if self._pace.span > 1:
            mask = self._open[..., :span].masked_fill(self._ranks[:span] > self._position, -torch.inf)
        if self._closed is None or self._text is not None:
            return mask
        closed = self._closed[..., :span]
        return closed if mask is None else mask + closed

    def _make_causal_mask(self, length: int) -> Tensor | None:
        """The same for the first ``length`` positions at once; None where causality is all."""
        if self._closed is None or self._text is not None:
            return None
        ranks = self._ranks[:length]
        # A padded position sees itself, so that no row of the mask is empty; nobody looks at what it makes of that.
        hidden = (ranks > ranks[:, None]) | ((self._closed[..., :length] < 0) & (ranks != ranks[:, None]))
        return torch.zeros_like(hidden, dtype=self._open.dtype).masked_fill_(hidden, -torch.inf)


class _Mark:
    """A place in the queue of work: where it is reached, the state of health there is known."""

    def __init__(self, done: int, health: Tensor) -> None:
        self._done, self._event = done, None
        if health.device.type == "cuda":
            self._health = torch.empty((), pin_memory=True)
            self._health.copy_(health, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            self._event.record()
        else:
            self._health = health

    def wait(self) -> tuple[int, bool]:
        """Wait until the device is here; tell how many steps are done and whether all logits were finite."""
        if self._event is not None:
            self._event.synchronize()
        return self._done, bool(self._health.isfinite())
