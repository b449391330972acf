"""Finds out what a log does not know yet, and has it remembered: how mixes sound, and what became of sounds.

What is damaged or missing today may be healed tomorrow: only what was measured is remembered. Knows no clock and no
terminal: both come in.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.explaining import Explainer
from beatflow.log.logbook import Logbook, LogEntry, find_silhouette, open_silhouettes
from beatflow.repository import Repository
from beatflow.sound.silhouette import Silhouette

FIRST_PAGE = 20
"""For how many commits a log finds out what is not known: what one sees at once."""

Progress = Callable[[float, str], None]
May = Callable[[], bool]
"""Whether there is time for one thing more."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A sound to be measured, or to be compared with what was ``before``."""

    oid: str
    before: str | None = None


class Listener:
    """Completes log entries.

    Parameters
    ----------
    repository : Repository
    book : Logbook
        What read the entries.
    may : callable
        Asked before anything is measured but the first thing, which is measured in any case.

    Attributes
    ----------
    elsewhere : set of str
        The sounds, met so far, that could be measured if they were here.
    """

    def __init__(self, repository: Repository, book: Logbook, may: May) -> None:
        self._repository = repository
        self._book = book
        self._may = may
        self.elsewhere: set[str] = set()
        self._explainer = Explainer(repository)

    def lacks(self, entry: LogEntry, explanations: bool = True) -> bool:
        """Say whether anything of an entry is not known that can be found out."""
        return next(self._find_tasks(entry, explanations), None) is not None

    def complete(
        self, entries: Sequence[LogEntry], progress: Progress, explanations: bool = True
    ) -> list[LogEntry]:
        """Return entries with what there was time to find out; Ctrl-C ends the finding, not the log.

        Parameters
        ----------
        explanations : bool
            Whether to explain the sounds that changed, or to measure mixes only.
        """
        tasks = {task: what for entry in entries for what, task in self._find_tasks(entry, explanations)}
        with suppress(KeyboardInterrupt):
            for number, (task, what) in enumerate(tasks.items()):
                if number and not self._may():
                    break
                progress(number / len(tasks), what)

                def report(done: float, _: str, number: int = number, what: str = what) -> None:
                    progress((number + done) / len(tasks), what)

                self._do(task, report)
        return [
            self._book.read(entry.commit) if self.lacks(entry, explanations) else entry for entry in entries
        ]

    def _find_tasks(self, entry: LogEntry, explanations: bool) -> Iterator[tuple[str, "_Task"]]:
        """Yield what is to be found out for an entry from the sounds that are here, the cheapest first."""
        for what, task in self._find_unknown(entry, explanations):
            oids = [task.oid, *([task.before] if task.before else [])]
            # A log is no reason to fetch what a partial clone has left elsewhere.
            absent = {oid for oid in oids if oid not in self._repository.audio}
            self.elsewhere |= absent
            if not absent:
                yield what, task

    def _find_unknown(self, entry: LogEntry, explanations: bool) -> Iterator[tuple[str, "_Task"]]:
        if entry.mix and (entry.silhouette is None or self._is_unmeasured(entry.mix, entry.loudness_lufs)):
            yield "listening to the mix", _Task(entry.mix)
        if entry.former_mix and self._is_unmeasured(entry.former_mix, entry.former_lufs):
            yield "listening to the mix", _Task(entry.former_mix)
        for pair in entry.pairs if explanations else ():
            if pair.path not in entry.explained:
                yield f"comparing {pair.path}", _Task(pair.after, pair.before)

    def _is_unmeasured(self, oid: str, loudness_lufs: float | None) -> bool:
        """Say whether a mix has no loudness because nobody asked; silence has none either."""
        return loudness_lufs is None and "loudness_lufs" not in (
            self._repository.analysis_cache.get(oid) or {}
        )

    def _do(self, task: "_Task", progress: Progress) -> None:
        with suppress(AudioError, DamagedError, NotFoundError):
            if task.before is None:
                self._book.note_mix(task.oid, *learn(self._repository, task.oid))
            else:
                found = self._explainer.explain(task.before, task.oid, progress)
                self._book.note_explanation(task.before, task.oid, found)


def learn(repository: Repository, oid: str) -> tuple[float | None, Silhouette]:
    """Return the loudness and the silhouette of a stored sound; where they are not known, measure and remember both.

    Raises
    ------
    NotFoundError, DamagedError
        It is not in the store, or cannot be read whole.
    """
    known, facts = find_silhouette(repository, oid), repository.analysis_cache.get(oid) or {}
    if known and "loudness_lufs" in facts:
        return facts["loudness_lufs"], known
    loudness_lufs, silhouette = measure_sound(repository, oid)
    repository.analysis_cache.put(oid, {"loudness_lufs": loudness_lufs})
    open_silhouettes(repository).put(oid, silhouette.to_json())
    return loudness_lufs, silhouette


def measure_sound(repository: Repository, oid: str) -> tuple[float | None, Silhouette]:
    """Measure a stored sound: loudness in LUFS, None for silence, and silhouette; what cannot be decoded has neither.

    Raises
    ------
    NotFoundError, DamagedError
        It is not in the store, or cannot be read whole.
    """
    # Numpy and the decoder: only when there is something to measure.
    from beatflow.sound.files import AudioReader
    from beatflow.sound.loudness import LoudnessMeter
    from beatflow.sound.picture import SilhouetteMeter

    try:
        with repository.audio.open(oid) as file, AudioReader(file) as reader:
            info = reader.info
            meter = LoudnessMeter(info.sample_rate, info.channels)
            silhouette = SilhouetteMeter(info.frames, info.sample_rate)
            for block in reader.blocks():
                meter.add(block.samples)
                silhouette.add(block.samples)
            return meter.result().integrated_lufs, silhouette.result()
    except AudioError:
        return None, Silhouette(b"", b"", 0.0)
