"""The machine that neural engines run on: which device and number format, and how much memory there is.

The only module that asks torch about devices. It imports torch when first asked, never before.
"""

import errno
import gc
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from beatflow.ai.memory import read_memory
from beatflow.errors import EngineError, MemoryShortError, UsageError

INSTALL = 'pip install "beatflow[ai]"'
REINSTALL = 'pip install --force-reinstall "beatflow[ai]"'
DTYPES = ("float32", "float16", "bfloat16", "int8")


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


def import_torch() -> Any:
    """Import torch.

    Raises
    ------
    EngineError
        It is not installed, or its installation is broken.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise EngineError("torch is not installed", hint=INSTALL) from error
        raise EngineError(f"torch cannot be imported: {error}", hint=REINSTALL) from error
    except (Exception, SystemExit) as error:
        # A broken installation fails in whatever way its libraries like: OSError, AttributeError, RuntimeError …
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EngineError(f"torch cannot be imported: {reason}", hint=REINSTALL) from error
    return torch


def choose_device(wanted: str = "auto") -> Device:
    """Find the device that is asked for, or with ``auto`` the best one: a GPU that torch has kernels for, or the CPU.

    Raises
    ------
    UsageError
        ``wanted`` is not the name of a device.
    EngineError
        torch is not installed, there is no such device, or this torch has no kernels for it.
    """
    match = re.fullmatch(r"(auto|cpu|mps|cuda)|cuda:(\d{1,4})", wanted.strip().lower())
    if not match:
        raise UsageError(f"no device is called {wanted!r}", hint="auto, cpu, cuda, cuda:1 or mps")
    kind = match[1] or "cuda"
    torch = import_torch()
    if kind == "cuda":
        return _cuda(torch, int(match[2] or 0))
    if kind == "auto":
        return _best(torch)
    return _mps(torch) if kind == "mps" else _cpu()


def _best(torch: Any) -> Device:
    count = _cuda_count(torch)
    for index in range(count):
        if explain_unfit(torch, index) is None:
            return _cuda(torch, index)
    return _mps(torch) if _has_mps(torch) else _cpu()


def _cpu() -> Device:
    memory = read_memory()
    return Device("cpu", 0, "CPU", memory.total_bytes, memory.free_bytes)


def _cuda(torch: Any, index: int) -> Device:
    count = _cuda_count(torch)
    if not count:
        if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
            message = f"this torch ({torch.__version__}) is built for the CPU alone"
            raise EngineError(message, hint="install the torch for your GPU (pytorch.org), or --device cpu")
        raise EngineError("torch finds no GPU, or no driver for it", hint="nvidia-smi tells; or --device cpu")
    if index >= count:
        raise EngineError(f"no device cuda:{index}; the last is cuda:{count - 1}", hint="--device cuda")
    unfit = explain_unfit(torch, index)
    if unfit:
        raise EngineError(*unfit)
    try:
        free, total = torch.cuda.mem_get_info(index)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise MemoryShortError(
                f"cuda:{index} has no memory left at all",
                hint="nvidia-smi shows who uses it; or --device cpu",
            ) from error
        reason = " ".join(str(error).split())
        raise EngineError(f"cuda:{index} does not work: {reason}", hint="--device cpu") from error
    return Device("cuda", index, str(torch.cuda.get_device_name(index)), int(total), int(free))


def _cuda_count(torch: Any) -> int:
    # A driver that is too old or absent is a warning to torch; here it means that there is no such device.
    with _quiet():
        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def explain_unfit(torch: Any, index: int) -> tuple[str, str] | None:
    """Say why torch cannot compute on a GPU that is there, and the way out; None where it can."""
    with _quiet():
        name = torch.cuda.get_device_name(index)
        archs = torch.cuda.get_arch_list()
        if getattr(torch.version, "hip", None):
            own = str(torch.cuda.get_device_properties(index).gcnArchName).split(":")[0]
            if not archs or own in archs:
                return None
            return f"torch {torch.__version__} has no kernels for {name} ({own})", "--device cpu"
        capability = torch.cuda.get_device_capability(index)
    if has_kernels(capability, archs):
        return None
    major, minor = capability
    message = (
        f"torch {torch.__version__} (CUDA {torch.version.cuda}) has no kernels for {name} (sm_{major}{minor})"
    )
    if major >= 10:
        return message, (
            'pip install --upgrade "torch>=2.8"; it must be built for CUDA 12.8 or later, as torch 2.7 can be '
            "and 2.8 is on Linux (pytorch.org has the others); or --device cpu"
        )
    if major < 8:
        return message, "install a torch that is built for CUDA 12.6 (pytorch.org has it); or --device cpu"
    return message, "install the torch for this GPU (pytorch.org); or --device cpu"


def has_kernels(capability: tuple[int, int], archs: Sequence[str]) -> bool:
    """Whether code compiled for ``archs`` runs on a GPU: machine code within its generation, PTX from then on.

    ``sm_80`` runs on 8.0 and 8.6, not on 9.0; ``compute_80`` is compiled on the spot for 8.0 and all later ones;
    with an ``a`` behind it, only on that very one (CUDA C++ programming guide, "Application compatibility").
    """
    if not archs:
        return True  # it does not tell; let it try
    for arch in archs:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", arch)
        if not match:
            continue
        built = int(match[2]), int(match[3])
        if match[4] == "a":
            fits = built == capability
        elif match[1] == "sm" or match[4] == "f":
            fits = built[0] == capability[0] and built[1] <= capability[1]
        else:
            fits = built <= capability
        if fits:
            return True
    return False


def _has_mps(torch: Any) -> bool:
    return bool(torch.backends.mps.is_available())


def _mps(torch: Any) -> Device:
    if not _has_mps(torch):
        raise EngineError(
            "no Apple GPU that torch can use", hint="it needs Apple silicon and macOS 14; or --device cpu"
        )
    memory = read_memory()
    total, free = memory
    # What Metal lets one process have of the memory that it shares with the CPU.
    most = int(torch.mps.recommended_max_memory())
    if most:
        total = most
        free = min(free or most, max(most - int(torch.mps.driver_allocated_memory()), 0))
    return Device("mps", 0, "Apple GPU", total, free)


def choose_dtype(device: Device, wanted: str = "auto") -> str:
    """Find the number format: half precision on a GPU that computes it well, ``float32`` elsewhere.

    ``float16`` rather than ``bfloat16``: MusicGen was trained and is run by its authors in it, and it rounds eight
    times finer. GPUs before Volta (7.0) have it only in storage.

    Raises
    ------
    UsageError
        ``wanted`` is not the name of a number format.
    EngineError
        The device cannot compute in it.
    """
    if wanted == "auto":
        return "float16" if device.kind == "cuda" and _capability(device) >= (7, 0) else "float32"
    if wanted not in DTYPES:
        raise UsageError(f"no number format is called {wanted!r}", hint=f"auto, {', '.join(DTYPES)}")
    if wanted == "int8" and device.kind != "cpu":
        raise EngineError(f"int8 is for the CPU, not {device.torch_name}", hint="--dtype float16")
    if wanted == "float16" and device.kind == "cpu":
        raise EngineError("the CPU does not compute in float16", hint="--dtype float32, bfloat16 or int8")
    if wanted == "bfloat16" and device.kind == "cuda" and _capability(device) < (8, 0):
        raise EngineError(f"{device.name} does not compute in bfloat16", hint="--dtype float16")
    return wanted


def _capability(device: Device) -> tuple[int, int]:
    torch = import_torch()
    if getattr(torch.version, "hip", None):
        return 9, 0
    major, minor = torch.cuda.get_device_capability(device.index)
    return int(major), int(minor)


_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|can.?t allocate memory|cannot allocate memory|_STATUS_ALLOC_FAILED"
    r"|Invalid buffer size|Failed to allocate|bad_alloc"
    # oneDNN, which computes convolutions and LSTMs on the CPU, has no other words for an allocation that failed.
    r"|could not (?:create|execute) a (?:primitive|memory)",
    re.IGNORECASE,
)

_ERRORS_OF_LIBRARIES = ("SafetensorError", "OutOfMemoryError")


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on any device.

    The allocators of CUDA, HIP, Metal and the CPU raise plain ``RuntimeError`` as often as errors of their own, so
    their words count.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, MemoryError | MemoryShortError):
            return True
        if isinstance(current, OSError) and current.errno == errno.ENOMEM:
            return True
        told = isinstance(current, RuntimeError) or type(current).__name__ in _ERRORS_OF_LIBRARIES
        if told and _OUT_OF_MEMORY.search(str(current)):
            return True
        current = current.__cause__
    return False


def release_memory() -> None:
    """Give back what torch holds but does not use."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if _has_mps(torch):
        torch.mps.empty_cache()


@contextmanager
def memory_guard(what: str, hint: str) -> Iterator[None]:
    """Turn running out of memory into `MemoryShortError`: ``what`` did not fit, ``hint`` is the way out."""
    try:
        yield
    except MemoryShortError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        # The frames of the failed call still hold what it had made.
        traceback.clear_frames(error.__traceback__)
        release_memory()
        wanted = re.search(r"allocate (\d[\d.]* ?(?:[KMG]i?B|bytes))", str(error))
        more = f" ({wanted[1]} more were wanted)" if wanted else ""
        raise MemoryShortError(f"{what} does not fit into the memory there is{more}", hint) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from warning of drivers and cards that it cannot use: choosing tells, with the way out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.cuda")
        yield
