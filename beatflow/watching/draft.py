"""Drafts: snapshots of the folder that nobody asked for, beside history and out of its way.

A draft is a commit whose parent is what HEAD was, named by a ref of its own below ``refs/beatflow/drafts/``: collecting
garbage keeps its sounds, and neither log, undo nor push see it. Knows how drafts are made, found, kept and dropped; not
when to make one.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from beatflow.errors import NotFoundError, UsageError
from beatflow.history import FileChange, compare_trees, content_tree, read_content, write_commit
from beatflow.lock import Lock
from beatflow.objects.git.value import Tree
from beatflow.predicting.forecast import Forecast
from beatflow.repository import Repository
from beatflow.scratch import sweep
from beatflow.track import TRACK_FILE
from beatflow.transaction import recover
from beatflow.watching.clutter import is_passing

DRAFTS = "refs/beatflow/drafts/"
WORD = re.compile(r"draft(?:~(\d{1,9}))?")
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")


@dataclass(frozen=True, slots=True)
class Draft:
    """One snapshot; `name` is the end of its ref, a time in UTC."""

    name: str
    commit: str
    time_s: int
    message: str

    @property
    def time(self) -> str:
        """When it was made, as ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.time_s, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which drafts stay: all of the last `all_s`, one an hour for `hourly_s`, one a day for `daily_s`."""

    all_s: int = 3600
    hourly_s: int = 86_400
    daily_s: int = 30 * 86_400


def parse_keeping(text: str) -> Keeping:
    """Read ``1h,1d,30d``: for how long all drafts are kept, one an hour, and one a day.

    Raises
    ------
    UsageError
        It is none.
    """
    found = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    spans = [int(match[1]) * _UNITS_S[match[2]] for match in found if match]
    if len(spans) != len(found) or len(spans) != 3 or sorted(spans) != spans:
        raise UsageError(
            f"{text!r} does not say which drafts to keep",
            hint="three spans, each no shorter than the one before: 1h,1d,30d",
        )
    return Keeping(*spans)


def list_drafts(repository: Repository) -> list[Draft]:
    """Return all drafts, the newest first."""
    git = repository.git
    found = []
    for ref in repository.git.list_refs():
        if ref.startswith(DRAFTS) and (oid := git.read_ref(ref)):
            commit = git.read_commit(oid)
            found.append(Draft(ref.removeprefix(DRAFTS), oid, commit.time_s, commit.message.strip()))
    return sorted(found, key=lambda draft: (draft.time_s, len(draft.name), draft.name), reverse=True)


def find_draft(repository: Repository, text: str) -> str | None:
    """Return the commit of ``draft``, the newest, or ``draft~2``, the second before it; None for any other word."""
    match = WORD.fullmatch(text)
    if match is None:
        return None
    drafts = list_drafts(repository)
    number = int(match[1] or 0)
    return drafts[number].commit if number < len(drafts) else None


def make_draft(
    repository: Repository, keeping: Keeping | None = None, timeout_s: float = 0.0
) -> tuple[Draft | None, list[Draft]]:
    """Keep the folder as it is now; return the draft, None where nothing is new, and the drafts that were dropped.

    What is new against the last commit, and against the newest draft, is worth one. Files that other programs
    have only while they work are left out.

    Raises
    ------
    LockedError
        Another command is changing the track.
    ConflictError
        A file changes while it is being read.
    """
    with Lock(repository.directory / "lock", "bf watch", timeout_s):
        repository.is_locked = True
        try:
            return _make(repository), prune(repository, keeping) if keeping else []
        finally:
            repository.is_locked = False
            repository.worktree.save_cache()


def _make(repository: Repository) -> Draft | None:
    for folder in (repository.scratch, repository.state, repository.audio.path / "tmp"):
        folder.mkdir(exist_ok=True)
    recover(repository)
    sweep(repository.scratch)
    repository.audio.sweep()
    git, worktree = repository.git, repository.worktree

    def read_score() -> bytes | None:
        return (repository.root / TRACK_FILE).read_bytes() if worktree.find(TRACK_FILE) else None

    drafts = list_drafts(repository)
    with repository.audio.batch() as batch:
        forecast = Forecast(git, batch, repository.tree_of(repository.head), score=read_score)
        tree = content_tree(git, worktree.snapshot(batch, None, forecast, is_passing))
        former = read_content(repository, repository.head)
        if tree == former or (drafts and tree == read_content(repository, drafts[0].commit)):
            return None
        before = read_content(repository, drafts[0].commit) if drafts else former
        batch.publish()
        parents = [repository.head] if repository.head else []
        oid = write_commit(repository, tree, parents, _tell(compare_trees(before, tree)), {})
        git.flush()
    commit = git.read_commit(oid)
    name = _name(commit.time_s, {draft.name for draft in drafts})
    git.write_ref(DRAFTS + name, oid, repository.signer())
    git.flush()
    return Draft(name, oid, commit.time_s, commit.message.strip())


def changes_of_draft(repository: Repository, draft: Draft) -> list[FileChange]:
    """Return what a draft has otherwise than the commit it was made on."""
    commit = repository.git.read_commit(draft.commit)
    before: Tree = read_content(repository, commit.parents[0]) if commit.parents else {}
    return compare_trees(before, read_content(repository, draft.commit))


def _tell(changes: Sequence[FileChange]) -> str:
    names = [change.path.rpartition("/")[2] for change in changes]
    listed = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    return f"draft: {listed}" if names else "draft"


def _name(time_s: int, taken: Iterable[str]) -> str:
    plain = datetime.fromtimestamp(time_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    name, number = plain, 1
    while name in set(taken):
        number += 1
        name = f"{plain}-{number}"
    return name


# Keeping and dropping ------------------------------------------------------------------------------------


def choose_kept(drafts: Sequence[Draft], keeping: Keeping, now_s: int) -> list[Draft]:
    """Return the drafts that stay, the newest first: the last one in any case, and of each hour or day its last.

    One with a time in the future stays.
    """
    kept: list[Draft] = []
    taken: set[tuple[int, int]] = set()
    for draft in drafts:
        age = now_s - draft.time_s
        if age < keeping.all_s or not kept:
            kept.append(draft)
            continue
        width = 3600 if age < keeping.hourly_s else 86_400
        slot = (width, draft.time_s // width)
        if age < keeping.daily_s and slot not in taken:
            taken.add(slot)
            kept.append(draft)
    return kept


def prune(repository: Repository, keeping: Keeping) -> list[Draft]:
    """Drop drafts that need not stay, and those that a commit is equal to; return them. Needs the lock."""
    drafts = list_drafts(repository)
    kept = {draft.name for draft in choose_kept(drafts, keeping, repository.signer().time_s)}
    head = repository.git.read_commit(repository.head).tree if repository.head else None
    dropped = [
        draft
        for draft in drafts
        if draft.name not in kept or repository.git.read_commit(draft.commit).tree == head
    ]
    _drop(repository, dropped)
    return dropped


def drop_drafts(repository: Repository, choose: Callable[[Sequence[Draft]], Sequence[Draft]]) -> list[Draft]:
    """Drop the drafts that are chosen; `bf gc` frees their room."""
    with repository.locked("bf watch"):
        dropped = list(choose(list_drafts(repository)))
        _drop(repository, dropped)
    return dropped


def get_draft(drafts: Sequence[Draft], text: str) -> Draft:
    """Return the draft of a word (``draft~2``), a name or a commit's first letters.

    Raises
    ------
    NotFoundError
        There is none.
    """
    match = WORD.fullmatch(text)
    if match and int(match[1] or 0) < len(drafts):
        return drafts[int(match[1] or 0)]
    for draft in drafts:
        if text and (draft.name == text or (len(text) > 3 and draft.commit.startswith(text))):
            return draft
    raise NotFoundError(f"there is no draft {text!r}", hint="bf watch --list")


def _drop(repository: Repository, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        repository.git.write_ref(DRAFTS + draft.name, None)
    repository.git.flush()
