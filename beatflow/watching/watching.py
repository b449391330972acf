"""Watches a folder while other programs write into it, and makes a draft whenever they have been quiet for a while.

Events wake it; what it believes is only what it sees when it looks: sizes and times of all files. So nothing is missed
where the system's notices are (a laptop that slept, a network disk), only later. Every step can be killed: a draft is
there or not.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beatflow.errors import BeatFlowError, ConflictError, LockedError, NotFoundError, UsageError
from beatflow.filename import is_private
from beatflow.lock import Lock
from beatflow.repository import Repository
from beatflow.watching.clutter import is_passing
from beatflow.watching.draft import Draft, Keeping, changes_of_draft, make_draft

QUIET_S = 0.1, 86_400.0
"""Range of the quiet time."""

_LOOK_S = 15.0
"""How often to look without any event."""
_RETRY_S = 2.0
_AGAIN_S = 30.0
"""How long after a failure to try again though nothing else has changed."""
_WATCH_LOCK = "watch.lock"

Seen = dict[str, tuple[int, int, int]]
"""Of each path size, time and inode."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `kind` is ``watching``, ``draft``, ``pruned``, ``waiting``, ``commit`` or ``failed``."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


Tell = Callable[[Event], None]


def watch_track(
    repository: Repository,
    quiet_s: float,
    keeping: Keeping,
    tell: Tell,
    stop: threading.Event,
    polling: bool = False,
) -> None:
    """Make drafts until `stop` is set.

    Parameters
    ----------
    repository : Repository
    quiet_s : float
        How long nothing must have changed before a draft is made.
    keeping : Keeping
    tell : callable
        Called with each event.
    stop : threading.Event
    polling : bool
        Look for changes instead of being told: for network disks.

    Raises
    ------
    LockedError
        Another process watches this track.
    UsageError
        The quiet time is out of range.
    NotFoundError
        The track is not there any more.
    """
    if not QUIET_S[0] <= quiet_s <= QUIET_S[1]:
        raise UsageError(f"a quiet time of {quiet_s:g} s is not from 0.1 s to a day", hint="--quiet 10s")
    repository.state.mkdir(exist_ok=True)
    try:
        lock = Lock(repository.state / _WATCH_LOCK, "bf watch", 0.0).__enter__()
    except LockedError as error:
        raise LockedError(
            f"{repository.root} is being watched already", hint="one watcher for each track is enough"
        ) from error
    try:
        _Watch(repository, quiet_s, keeping, tell).run(stop, polling)
    finally:
        lock.__exit__(None, None, None)


class _Watch:
    def __init__(self, repository: Repository, quiet_s: float, keeping: Keeping, tell: Tell) -> None:
        self._repository = repository
        self._quiet_s = quiet_s
        self._keeping = keeping
        self._tell = tell
        self._head = repository.head
        self._seen: Seen = {}
        # When something last changed that no draft has yet, and when to try the next one.
        self._changed_s: float | None = None
        self._due_s = 0.0
        self._waiting_for = ""
        self._failed_with = ""

    def run(self, stop: threading.Event, polling: bool) -> None:
        self._tell(Event("watching", {"path": str(self._repository.root), "quiet_s": self._quiet_s}))
        # What changed before anybody watched is worth a draft as well.
        self._note_change()
        looked_s = time.monotonic()
        for woken in self._wait(stop, polling):
            if not (self._repository.directory / "HEAD").is_file():
                raise NotFoundError(
                    f"{self._repository.root} is no track any more: moved, deleted, or its disk is gone",
                    hint="bf -C DIR watch, where it is now",
                )
            now_s = time.monotonic()
            if woken or now_s - looked_s > _LOOK_S:
                looked_s = now_s
                if self._look():
                    self._note_change()
            self._look_at_head()
            if self._changed_s is not None and now_s >= self._due_s:
                self._try()

    def _wait(self, stop: threading.Event, polling: bool) -> Iterator[bool]:
        """Yield whether something happened, at least a few times in each quiet time."""
        from watchfiles import watch

        step_ms = int(1000 * min(1.0, max(self._quiet_s / 4, 0.05)))
        try:
            for changes in watch(
                self._repository.root,
                watch_filter=lambda _, path: self._is_ours(path),
                debounce=step_ms,
                step=min(50, step_ms),
                stop_event=stop,
                rust_timeout=step_ms,
                yield_on_timeout=True,
                raise_interrupt=True,
                force_polling=polling or None,
                ignore_permission_denied=True,
            ):
                yield bool(changes)
        except OSError as error:
            # No more notices to be had (inotify has a limit): look, then.
            self._tell(Event("waiting", {"reason": f"looking from time to time: {error}"}))
            while not stop.wait(max(step_ms / 1000, 1.0)):
                yield True

    def _is_ours(self, path: str) -> bool:
        try:
            below = Path(path).relative_to(self._repository.root).as_posix()
        except ValueError:
            return False
        return not is_private(below.partition("/")[0]) and not is_passing(below)

    def _note_change(self) -> None:
        self._changed_s = time.monotonic()
        self._due_s = self._changed_s + self._quiet_s

    def _look(self) -> bool:
        """Say whether any file is another than when last looked at."""
        seen: Seen = {}
        try:
            for found in self._repository.worktree.scan():
                if not is_passing(found.path):
                    status = found.status
                    seen[found.path] = status.st_size, status.st_mtime_ns, status.st_ino
        except (OSError, UsageError) as error:
            # A folder that goes while it is read, a `.bfignore` being written: look again.
            self._wait_for(str(error))
            return True
        changed = seen != self._seen
        self._seen = seen
        return changed

    def _look_at_head(self) -> None:
        """Tell of a milestone: what it holds needs no draft."""
        head = self._repository.head
        if head != self._head:
            self._head = head
            self._tell(Event("commit", {"commit": head}))
            # The drafts that are as the commit is now go; what it left out is worth one.
            self._note_change()

    def _try(self) -> None:
        """Make a draft, unless somebody is still at work."""
        if self._look():
            # It grows without notice, as over a network.
            self._note_change()
            return
        try:
            draft, dropped = make_draft(self._reopen(), self._keeping)
        except (LockedError, ConflictError) as error:
            self._wait_for(error.message)
            self._due_s = time.monotonic() + min(_RETRY_S, self._quiet_s)
            return
        except (OSError, BeatFlowError) as error:
            # A full disk, a file without permission: it may pass, and nobody stands by to start it again.
            if str(error) != self._failed_with:
                self._failed_with = str(error)
                self._tell(Event("failed", {"message": str(error)}))
            self._due_s = time.monotonic() + max(_AGAIN_S, self._quiet_s)
            return
        self._changed_s, self._waiting_for, self._failed_with = None, "", ""
        if draft:
            self._tell(Event("draft", describe_draft(self._repository, draft)))
        if dropped:
            self._tell(Event("pruned", {"drafts": [one.name for one in dropped]}))

    def _reopen(self) -> Repository:
        """Open the track anew: days may have passed, and others have packed and collected meanwhile."""
        fresh = Repository(self._repository.root, self._repository.signer)
        fresh.supply = self._repository.supply
        return fresh

    def _wait_for(self, reason: str) -> None:
        if reason != self._waiting_for:
            self._waiting_for = reason
            self._tell(Event("waiting", {"reason": reason}))


def describe_draft(repository: Repository, draft: Draft) -> dict[str, Any]:
    """Return a draft as JSON: its name, commit, time, and what it has otherwise than its commit."""
    changes = changes_of_draft(repository, draft)
    return {
        "draft": draft.name,
        "commit": draft.commit,
        "time": draft.time,
        "changes": [{"path": change.path, "kind": change.kind} for change in changes],
    }
