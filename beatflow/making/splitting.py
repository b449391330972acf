"""Splitting a whole folder of mixes: what is in it, what is done already, what came of each.

One bad file never stops the others; what is finished stays, whatever comes after it.
"""

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from beatflow.ai.engine import Progress, Separation, no_progress
from beatflow.ai.separation import stems_of
from beatflow.ai.table import Choice
from beatflow.delivery import Handover, digest
from beatflow.errors import AudioError, ConflictError, DamagedError, UsageError
from beatflow.making.separation import Naming, Split, is_split, split_file, write_true_stems
from beatflow.making.stemname import check_clashes
from beatflow.making.truestems import TrueStemFinder
from beatflow.soundfolder import FoundSound, Mishap, explain_error, iter_sounds

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
    batch = Batch()

    def sort(mishap: Mishap) -> None:
        (batch.failed if mishap.broken else batch.skipped).append(mishap)
        on_mishap(mishap)

    jobs = list(iter_sounds(folder, name, sort, handover.folder))
    stems = stems_of(choice.engine, wanted)
    jobs = _drop_stems(jobs, handover.folder, template, stems)
    if not jobs and not batch.failed:
        raise UsageError(f"there is no sound in {name}", hint="name a folder with sounds, or a file")
    check_clashes(
        (job.name, file) for job in jobs for file in Naming(template, job.below).fill(stems).values()
    )
    truth = TrueStemFinder(handover.repository if true_stems else None)
    total_s = sum(job.info.duration_s for job in jobs) or 1.0
    before_s = 0.0
    for job in jobs:

        def report(fraction: float, what: str, job: FoundSound = job, before_s: float = before_s) -> None:
            progress((before_s + fraction * job.info.duration_s) / total_s, f"{job.name}: {what}")

        try:
            found = _split_one(job, choice, handover, template, wanted, truth, report)
        except (AudioError, ConflictError, DamagedError) as error:
            sort(Mishap(job.name, error.message, error.hint))
        except OSError as error:
            if error.errno in _FULL:
                raise
            sort(Mishap(job.name, explain_error(error)))
        else:
            if found is None:
                batch.done.append(job.name)
            else:
                batch.splits.append(found)
                on_split(found)
        before_s += job.info.duration_s
    progress(1.0, "separating")
    return batch


def _split_one(
    job: FoundSound,
    choice: Choice,
    handover: Handover,
    template: str,
    wanted: Separation,
    truth: TrueStemFinder,
    progress: Progress,
) -> Split | None:
    """Split one mix; None where that was done before."""
    if handover.message == "":
        handover = replace(handover, message=f"split {job.name}")
    naming = Naming(template, job.below)
    repository = handover.repository
    known = truth.find(job.path)
    if known:
        targets = {stem: handover.folder / file for stem, file in naming.fill(known.oids).items()}
        there = known.whole and all(
            file.is_file() and digest(file) == known.oids[stem] for stem, file in targets.items()
        )
        if there and not handover.force:
            return None
        return write_true_stems(job.path, job.name, known, handover, naming)
    files = naming.fill(stems_of(choice.engine, wanted))
    targets = {stem: handover.folder / file for stem, file in files.items()}

    def is_done() -> bool:
        return not handover.force and is_split(job.path, targets, repository, choice, wanted)

    progress(0.0, "looking for its stems")
    if is_done():
        return None
    try:
        return split_file(job.path, job.name, choice, handover, progress, wanted, naming)
    except ConflictError:
        # Another bf at work on the same folder may have been quicker.
        if is_done():
            return None
        raise


def _drop_stems(
    jobs: list[FoundSound], output: Path, template: str, stems: Iterable[str]
) -> list[FoundSound]:
    """Leave out what an earlier run made of another mix here: stems that lie among the mixes."""
    files = [file for job in jobs for file in Naming(template, job.below).fill(stems).values()]
    made = {(output / file).resolve() for file in files}
    return [job for job in jobs if job.path.resolve() not in made]
