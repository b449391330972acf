"""Where the bytes of a track's sound are: by commit, by path, and in all.

Reads history and manifests, never samples. Every stored byte is charged once: to the oldest commit that brings it, and
there to the first path that has it, then to the first that is rebuilt from it; what several paths use is shared.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beatflow.care.harm import OURS
from beatflow.errors import NotFoundError, UsageError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Commit, Entry
from beatflow.objects.ledger import NOBODY, Account
from beatflow.objects.pointer import Pointer, read_pointer
from beatflow.provenance import FOLDER as PROVENANCE
from beatflow.repository import Repository
from beatflow.revision.revision import get_range
from beatflow.sharing.partial.selection import read_selection

BEFORE, CHOSEN, OTHER, UNDO = "before", "chosen", "other", "undo"

Progress = Callable[[float, str], None]


@dataclass(slots=True)
class Row:
    """What one commit or one path takes.

    Attributes
    ----------
    name : str
        The commit's id, or the path.
    title : str
        The commit's first line; empty for a path.
    versions, size : int
        Files that it brought, and their bytes: one for each content of each path.
    stored_bytes : int
        What was added to the store for them.
    shared_bytes : int
        Of a path, the stored bytes that it uses and other paths too, whoever they are charged to; 0 for a commit.
    """

    name: str
    title: str = ""
    versions: int = 0
    size: int = 0
    stored_bytes: int = 0
    shared_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Where the bytes are.

    ``stored_bytes`` of the rows, ``elsewhere_bytes``, ``undo_bytes``, ``unreached_bytes`` and ``frame_bytes`` add up to
    ``account.stored_bytes``; ``file_bytes`` less ``saved_by_sharing_bytes`` is ``account.chunk_bytes``.

    Attributes
    ----------
    commits, paths : list of Row
        What was asked for: oldest commit first, and by path.
    elsewhere_bytes : int
        Charged to commits and paths that were not asked for.
    undo_bytes : int
        Kept for ``bf undo`` alone.
    frame_bytes : int
        Around the records: where packs begin and end, and what this version does not know.
    commit_count : int
        All commits.
    file_bytes : int
        The sounds of all commits, each commit a copy of the folder, and those that only ``bf undo`` still knows.
    distinct, distinct_bytes : int
        Sounds that differ, and their bytes.
    saved_by_sharing_bytes : int
        How much of ``file_bytes`` was not new to the store.
    history_bytes : int
        Git's part: commits, texts, pointers.
    account : Account
        The whole store.
    partial : bool
        What is missing was left elsewhere on purpose.
    """

    commits: list[Row]
    paths: list[Row]
    elsewhere_bytes: int
    undo_bytes: int
    frame_bytes: int
    commit_count: int
    file_bytes: int
    distinct: int
    distinct_bytes: int
    saved_by_sharing_bytes: int
    history_bytes: int
    account: Account
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which commits and paths are asked for; empty for all."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def has_path(self, path: str) -> bool:
        """Say whether a path is asked for, by itself or by a folder above it."""
        return not self.paths or any(
            wanted in ("", path) or path.startswith(wanted + "/") for wanted in self.paths
        )


def parse_selection(repository: Repository, arguments: Iterable[str]) -> Selection:
    """Tell revisions (with all of the history behind them), ranges ``A..B`` and paths apart."""
    include: list[str] = []
    exclude: list[str] = []
    paths = []
    for text in arguments:
        try:
            wanted = get_range(repository, text)
        except NotFoundError:
            path = repository.worktree.relative(Path(text))
            if not repository.worktree.find(path) and not _was_ever(repository, path):
                raise
            paths.append(path)
        else:
            if wanted.keep:
                raise UsageError(
                    f"bf du wants revisions, ranges and paths, not {text!r}", hint="bf du v1..v2"
                )
            include += wanted.include
            exclude += wanted.exclude
    return Selection(tuple(include), tuple(exclude), tuple(paths))


def measure_usage(
    repository: Repository, selection: Selection, progress: Progress = lambda fraction, what: None
) -> Usage:
    """Account for the whole store, and tell what was asked for from the rest.

    Raises
    ------
    DamagedError
        History cannot be followed.
    """
    books = _Books(repository, selection)
    groups = list(_group_commits(repository, selection))
    for number, (group, commit) in enumerate(groups):
        progress(number / len(groups), commit.title)
        books.add(group, commit)
    return books.close(sum(group != UNDO for group, _ in groups))


class _Books:
    """What is charged to whom, filled commit by commit, the oldest first."""

    def __init__(self, repository: Repository, selection: Selection) -> None:
        self._repository = repository
        self._git = repository.git
        self._selection = selection
        self._ledger = repository.audio.ledger()
        self._weights = _Weights(repository.git)
        self._seen: set[tuple[str, str]] = set()
        self._distinct: dict[str, int] = {}
        self._parties: dict[str, int] = {}
        self._commits: dict[str, Row] = {}
        self._paths: dict[str, Row] = {}
        self._charged: Counter[str] = Counter()
        self._file_bytes = 0

    def add(self, group: str, commit: Commit) -> None:
        """Charge what a commit brings."""
        if group != UNDO:
            self._file_bytes += self._weights.weigh(commit.tree)
        new = list(self._iter_new(commit.tree))
        for path, pointer in new:
            if group == UNDO and pointer.oid not in self._distinct:
                self._file_bytes += pointer.size
            self._distinct[pointer.oid] = pointer.size
            party = NOBODY if group == UNDO else self._parties.setdefault(path, len(self._parties))
            charged = self._ledger.add_file(pointer.oid, pointer.size, party)
            self._charge(group, commit, path, charged)
            for row in self._find_rows(group, commit, path):
                row.versions += 1
                row.size += pointer.size
        for path, pointer in new:
            self._charge(group, commit, path, self._ledger.add_sources(pointer.oid))

    def _charge(self, group: str, commit: Commit, path: str, count: int) -> None:
        rows = self._find_rows(group, commit, path)
        for row in rows:
            row.stored_bytes += count
        if not rows:
            self._charged[UNDO if group == UNDO else OTHER] += count

    def _find_rows(self, group: str, commit: Commit, path: str) -> tuple[Row, ...]:
        """Return the rows of a commit and a path, none where they were not asked for."""
        if group != CHOSEN or not self._selection.has_path(path):
            return ()
        return (
            self._commits.setdefault(commit.oid, Row(commit.oid, commit.title)),
            self._paths.setdefault(path, Row(path)),
        )

    def close(self, commit_count: int) -> Usage:
        """Return the sums."""
        account = self._ledger.close()
        for path, row in self._paths.items():
            row.shared_bytes = self._ledger.shared[self._parties[path]]
        rows = sum(row.stored_bytes for row in self._commits.values())
        return Usage(
            list(self._commits.values()),
            sorted(self._paths.values(), key=lambda row: (-row.stored_bytes, row.name)),
            self._charged[OTHER],
            self._charged[UNDO],
            account.stored_bytes - account.unreached_bytes - rows - self._charged.total(),
            commit_count,
            self._file_bytes,
            len(self._distinct),
            sum(self._distinct.values()),
            self._file_bytes - account.chunk_bytes,
            _measure_history(self._repository.directory),
            account,
            not read_selection(self._repository.directory).is_whole,
        )

    def _iter_new(self, tree: str) -> Iterator[tuple[str, Pointer]]:
        """Yield the sounds that no commit before had at the same path."""
        waiting = [("", Entry(TREE, tree))]
        while waiting:
            path, entry = waiting.pop()
            if (path, entry.oid) in self._seen:
                continue
            self._seen.add((path, entry.oid))
            if entry.mode == TREE:
                rows = sorted(self._git.iter_folder(entry.oid), reverse=True, key=lambda row: row[0])
                waiting += [
                    (f"{path}/{name}" if path else name, child)
                    for name, child in rows
                    if path or _is_kept(name)
                ]
            elif pointer := self._weights.find_pointer(entry):
                yield path, pointer


class _Weights:
    """The bytes of sound in trees, each tree looked into once."""

    def __init__(self, git: GitStore) -> None:
        self._git = git
        self._pointers: dict[str, Pointer | None] = {}
        self._trees: dict[str, int] = {}

    def find_pointer(self, entry: Entry) -> Pointer | None:
        """Return the pointer that an entry is."""
        if entry.oid not in self._pointers:
            self._pointers[entry.oid] = read_pointer(self._git, entry)
        return self._pointers[entry.oid]

    def weigh(self, tree: str) -> int:
        """Return the bytes of all sounds of a commit's tree."""
        stack = [(tree, True)]
        while stack:
            oid, top = stack[-1]
            if oid in self._trees:
                stack.pop()
                continue
            rows = [entry for name, entry in self._git.iter_folder(oid) if not top or _is_kept(name)]
            below = [(row.oid, False) for row in rows if row.mode == TREE and row.oid not in self._trees]
            if below:
                stack += below
                continue
            self._trees[oid] = sum(map(self._weigh_entry, rows))
            stack.pop()
        return self._trees[tree]

    def _weigh_entry(self, entry: Entry) -> int:
        if entry.mode == TREE:
            return self._trees[entry.oid]
        pointer = self.find_pointer(entry)
        return pointer.size if pointer else 0


def _is_kept(name: str) -> bool:
    """Say whether an entry at the top of a tree may have sounds below it; provenance never does."""
    return name != PROVENANCE.rstrip("/")


def _group_commits(repository: Repository, selection: Selection) -> Iterator[tuple[str, Commit]]:
    """Yield every commit once, the oldest first within each group."""
    git = repository.git
    refs = git.read_refs()
    head = repository.head
    tips = [oid for name, oid in refs.items() if not name.startswith(OURS)] + ([head] if head else [])
    include = selection.include or tips
    exclude = selection.exclude
    operations = [oid for name, oid in refs.items() if name.startswith(OURS)]
    groups: Sequence[tuple[str, Iterable[str], Iterable[str]]] = (
        (BEFORE, exclude, ()),
        (CHOSEN, include, exclude),
        (OTHER, tips, (*include, *exclude)),
        (UNDO, operations, (*tips, *include, *exclude)),
    )
    for group, starts, hidden in groups:
        for commit in reversed(list(git.iter_topological(starts, hidden))):
            yield group, commit


def _was_ever(repository: Repository, path: str) -> bool:
    """Say whether a path is in any commit of a branch or tag."""
    git = repository.git
    tips = [oid for name, oid in git.read_refs().items() if not name.startswith(OURS)]
    return path == "" or any(git.find_entry(commit.tree, path) for commit in git.iter_history(tips))


def _measure_history(directory: Path) -> int:
    """Return the bytes of git's own files."""
    return sum(path.stat().st_size for path in (directory / "objects").rglob("*") if path.is_file())
