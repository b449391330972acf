"""Bytes for a kernel to fill.

Knows CPython's way of making bytes, and no kernel.
"""

import ctypes
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

# By subscript these are our own: attributes are shared with everybody in the process, who may declare other types.
_make = ctypes.pythonapi["PyBytes_FromStringAndSize"]
_make.restype, _make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
_find = ctypes.pythonapi["PyBytes_AsString"]
_find.restype, _find.argtypes = ctypes.c_void_p, (ctypes.py_object,)

# Numbers of glibc's mallopt, which glibc itself changes as it goes unless it is told.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGEST_BYTES = 64 * 1024 * 1024, 8 * 1024 * 1024


@cache
def keep_memory() -> None:
    """Have the C library hold on to what is freed, for whoever is about to fill one buffer after the other.

    What is given back has to be taken anew, page by page and cleared, which is slower than what is done with it.
    """
    try:
        mallopt = ctypes.pythonapi["mallopt"]
    except AttributeError:
        return
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES)


def new_bytes(size: int) -> tuple[bytes, int]:
    """Return bytes of which nothing is written yet, and their address: to be filled before anybody else sees them.

    ``bytes(size)`` and ``bytearray(size)`` are written twice, and a copy of them three times.
    """
    made: bytes = _make(None, size)
    return made, _find(made) or 0


def copy_bytes(data: "bytearray | mmap", start: int, end: int) -> bytes:
    """Return a stretch of some memory as ``bytes(data[start:end])`` does, while other threads run."""
    made, address = new_bytes(end - start)
    if made:
        # ctypes lets the interpreter's lock go for the length of a call.
        ctypes.memmove(address, ctypes.byref(ctypes.c_char.from_buffer(data, start)), end - start)
    return made


def find_address(data: bytes) -> int:
    """Return where bytes lie, for as long as somebody holds them."""
    return _find(data) or 0
