"""Runs HTDemucs on a device: in which number format, how many windows at once, and what to do when memory runs out.

Knows nothing of mixes and streams: windows go in, estimates come out.
"""

import math
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatflow.ai.demucs.windows import Grid
from beatflow.ai.device import Device, import_torch, is_out_of_memory, release_memory
from beatflow.ai.engine import Setup
from beatflow.errors import EngineError, MemoryShortError

if TYPE_CHECKING:
    from demucs.htdemucs import HTDemucs
    from torch import Tensor

MAX_BATCH = 16
MAX_DIVISION = 8
"""A window is cut into parts of an eighth at least: about a second; with less sound to go by it guesses."""
_PART_OVERLAP = 0.25
_BYTES_PER_FRAME = 2800
"""What one window takes while it is computed, per frame and beside the weights, in float32 with htdemucs's 48 channels:
measured on the CPU and rounded up."""
_RESERVE = 0.85


@dataclass
class Capacity:
    """How much is computed at once: windows, and into how many parts one is cut when it does not fit whole."""

    batch: int
    division: int = 1


def plan_capacity(
    device: Device, setup: Setup, weight_bytes: int, frame_bytes: float, segment: int
) -> Capacity:
    """Find what fits into the memory that is free, or that the user allows.

    Parameters
    ----------
    device : Device
    setup : Setup
        ``memory_bytes`` goes before what is free.
    weight_bytes : int
        Of the model that computes.
    frame_bytes : float
        Memory for one frame of a window, see `frame_bytes`.
    segment : int
        Frames in a window.

    Raises
    ------
    MemoryShortError
        Not even a part of a window fits.
    """
    free = setup.memory_bytes or int(device.free_bytes * _RESERVE)
    if not free:
        return Capacity(1)
    window = frame_bytes * segment
    room = free - weight_bytes
    if room >= window:
        # One after the other is faster on a CPU: the caches hold more of it.
        return Capacity(1 if device.kind == "cpu" else max(1, min(MAX_BATCH, int(room // window))))
    division = 2
    while division <= MAX_DIVISION:
        if room >= window / division:
            setup.tell(
                f"little memory: windows of {segment / division / 44100:.3g} s instead of {segment / 44100:.3g} s"
            )
            return Capacity(1, division)
        division *= 2
    needed = weight_bytes + window / MAX_DIVISION
    raise MemoryShortError(
        f"separating takes {needed / 2**30:.1f} GiB at least, and {free / 2**30:.1f} GiB are free",
        hint=_hint(device),
    )


def frame_bytes(model: "HTDemucs", dtype: str) -> float:
    """Memory that one frame of a window takes while it is computed."""
    half = dtype in ("float16", "bfloat16")
    return float(_BYTES_PER_FRAME * model.channels / 48 * (0.6 if half else 1.0))


def count_bytes(model: "HTDemucs", dtype: str) -> int:
    """Memory that the weights take on the device."""
    size = 2 if dtype in ("float16", "bfloat16") else 4
    return sum(parameter.numel() for parameter in model.parameters()) * size


class Network:
    """The models of a bag on one device.

    Parameters
    ----------
    models : sequence of HTDemucs
        On the CPU.
    device : Device
    dtype : str
        ``float32``, ``float16`` or ``bfloat16``. The spectrogram and the levels are float32 always.
    segment : int
        Frames in a window.
    setup : Setup
        For the memory allowed, and to tell of retries.
    """

    def __init__(
        self, models: Sequence["HTDemucs"], device: Device, dtype: str, segment: int, setup: Setup
    ) -> None:
        self._torch = import_torch()
        self._models = list(models)
        self._device, self.dtype, self._segment, self._setup = device, dtype, segment, setup
        sizes = [count_bytes(model, dtype) for model in models]
        per_frame = frame_bytes(models[0], dtype)
        free = setup.memory_bytes or int(device.free_bytes * _RESERVE)
        # Several models stay on the device together only where windows fit beside all of them.
        self._one_by_one = device.kind != "cpu" and sum(sizes) + per_frame * segment > free > 0
        kept = max(sizes) if self._one_by_one else sum(sizes)
        self.capacity = plan_capacity(device, setup, kept, per_frame, segment)
        if self._half:
            for model in self._models:
                self._halve(model)
        if not self._one_by_one:
            for model in self._models:
                model.to(device.torch_name)

    def _halve(self, model: "HTDemucs") -> None:
        """Keep the weights in half precision, in which they were published; norms compute in float32 throughout."""
        model.to(getattr(self._torch, self.dtype))
        for part in model.modules():
            if isinstance(part, self._torch.nn.GroupNorm | self._torch.nn.LayerNorm):
                part.float()

    @property
    def device_name(self) -> str:
        """As torch writes it."""
        return self._device.torch_name

    @property
    def _half(self) -> bool:
        return self.dtype != "float32"

    @contextmanager
    def use(self, index: int) -> Iterator["HTDemucs"]:
        """Have one of the models on the device."""
        model = self._models[index]
        if not self._one_by_one:
            yield model
            return
        model.to(self._device.torch_name)
        try:
            yield model
        finally:
            model.to("cpu")
            release_memory()

    def run(self, model: "HTDemucs", windows: "Tensor") -> "Tensor":
        """Estimate the sources of windows.

        Parameters
        ----------
        model : HTDemucs
            From `use`.
        windows : Tensor of float32, shape (windows, 2, segment)

        Returns
        -------
        Tensor of float32, shape (windows, sources, 2, segment)

        Raises
        ------
        MemoryShortError
            Not even a part of a window fits.
        EngineError
            The network gave values that are not finite.
        """
        while True:
            try:
                windows = windows.to(self._device.torch_name)
                parts = [
                    self._forward(model, part) for part in self._torch.split(windows, self.capacity.batch)
                ]
                made = parts[0] if len(parts) == 1 else self._torch.cat(parts)
                finite = bool(made.isfinite().all())
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                # The frames of the failed call still hold what it had made.
                traceback.clear_frames(error.__traceback__)
                self._shrink(len(windows), error)
                release_memory()
                continue
            if finite:
                return made
            if not self._half:
                raise EngineError("the network gave values that are not finite", hint="bf models verify")
            self._setup.tell(f"{self.dtype} overflowed; going on in float32")
            self.dtype = "float32"
            for one in self._models:
                one.float()

    def _shrink(self, windows: int, error: BaseException) -> None:
        """Take less at once from now on, and tell."""
        capacity = self.capacity
        seconds = self._segment / self._models[0].samplerate
        if min(capacity.batch, windows) > 1:
            capacity.batch = min(capacity.batch, windows) // 2
            noun = "window" if capacity.batch == 1 else "windows"
            self._setup.tell(f"out of memory: going on with {capacity.batch} {noun} at once")
        elif capacity.division < MAX_DIVISION:
            capacity.division *= 2
            self._setup.tell(f"out of memory: going on with windows of {seconds / capacity.division:.3g} s")
        else:
            raise MemoryShortError(
                f"separating does not fit into the memory there is, not even {seconds / capacity.division:.3g} s "
                "at once",
                hint=_hint(self._device),
            ) from error

    def _forward(self, model: "HTDemucs", windows: "Tensor") -> "Tensor":
        torch = self._torch
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(_flash_attention(torch))
            if self._half:
                kind = self._device.kind
                stack.enter_context(torch.autocast(kind, dtype=getattr(torch, self.dtype)))
            if self.capacity.division == 1:
                made: Tensor = model(windows)
                return made.float()
            return self._forward_parts(model, windows)

    def _forward_parts(self, model: "HTDemucs", windows: "Tensor") -> "Tensor":
        """A window in shorter ones: worse, since the network was trained on whole ones, but smaller."""
        torch = self._torch
        length = windows.shape[-1]
        part = min(length, math.ceil(length / self.capacity.division))
        grid = Grid(part, _PART_OVERLAP)
        whole = model.use_train_segment
        # Otherwise the model would fill a short window up to the length that it was trained on.
        model.use_train_segment = False
        try:
            made: Tensor | None = None
            for index in range(grid.count(0, length)):
                place = grid.place(0, index, length)
                start = max(0, place.start)
                out = model(windows[..., start : start + part]).float()
                if made is None:
                    made = torch.zeros((*out.shape[:-1], length), device=out.device)
                skip = place.first - start
                weights = torch.from_numpy(grid.weights(index)).to(out.device)[: place.frames]
                made[..., place.first : place.first + place.frames] += (
                    out[..., skip : skip + place.frames] * weights
                )
            assert made is not None
            return made
        finally:
            model.use_train_segment = whole


@contextmanager
def _flash_attention(torch: "object") -> Iterator[None]:
    """Have self-attention take torch's fused kernel.

    In inference ``nn.MultiheadAttention`` otherwise takes a path of its own that holds all of the attention's matrix:
    same result, but on a CPU the whole network takes 17 % longer.
    """
    mha = torch.backends.mha  # type: ignore[attr-defined]  # torch is given as an object: imported late
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


def _hint(device: Device) -> str:
    return "--device cpu" if device.kind != "cpu" else "close other programs, or --engine dsp"
