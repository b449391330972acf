"""Work side by side: numpy lets go of the interpreter, so that two threads use two cores.

No piece of work sees what another does, so that their order changes nothing. Who waits is asked now and then whether it
should go on, from its own thread; where that raises, the workers stop at their next check.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
Check = Callable[[], None]
"""Called now and then; raising in it stops the work."""
_ROUNDS_S = 0.03


class _StoppedError(Exception):
    """Somebody wants the work to end."""


def together(
    work: Sequence[Callable[[Check], T]], report: Callable[[int], None], workers: int = 2
) -> list[T]:
    """Do several things and return what they gave, in their order.

    Parameters
    ----------
    work : sequence of callable
        Each is given a ``check`` to call now and then.
    report : callable
        Given how many are done, every 30 ms; raising in it stops the work.
    workers : int
        At most so many at once, and no more than there are cores.
    """
    stopping = threading.Event()

    def check() -> None:
        if stopping.is_set():
            raise _StoppedError

    with ThreadPoolExecutor(min(os.cpu_count() or 1, workers), "synth") as pool:
        futures: list[Future[T]] = [pool.submit(task, check) for task in work]
        pending = set(futures)
        try:
            while pending:
                report(len(futures) - len(pending))
                finished, pending = wait(pending, _ROUNDS_S, FIRST_COMPLETED)
                for future in finished:
                    future.result()
        finally:
            stopping.set()
            for future in pending:
                future.cancel()
    return [future.result() for future in futures]
