"""Compiled kernels: the loops over samples that the store's speed hangs on, in C, called through ctypes.

`kernels` gives the library, or None where it was not built (no C compiler when BeatFlow was installed). Whoever calls
one has the same arithmetic without it (mostly in `objects.portable`), bit for bit in all that is read back, so nothing
but time depends on this package. ctypes lets go of the interpreter for the length of a call. Knows nothing of stores;
imports no numpy.
"""

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

VERSION = 4
"""Of the functions' signatures; a library of another version, left over from before, is not used."""

SWITCH = "BEATFLOW_NATIVE"
"""Set to 0, this variable has everything computed by numpy."""

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
LIBRARY = Path(__file__).with_name(f"kernels{_SUFFIX}")
"""Where the build leaves it (`hatch_build.py`)."""


@cache
def kernels() -> ctypes.CDLL | None:
    """Return the library, None where there is none or it is switched off."""
    if is_switched_off():
        return None
    try:
        library = ctypes.CDLL(str(LIBRARY))
        return library if library.bf_version() == VERSION else None
    except (OSError, AttributeError):
        return None


def declare(**signatures: tuple[Any, ...]) -> Any:
    """Return the library once ctypes knows some of its functions: of each what it returns, then what it takes."""
    library = kernels()
    if library is not None:
        for name, (result, *arguments) in signatures.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    return library


def is_switched_off() -> bool:
    """Say whether somebody wants numpy instead."""
    return os.environ.get(SWITCH) == "0"
