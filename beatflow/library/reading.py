"""What a repository and its journal have to tell a library: commits, sounds, where those come from. Plain values.

Reads only what is new since it was read last, and no sound. Knows no database.
"""

import datetime
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.history import find_branch_tips, read_track
from beatflow.library.journal import NAME as JOURNAL
from beatflow.library.journal import Event, read_events
from beatflow.objects.git.value import FILE, Commit
from beatflow.objects.ids import is_oid
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import FOLDER, Record, decode_record
from beatflow.repository import Repository
from beatflow.statcache import identify
from beatflow.track import TRACK_FILE, Track

IDENTITY = "library-id"
_WATCHED = (
    "HEAD", "packed-refs", "refs/heads", "refs/remotes", "refs/tags", "refs/beatflow/operations", "logs/HEAD",
    f"state/{JOURNAL}", "state/provenance", "state/analysis",
)  # fmt: skip
"""What is touched by whatever a library has to know of."""


@dataclass(frozen=True, slots=True)
class FoundSound:
    """A sound, where it first was, and what is known of it.

    ``at_s`` and ``offset_min`` are those of the commit, or of its record where it is in none.
    """

    oid: str
    path: str | None
    at_s: float
    offset_min: int
    commit: str | None = None
    size_bytes: int | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is new in a track.

    ``afresh`` says that something is gone which was there, so that this is everything and what was known is void.
    ``learned`` are facts that were measured since, by oid; ``stems`` maps the paths of ``track.toml`` to their names.
    """

    title: str
    stems: Mapping[str, str]
    tips: list[str]
    commits: list[Commit]
    sounds: list[FoundSound]
    events: list[Event]
    journal_end: int
    stored_bytes: int
    afresh: bool
    learned: Mapping[str, Mapping[str, Any]]
    learned_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a track before.

    Parameters
    ----------
    tips : list of str
        Commits behind which everything was read.
    journal_end : int
        Up to which byte the journal was.
    learned_ns : int
        The modification time of the newest fact about a sound that was.
    committed, others : set of str
        Sounds by their oids: those that are in a commit, and those that are in none.
    """

    tips: list[str] = field(default_factory=list)
    journal_end: int = 0
    learned_ns: int = 0
    committed: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


def read_stamp(directory: Path) -> str:
    """Return how a repository's files stand: what is equal later was not changed. Ten times ``stat``."""
    rows: list[tuple[int, ...] | None] = []
    for name in _WATCHED:
        try:
            rows.append(identify(os.stat(directory / name)))  # noqa: PTH116  A third of the time.
        except OSError:
            rows.append(None)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def find_identity(repository: Repository) -> str | None:
    """Return what a track is known by wherever its folder goes, made when first needed; None where that cannot be."""
    path = repository.state / IDENTITY
    with suppress(OSError):
        if not path.exists():
            repository.state.mkdir(exist_ok=True)
            # Whoever comes second keeps what the first wrote.
            with path.open("x") as file:
                file.write(secrets.token_hex(16))
    with suppress(OSError, UnicodeDecodeError):
        found = path.read_text("ascii").strip()
        return found if len(found) == 32 and found.isalnum() else None
    return None


def read_new(repository: Repository, known: Known) -> Reading:
    """Read what is new behind the branches of a track, in its journal and among its records.

    Raises
    ------
    DamagedError
        History cannot be read.
    """
    here = find_branch_tips(repository)
    events, end = read_events(repository.state, known.journal_end)
    afresh = end < known.journal_end or _is_anything_lost(repository, known.tips, here)
    if afresh:
        known = Known()
        events, end = read_events(repository.state)
    commits = list(repository.git.iter_topological(here, known.tips))[::-1]
    score = _read_score(repository)
    sounds = list(_iter_committed(repository, commits, known.committed))
    sounds += _iter_waiting(repository, known.committed | known.others | {sound.oid for sound in sounds})
    learned, learned_ns = _read_learned(repository, known.learned_ns)
    return Reading(
        title=score.title or repository.root.name,
        stems={stem.file: name for name, stem in score.stems.items()},
        tips=here,
        commits=commits,
        sounds=sounds,
        events=events,
        journal_end=end,
        stored_bytes=sum(_iter_sizes(repository.directory)),
        afresh=afresh,
        learned=learned,
        learned_ns=learned_ns,
    )


def parse_time(at: object) -> tuple[float, int] | None:
    """Read ISO 8601 as seconds since 1970 and minutes east of UTC; None where it is none."""
    with suppress(ValueError, OverflowError, TypeError):
        found = datetime.datetime.fromisoformat(str(at))
        offset = found.utcoffset() or datetime.timedelta()
        aware = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
        return aware.timestamp(), int(offset.total_seconds() // 60)
    return None


def _is_anything_lost(repository: Repository, before: list[str], here: list[str]) -> bool:
    """Say whether a commit that was behind the branches is so no more: one was undone, or a branch deleted."""
    if set(before) <= set(here):
        return False
    try:
        return next(repository.git.iter_new_commits(before, here), None) is not None
    except DamagedError:
        return True


def _read_score(repository: Repository) -> Track:
    head = repository.head
    entry = repository.git.find_entry(repository.git.read_commit(head).tree, TRACK_FILE) if head else None
    return read_track(repository, {TRACK_FILE: entry} if entry else {})


def _iter_committed(
    repository: Repository, commits: list[Commit], known: frozenset[str]
) -> Iterator[FoundSound]:
    """Yield the sounds that commits brought in, with the records that came along."""
    git = repository.git
    seen = set(known)
    trees: dict[str, str] = {}
    for commit in commits:
        trees[commit.oid] = commit.tree
        parent = commit.parents[0] if commit.parents else None
        before = (trees.get(parent) or git.read_commit(parent).tree) if parent else None
        for path, (_, entry) in sorted(git.diff_trees(before, commit.tree).items()):
            if entry is None or path.startswith(FOLDER):
                continue
            pointer = read_pointer(git, entry)
            if pointer is None or pointer.oid in seen:
                continue
            seen.add(pointer.oid)
            yield FoundSound(
                pointer.oid, path, commit.time_s, commit.author.offset_min, commit.oid, pointer.size,
                _read_committed_record(repository, commit.tree, pointer.oid),
            )  # fmt: skip


def _read_committed_record(repository: Repository, tree: str, oid: str) -> Record | None:
    """Return the record that a commit carries of a sound; one that cannot be read is none."""
    with suppress(BeatFlowError):
        entry = repository.git.find_entry(tree, f"{FOLDER}{oid}.json")
        if entry and entry.mode == FILE:
            return decode_record(repository.git.read_blob(entry.oid))
    return None


def _iter_waiting(repository: Repository, known: frozenset[str]) -> Iterator[FoundSound]:
    """Yield the sounds that were made and are in no commit yet, by their records."""
    for path in sorted((repository.state / "provenance").glob("*.json")):
        if is_oid(path.stem) and path.stem not in known:
            with suppress(OSError):
                record = decode_record(path.read_bytes())
                if record is not None:
                    yield FoundSound(path.stem, None, path.stat().st_mtime, 0, record=record)


def _read_learned(repository: Repository, since_ns: int) -> tuple[dict[str, Mapping[str, Any]], int]:
    """Return what was measured of sounds lately, and when the last of it was."""
    learned: dict[str, Mapping[str, Any]] = {}
    newest = since_ns
    with suppress(OSError), os.scandir(repository.state / "analysis") as files:
        for file in files:
            oid, changed_ns = file.name.removesuffix(".json"), file.stat().st_mtime_ns
            # Those of the same instant once more: another may have come since.
            if changed_ns >= since_ns and is_oid(oid) and (facts := repository.analysis_cache.get(oid)):
                learned[oid] = facts
                newest = max(newest, changed_ns)
    return learned, newest


def _iter_sizes(folder: Path) -> Iterator[int]:
    """Yield the sizes of all files below a folder that can be read."""
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118  Tens of thousands of them.
