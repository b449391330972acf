"""Splitting a whole folder of mixes: what is in it, what is done already, what came of each.

One bad file never stops the others; what is finished stays, whatever comes after it.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from beatflow.ai.engine import Progress, Separation, no_progress
from beatflow.ai.separation import stems_of
from beatflow.ai.table import Choice, pick
from beatflow.delivery import Delivery, Handover, Place, digest, open_scratch
from beatflow.errors import AudioError, ConflictError, DamagedError, UsageError
from beatflow.making.separation import (
    Naming,
    Split,
    describe_split,
    is_split,
    split_file,
    write_true_stems,
)
from beatflow.making.stemname import check_clashes
from beatflow.making.take import SoundFile
from beatflow.making.truestems import TrueStemFinder
from beatflow.soundfolder import FoundSound, Mishap, explain_error, iter_sounds
from beatflow.workers import DiedError, Outcome, Report, count_workers, run_all

_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(slots=True)
class Batch:
    """What came of a folder.

    ``done`` had their stems already; ``skipped`` are no sound; ``failed`` should have been split and could not be.
    """

    splits: list[Split] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    skipped: list[Mishap] = field(default_factory=list)
    failed: list[Mishap] = field(default_factory=list)


def split_folder(
    folder: Path,
    name: str,
    choice: Choice,
    handover: Handover,
    template: str,
    wanted: Separation,
    true_stems: bool = True,
    at_once: int | None = None,
    progress: Progress = no_progress,
    on_split: Callable[[Split], None] = lambda split: None,
    on_mishap: Callable[[Mishap], None] = lambda mishap: None,
) -> Batch:
    """Split every sound in a folder and the folders in it.

    Parameters
    ----------
    folder : Path
    name : str
        What to call it.
    choice : Choice
        The separator.
    handover : Handover
        Each mix is handed over by itself, with a message of its own where that is empty; with ``force`` those are split
        again whose stems are there.
    template : str
        See `beatflow.making.stemname`; checked.
    wanted : Separation
    true_stems : bool
        Give the stems that a mix of the track was made from, where they are known.
    at_once : int or None
        How many mixes; None for as many as there are cores for.
    progress : callable
        Over all of it, by the lengths of the mixes.
    on_split, on_mishap : callable
        Called with each result as it comes.

    Raises
    ------
    UsageError
        There is no sound in it, or two mixes would share a name.
    EngineError, MemoryShortError
        What would go wrong with every mix ends the batch.
    """
    work = _FolderWork(choice, handover, progress, on_split, on_mishap)
    jobs = work.find_jobs(folder, name, template, stems_of(choice.engine, wanted))
    truth = TrueStemFinder(handover.repository if true_stems else None)
    work.total_s = sum(job.info.duration_s for job in jobs) or 1.0
    # Engines with weights take all the memory and all the cores that there are.
    workers = 1 if choice.info.weights or choice.info.remote else count_workers(len(jobs), at_once)
    with open_scratch(handover) as scratch:
        tasks = (
            task for job in jobs if (task := work.prepare(job, template, wanted, truth, scratch.new_file()))
        )
        separate = partial(_separate, choice) if workers == 1 else _separate_apart
        for outcome in run_all(tasks, separate, workers, work.report_task):
            work.settle(outcome.item.job, partial(_hand_over, outcome, choice, handover))
    order = {job.name: number for number, job in enumerate(jobs)}
    work.batch.splits.sort(key=lambda found: order[found.mix])
    progress(1.0, "separating")
    return work.batch


@dataclass(slots=True)
class _FolderWork:
    """What came of a folder so far, and how far it is."""

    choice: Choice
    handover: Handover
    progress: Progress
    on_split: Callable[[Split], None]
    on_mishap: Callable[[Mishap], None]
    batch: Batch = field(default_factory=Batch)
    total_s: float = 1.0
    _done_s: dict[str, float] = field(default_factory=dict)

    def find_jobs(self, folder: Path, name: str, template: str, stems: Sequence[str]) -> list[FoundSound]:
        """Return the mixes of a folder; what is a stem that came from here is none."""
        found = list(iter_sounds(folder, name, self.sort, self.handover.folder))
        jobs = _drop_stems(found, self.handover.folder, template, stems)
        if not jobs and not self.batch.failed:
            raise UsageError(f"there is no sound in {name}", hint="name a folder with sounds, or a file")
        check_clashes(
            (job.name, file) for job in jobs for file in Naming(template, job.below).fill(stems).values()
        )
        return jobs

    def sort(self, mishap: Mishap) -> None:
        """Take a file of which nothing came."""
        (self.batch.failed if mishap.broken else self.batch.skipped).append(mishap)
        self.on_mishap(mishap)

    def report(self, job: FoundSound, fraction: float, what: str) -> None:
        """Tell how much of one mix is done as progress of all of them."""
        self._done_s[job.name] = fraction * job.info.duration_s
        self.progress(sum(self._done_s.values()) / self.total_s, f"{job.name}: {what}")

    def report_task(self, task: "_Task", fraction: float, what: str) -> None:
        """As `report`, of a mix that is being separated."""
        self.report(task.job, fraction, what)

    def prepare(
        self, job: FoundSound, template: str, wanted: Separation, truth: TrueStemFinder, folder: Path
    ) -> "_Task | None":
        """Return what remains to be separated of a mix."""
        self.report(job, 0.0, "looking for its stems")
        return self.settle(
            job, partial(_prepare, job, self.choice, self.handover, template, wanted, truth, folder)
        )

    def settle(self, job: FoundSound, give: "Callable[[], Split | _Task | None]") -> "_Task | None":
        """Take what came of a mix, whatever it is; what remains to be separated is returned."""
        try:
            found = give()
        except (AudioError, ConflictError, DamagedError, DiedError) as error:
            self.sort(Mishap(job.name, error.message, error.hint))
        except OSError as error:
            if error.errno in _FULL:
                raise
            self.sort(Mishap(job.name, explain_error(error)))
        else:
            if isinstance(found, _Task):
                return found
            if found is None:
                self.batch.done.append(job.name)
            else:
                self.batch.splits.append(found)
                self.on_split(found)
        self.report(job, 1.0, "done")
        return None


@dataclass(frozen=True, slots=True)
class _Task:
    """A mix that remains to be separated, into a folder from which its stems are handed over."""

    job: FoundSound
    naming: Naming
    wanted: Separation
    engine: str
    folder: Path


def _prepare(
    job: FoundSound,
    choice: Choice,
    handover: Handover,
    template: str,
    wanted: Separation,
    truth: TrueStemFinder,
    folder: Path,
) -> Split | _Task | None:
    """Give the true stems of a mix where they are known; None where it was done before."""
    handover = _say(job, handover)
    naming = Naming(template, job.below)
    known = truth.find(job.path)
    if known:
        targets = {stem: handover.folder / file for stem, file in naming.fill(known.oids).items()}
        there = known.whole and all(
            file.is_file() and digest(file) == known.oids[stem] for stem, file in targets.items()
        )
        if there and not handover.force:
            return None
        return write_true_stems(job.path, job.name, known, handover, naming)
    task = _Task(job, naming, wanted, choice.info.name, folder)
    if _is_done(task, choice, handover):
        return None
    with Delivery(handover, "split", job.name) as delivery:
        delivery.check_free(*naming.fill(stems_of(choice.engine, wanted)).values())
    return task


def _is_done(task: _Task, choice: Choice, handover: Handover) -> bool:
    files = task.naming.fill(stems_of(choice.engine, task.wanted))
    targets = {stem: handover.folder / file for stem, file in files.items()}
    return not handover.force and is_split(task.job.path, targets, handover.repository, choice, task.wanted)


def _say(job: FoundSound, handover: Handover) -> Handover:
    """The handover of one mix: its message tells which it is where nobody said anything else."""
    return replace(handover, message=f"split {job.name}") if handover.message == "" else handover


def _separate(choice: Choice, task: _Task, report: Report) -> Split:
    """Separate a mix into the task's folder."""
    alone = Handover(task.folder.parent, place=Place(task.folder))
    return split_file(task.job.path, task.job.name, choice, alone, report, task.wanted, task.naming)


def _separate_apart(task: _Task, report: Report) -> Split:
    """Separate a mix in a process of its own."""
    return _separate(_pick(task.engine), task, report)


@lru_cache
def _pick(engine: str) -> Choice:
    return pick("separate", engine)


def _hand_over(outcome: Outcome[_Task, Split], choice: Choice, handover: Handover) -> Split | None:
    """Put the stems of a mix where they belong; None where another bf was quicker."""
    task, found = outcome.item, outcome.result
    if found is None:
        assert outcome.error is not None
        raise outcome.error
    job, stems = task.job, []
    mix = (job.name, found.mix_oid)
    record = describe_split(choice, job.info, found.seconds, mix, task.wanted, found.corrections)
    try:
        with Delivery(_say(job, handover), "split", job.name) as delivery:
            for stem in found.stems:
                name = stem.path.relative_to(task.folder).as_posix()
                oid = delivery.adopt(name, stem.path)
                delivery.describe(oid, {**record, "stem": stem.name, "mix": found.mix_oid})
                stems.append(SoundFile(stem.name, delivery.folder / name, oid))
            delivery.expect(job.path, found.mix_oid)
            delivery.publish()
    except ConflictError:
        if _is_done(task, choice, handover):
            return None
        raise
    return replace(found, stems=tuple(stems))


def _drop_stems(
    jobs: list[FoundSound], output: Path, template: str, stems: Iterable[str]
) -> list[FoundSound]:
    """Leave out what an earlier run made of another mix here: stems that lie among the mixes."""
    files = [file for job in jobs for file in Naming(template, job.below).fill(stems).values()]
    made = {(output / file).resolve() for file in files}
    return [job for job in jobs if job.path.resolve() not in made]
