"""The only way to change a repository: slow work first, then one atomic publish, which is one operation.

Publishing, and what a crash leaves at each step (``docs/format.md`` has the same list):

1. sound goes into a new pack, other content into git objects: unreachable, collected by ``gc``;
2. the pack is published: likewise;
3. the operation is written as a git commit: likewise;
4. ``state/journal`` gets the operation's id in one rename: **from here on the change has happened**;
5. refs, HEAD, settings and the worktree are brought in line with it;
6. the journal is removed.

A writer that finds a journal does steps 5 and 6 again before anything else.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError
from beatflow.filename import TRACK_FILE, check_path
from beatflow.lock import Lock
from beatflow.objects.durable import write_atomic
from beatflow.objects.git.value import Entry
from beatflow.objects.operation import (
    OPERATIONS,
    Change,
    Operation,
    WorktreeChanges,
    read_operation,
    read_worktree_changes,
    write_operation,
)
from beatflow.placing import check_free, check_writable
from beatflow.predicting.forecast import Forecast
from beatflow.provenance import Record, write_pending
from beatflow.repository import Repository
from beatflow.scratch import Scratch, sweep
from beatflow.statcache import identify
from beatflow.trackconfig import apply_settings, read_settings
from beatflow.worktree import Placed

if TYPE_CHECKING:
    from beatflow.objects.batch import Batch

JOURNAL = "journal"
BAD_JOURNAL = "journal.bad"

_Seen = dict[str, os.stat_result | None]


class UnfinishedError(BeatFlowError):
    """A change is published, but refs or worktree do not follow it yet."""


class Transaction:
    """One change to a repository, to be used as a context; leaving it without ``publish`` changes nothing.

    Parameters
    ----------
    repository : Repository
        What is changed. It stays locked until the context ends.
    kind, description : str
        Go into the operation: the command's name, and one line for people.
    timeout_s : float
        How long to wait for another writer.

    Raises
    ------
    LockedError
        Another process is changing the repository.
    """

    def __init__(self, repository: Repository, kind: str, description: str, timeout_s: float = 10.0) -> None:
        self.repository = repository
        self.kind = kind
        self.description = description
        self.target: str | None = None
        self._timeout_s = timeout_s
        self._refs: dict[str, str | None] = {}
        self._head: str | None = None
        self._settings: dict[str, str | None] = {}
        self._staged: dict[str, Placed | None] = {}
        self.provenance: dict[str, Record] = {}

    def __enter__(self) -> "Transaction":
        with ExitStack() as stack:
            stack.enter_context(Lock(self.repository.directory / "lock", f"bf {self.kind}", self._timeout_s))
            stack.callback(setattr, self.repository, "is_locked", False)
            self.repository.is_locked = True
            self.repository.git.break_locks()
            for folder in (
                self.repository.scratch,
                self.repository.state,
                self.repository.audio.path / "tmp",
            ):
                folder.mkdir(exist_ok=True)
            recover(self.repository)
            sweep(self.repository.scratch)
            self.repository.audio.sweep()
            self._scratch = stack.enter_context(Scratch(self.repository.scratch))
            self.batch: Batch = stack.enter_context(self.repository.audio.batch())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.repository.worktree.save_cache()
        self._stack.close()
        if error is None:
            self.repository.git.flush()

    # What shall change -----------------------------------------------------------------------------------

    def put_file(self, path: str, source: Path) -> Entry:
        """Have a finished file take its place in the worktree.

        Parameters
        ----------
        path : str
            Below the root, with ``/``.
        source : Path
            The file, on the repository's own disk; it is moved away on publishing.
        """
        check_path(path)
        entry = self.repository.worktree.keep_file(source, self.batch, None, self.forecast.advise(path), path)
        self.forecast.note(path, entry, source)
        self._staged[path] = (source, entry)
        return entry

    def put_bytes(self, path: str, data: bytes) -> Entry:
        """Have a small file of these bytes take its place in the worktree."""
        file = self._scratch.new_file()
        file.write_bytes(data)
        return self.put_file(path, file)

    @cached_property
    def forecast(self) -> Forecast:
        """What the sounds of this change may be predicted from."""
        repository = self.repository
        return Forecast(
            repository.git, self.batch, repository.tree_of(repository.head), score=self._read_score
        )

    def _read_score(self) -> bytes | None:
        """Return the score as this change leaves it, None where there will be none."""
        if TRACK_FILE in self._staged:
            staged = self._staged[TRACK_FILE]
            return self.repository.git.read_blob(staged[1].oid) if staged else None
        found = self.repository.worktree.find(TRACK_FILE)
        return (self.repository.root / TRACK_FILE).read_bytes() if found else None

    def put_entries(
        self,
        entries: Mapping[str, Entry | None],
        progress: Callable[[int], None] | None = None,
        fetch: bool = False,
    ) -> None:
        """Have paths of the worktree become what entries stand for; None removes what is there.

        Parameters
        ----------
        entries : mapping of path to Entry or None
        progress : callable, optional
            Called with the bytes of sound written since the last call.
        fetch : bool
            Also what this partial clone does not want: it is fetched. Otherwise that is left elsewhere.
        """
        files = []
        left_out = set() if fetch else self.repository.worktree.list_left_out(entries)
        for path, entry in entries.items():
            check_path(path)
            if entry is None:
                self._staged[path] = None
            elif path in left_out:
                self._staged[path] = (None, entry)
            else:
                staged = self._scratch.new_file()
                self._staged[path] = (staged, entry)
                files.append((entry, staged))
        self.repository.worktree.materialize(files, progress)

    @property
    def staged(self) -> dict[str, Entry | None]:
        """What the worktree will have at the paths that change."""
        return {path: staged[1] if staged else None for path, staged in self._staged.items()}

    def put_provenance(self, oid: str, record: Record) -> None:
        """Have a provenance record wait for the commit that brings its sound into history."""
        self.provenance[oid] = record

    def set_ref(self, name: str, commit: str | None) -> None:
        """Have a ref name a commit; None deletes it."""
        self._refs[name] = commit

    def set_head(self, target: str) -> None:
        """Have HEAD name a ref, or a commit when detached."""
        self._head = target

    def set_config(self, key: str, value: str | None) -> None:
        """Have a value of git's configuration be this; None takes it out."""
        self._settings[key] = value

    # Publishing ------------------------------------------------------------------------------------------

    def publish(self) -> str | None:
        """Make it so, and return the operation's id; None when there was nothing to change.

        Raises
        ------
        ConflictError
            Something is in the way, or a file changed meanwhile. Nothing has happened.
        UnfinishedError
            It has happened, but could not be brought to the end; the next writer does that.
        """
        git = self.repository.git
        self.check_places()
        worktree, seen, arrived = self._read_before()
        refs, moved, settings = self._compare()
        self.batch.publish()
        for oid, record in self.provenance.items():
            write_pending(self.repository, oid, record)
        # Taking back what somebody has taken back by hand already is a step all the same.
        if not (worktree or refs or moved or settings or self.target):
            self._check_unchanged(seen)
            self._place(arrived, seen)
            return None
        who = self.repository.signer()
        operation = Operation(self.kind, self.description, who, refs, moved, settings, self.target)
        oid = write_operation(git, operation, worktree)
        self._check_unchanged(seen)
        git.flush()
        journal = self.repository.state / JOURNAL
        with _uninterrupted():
            try:
                write_atomic(journal, oid.encode())
                _apply_refs(self.repository, operation._replace(oid=oid))
                self._place([*worktree, *arrived], seen)
                journal.unlink()
            except (OSError, BeatFlowError) as error:
                if not journal.exists():
                    raise
                raise UnfinishedError(
                    f"the change is recorded, but not finished: {error}",
                    hint="mend that; the next command that changes something finishes it",
                ) from error
        if self.repository.announce:
            self.repository.announce()
        return oid

    def _compare(self) -> tuple[dict[str, Change], Change | None, dict[str, Change]]:
        """Return what changes of refs, HEAD and settings."""
        git = self.repository.git
        refs = {
            name: Change(before, commit)
            for name, commit in self._refs.items()
            if (before := git.read_ref(name)) != commit
        }
        head = git.read_head()
        moved = Change(head, self._head) if self._head not in (None, head) else None
        known = read_settings(self.repository.directory) if self._settings else {}
        settings = {
            key: Change(known.get(key), value)
            for key, value in self._settings.items()
            if known.get(key) != value
        }
        return refs, moved, settings

    def check_places(self) -> None:
        """Refuse now what could not be finished later: names and paths that cannot be written."""
        git = self.repository.git
        # What is a name already clashes with none, and looking at all of them takes long where there are many.
        new = [name for name, commit in self._refs.items() if commit and git.read_target(name) is None]
        names = {name for name in git.list_refs() if self._refs.get(name, "") is not None} if new else ()
        for name in new:
            if any(other.startswith(name + "/") or name.startswith(other + "/") for other in names):
                raise ConflictError(f"{name} clashes with another name", hint="choose another name")
        root = self.repository.root
        removed = {path for path, staged in self._staged.items() if staged is None}
        for path in self._staged:
            if path not in removed:
                check_free(root, path, removed)
            check_writable(root, path)

    def _place(self, paths: Iterable[str], seen: _Seen) -> None:
        # What somebody has written while refs were made durable is kept nowhere: as in `recover`, it is theirs to keep.
        unchanged = {path: self._staged[path] for path in paths if not self._has_changed(path, seen)}
        self.repository.worktree.place(unchanged)

    def _read_before(self) -> tuple[WorktreeChanges, _Seen, list[str]]:
        """Store what stands at the paths that will change, and drop those that will not.

        Returned last are paths at which only a file comes that was left elsewhere: no change to the track.
        """
        changes: WorktreeChanges = {}
        seen: _Seen = {}
        arrived = []
        for path, staged in self._staged.items():
            found = self.repository.worktree.find(path)
            seen[path] = found.status if found else None
            before = self.repository.worktree.capture(path, self.batch)
            after = staged[1] if staged else None
            if before != after:
                changes[path] = (before, after)
            elif staged and staged[0] and not found:
                arrived.append(path)
        return changes, seen, arrived

    def _check_unchanged(self, seen: _Seen) -> None:
        for path in seen:
            if self._has_changed(path, seen):
                raise ConflictError(
                    f"{path} changed while it was being kept", hint="try again when it is finished"
                )

    def _has_changed(self, path: str, seen: _Seen) -> bool:
        before, found = seen[path], self.repository.worktree.find(path)
        return (before and identify(before)) != (found and identify(found.status))


def recover(repository: Repository) -> bool:
    """Finish a change whose writer died after its publishing; say whether there was one. Needs the lock.

    What is neither as the change found it nor as it was to be has been changed by somebody since, and is theirs to
    keep: refs and files alike. A journal that cannot be read is set aside as ``journal.bad``.
    """
    journal = repository.state / JOURNAL
    try:
        oid = journal.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return False
    try:
        operation = read_operation(repository.git, oid)
        changes = read_worktree_changes(repository.git, oid)
    except DamagedError:
        journal.replace(journal.with_name(BAD_JOURNAL))
        return False
    git = repository.git
    refs = {name: change for name, change in operation.refs.items() if git.read_ref(name) == change.before}
    head = operation.head if operation.head and git.read_head() == operation.head.before else None
    known = read_settings(repository.directory) if operation.settings else {}
    settings = {key: change for key, change in operation.settings.items() if known.get(key) == change.before}
    _apply_refs(repository, operation._replace(refs=refs, head=head, settings=settings))
    with Scratch(repository.scratch) as scratch:
        repository.worktree.place(_stage_again(repository, changes, scratch))
    journal.unlink()
    return True


def _stage_again(
    repository: Repository, changes: WorktreeChanges, scratch: Scratch
) -> dict[str, Placed | None]:
    """Make the files of an unfinished change anew, except where that cannot or must not be."""
    worktree = repository.worktree
    untouched = {path for path, (before, _) in changes.items() if worktree.identify(path) == before}
    staged: dict[str, Placed | None] = {path: None for path in untouched if changes[path][1] is None}
    removed = set(staged)
    left_out = worktree.list_left_out({path: after for path, (_, after) in changes.items()})
    for path in untouched - removed:
        after = changes[path][1]
        file = scratch.new_file()
        with suppress(ConflictError, DamagedError, NotFoundError):
            check_free(repository.root, path, removed)
            if after and path in left_out:
                staged[path] = (None, after)
            elif after:
                worktree.materialize([(after, file)])
                staged[path] = (file, after)
    return staged


def _apply_refs(repository: Repository, operation: Operation) -> None:
    git, who = repository.git, operation.signature
    # Deletions first: a name may make room for one below it.
    for name, change in sorted(operation.refs.items(), key=lambda item: item[1].after is not None):
        git.write_ref(name, change.after, who)
    if operation.head and operation.head.after:
        git.write_head(operation.head.after)
    apply_settings(repository, operation.settings)
    git.write_ref(OPERATIONS, operation.oid, who)
    git.flush()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the moment that a published change takes to reach the worktree."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    former = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
    if caught:
        raise KeyboardInterrupt
