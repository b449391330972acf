"""Several things at once, each worker a process of its own, so that Python's one lock holds nobody up.

What a thing is, is the caller's to know: a function of a module, and a value that can be pickled. A worker that dies
(of memory, of a library's fault) takes only its own thing with it.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from beatflow.errors import BeatFlowError, EngineError

T = TypeVar("T")
R = TypeVar("R")

Report = Callable[[float, str], None]
Work = Callable[[Any, Report], Any]
"""Takes a value and a function to report progress with; gives a value, or raises a `BeatFlowError`."""


class DiedError(EngineError):
    """A worker did not come back: the others may."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """What came of one thing: a result, or the error that it ended with."""

    item: T
    result: R | None = None
    error: BaseException | None = None


def count_workers(items: int, wanted: int | None = None, threads: int = 1) -> int:
    """Say how many processes to use for so many things, each of which keeps so many cores busy by itself."""
    return max(1, min(items, wanted or (os.cpu_count() or 1) // threads))


def run_all(
    items: Iterable[T], work: Callable[[T, Report], R], workers: int, report: Callable[[T, float, str], None]
) -> Iterator[Outcome[T, R]]:
    """Do a thing with every item, and yield what came of each, in the order in which they are done.

    Parameters
    ----------
    items : iterable
        Taken as workers become free.
    work : callable
        A function of a module; where ``workers`` is above 1, it and the items have to be such as can be pickled.
    workers : int
        How many processes; with 1 all is done here, and in order.
    report : callable
        Told an item, how much of it is done (0 to 1) and what is being done, from this process; raising in it stops
        everything.

    Notes
    -----
    A `BeatFlowError` and an `OSError` are results like any other; everything else is raised here. Closing the iterator
    ends the workers.
    """
    if workers <= 1:
        for item in items:
            yield _do_here(item, work, report)
        return
    with _Crew(work, workers) as crew:
        yield from crew.run(iter(items), report)


def _do_here(
    item: T, work: Callable[[T, Report], R], report: Callable[[T, float, str], None]
) -> Outcome[T, R]:
    try:
        return Outcome(item, work(item, lambda fraction, what: report(item, fraction, what)))
    except (BeatFlowError, OSError) as error:
        return Outcome(item, error=error)


class _Crew:
    """Processes that wait for things to do, for one ``with`` block."""

    def __init__(self, work: Work, size: int) -> None:
        self._work, self._size = work, size
        self._members: list[_Member] = []

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.end()

    def run(
        self, items: Iterator[Any], report: Callable[[Any, float, str], None]
    ) -> Iterator[Outcome[Any, Any]]:
        """Hand out things and take what comes back."""
        busy: dict[Connection, _Member] = {}
        for item in items:
            busy |= self._start(item)
            if len(busy) == self._size:
                yield from self._collect(busy, report)
        while busy:
            yield from self._collect(busy, report)

    def _start(self, item: Any) -> "dict[Connection, _Member]":
        member = next((one for one in self._members if one.free), None)
        if member is None:
            member = _Member(self._work)
            self._members.append(member)
        member.give(item)
        return {member.link: member}

    def _collect(
        self, busy: "dict[Connection, _Member]", report: Callable[[Any, float, str], None]
    ) -> Iterator[Outcome[Any, Any]]:
        """Wait until at least one worker is done."""
        finished: list[Outcome[Any, Any]] = []
        while not finished:
            for link in wait(list(busy)):
                assert isinstance(link, Connection)
                member = busy[link]
                try:
                    kind, value = link.recv()
                except (EOFError, OSError):
                    finished.append(Outcome(member.item, error=member.explain_death()))
                    self._members.remove(member)
                    del busy[link]
                    continue
                if kind == "report":
                    report(member.item, *value)
                    continue
                del busy[link]
                item, member.free = member.item, True
                if kind == "error" and not isinstance(value, BeatFlowError | OSError):
                    raise value
                finished.append(Outcome(item, value) if kind == "result" else Outcome(item, error=value))
        yield from finished


class _Member:
    """One worker: its process, and the line to it."""

    def __init__(self, work: Work) -> None:
        # Spawned, never forked: a fork copies locks that other threads hold, and breaks what talks to a GPU.
        context = multiprocessing.get_context("spawn")
        self.link, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()
        self.item: Any = None
        self.free = True

    def give(self, item: Any) -> None:
        """Hand over a thing to do. That a worker is dead shows when its answer is waited for."""
        self.item, self.free = item, False
        with suppress(BrokenPipeError, ConnectionError):
            self.link.send(item)

    def explain_death(self) -> BeatFlowError:
        """Tell of a worker that did not come back."""
        self._process.join()
        code = self._process.exitcode or 0
        died = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        self.link.close()
        return DiedError(
            f"the process that worked on it ended {died}",
            hint="this is what running out of memory looks like: --jobs 1 needs the least",
        )

    def end(self) -> None:
        """Stop at once, whatever is being done."""
        self._process.terminate()
        self._process.join()
        self._process.close()
        self.link.close()


def _serve(link: Connection, work: Work) -> None:
    """Work off what comes, in the worker."""
    # Ctrl-C reaches every process of a terminal; who started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def report(fraction: float, what: str) -> None:
        link.send(("report", (fraction, what)))

    with suppress(EOFError, BrokenPipeError, ConnectionError):
        while True:
            item = link.recv()
            try:
                answer: tuple[str, Any] = ("result", work(item, report))
            except Exception as error:
                answer = ("error", error)
            link.send(answer)
