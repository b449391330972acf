"""Many transfers at once: threads that work, and one caller to whom everything comes back.

Knows nothing of what the work is. The caller's thread alone hears progress, so Ctrl-C and whatever the caller's own
functions raise end it within a moment, though a thread may wait for a silent host.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Generic, TypeVar

from beatflow.sharing.remote import Progress

A = TypeVar("A")
B = TypeVar("B")
_GONE_S = 1.0


class StoppedError(Exception):
    """Raised in a thread whose caller has gone."""


def work_together(
    items: Iterable[A], work: Callable[[A, Progress], B], workers: int, progress: Progress | None
) -> Generator[tuple[A, B | Exception], None, None]:
    """Yield each item with its outcome, as they come; an exception is an outcome too.

    Parameters
    ----------
    items : iterable
        Taken in the caller's thread, as there is room.
    work : callable
        Given an item and where to tell the bytes that it moved.
    workers : int
        Threads.
    progress : callable, optional
    """
    crew: _Crew[A, B] = _Crew(work)
    waiting = iter(items)
    busy = 0
    try:
        while True:
            busy += crew.feed(waiting, 2 * workers - busy, workers)
            if not busy:
                return
            found = crew.heard.get()
            if isinstance(found, int):
                if progress:
                    progress(found)
                continue
            busy -= 1
            yield found
    finally:
        crew.stop()


class _Crew(Generic[A, B]):
    def __init__(self, work: Callable[[A, Progress], B]) -> None:
        self._work = work
        self._jobs: queue.SimpleQueue[tuple[A] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.heard: queue.SimpleQueue[int | tuple[A, B | Exception]] = queue.SimpleQueue()

    def feed(self, items: Iterator[A], count: int, workers: int) -> int:
        """Hand out up to so many items, and return how many that were."""
        fed = 0
        while fed < count:
            try:
                item = next(items)
            except StopIteration:
                break
            self._jobs.put((item,))
            fed += 1
            if len(self._threads) < workers:
                # Daemons: one that waits for a silent host must not keep the program from ending.
                self._threads.append(threading.Thread(target=self._labour, daemon=True))
                self._threads[-1].start()
        return fed

    def stop(self) -> None:
        self._stopped.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_GONE_S)

    def _tell(self, count: int) -> None:
        if self._stopped.is_set():
            raise StoppedError
        self.heard.put(count)

    def _labour(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            outcome: B | Exception
            try:
                outcome = self._work(job[0], self._tell)
            except Exception as error:
                outcome = error
            self.heard.put((job[0], outcome))
