"""One command's orders from the first request to the last file. Knows no samples beyond whole sounds.

An order is remembered from before it is sent, and beyond the job, until its errand is forgotten; whatever goes wrong
in between, the next job that wants the same goes on from there.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Any

from beatflow.ai.beatoven.assembly import Delivered, decode
from beatflow.ai.beatoven.errand import Errand, begin_errand
from beatflow.ai.beatoven.service import FAILED, Task, ask_task, order_track
from beatflow.ai.beatoven.transport import RefusedError, Transport, UnclearError
from beatflow.ai.engine import Progress
from beatflow.errors import EngineError

_COMPOSED, _FETCHED = 0.75, 0.97
_DASHBOARD = "https://sync.beatoven.ai/apiDashboard"
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """How the engine waits.

    Parameters
    ----------
    first_s, longest_s : float
        Between two questions for a task; it grows from the first to the longest.
    usual_s : float
        What composing usually takes; for the progress bar only.
    unknown_s : float
        How long a task that was just ordered may be unknown.
    total_s : float
        When to give up waiting.
    """

    first_s: float = 2.0
    longest_s: float = 15.0
    usual_s: float = 60.0
    unknown_s: float = 30.0
    total_s: float = 1800.0


class Meter:
    """Progress that never falls, and that can be waited on without going silent."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._fraction = 0.0
        self._what = "asking Beatoven"

    def report(self, fraction: float, what: str) -> None:
        """Tell how far it is."""
        self._fraction, self._what = max(self._fraction, min(fraction, 1.0)), what
        self._progress(self._fraction, what)

    def wait(self, seconds: float) -> None:
        """Wait, and let whoever is told stop it meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._progress(self._fraction, self._what)
            time.sleep(min(left, _TICK_S))


@dataclass(frozen=True, slots=True)
class Delivery:
    """The files of a track."""

    track: Delivered
    stems: Mapping[str, Delivered]


class Job(AbstractContextManager["Job"]):
    """Orders, and who sees to them.

    Parameters
    ----------
    transport : Transport
    folder : Path or None
        Where orders are remembered.
    patience : Patience
    meter : Meter
    fetched : sequence of Errand
        Orders of former jobs whose music this process has: not to be taken up again.
    """

    def __init__(
        self,
        transport: Transport,
        folder: Path | None,
        patience: Patience,
        meter: Meter,
        fetched: Sequence[Errand] = (),
    ) -> None:
        self._transport = transport
        self._folder = folder
        self._patience = patience
        self._meter = meter
        self._done = [errand.path for errand in fetched]
        self._errands: list[Errand] = []
        self._fetched = 0

    @property
    def errands(self) -> tuple[Errand, ...]:
        """The orders, to be forgotten when their music is safe."""
        return tuple(self._errands)

    @property
    def resumed(self) -> list[str]:
        """Tasks that were ordered before this command."""
        return [errand.task for errand in self._errands if errand.task and not errand.fresh]

    @property
    def remembered(self) -> bool:
        """Whether all orders would survive this process."""
        return all(errand.path for errand in self._errands)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for errand in self._errands:
            errand.close()

    def begin(self, orders: Sequence[Mapping[str, Any]], whose: Mapping[str, str]) -> None:
        """Send the orders that were not sent before; ``whose`` tells apart the same orders at different services.

        Raises
        ------
        EngineError
            An order was refused, or it is not known what became of it.
        """
        self._meter.report(0.0, "ordering from Beatoven")
        for order in orders:
            self._errands.append(begin_errand(self._folder, {**whose, **order}, self._done))
        unanswered = [errand for errand in self._errands if errand.unanswered]
        for errand in unanswered:
            errand.forget()
        if unanswered:
            raise EngineError(
                "this was ordered before and the answer never came: Beatoven may have taken it, and billed it",
                hint=f"look at {_DASHBOARD}; the same command orders it again",
            )
        for errand, order in zip(self._errands, orders, strict=True):
            if errand.task is None:
                self._order(errand, order)

    def _order(self, errand: Errand, order: Mapping[str, Any]) -> None:
        errand.announce()
        try:
            task = order_track(self._transport, order)
        except UnclearError as error:
            errand.forget()  # the user is told now, and need not be told again
            raise EngineError(
                f"{error.message}; Beatoven may have taken the order, and billed it",
                hint=f"look at {_DASHBOARD} before you run the same command again",
            ) from error
        except EngineError:
            errand.forget()
            raise
        errand.remember(task)

    def wait_for_all(self) -> list[Task]:
        """Ask until everything is composed.

        Raises
        ------
        EngineError
            A task failed, is not known any more, or takes too long.
        """
        patience = self._patience
        began = time.monotonic()
        pause_s = patience.first_s
        done: dict[int, Task] = {}
        while True:
            for number, errand in enumerate(self._errands):
                if number not in done and (task := self._ask(errand, time.monotonic() - began)):
                    done[number] = task
            if len(done) == len(self._errands):
                return [done[number] for number in range(len(done))]
            elapsed_s = time.monotonic() - began
            if elapsed_s > patience.total_s:
                raise EngineError(
                    f"Beatoven is still composing after {elapsed_s / 60:.0f} minutes",
                    hint="run the same command again later; what was ordered is remembered",
                )
            fraction = _COMPOSED * (1.0 - math.exp(-elapsed_s / patience.usual_s))
            self._meter.report(fraction, "Beatoven composes")
            self._meter.wait(pause_s)
            pause_s = min(1.3 * pause_s, patience.longest_s)

    def _ask(self, errand: Errand, elapsed_s: float) -> Task | None:
        """The task if it is composed, None while it is not."""
        assert errand.task is not None
        try:
            task = ask_task(self._transport, errand.task)
        except RefusedError as error:
            if error.status != 404:
                raise
            if errand.fresh and elapsed_s < self._patience.unknown_s:
                return None
            errand.forget()
            raise EngineError(
                f"Beatoven knows nothing (any more) of task {errand.task}",
                hint="the same command orders anew",
            ) from error
        if task.status in FAILED:
            errand.forget()
            words = f": {task.message}" if task.message else ""
            raise EngineError(f"Beatoven could not compose this{words}", hint="try it in other words")
        return task if task.track_url else None

    def fetch(self, task: Task) -> Delivery:
        """Download and decode a track and its stems.

        Raises
        ------
        EngineError
            A file cannot be had, or is not sound.
        """
        assert task.track_url is not None
        urls = {"track": task.track_url, **task.stem_urls}
        share = (_FETCHED - _COMPOSED) / len(self._errands)
        start = _COMPOSED + share * self._fetched
        files = {}
        for number, (name, url) in enumerate(urls.items()):

            def report(fraction: float, number: int = number, name: str = name) -> None:
                self._meter.report(start + share * (number + fraction) / len(urls), f"downloading {name}")

            report(0.0)
            try:
                files[name] = decode(self._transport.download(url, report), name)
            except EngineError as error:
                raise EngineError(error.message, hint=self._way_out(task, error)) from error
        self._fetched += 1
        return Delivery(files.pop("track"), files)

    def _way_out(self, task: Task, error: EngineError) -> str | None:
        path = next((errand.path for errand in self._errands if errand.task == task.name), None)
        if path is None:
            return error.hint
        return f"run the same command again, nothing is paid twice; or rm {quote(str(path))} to order anew"
