"""A bound on what a library may take of memory while it reads what a stranger made.

Libgit2 unpacks each object of a pack that others lean on as a whole, however long it says that it is. Linux refuses
what goes beyond the bound, which libgit2 reports as an error like any other; other systems do not know such bounds,
and there this does nothing.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from beatflow.errors import DamagedError

ENOUGH_BYTES = 2 << 30
"""For the largest object that is taken (512 MiB), what it leans on and the delta between them, with room to spare."""

_OUT_OF_MEMORY = "out of memory"
_DATA_PAGES = 5
"""Which number of ``/proc/self/statm`` counts pages of memory that is the process's own (proc_pid_statm(5))."""


@contextmanager
def bounded_memory(what: str, most: int | None = None) -> Iterator[None]:
    """Have this process, all threads of it, get no more than so much memory beyond what it has.

    Parameters
    ----------
    what : str
        What is read, for the error.
    most : int, optional
        Bytes; by default half of what is free, and no less than `ENOUGH_BYTES`.

    Raises
    ------
    DamagedError
        It takes more.
    """
    most = max(ENOUGH_BYTES, _find_free() // 2) if most is None else most
    try:
        with _limited(most):
            yield
    except Exception as error:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY in str(error).lower():
            raise DamagedError(
                f"{what} unpacks to more than {most / 1e6:.1f} MB of memory can hold",
                "nothing was taken; ask who made it, or look at it with git in a place of its own",
            ) from error
        raise


def _find_free() -> int:
    """Return the bytes of memory that are free for who asks; 0 where nobody tells."""
    with suppress(OSError):
        found = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
        return int(found[1]) << 10 if found else 0
    return 0


@contextmanager
def _limited(most: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text("ascii").split()[_DATA_PAGES])
    former, ceiling = resource.getrlimit(resource.RLIMIT_DATA)
    bound = pages * resource.getpagesize() + most
    if former != resource.RLIM_INFINITY:
        bound = min(bound, former)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, ceiling))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (former, ceiling))
