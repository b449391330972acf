"""A few threads for short work: quicker to load (8 ms) and to hand over to than the standard library's executor.

For what the processor does. An outcome here can be waited for and no more; who wants `as_completed` or `map`, or not
to wait for threads once the user stops, takes a `pool.Pool`. Knows nothing of what the work is.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)


class Pending(Protocol[S_co]):
    """What comes of some work, some day."""

    def done(self) -> bool:
        """Say whether it has come."""
        ...

    def result(self) -> S_co:
        """Wait for it and return it, or raise what the work raised."""
        ...

    def cancel(self) -> object:
        """Want it no more; does nothing where the work has begun."""
        ...


class Workers(Protocol):
    """Whoever takes on work: `Threads`, a `Pool`, the standard library's executors."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Have ``fn`` called."""
        ...


class _Outcome(Generic[T]):
    """What comes of one call."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call: Callable[[], T] | None = call
        self._found: list[T] = []
        self._error: BaseException | None = None
        # Locked until there is an outcome: nothing is quicker to wait for.
        self._waiting = threading.Lock()
        self._waiting.acquire()

    def done(self) -> bool:
        """Say whether it is there."""
        return not self._waiting.locked()

    def result(self) -> T:
        """Wait for it and return it, or raise what the call raised."""
        with self._waiting:
            if self._error is not None:
                raise self._error
            return self._found[0]

    def cancel(self) -> None:
        """Have the call left out, if it has not begun. Nobody may ask for its outcome then."""
        self._call = None

    def run(self) -> None:
        """Call what is to be called."""
        call, self._call = self._call, None
        if call is not None:
            try:
                self._found.append(call())
            except BaseException as error:
                self._error = error
            self._waiting.release()


class Threads:
    """So many threads at most, begun when there is work for them.

    At the end of its ``with`` block they finish what they have begun, and leave the rest if an error ends it.
    """

    def __init__(self, workers: int, name: str) -> None:
        self._workers = workers
        self._name = name
        self._jobs: SimpleQueue[_Outcome[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(cancel=kind is not None)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> _Outcome[T]:
        """Have a thread call ``fn`` and return what will hold the outcome."""
        outcome = _Outcome(lambda: fn(*args, **kwargs))
        self._jobs.put(outcome)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return outcome

    def shutdown(self, cancel: bool = False, wait: bool = True) -> None:
        """Let the threads end once all is done; with `cancel`, once what has begun is."""
        while cancel:
            try:
                self._jobs.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while job := self._jobs.get():
            job.run()
            del job  # what came must not wait in memory for the next job
            self._idle.release()
