"""The machine that neural engines run on: which device and number format, and how much memory there is.

The only module that asks torch about devices. It imports torch when first asked, never before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A place to compute.

    Parameters
    ----------
    kind : str
        ``cpu``, ``cuda`` or ``mps``.
    index : int
        Which of its kind.
    name : str
        What the maker calls it.
    total_bytes, free_bytes : int
        Its memory; on ``cpu`` and ``mps`` the machine's.
    """

    kind: str
    index: int
    name: str
    total_bytes: int
    free_bytes: int

    @property
    def torch_name(self) -> str:
        """As torch writes it: ``cpu``, ``cuda:0``."""
        return f"{self.kind}:{self.index}" if self.kind == "cuda" else self.kind


def choose_device(wanted: str = "auto") -> Device:
    """Find the device that is asked for, or with ``auto`` the best one.

    Raises
    ------
    EngineError
        torch is not installed, there is no such device, or this torch has no kernels for it.
    """
    raise NotImplementedError


def choose_dtype(device: Device, wanted: str = "auto") -> str:
    """Find the number format: half precision on a GPU that computes it well, ``float32`` elsewhere.

    Raises
    ------
    EngineError
        The device cannot compute in it.
    """
    raise NotImplementedError


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on any device."""
    raise NotImplementedError


def release_memory() -> None:
    """Give back what torch holds but does not use."""


@contextmanager
def memory_guard(what: str, hint: str) -> Iterator[None]:
    """Turn running out of memory into `MemoryShortError`: ``what`` did not fit, ``hint`` is the way out."""
    yield
