"""One mix through the network, as a stream: windows as soon as their sound is there, sources as soon as they are final.

Works at the network's own sample rate on stereo pairs side by side (``groups``). Memory is bounded by the windows that
are computed at once. Which windows those are depends only on the frames counted from the start, never on how the mix
came in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.demucs.network import Network
from beatflow.ai.demucs.residual import ResidualShare
from beatflow.ai.demucs.windows import Grid, Pass, Window
from beatflow.ai.device import import_torch

if TYPE_CHECKING:
    from torch import Tensor

Pairs = NDArray[np.float32]
"""Shape (groups, 2, frames)."""
Estimates = NDArray[np.float32]
"""Shape (groups, sources, 2, frames)."""
Report = Callable[[int], None]
"""Called with the number of windows that are done."""


@dataclass(frozen=True, slots=True)
class Level:
    """By what the mix is brought to the level that the network was trained at: mean and deviation of each group."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


class PairStream:
    """Separates stereo pairs.

    Parameters
    ----------
    network : Network
    passes : sequence of Pass
    grid : Grid
    level : Level
    complete : bool
        Hand what the estimates lack of the mix to the sources; without it they are as the network gives them.
    report : callable
    """

    def __init__(
        self,
        network: Network,
        passes: Sequence[Pass],
        grid: Grid,
        level: Level,
        complete: bool,
        report: Report,
    ) -> None:
        self._torch = import_torch()
        self._network, self._passes, self._grid, self._report = network, passes, grid, report
        self._mean = level.mean[:, None, None]
        self._deviation = level.deviation[:, None, None]
        self._sharing = ResidualShare(self._torch) if complete else None
        groups = len(level.mean)
        self._mix: Pairs = np.zeros((groups, 2, 0), np.float32)
        self._base = 0  # the frame at which ``_mix`` begins
        self._done = 0  # frames given to what comes after
        self._index = 0  # the next window of every pass
        self._sum: Tensor | None = None  # of weighted windows, from frame ``_done`` on
        self._round = max(1, network.capacity.batch // groups)

    def run(self, blocks: Iterable[Pairs]) -> Iterator[Estimates]:
        """Take the mix, give its sources in stretches; all together are as long as the mix."""
        for block in blocks:
            self._mix = np.concatenate([self._mix, block], -1)
            while self._is_ready():
                yield from self._work(None)
        length = self._known
        while any(self._grid.count(one.origin, length) > self._index for one in self._passes):
            yield from self._work(length)
        yield from self._give(length, last=True)

    @property
    def _known(self) -> int:
        """Frames of the mix that have come in."""
        return self._base + int(self._mix.shape[-1])

    def _is_ready(self) -> bool:
        """Whether every pass has all the sound of its next windows; the last ones wait for the end of the mix."""
        latest = max(one.origin for one in self._passes)
        end = latest + (self._index + self._round - 1) * self._grid.stride + self._grid.segment
        return end <= self._known

    def _work(self, length: int | None) -> Iterator[Estimates]:
        """Compute the next round of windows, and give what is final after it."""
        for model in dict.fromkeys(one.model for one in self._passes):
            jobs = self._jobs(model, length)
            with self._network.use(model) as network:
                for start in range(0, len(jobs), self._network.capacity.batch):
                    batch = jobs[start : start + self._network.capacity.batch]
                    heard = self._network.run(
                        network, self._torch.from_numpy(np.stack([job[3] for job in batch]))
                    )
                    for (group, one, window, _), estimate in zip(batch, heard, strict=True):
                        self._add(group, one, window, estimate)
                    self._report(len(batch))
        self._index += self._round
        earliest = min(one.origin for one in self._passes)
        final = earliest + self._index * self._grid.stride
        yield from self._give(final if length is None else min(final, length), last=False)

    def _jobs(self, model: int, length: int | None) -> list[tuple[int, Pass, Window, Pairs]]:
        """The windows of a model in this round, but those that hold nothing but silence: they stay silent."""
        jobs = []
        for one in self._passes:
            if one.model != model:
                continue
            for index in range(self._index, self._index + self._round):
                if length is not None and index >= self._grid.count(one.origin, length):
                    continue
                window = self._grid.place(one.origin, index, length)
                sound = self._look(window)
                for group in range(len(self._mix)):
                    if sound[group].any():
                        jobs.append((group, one, window, self._normalize(sound[group], window, group)))
                    else:
                        self._add_silence(group, one, window)
                        self._report(1)
        return jobs

    def _look(self, window: Window) -> Pairs:
        """What the network sees of the mix; nothing before its start and behind its end."""
        start, end = window.start, window.start + self._grid.segment
        inside = self._mix[..., max(0, start - self._base) : max(0, end - self._base)]
        before = min(self._grid.segment, max(0, self._base - start))
        behind = self._grid.segment - before - inside.shape[-1]
        return np.pad(inside, ((0, 0), (0, 0), (before, behind)))

    def _normalize(self, sound: Pairs, window: Window, group: int) -> Pairs:
        """Bring a window to the level of the training; what lies outside the mix stays zero."""
        made: Pairs = (sound - self._mean[group]) / self._deviation[group]
        made[..., : max(0, -window.start)] = 0.0
        made[..., max(0, self._known - window.start) :] = 0.0
        return made

    def _add(self, group: int, one: Pass, window: Window, estimate: "Tensor") -> None:
        """Add a window's estimates, weighted, to the sum."""
        total = self._grow(window.first + window.frames)
        skip = max(0, -window.first)  # what it says of the time before the mix is for nobody
        frames = window.frames - skip
        if frames <= 0:
            return
        torch = self._torch
        weights = torch.from_numpy(self._grid.weights(window.index))[skip : skip + frames].to(total.device)
        shares = torch.tensor(one.shares, dtype=torch.float32, device=total.device)[:, None, None]
        start = window.first + skip
        heard = estimate[..., start - window.start : start - window.start + frames]
        at = start - self._done
        total[group, ..., at : at + frames] += heard * weights * shares

    def _add_silence(self, group: int, one: Pass, window: Window) -> None:
        """Have a silent window come out as silence once the level is undone."""
        value = float(-self._mean[group, 0, 0] / self._deviation[group, 0, 0])
        torch = self._torch
        shape = (len(one.shares), 2, self._grid.segment)
        self._add(group, one, window, torch.full((1,), value, device=self._device).expand(shape))

    @property
    def _device(self) -> str:
        return self._network.device_name

    def _grow(self, end: int) -> "Tensor":
        """The sum, long enough for frames up to ``end``."""
        torch = self._torch
        need = end - self._done
        if self._sum is None:
            shape = (len(self._mix), len(self._passes[0].shares), 2, max(need, 0))
            self._sum = torch.zeros(shape, device=self._device)
        elif self._sum.shape[-1] < need:
            self._sum = torch.nn.functional.pad(self._sum, (0, need - self._sum.shape[-1]))
        return self._sum

    def _give(self, end: int, last: bool) -> Iterator[Estimates]:
        """Give what is final, and forget what is not needed any more."""
        torch = self._torch
        if end > self._done or last:
            total = self._grow(end)
            ready, self._sum = total[..., : end - self._done], total[..., end - self._done :].clone()
            mix = self._mix[..., self._done - self._base : end - self._base]
            mean, deviation = (
                torch.from_numpy(value)[..., None].to(ready.device) for value in (self._mean, self._deviation)
            )
            ready = ready * deviation + mean
            if self._sharing is not None:
                ready = self._sharing.push(ready, torch.from_numpy(mix.copy()).to(ready.device), last)
            self._done = end
            if ready.shape[-1]:
                yield ready.cpu().numpy()
        # A window at the end looks back by up to half of its length.
        keep = max(self._base, self._done - self._grid.segment)
        self._mix = self._mix[..., keep - self._base :].copy()
        self._base = keep
