"""Making many pieces from a list: what is made already, several at once, what came of each.

One wish that fails never stops the others; what is finished stays, and the same command goes on where it ended.
"""

import errno
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from beatflow.ai.engine import Setup, tell_nobody
from beatflow.ai.table import Choice, pick
from beatflow.delivery import Delivery, Handover, Place, digest, open_scratch
from beatflow.errors import BeatFlowError, ConflictError
from beatflow.making.production import TakeNames, check_fit, compose, write_take
from beatflow.making.request import shorten
from beatflow.making.take import Take
from beatflow.making.wishlist import Refused, Wish
from beatflow.provenance import Record
from beatflow.scratch import Scratch
from beatflow.soundfolder import explain_error
from beatflow.workers import Report, count_workers, run_all

_THREADS = 2
"""So many cores the embedded engine keeps busy with one piece."""
_FULL = {errno.ENOSPC, errno.EDQUOT}
_LEDGER = "batch.jsonl"


@dataclass(slots=True)
class BatchResult:
    """What came of a list; ``done`` were made before."""

    takes: list[tuple[Wish, Take]] = field(default_factory=list)
    done: list[Wish] = field(default_factory=list)
    failed: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Job:
    wish: Wish
    folder: Path
    """Where it is written before it is handed over."""
    engine: str
    setup: Setup


def make_batch(
    wishes: Sequence[Wish | Refused],
    choice: Choice,
    setup: Setup,
    handover: Handover,
    jobs: int | None,
    progress: Report,
    on_take: Callable[[Wish, Take], None],
    on_failed: Callable[[Refused], None],
) -> BatchResult:
    """Make what a list asks for, each into a folder of its own below ``handover.folder``.

    Parameters
    ----------
    choice : Choice
        The engine of all.
    setup : Setup
        What it was chosen with.
    handover : Handover
        Each piece is handed over by itself, with a message of its own where that is empty. With ``force`` those are
        made again that are there; with ``dry_run`` nothing is made, and ``takes`` stays empty.
    jobs : int or None
        How many at once; an engine with weights makes one after the other, since each process would need them all.
    on_take, on_failed : callable
        Told of each as it comes.

    Raises
    ------
    OSError
        The disk is full.
    """
    batch = BatchResult()

    def fail(refused: Refused) -> None:
        batch.failed.append(refused)
        on_failed(refused)

    ledger = Ledger.of(handover)
    waiting: list[Wish] = []
    for wish in wishes:
        if isinstance(wish, Refused):
            fail(wish)
        elif not handover.force and ledger.has(wish, choice):
            batch.done.append(wish)
        else:
            waiting.append(wish)
    if handover.dry_run or not waiting:
        return batch
    with open_scratch(handover) as scratch:
        for wish, result in _make_all(waiting, choice, setup, scratch, jobs, progress):
            if isinstance(result, Refused):
                fail(result)
                continue
            try:
                take = _hand_over(wish, *result, handover)
            except BeatFlowError as error:
                fail(Refused(wish.line, wish.request.prompt, error, tried=True))
                continue
            ledger.add(wish, choice, take)
            batch.takes.append((wish, take))
            on_take(wish, take)
    return batch


def plan_batch(wishes: Sequence[Wish | Refused], batch: BatchResult) -> list[Wish]:
    """Return what a run would make, after a dry one."""
    done = {wish.line for wish in batch.done}
    return [wish for wish in wishes if isinstance(wish, Wish) and wish.line not in done]


def _make_all(
    wishes: Sequence[Wish],
    choice: Choice,
    setup: Setup,
    scratch: Scratch,
    wanted: int | None,
    progress: Report,
) -> Iterator[tuple[Wish, tuple[Take, Mapping[str, Record], Path] | Refused]]:
    """Make pieces, at once where that helps, and yield them as they are done."""
    alone = bool(choice.info.weights) or choice.info.remote
    workers = 1 if alone else count_workers(len(wishes), wanted, _THREADS)
    # Whatever the engine says, one line from each of several processes would say nothing.
    plain = replace(setup, tell=tell_nobody)
    jobs = [_Job(wish, scratch.new_file(""), choice.info.name, plain) for wish in wishes]
    parts: dict[int, float] = {}

    def report(job: _Job, fraction: float, what: str) -> None:
        parts[job.wish.line] = fraction
        progress(sum(parts.values()) / len(jobs), f"{job.wish.name}: {what}")

    def here(job: _Job, report: Report) -> tuple[Take, Mapping[str, Record]]:
        return _write(choice, job, report)

    for outcome in run_all(jobs, here if workers == 1 else _make_apart, workers, report):
        job, error = outcome.item, outcome.error
        report(job, 1.0, "done")
        if outcome.result is not None:
            yield job.wish, (*outcome.result, job.folder)
            continue
        if isinstance(error, OSError):
            if error.errno in _FULL:
                raise error
            error = ConflictError(explain_error(error))
        assert isinstance(error, BeatFlowError)
        yield job.wish, Refused(job.wish.line, job.wish.request.prompt, error, tried=True)


def _make_apart(job: _Job, report: Report) -> tuple[Take, Mapping[str, Record]]:
    """Make a piece in a process of its own."""
    return _write(_pick(job.engine, job.setup.device), job, report)


@lru_cache
def _pick(engine: str, device: str) -> Choice:
    return pick("generate", engine, Setup(engine=engine, device=device))


def _write(choice: Choice, job: _Job, report: Report) -> tuple[Take, Mapping[str, Record]]:
    """Make a piece and write it into its folder; its provenance comes back."""
    check_fit(choice, job.wish.request)
    with Delivery(Handover(job.folder.parent, place=Place(job.folder)), "generate", "") as delivery:
        take = write_take(compose(choice, job.wish.request, report), delivery, TakeNames())
        delivery.publish()
    choice.settle()
    return take, delivery.records


def _hand_over(
    wish: Wish, take: Take, records: Mapping[str, Record], source: Path, handover: Handover
) -> Take:
    """Put what was made where it belongs, as one operation in a track."""
    place = Place(handover.folder / wish.name)
    said = handover.message
    message = f"generate {shorten(wish.request.prompt)}" if said == "" else said
    files = {
        file.relative_to(source).as_posix(): file for file in sorted(source.rglob("*")) if file.is_file()
    }
    # What a run that was killed has left is the same, and nothing is lost by writing it again.
    same = all(_is_same(file, place.folder / name) for name, file in files.items())
    mine = replace(handover, place=place, message=message, force=handover.force or same)
    with Delivery(mine, "generate", shorten(wish.request.prompt)) as delivery:
        for name, file in files.items():
            delivery.adopt(name, file)
        for oid, record in records.items():
            delivery.describe(oid, record)
        delivery.publish()
    moved = [
        replace(sound, path=place.folder / sound.path.relative_to(source))
        for sound in (take.mix, *take.stems)
        if sound
    ]
    return replace(take, mix=moved[0], stems=tuple(moved[1:]))


def _is_same(file: Path, there: Path) -> bool:
    return not there.exists() or (there.is_file() and digest(there) == digest(file))


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was made of a list before: a line of JSON for each piece. Without it everything is made anew."""

    path: Path
    folder: Path
    _sizes: dict[str, dict[str, int]]

    @classmethod
    def of(cls, handover: Handover) -> "Ledger":
        """In a track it lies with the track's state; elsewhere hidden beside the pieces."""
        repository = handover.repository
        path = repository.state / _LEDGER if repository else handover.folder / f".{_LEDGER}"
        return cls(path, handover.folder, _read_ledger(path))

    def has(self, wish: Wish, choice: Choice) -> bool:
        """Say whether this very wish was fulfilled, and all of it is still there."""
        sizes = self._sizes.get(_digest(wish, choice))
        return bool(sizes) and all(
            file.is_file() and file.stat().st_size == size
            for file, size in ((self.folder / name, size) for name, size in (sizes or {}).items())
        )

    def add(self, wish: Wish, choice: Choice, take: Take) -> None:
        """Remember a piece."""
        sounds = [sound.path for sound in (take.mix, *take.stems) if sound]
        sizes = {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in sounds}
        line = json.dumps({"wish": _digest(wish, choice), "files": sizes})
        with self.path.open("a", encoding="ascii") as file:
            file.write(line + "\n")


def _read_ledger(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return found
    for line in lines:
        try:
            entry = json.loads(line)
            found[entry["wish"]] = {str(name): int(size) for name, size in entry["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            # What a power cut left half-written is simply made again.
            continue
    return found


def _digest(wish: Wish, choice: Choice) -> str:
    asked: dict[str, Any] = {
        "engine": choice.info.name, "version": choice.info.version, "name": wish.name, "request": repr(wish.request),
    }  # fmt: skip
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
