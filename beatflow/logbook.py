"""The log: commits with what a musician wants to know of each, read lazily."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.history import FileChange, changes_of, content_tree, read_track
from beatflow.objects.gitvalue import TREE, Commit, Entry, Tree
from beatflow.provenance import Record, find_record
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.worktree import read_pointer

MEASURED_AT_ONCE = 20
"""How many mixes a log measures that nobody measured before: a first page, so that it stays quick."""

Measure = Callable[[str], float | None]
"""Measures the loudness of a sound in LUFS by its id; None is silence."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A commit and its sound.

    Parameters
    ----------
    commit : Commit
        As it stands in history.
    refs : tuple of str
        Full names of the refs that name it.
    changes : list of FileChange
        Against its first parent.
    tempo, key : float or None, str or None
        From ``track.toml``, else from the mix's provenance or analysis.
    mix, loudness_lufs : str or None, float or None
        Id of the mix and its integrated loudness; None where there is none, or where it is silent or not measured.
    """

    commit: Commit
    refs: tuple[str, ...]
    changes: list[FileChange]
    tempo: float | None
    key: str | None
    mix: str | None
    loudness_lufs: float | None

    @property
    def oid(self) -> str:
        """The commit's id."""
        return self.commit.oid

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the commit's parents."""
        return self.commit.parents


def iter_log(
    repository: Repository, commits: Iterable[Commit], measure: Measure, limit: int
) -> Iterator[LogEntry]:
    """Yield log entries.

    Parameters
    ----------
    commits : iterable of Commit
        In the order to be shown.
    measure : callable
        Called for mixes whose loudness is not known yet, at most ``limit`` times.
    """
    names = _read_names(repository)
    for commit in commits:
        tree = _top_of(repository, commit)
        track = read_track(repository, tree)
        mix = find_mix(repository, tree, commit, track.mix_file)
        facts = known_facts(repository, mix, commit.oid) if mix else {}
        if mix and "loudness_lufs" not in facts and limit > 0:
            limit -= 1
            # What is damaged or missing today may be healed tomorrow: only a measurement is remembered.
            with suppress(DamagedError, NotFoundError):
                facts["loudness_lufs"] = measure(mix)
                repository.analysis_cache.put(mix, {"loudness_lufs": facts["loudness_lufs"]})
        yield LogEntry(
            commit,
            tuple(names.get(commit.oid, ())),
            # Read anew: a path's log gives commits whose parents are only those that it shows.
            changes_of(repository.git, repository.git.read_commit(commit.oid)),
            track.tempo if track.tempo is not None else facts.get("tempo"),
            track.key or facts.get("key"),
            mix,
            facts.get("loudness_lufs"),
        )


def iter_titles(repository: Repository, commits: Iterable[Commit]) -> Iterator[LogEntry]:
    """Yield log entries that know only their commit and its names: all that one line needs, and much cheaper."""
    names = _read_names(repository)
    for commit in commits:
        yield LogEntry(commit, tuple(names.get(commit.oid, ())), [], None, None, None, None)


def _read_names(repository: Repository) -> dict[str, list[str]]:
    """Return the refs that a log shows, by the commit that they name."""
    names: dict[str, list[str]] = {}
    for ref, oid in repository.git.read_refs().items():
        if ref.startswith((BRANCHES, REMOTES, TAGS)):
            names.setdefault(oid, []).append(ref)
    return names


def find_mix(repository: Repository, top: Tree, commit: Commit, mix_file: str) -> str | None:
    """Return the id of a commit's mix: the file that ``track.toml`` names, or the only sound at the top."""
    git = repository.git
    entry = git.find_entry(commit.tree, mix_file)
    candidates = [entry] if entry else list(top.values())
    pointers = [pointer for candidate in candidates if (pointer := read_pointer(git, candidate))]
    return pointers[0].oid if len(pointers) == 1 else None


def known_facts(repository: Repository, oid: str, commit: str | None = None) -> dict[str, Any]:
    """Return what is known of a sound without reading it: what was measured when it was made, and later."""
    record = find_record(repository, oid, commit, search=False) or {}
    measured = record.get("measured")
    return (measured if isinstance(measured, dict) else {}) | (repository.analysis_cache.get(oid) or {})


def _top_of(repository: Repository, commit: Commit) -> Tree:
    """Return the files at the top of a commit's tree, BeatFlow's own left out."""
    entries: dict[str, Entry] = {
        name: entry for name, entry in repository.git.iter_folder(commit.tree) if entry.mode != TREE
    }
    return content_tree(repository.git, entries)


def make_measure(repository: Repository) -> Measure:
    """Return a function that measures loudness; what cannot be decoded has none."""

    def measure(oid: str) -> float | None:
        # Numpy and the decoder: only when there is something to measure.
        from beatflow.sound.files import iter_audio
        from beatflow.sound.loudness import measure_loudness

        try:
            with repository.audio.open(oid) as file:
                return measure_loudness(iter_audio(file)).integrated_lufs
        except AudioError:
            return None

    return measure


def find_origins(repository: Repository, commit: str, changes: Iterable[FileChange]) -> dict[str, Record]:
    """Return the records of the sounds that a commit brought in, by path."""
    result = {}
    for change in changes:
        pointer = read_pointer(repository.git, change.after) if change.after else None
        record = find_record(repository, pointer.oid, commit, search=False) if pointer else None
        if record:
            result[change.path] = record
    return result
