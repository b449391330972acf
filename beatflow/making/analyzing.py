"""Measuring many sounds: which ones a folder holds, several at once, what was measured before taken from memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.making.hearing import measure_file
from beatflow.measurement import FactCache
from beatflow.soundfolder import Mishap, iter_sounds
from beatflow.workers import Outcome, Report, count_workers, run_all

_THREADS = 2
"""So many cores one sound keeps busy (`beatflow.sound.analysis`)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A sound to measure.

    Parameters
    ----------
    recording : Path or BinaryIO
        A stream is measured in this process.
    name : str
        What to call it.
    bpm_range : (float, float) or None
        The tempi that come into question.
    memory : Path or None
        Folder in which figures are remembered.
    """

    recording: Path | BinaryIO
    name: str
    bpm_range: tuple[float, float] | None = None
    memory: Path | None = None


@dataclass(slots=True)
class Survey:
    """Sounds to measure, and files among them that are none."""

    subjects: list[Subject] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)

    def add_folder(
        self, folder: Path, name: str, bpm_range: tuple[float, float] | None, memory: Path | None
    ) -> None:
        """Take all sounds of a folder and the folders in it."""
        self.subjects += [
            Subject(found.path, found.name, bpm_range, memory)
            for found in iter_sounds(folder, name, self.mishaps.append)
        ]


def measure_all(
    subjects: Sequence[Subject], jobs: int | None, progress: Callable[[float, str], None]
) -> Iterator[Outcome[Subject, dict[str, Any]]]:
    """Measure sounds, and yield the figures of each as they come, in any order.

    Parameters
    ----------
    jobs : int or None
        How many at once; None for as many as there are cores for.
    progress : callable
        Told how much of all of it is done.
    """
    streams = any(not isinstance(one.recording, Path) for one in subjects)
    workers = 1 if streams else count_workers(len(subjects), jobs, _THREADS)
    done: dict[int, float] = {}

    def report(subject: Subject, fraction: float, what: str) -> None:
        done[id(subject)] = fraction
        progress(sum(done.values()) / len(subjects), what)

    for outcome in run_all(subjects, _measure, workers, report):
        report(outcome.item, 1.0, outcome.item.name)
        yield outcome


def _measure(subject: Subject, report: Report) -> dict[str, Any]:
    memory = FactCache(subject.memory) if subject.memory else None
    return measure_file(subject.recording, subject.name, subject.bpm_range, memory, report)
